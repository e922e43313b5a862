"""`mrx member request`, `requests`, `download`, `decide` …: what they print, write and end with."""

import json
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from mrx_member.domain.requests import Report
from mrx_shared.kit.command import BAD_INPUT, DONE, INFRASTRUCTURE, REFUSED
from mrx_shared.refusals import Rejected

from tests.unit.member.commands import mrx, table, write
from tests.unit.member.conftest import REPORT, MemoryBackend

HEADINGS = "supplier_ref,entry_id,supplier_name,contact_email"
TERMS = ("--scope", "SMETA 4-pillar", "--purpose", "recognition")


@pytest.fixture
def asked_file(tmp_path: Path) -> Path:
    return write(
        tmp_path / "ask.csv",
        HEADINGS,
        "S-1,e1,Alpha,q@alpha.example",
        "S-2,e2,Beta,not an address",
        "S-3,e3,Gamma,q@gamma.example",
    )


def said(capsys: pytest.CaptureFixture[str]) -> dict[str, object]:
    value: dict[str, object] = json.loads(capsys.readouterr().out)
    return value


@pytest.fixture
def available(backend: MemoryBackend, capsys: pytest.CaptureFixture[str]) -> UUID:
    """A request whose report is there."""
    one = ("--entry", "e9", "--site-number", "A/9", "--supplier", "Iota", "--email", "q@iota.example")
    assert mrx(backend, "request", *one, *TERMS) == DONE
    capsys.readouterr()
    [request_id] = backend.requests.kept
    content = b"%PDF-1.7 report"
    report = Report(report_id=UUID(int=77), sha256=sha256(content).hexdigest(), size=len(content))
    backend.requests.stored = {report.report_id: content}
    backend.requests.move(request_id, "available", report)
    return request_id


