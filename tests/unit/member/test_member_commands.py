"""`mrx member`, with everything but the files in memory: what it prints, writes and ends with."""

import json
from datetime import date
from pathlib import Path
from uuid import UUID

import pytest
from mrx_shared.api.aggregation import Release
from mrx_shared.kit.command import BAD_INPUT, DONE, INFRASTRUCTURE, REFUSED
from mrx_shared.messages.aggregation import ListReleased

from tests.unit.member.commands import mrx, table, write
from tests.unit.member.conftest import NOW, MemoryBackend, WriteList, fact

RELEASE = Release(
    release_id=UUID(int=5),
    round_id=UUID(int=4),
    as_of=date(2026, 6, 30),
    rows=2,
    held=None,
    documents={},
    released_at=NOW,
)


def test_publish_prints_the_receipt_and_what_was_left_out(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.topics.refused_rows = [3]
    path = write_rows(3, **{"Contact E-mail": "a@b.example", "Remarks": "x"})
    assert mrx(backend, "publish", path) == DONE
    out, err = capsys.readouterr()
    assert "2 accepted, 1 refused, 0 waiting" in out
    assert "row 3 R3 country: is no country; correct it" in out
    assert "contacts never leave this machine: Contact E-mail" in err
    assert "ignored, not columns of the scheme: Remarks" in err
    assert b"b.example" not in b"".join(event.body for event in backend.topics.sent)


def test_publish_writes_the_refused_rows_where_it_is_told(
    backend: MemoryBackend, write_rows: WriteList, tmp_path: Path
) -> None:
    backend.topics.refused_rows = [3]
    assert mrx(backend, "publish", write_rows(3), "--receipt", tmp_path / "refused.csv") == DONE
    assert [row["row"] for row in table(tmp_path / "refused.csv")] == ["3"]


def test_without_refused_rows_none_are_told_of_but_the_file_that_was_asked_for_is_there(
    backend: MemoryBackend, write_rows: WriteList, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(backend, "publish", write_rows(3), "--receipt", tmp_path / "refused.csv") == DONE
    assert "refused rows" not in capsys.readouterr().out
    assert (tmp_path / "refused.csv").read_text(encoding="utf-8") == "row,row_ref,field,reason,remedy\n"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("Date,a,b", "03/04/2025,,"), "row 2, field Date: no row tells whether the day"),
        (("Date,a,b", "13/04/2025,,", "04/13/2025,,"), "row 3, field Date: row 2 has the day first, row 3"),
        (("audit_date,a,b", "2025-03-04,,,,x"), "row 2: has "),
        (("audit_date,a,Price", "2025-03-04,,"), "field Price: contains prices"),
        (("audit_date,Ville,b", "2025-03-04,#N/A,"), "row 2, field city: 'Ville' holds the error #N/A;"),
        (("audit_date,city,b", "2025-03-04,#N/A,"), "row 2, field city: holds the error #N/A;"),
    ],
)
def test_a_place_is_named_once(
    lines: tuple[str, ...],
    said: str,
    backend: MemoryBackend,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    heading, *rows = lines
    head = "site_name,country,protocol,protocol_version"
    path = write(tmp_path / "list.csv", f"{head},{heading}", *(f"A,China,SMETA,6.1,{row}" for row in rows))
    assert mrx(backend, "publish", path) != DONE
    assert capsys.readouterr().err.startswith(said)


def test_publish_gives_figures_as_json(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(backend, "publish", write_rows(3), "--json") == DONE
    said = json.loads(capsys.readouterr().out)
    assert (said["revision"], said["rows"], said["state"], said["accepted"]) == (1, 3, "accepted", 3)


def test_a_refused_list_ends_with_one(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.topics.state = "refused"
    assert mrx(backend, "publish", write_rows()) == REFUSED
    assert "the statement is not signed; sign it" in capsys.readouterr().out


def test_a_list_without_an_accepted_row_ends_with_one_and_says_so(
    backend: MemoryBackend, write_rows: WriteList, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.topics.refused_rows = [2, 3]
    assert mrx(backend, "publish", write_rows(2), "--receipt", tmp_path / "refused.csv") == REFUSED
    assert capsys.readouterr().out.splitlines()[2] == "no row is accepted"
    assert len(table(tmp_path / "refused.csv")) == 2
    assert mrx(backend, "publish", write_rows(2), "--json") == REFUSED
    assert json.loads(capsys.readouterr().out)["accepted"] == 0


def test_a_list_that_waits_as_a_whole_ends_with_one_and_need_not_be_sent_again(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.topics.state = "waiting"
    assert mrx(backend, "publish", write_rows(2)) == REFUSED
    said = capsys.readouterr().out
    assert "0 accepted, 0 refused, 2 waiting" in said
    assert "no row is accepted yet: do not send the waiting rows again" in said


def test_a_commercial_column_ends_with_one_and_nothing_is_sent(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(backend, "publish", write_rows(3, **{"Annual Volume": "7"})) == REFUSED
    assert "field Annual Volume" in capsys.readouterr().err
    assert backend.topics.sent == []


@pytest.mark.parametrize(
    "arguments", [["publish", "nowhere.csv"], ["publish"], ["--member", "x", "receipts"]]
)
def test_what_cannot_be_understood_ends_with_two(backend: MemoryBackend, arguments: list[str]) -> None:
    assert mrx(backend, *arguments) == BAD_INPUT


def test_a_file_that_is_no_list_ends_with_two(backend: MemoryBackend, tmp_path: Path) -> None:
    assert mrx(backend, "publish", write(tmp_path / "list.csv", "a,b", "1,2")) == BAD_INPUT
    assert backend.topics.sent == []


def test_an_absent_service_ends_with_three(backend: MemoryBackend, write_rows: WriteList) -> None:
    backend.topics.silent = True
    assert mrx(backend, "publish", write_rows()) == INFRASTRUCTURE


def test_ambiguous_dates_can_be_decided(backend: MemoryBackend, write_rows: WriteList) -> None:
    path = write_rows(3, audit_date="03/04/2025")
    assert mrx(backend, "publish", path) == BAD_INPUT
    assert mrx(backend, "publish", path, "--date-order", "dmy") == DONE
    assert backend.topics.rows()[0].values["audit_date"] == "2025-04-03"


def test_receipts_are_kept(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    mrx(backend, "publish", write_rows())
    mrx(backend, "publish", write_rows())
    capsys.readouterr()
    assert mrx(backend, "receipts") == DONE
    assert "revision 1: accepted" in (said := capsys.readouterr().out)
    assert "revision 2: accepted" in said


def test_what_stays_of_a_revision_is_told_where_something_more_for_it_was_refused(
    backend: MemoryBackend, write_rows: WriteList, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.topics.state, backend.topics.stands = "refused", "accepted"
    assert mrx(backend, "publish", write_rows()) == REFUSED
    assert "the previous revision stays accepted" in capsys.readouterr().out
    mrx(backend, "publish", write_rows(), "--json")
    assert json.loads(capsys.readouterr().out)["stands"] == "accepted"
    assert mrx(backend, "receipts") == DONE
    assert "the previous revision stays accepted" in capsys.readouterr().out


def test_status_says_what_is_missing(backend: MemoryBackend, capsys: pytest.CaptureFixture[str]) -> None:
    assert mrx(backend, "status") == DONE
    assert capsys.readouterr().out == "does not take part\nmissing: statement-not-signed\n"


def test_fetch_keeps_the_release_and_copies_it(backend: MemoryBackend, tmp_path: Path) -> None:
    backend.services.release = RELEASE
    assert mrx(backend, "fetch", "--out", tmp_path / "release") == DONE
    names = {"list.csv", "list.json", "list.xlsx", "certificate.json"}
    assert {path.name for path in (tmp_path / "release").iterdir()} == names
    assert backend.home.latest_release() == RELEASE.release_id


def test_fetch_before_the_first_release_ends_with_one(backend: MemoryBackend) -> None:
    assert mrx(backend, "fetch") == REFUSED


def test_fetch_waits_for_a_release_that_is_not_here_yet(backend: MemoryBackend) -> None:
    backend.services.release = RELEASE
    mrx(backend, "fetch")
    assert mrx(backend, "fetch", "--wait", "--timeout", "1") == INFRASTRUCTURE
    newer = RELEASE.model_copy(update={"release_id": UUID(int=6), "as_of": date(2026, 12, 31)})
    backend.services.release = newer
    assert mrx(backend, "fetch", "--wait", "--timeout", "1") == DONE
    assert backend.home.latest_release() == newer.release_id


def test_fetch_hears_of_the_first_release(backend: MemoryBackend) -> None:
    said = ListReleased(
        release_id=RELEASE.release_id,
        round_id=UUID(int=3),
        as_of=NOW.date(),
        rows=2,
        documents={},
        links_path="/v1/",
        released_at=NOW,
    )

    class Later(type(backend.services)):  # type: ignore[misc]
        async def latest_release(self) -> Release | None:
            self.release, now = RELEASE, self.release
            return now

    backend.services = Later()
    backend.topics.said.append(fact(said))
    assert mrx(backend, "fetch", "--wait", "--timeout", "1") == DONE


SUPPLIERS = (
    "supplier_ref,site_name,country,Spend",
    "s1,Alpha,China,9",
    "s2,Beta,China,9",
    "s3,Bet,China,9",
    "s4,Gamma,China,9",
)
OWN = ("site_name,country", "beta,China", "Gamma,China")


def test_check_tells_what_to_request(
    backend: MemoryBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    backend.services.release = RELEASE
    mrx(backend, "fetch")
    capsys.readouterr()
    suppliers, own = write(tmp_path / "suppliers.csv", *SUPPLIERS), write(tmp_path / "own.csv", *OWN)
    assert mrx(backend, "check", suppliers, "--own", own, "--out", tmp_path / "check.csv", "--json") == DONE
    assert json.loads(capsys.readouterr().out) == {
        "suppliers": 4,
        "listed": 2,
        "audited_by_us": 1,
        "to_request": 1,
        "to_review": 1,
    }
    assert [tuple(row.values()) for row in table(tmp_path / "check.csv")] == [
        ("s1", "e1", "1.0000", "match", "false"),
        ("s2", "e2", "1.0000", "match", "true"),
        ("s3", "e2", "0.5000", "review", "false"),
        ("s4", "", "0.0000", "none", "false"),
    ]
    assert backend.topics.sent == []


def test_check_takes_the_last_published_list_for_its_own(
    backend: MemoryBackend, write_rows: WriteList, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    mrx(backend, "publish", write_rows(1))
    released = write(tmp_path / "list.csv", "entry_id,site_name,country", "e1,SITE 1,CN", "e2,SITE 2,CN")
    suppliers = write(
        tmp_path / "suppliers.csv", "supplier_ref,name,country", "s1,Site 1,China", "s2,Site 2,China"
    )
    capsys.readouterr()
    assert mrx(backend, "check", suppliers, "--released", released, "--out", tmp_path / "check.csv") == DONE
    assert "audited by us        1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("own", "released", "said"),
    [
        (None, "list", "publish one"),
        ("own", None, "mrx member fetch"),
    ],
)
def test_check_says_what_it_lacks(
    own: str | None,
    released: str | None,
    said: str,
    backend: MemoryBackend,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    arguments: list[str | Path] = ["check", write(tmp_path / "suppliers.csv", *SUPPLIERS)]
    if own:
        arguments += ["--own", write(tmp_path / "own.csv", *OWN)]
    if released:
        arguments += ["--released", write(tmp_path / "list.csv", "entry_id,site_name,country", "e1,A,CN")]
    assert mrx(backend, *arguments) == REFUSED
    assert said in capsys.readouterr().err


def test_a_supplier_without_a_reference_is_named(
    backend: MemoryBackend, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    suppliers = write(tmp_path / "suppliers.csv", "supplier_ref,site_name,country", ",Alpha,China")
    assert mrx(backend, "check", suppliers) == BAD_INPUT
    assert "row 2, field supplier_ref" in capsys.readouterr().err


def test_a_file_that_is_no_released_list_is_refused(backend: MemoryBackend, tmp_path: Path) -> None:
    suppliers = write(tmp_path / "suppliers.csv", *SUPPLIERS)
    for name, content in (("list.csv", "a,b\n1,2"), ("list.json", "{"), ("list.json", '["x"]')):
        released = write(tmp_path / name, content)
        assert mrx(backend, "check", suppliers, "--released", released) == BAD_INPUT
