"""`MemberClient`: what a member's own programs may call does what the commands do."""

from hashlib import sha256
from pathlib import Path
from uuid import UUID

from mrx_member.app import MemberClient
from mrx_member.domain.requests import Report, Terms, verdict

from tests.unit.member.conftest import MemoryBackend, WriteList


async def test_a_program_learns_that_no_row_of_its_list_is_accepted(
    backend: MemoryBackend, write_rows: WriteList
) -> None:
    client = MemberClient(backend)
    assert not (await client.publish(write_rows(2))).nothing_accepted
    assert not (await client.publish(write_rows(2), wait=False)).nothing_accepted
    backend.topics.refused_rows = [2, 3]
    assert (await client.publish(write_rows(2))).nothing_accepted


async def test_a_program_asks_downloads_decides_and_listens(backend: MemoryBackend, tmp_path: Path) -> None:
    client = MemberClient(backend)
    path = tmp_path / "ask.csv"
    path.write_text(
        "supplier_ref,entry_id,supplier_name,contact_email\n"
        "S-1,e1,Alpha,q@alpha.example\nS-2,e2,Beta,nowhere\nS-3,e3,Gamma,q@gamma.example\n",
        encoding="utf-8",
    )
    asked = await client.request(path, terms=Terms(scope="SMETA", purpose="recognition"), by="event")
    assert [fault.ref for fault in asked.faults] == ["S-2"]
    first, second = (answer.request_id for answer in asked.answers)
    content = b"%PDF"
    report = Report(report_id=UUID(int=5), sha256=sha256(content).hexdigest(), size=len(content))
    backend.requests.stored = {report.report_id: content}
    backend.requests.move(first, "available", report)
    [kept] = (await client.download(tmp_path / "reports")).kept
    assert kept.path.read_bytes() == content
    [decided] = (await client.decide([verdict(str(kept.request_id), "accepted")])).decided
    assert decided.outcome == "accepted"
    await client.readdress(second, email="new@gamma.example")
    await client.withdraw(second, by="event")
    assert {one.state for one in await client.requests()} == {"decided", "withdrawn"}
    assert [status.state async for status in client.statuses()] == ["drafted", "drafted", "withdrawn"]
    assert (await client.numbers())["rounds"]
