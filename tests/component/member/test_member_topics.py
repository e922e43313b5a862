"""The member's topics on a real Kafka, as a user with a member's rights alone."""

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio
from mrx_local.supervisor import read_stack
from mrx_local.testing import infrastructure
from mrx_member.adapters.kafka import KafkaAccess, KafkaTopics
from mrx_member.handlers.waiting import unseen
from mrx_member.ports import Event
from mrx_registry.adapters.kafka import rights
from mrx_shared.bus.administration import KafkaAdministration
from mrx_shared.messages.envelope import Envelope, decode, encode
from mrx_shared.messages.report_request import RequestStatus
from mrx_shared.messages.requests import ReportAsked
from mrx_shared.messages.topics import kafka_user, lists_in, out, requests_in
from mrx_shared.refusals import Forbidden

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(120)]

PASSWORD = "a password of this test alone"


class Kafka:
    """A broker where members can be admitted; it talks back on their out-topics as the scheme would."""

    def __init__(self, address: str, username: str, password: str, folder: Path) -> None:
        self.address = address
        self._folder = folder
        self._superuser = self._access(username, password)
        self._administration = KafkaAdministration(
            address, security_protocol="SASL_PLAINTEXT", username=username, password=password
        )

    def _access(self, username: str, password: str) -> KafkaAccess:
        return KafkaAccess(
            bootstrap_servers=self.address,
            security_protocol="SASL_PLAINTEXT",
            username=username,
            password=password,
        )

    async def admit(self, member: UUID) -> None:
        user = kafka_user(member)
        for topic in (lists_in(member), requests_in(member), out(member)):
            await self._administration.ensure_topic(topic, 1, {})
        await self._administration.ensure_user(user, PASSWORD)
        await self._administration.ensure_acls(rights(member))

    def kill(self) -> None:
        """Kill the broker; its supervisor starts another."""
        [broker] = (
            process for process in read_stack(self._folder)["processes"] if process["name"] == "kafka"
        )
        os.kill(broker["pid"], signal.SIGKILL)

    def topics(self, member: UUID, *, password: str = PASSWORD, address: str | None = None) -> KafkaTopics:
        access = self._access(kafka_user(member), password)
        return KafkaTopics(access, member, notice=lambda _: None)

    async def answer(self, member: UUID, *bodies: bytes) -> None:
        """Say something on the member's out-topic, as the super-user, with the member's own adapter turned round."""
        turned = KafkaTopics(self._superuser, member, notice=lambda _: None)
        turned._lists = out(member)
        await turned.send([Event(key=str(member), body=body) for body in bodies], unseen)

    async def sent(self, topic: str, count: int) -> list[bytes]:
        """The first events of a topic that a member writes."""
        turned = KafkaTopics(self._superuser, uuid4(), notice=lambda _: None)
        turned._out = turned._out._replace(topic=topic)
        found: list[bytes] = []

        def read_event(body: bytes, _more: bool) -> list[bytes] | None:
            found.append(body)
            return found if len(found) == count else None

        return await turned.listen(0, read_event)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Kafka]:
    async with infrastructure(tmp_path_factory.mktemp("servers"), parts=["kafka"]) as started:
        server = started.kafka.server
        yield Kafka(server.bootstrap_servers, server.username, server.password, started.folder)