@pytest.mark.parametrize("by", ["http", "event"])
def test_good_rows_go_out_and_bad_ones_are_named(
    by: str, backend: MemoryBackend, asked_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    refused = tmp_path / "refused.csv"
    assert mrx(backend, "request", asked_file, *TERMS, "--by", by, "--refused", refused) == DONE
    out = capsys.readouterr().out
    assert "asked          2" in out
    assert "row 3 S-2 contact_email: is not an e-mail address" in out
    assert [(row["row"], row["supplier_ref"], row["field"]) for row in table(refused)] == [
        ("3", "S-2", "contact_email")
    ]
    assert sorted(one.site_number for one in backend.requests.kept.values()) == ["S-1", "S-3"]


@pytest.mark.parametrize("by", ["http", "event"])
@pytest.mark.parametrize(
    ("option", "value", "field"),
    [
        ("--requester-email", "", "requester_email"),
        ("--requester-email", "me@alpha.example\x07", "requester_email"),
        ("--requester-email", "me@alpha.example\nyou@alpha.example", "requester_email"),
        ("--requester-email", f"{'x' * 200}@alpha.example", "requester_email"),
        ("--requester-language", "", "requester_language"),
        ("--requester-language", "tlh", "requester_language"),
    ],
)
def test_a_requester_that_nobody_can_tell_is_refused_by_name_and_nothing_is_asked(
    option: str,
    value: str,
    field: str,
    by: str,
    backend: MemoryBackend,
    asked_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert mrx(backend, "request", asked_file, *TERMS, "--by", by, option, value) == BAD_INPUT
    assert field in capsys.readouterr().err
    assert backend.requests.kept == {}


def test_request_gives_figures_as_json(
    backend: MemoryBackend, asked_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(backend, "request", asked_file, *TERMS, "--json") == DONE
    figures = said(capsys)
    assert (figures["asked"], figures["refused"], figures["ended"]) == (2, 1, 0)
    assert isinstance(figures["requests"], list)
    first = figures["requests"][0]
    assert (first["row"], first["supplier_ref"], first["state"]) == (2, "S-1", "drafted")
    assert UUID(first["request_id"]) in backend.requests.kept
    assert "alpha.example" not in json.dumps(figures)


def test_a_check_and_the_own_suppliers_make_requests(
    backend: MemoryBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = write(
        tmp_path / "check.csv",
        "supplier_ref,entry_id,score,decision,audited_by_us",
        "s1,e1,1.0000,match,false",
        "s2,e2,1.0000,match,true",
        "s3,e3,1.0000,match,false",
    )
    suppliers = write(
        tmp_path / "suppliers.csv",
        "supplier_ref,site_name,country,contact_email",
        "s1,Alpha,China,q@alpha.example",
    )
    assert mrx(backend, "request", "--check", check, "--suppliers", suppliers, *TERMS, "--json") == DONE
    figures = said(capsys)
    assert (figures["asked"], figures["refused"]) == (1, 1)
    assert [one.entry_id for one in backend.requests.kept.values()] == ["e1"]


def test_what_is_over_is_said_and_asked_anew_when_told_so(
    backend: MemoryBackend, asked_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mrx(backend, "request", asked_file, *TERMS)
    for request_id in list(backend.requests.kept):
        backend.requests.move(request_id, "expired")
    capsys.readouterr()
    assert mrx(backend, "request", asked_file, *TERMS) == DONE
    assert "2 of them were asked before and are over; --again asks anew" in capsys.readouterr().err
    assert mrx(backend, "request", asked_file, *TERMS, "--again") == DONE
    assert len(backend.requests.kept) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["request"],
        ["request", "nowhere.csv"],
        ["request", "--entry", "e1", "--site-number", "S-1", "--supplier", "A", "--email", "no", *TERMS],
        ["request", "--entry", "e1", "--site-number", "S-1", "--supplier", "A", "--email", "q@a.example"],
        ["download"],
        ["download", "R-1"],
        ["decide", str(uuid4())],
        ["decide", str(uuid4()), "--outcome", "maybe"],
        ["decide", "R-1", "--outcome", "accepted"],
        ["withdraw", "R-1"],
    ],
)
def test_what_cannot_be_understood_ends_with_two(backend: MemoryBackend, arguments: list[str]) -> None:
    assert mrx(backend, *arguments) == BAD_INPUT
    assert backend.requests.asked == []


def test_rows_that_are_all_bad_end_with_two_and_rows_that_are_all_refused_with_one(
    backend: MemoryBackend, tmp_path: Path
) -> None:
    bad = write(tmp_path / "bad.csv", HEADINGS, "S-1,e1,Alpha,nowhere")
    assert mrx(backend, "request", bad, *TERMS) == BAD_INPUT
    backend.requests.refuses["e1"] = Rejected("the site is no longer listed", field="entry_id")
    good = write(tmp_path / "good.csv", HEADINGS, "S-1,e1,Alpha,q@alpha.example")
    assert mrx(backend, "request", good, *TERMS) == REFUSED


def test_a_scheme_that_does_not_answer_ends_with_three(backend: MemoryBackend, asked_file: Path) -> None:
    backend.topics.silent = True
    assert mrx(backend, "request", asked_file, *TERMS, "--by", "event") == INFRASTRUCTURE


def test_requests_are_listed_and_written_as_a_table(
    backend: MemoryBackend,
    asked_file: Path,
    available: UUID,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mrx(backend, "request", asked_file, *TERMS)
    capsys.readouterr()
    assert mrx(backend, "requests", "--csv", tmp_path / "out.csv") == DONE
    out = capsys.readouterr().out
    assert "drafted    until 2026-07-28  mail unsent   S-1  Alpha" in out
    assert "3 requests" in out
    assert [row["state"] for row in table(tmp_path / "out.csv")] == ["available", "drafted", "drafted"]
    assert mrx(backend, "requests", "--state", "available", "--json") == DONE
    [one] = json.loads(capsys.readouterr().out)
    assert (one["request_id"], one["site_number"]) == (str(available), "A/9")


def test_one_request_is_shown_with_its_history(
    backend: MemoryBackend, available: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(backend, "requests", str(available)) == DONE
    out = capsys.readouterr().out
    assert "reference      MRX-00000001" in out
    assert "2026-06-30 12:00  available" in out
    assert mrx(backend, "requests", str(available), "--json") == DONE
    history = said(capsys)["history"]
    assert isinstance(history, list)
    assert [step["state"] for step in history] == ["drafted", "available"]
    assert mrx(backend, "requests", str(uuid4())) == REFUSED


def test_a_report_is_downloaded_once_and_its_path_is_printed(
    backend: MemoryBackend, available: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        assert mrx(backend, "download", "--all-available", "--out", tmp_path / "reports") == DONE
        path = Path(capsys.readouterr().out.strip())
        assert path == tmp_path / "reports" / "A%2F9_MRX-00000001.pdf"
        assert path.read_bytes() == b"%PDF-1.7 report"
    assert len(backend.requests.downloads) == 1


def test_a_file_that_is_another_is_never_overwritten(
    backend: MemoryBackend, available: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = write(tmp_path / "A%2F9_MRX-00000001.pdf", "notes of mine")
    assert mrx(backend, "download", str(available), "--out", tmp_path, "--json") == DONE
    reports = said(capsys)["reports"]
    assert isinstance(reports, list)
    [path] = [Path(one["path"]) for one in reports]
    assert (path.name, path.read_bytes()) == (
        f"A%2F9_MRX-00000001_{UUID(int=77)}.pdf",
        b"%PDF-1.7 report",
    )
    assert mine.read_text(encoding="utf-8") == "notes of mine"
    path.write_bytes(b"other notes")
    assert mrx(backend, "download", str(available), "--out", tmp_path) == REFUSED
    assert path.read_bytes() == b"other notes"


def test_of_several_reports_the_one_that_is_not_there_is_named(
    backend: MemoryBackend,
    asked_file: Path,
    available: UUID,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    mrx(backend, "request", asked_file, *TERMS)
    other = next(one for one in backend.requests.kept if one != available)
    capsys.readouterr()
    assert mrx(backend, "download", str(other), str(available), "--out", tmp_path) == REFUSED
    out, err = capsys.readouterr()
    assert out.count(".pdf") == 1
    assert f"{other} request_id: the request is drafted, there is no report yet" in err


@pytest.mark.parametrize("by", ["http", "event"])
def test_a_decision_is_recorded(
    by: str, backend: MemoryBackend, available: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("decide", str(available), "--outcome", "accepted", "--by", by, "--json")
    assert mrx(backend, *arguments) == DONE
    assert said(capsys)["decided"] == [{"request_id": str(available), "outcome": "accepted"}]
    assert backend.requests.kept[available].outcome == "accepted"


def test_decisions_come_from_a_file_and_bad_rows_are_named(
    backend: MemoryBackend, available: UUID, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(
        tmp_path / "decisions.csv",
        "request_id;outcome;reason;valid_until",
        f"{uuid4()};accepted;;",
        f"{available};refused;older than a year, and no closing meeting, and more;",
        "R-3;accepted;;",
    )
    assert mrx(backend, "decide", path) == DONE
    out = capsys.readouterr().out
    assert "decided        1" in out
    assert "row 4 R-3 request_id: 'R-3' is no request id" in out
    assert "there is no such request" in out
    assert backend.requests.kept[available].outcome == "refused"


def test_a_request_is_withdrawn_and_its_contact_replaced(
    backend: MemoryBackend, asked_file: Path, available: UUID
) -> None:
    mrx(backend, "request", asked_file, *TERMS)
    other = next(one for one in backend.requests.kept if one != available)
    assert mrx(backend, "contact", str(other), "--email", "new@alpha.example") == DONE
    assert backend.requests.contacts[other] == "new@alpha.example"
    assert mrx(backend, "withdraw", str(other)) == DONE
    assert backend.requests.kept[other].state == "withdrawn"
    assert mrx(backend, "withdraw", str(available)) == REFUSED


def test_numbers_are_printed(
    backend: MemoryBackend, available: UUID, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(backend, "numbers") == DONE
    assert "asked 1  avoided 1" in capsys.readouterr().out
    assert REPORT.report_id == UUID(int=77)