async def test_events_arrive_in_order_and_progress_is_told(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    told: list[tuple[int, int]] = []
    events = [Event(key="list", body=b"page %d" % number) for number in range(5)]
    await kafka.topics(member).send(events, lambda done, of: told.append((done, of)))
    assert await kafka.sent(lists_in(member), 5) == [event.body for event in events]
    assert told == [(number, 5) for number in range(1, 6)]


async def test_what_was_said_before_anybody_listened_is_heard(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    topics = kafka.topics(member)
    await kafka.answer(member, b"earlier")
    position = await topics.position()
    await kafka.answer(member, b"first", b"second")
    heard: list[tuple[bytes, bool]] = []

    def read_event(body: bytes, more: bool) -> bool | None:
        heard.append((body, more))
        return None if more else True

    assert await topics.listen(position, read_event)
    assert heard == [(b"first", True), (b"second", False)]


async def test_what_is_said_while_one_listens_is_heard(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    topics = kafka.topics(member)
    async with asyncio.TaskGroup() as both:
        heard = both.create_task(topics.listen(await topics.position(), lambda body, _: body))
        both.create_task(kafka.answer(member, b"now"))
    assert heard.result() == b"now"


async def test_requests_and_lists_go_to_topics_of_their_own(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    topics = kafka.topics(member)
    await topics.send([Event(key="request", body=b"asked")], unseen, to="requests")
    await topics.send([Event(key="list", body=b"page")], unseen)
    assert await kafka.sent(requests_in(member), 1) == [b"asked"]
    assert await kafka.sent(lists_in(member), 1) == [b"page"]


async def test_whoever_follows_hears_every_event_once_and_can_go_on_after_any(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    topics = kafka.topics(member)
    await kafka.answer(member, b"first", b"second")
    heard = []
    async for event in topics.follow(0):
        heard.append(event)
        if len(heard) == 2:
            await kafka.answer(member, b"third")
        if len(heard) == 3:
            break
    assert [event.body for event in heard] == [b"first", b"second", b"third"]
    after = await anext(topics.follow(heard[0].after))
    assert after == heard[1]


async def test_a_position_of_a_topic_that_was_made_anew_is_its_beginning(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    await kafka.answer(member, b"first")
    assert await kafka.topics(member).listen(1_000, lambda body, _: body) == b"first"


async def test_a_member_with_a_wrong_password_is_told_so(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrx_member.adapters.kafka.DOUBT_S", 0.5)
    member = uuid4()
    await kafka.admit(member)
    with pytest.raises(Forbidden, match=str(member)) as refused:
        await kafka.topics(member, password="an old one").position()
    assert PASSWORD not in str(refused.value)


async def test_a_member_without_rights_is_refused_for_reading_and_writing(
    kafka: Kafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrx_member.adapters.kafka.DOUBT_S", 0.5)
    member, other = uuid4(), uuid4()
    await kafka.admit(member)
    await kafka.admit(other)
    stranger = kafka.topics(other)
    stranger._lists, stranger._out = lists_in(member), stranger._out._replace(topic=out(member))
    with pytest.raises(Forbidden):
        await stranger.send([Event(key="list", body=b"page")], unseen)
    with pytest.raises(Forbidden):
        await stranger.position()
    with pytest.raises(Forbidden):
        await stranger.listen(0, lambda body, _: body)


async def test_a_broker_that_dies_is_ridden_over_and_said(kafka: Kafka) -> None:
    member = uuid4()
    await kafka.admit(member)
    notices: list[str] = []
    topics = kafka.topics(member)
    topics._notice = notices.append
    kafka.kill()
    await topics.send([Event(key="list", body=b"page"), Event(key="list", body=b"manifest")], unseen)
    assert await kafka.sent(lists_in(member), 2) == [b"page", b"manifest"]
    assert notices == [f"Kafka at {kafka.address} does not answer"]


GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guides" / "member-system.md"
STATUS = {
    "entry_id": "e1",
    "site_number": "4711",
    "mail": "sent",
    "field": None,
    "reason": None,
    "remedy": None,
    "term_ends_at": "2026-07-28T12:00:00Z",
    "report_id": None,
    "report_sha256": None,
    "report_size": None,
    "links_path": None,
    "outcome": None,
    "valid_until": None,
    "changed_at": "2026-06-30T12:00:00Z",
}


async def test_the_program_in_the_guide_asks_and_follows_its_request(kafka: Kafka, tmp_path: Path) -> None:
    [program] = re.findall(r"^```python\n(.*?)^```$", GUIDE.read_text("utf-8"), re.DOTALL | re.MULTILINE)
    member = uuid4()
    await kafka.admit(member)
    profile = {
        "member_id": str(member),
        "kafka_bootstrap_servers": kafka.address,
        "kafka_security_protocol": "SASL_PLAINTEXT",
        "kafka_username": kafka_user(member),
        "kafka_password": PASSWORD,
    }
    (tmp_path / "alpha.json").write_text(json.dumps(profile), encoding="utf-8")
    (tmp_path / "ask.py").write_text(program, encoding="utf-8")
    command = (
        *("-I", str(tmp_path / "ask.py"), str(tmp_path / "alpha.json")),
        *("e1", "4711", "Halden Works", "quality@halden.example"),
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    [event] = await kafka.sent(requests_in(member), 1)
    asked = decode(event, ReportAsked)
    assert (asked.data.entry_id, asked.data.supplier.name) == ("e1", "Halden Works")

    def status(request_id: UUID, state: str, **more: str) -> bytes:
        said = RequestStatus.model_validate({**STATUS, "request_id": request_id, "state": state, **more})
        return encode(
            Envelope[RequestStatus].model_validate({**dict(asked), "type": said.type, "data": said})
        )

    await kafka.answer(
        member,
        status(asked.data.request_id, "drafted"),
        status(uuid4(), "declined"),
        status(asked.data.request_id, "available", links_path="/v1/reports/r/links"),
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    assert [line.split() for line in out.decode().splitlines()] == [
        ["drafted"],
        ["available", "/v1/reports/r/links"],
    ]
