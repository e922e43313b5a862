"""`mrx benchmark`: figures, exit statuses, and refusals that name row, column and remedy."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mrx_criteria.cli import app
from mrx_criteria.files import ROWS, shipped_catalogue
from mrx_shared.kit.command import run
from mrx_shared.limits import ANSWERS_BYTES

HEADER = "criterion_id,relation,requirement_ref,requirement_text,rationale,evidence"
OWN = """\
version: own
based_on: own
valid_from: 2026-01-01
valid_until: null
criteria:
  - {id: A, clause: 1, pillar: labour, statement: a, essential: true, weight: 84, kind: requirement}
  - {id: B, clause: 1, pillar: labour, statement: b, essential: false, weight: 1, kind: requirement}
  - {id: C, clause: 2, pillar: ethics, statement: c, essential: false, weight: 15, kind: requirement}
"""
Score = Callable[..., tuple[int, str, str]]


@pytest.fixture
def score(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Score:
    """Writes answers, runs `mrx benchmark score`, gives exit status, output and errors."""

    def run_it(content: str | bytes, *options: str, criteria: str = "own.yaml") -> tuple[int, str, str]:
        answers = tmp_path / "answers.csv"
        answers.write_bytes(content if isinstance(content, bytes) else content.encode())
        (tmp_path / "own.yaml").write_text(OWN, encoding="utf-8")
        named = str(tmp_path / criteria) if criteria.endswith(".yaml") else criteria
        status = run(app, ["score", str(answers), "--criteria", named, *options])
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return run_it


def rows(*lines: str) -> str:
    return "\n".join((HEADER, *lines)) + "\n"


def test_85_of_100_passes_with_status_0(score: Score) -> None:
    status, out, _ = score(rows("A,equal", "B,superset", "C,none"), "--json")
    document: dict[str, Any] = json.loads(out)
    assert status == 0
    assert list(document) == [
        "commonality",
        "lower",
        "upper",
        "equivalent",
        "by_pillar",
        "by_clause",
        "gaps",
        "cheapest_path",
    ]
    assert (document["commonality"], document["equivalent"]) == ("85.00", "yes")
    assert document["by_pillar"]["labour"] == {"commonality": "100.00", "lower": "100.00", "upper": "100.00"}
    assert document["by_clause"]["2"]["upper"] == "0.00"
    assert document["gaps"][0] == {
        "criterion_id": "C",
        "clause": "2",
        "pillar": "ethics",
        "statement": "c",
        "essential": False,
        "relation": "none",
        "weight": "15.00",
        "credit": "0.00",
        "points": "15.00",
    }


def test_a_quarter_less_than_85_fails_with_status_1(score: Score) -> None:
    status, out, _ = score(rows("A,equal", "B,subset", "C,none"), "--json")
    assert status == 1
    assert json.loads(out)["commonality"] == "84.50"
    assert json.loads(out)["equivalent"] == "no"
    assert json.loads(out)["cheapest_path"] == ["B"]


def test_what_is_not_answered_leaves_the_verdict_open(score: Score) -> None:
    status, out, _ = score(rows("A,equal", "B,"), "--json")
    document = json.loads(out)
    assert status == 1
    assert (document["equivalent"], document["lower"], document["upper"]) == ("open", "84.00", "100.00")
    assert document["gaps"][0]["relation"] is None


def test_the_essential_gate_can_be_asked_for(score: Score) -> None:
    assert score(rows("A,equal", "B,none", "C,none"), "--gate", "essential")[0] == 0
    assert score(rows("A,equal", "B,none", "C,none"), "--gate", "weight")[0] == 1


def test_a_person_is_shown_figures_gaps_and_the_way_to_the_gate(score: Score) -> None:
    _, out, _ = score(rows("A,equal", "B,subset"))
    assert "commonality 84.50 % (at worst 84.50, at best 99.50)" in out
    assert "equivalent: open" in out
    assert "cheapest path to the gate, to be met in full: B" in out


def test_spreadsheets_of_other_countries_are_read(score: Score) -> None:
    text = '\ufeffcriterion_id;relation;rationale\r\nA;Equal;"as, in; §3"\r\n\r\nB; superset ;-\r\n'
    assert score(text)[0] == 0


def test_a_shipped_catalogue_is_named_by_its_version(score: Score) -> None:
    every = [f"{one.id},equal" for one in shipped_catalogue("6.0-4p").criteria]
    assert score(rows(*every), criteria="6.0-4p")[0] == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (rows("A,equal", "Z,equal"), ["row 3", "criterion_id", "'Z' is not in catalogue own"]),
        (rows("A,same"), ["row 2", "relation", "equal, superset, subset, intersects, none"]),
        (rows("A,equal", "A,none"), ["row 3", "criterion_id", "twice, first in row 2"]),
        (rows(",equal"), ["row 2", "criterion_id", "no criterion is named"]),
        (rows("A,equal,=1+1"), ["row 2", "requirement_ref", "formula"]),
        (rows("A,equal,,@SUM(A1)"), ["row 2", "requirement_text", "formula"]),
        (rows("A,equal,,,-2+3"), ["row 2", "rationale", "formula"]),
        (rows('A,equal,,,,"\t+cmd"'), ["row 2", "evidence", "formula"]),
        (rows("A,equal,,,a\x07b"), ["row 2", "rationale", "U+0007", "delete it"]),
        (rows("A,equal,,,a\u202eb"), ["row 2", "rationale", "U+202E"]),
        (rows("A,equal,\x00"), ["row 2", "requirement_ref", "U+0000"]),
        (rows("A,equal,,," + "x" * 8001), ["row 2", "rationale", "8001 characters"]),
        (rows("A,equal,a,b,c,d,e"), ["row 2", "7 cells under 6 columns"]),
        (rows("A,equal", 'B,equal,"open'), ["row 3", "quote"]),
        ("criterion_id\nA\n", ["row 1", "relation", "missing"]),
        ("", ["row 1", "criterion_id", "missing"]),
        ("criterion_id,relation,relation\nA,equal,none\n", ["row 1", "header", "occurs twice"]),
        ("criterion_id,relation,reason\nA,equal,x\n", ["row 1", "header", "'reason'"]),
        (rows("A,equal", "B,equal,é").encode("latin-1"), ["row 3", "encoding", "CSV UTF-8"]),
        (rows('A,"open'), ["row 2", "quote"]),
        (rows("A,equal").encode("utf-16"), ["row 1", "encoding", "CSV UTF-8"]),
        (rows("A,equal").encode("utf-16-le"), ["row 1", "encoding", "UTF-16", "CSV UTF-8"]),
        (
            f'"# criteria 6.0-4p",,,\n{rows("A,equal")}',
            ["row 1", "template is for criteria '6.0-4p', not own"],
        ),
        (rows("A,equal", *[",,"] * ROWS), [f"row {ROWS + 1}", f"more than {ROWS} rows", "delete"]),
        (b"x" * (ANSWERS_BYTES + 1), ["larger than 4 MiB"]),
    ],
)
def test_bad_answers_are_refused_with_row_column_and_remedy(
    content: str | bytes, told: list[str], score: Score
) -> None:
    status, out, err = score(content)
    assert (status, out) == (2, "")
    assert all(part in err for part in told), err


def test_answers_of_both_environment_clauses_are_refused(score: Score) -> None:
    status, _, err = score(rows("C10B4.1,equal", "C10B2.1,equal"), criteria="6.0-4p")
    assert status == 2
    assert "row 3" in err
    assert "exclude each other" in err
    status, _, err = score(rows("C10B2.1,equal", "C10B4.1,equal"), criteria="6.0-2p")
    assert "6.0-2p holds 10B2" in err


def test_words_in_brackets_are_printed_as_they_stand(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = OWN.replace("statement: a", 'statement: "see [/b] and [red]x[/red] :smile:"')
    text = text.replace("pillar: ethics", 'pillar: "[/x]"').replace(
        "criteria:", 'floors: {"[/x]": 10}\ncriteria:'
    )
    own, answers = tmp_path / "own.yaml", tmp_path / "answers.csv"
    own.write_text(text, encoding="utf-8")
    answers.write_text(rows("A,equal", "B,equal", "C,equal"), encoding="utf-8")
    assert run(app, ["criteria", str(own)]) == 0
    shown = " ".join(capsys.readouterr().out.replace("│", " ").split())
    assert all(part in shown for part in ("[/b]", "[red]x[/red]", ":smile:", "[/x]"))
    assert run(app, ["score", str(answers), "--criteria", str(own)]) == 0
    assert "floor of [/x]: 10.00 %" in capsys.readouterr().out


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+49 no child labour", "a\x07b"])
def test_what_a_spreadsheet_would_run_is_not_copied_into_proposals(
    text: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    protocol = tmp_path / "protocol.csv"
    protocol.write_text(f'requirement_ref,requirement_text\n1,no fire exit\n2,"{text}"\n', encoding="utf-8")
    assert run(app, ["suggest", str(protocol), "--criteria", "6.1-4p"]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "row 3, field requirement_text" in printed.err


def test_unknown_criteria_and_missing_files_are_bad_input(score: Score, tmp_path: Path) -> None:
    status, _, err = score(rows("A,equal"), criteria="9.9")
    assert status == 2
    assert "5.0-2p, 5.0-4p, 6.0-2p, 6.0-4p, 6.1-2p, 6.1-4p, 7.0" in err
    assert score(rows("A,equal"), criteria="missing.yaml")[0] == 2
    assert run(app, ["score", str(tmp_path / "none.csv"), "--criteria", "6.0-4p"]) == 2


def test_a_day_that_is_none_is_refused_also_without_waivers(score: Score) -> None:
    status, _, err = score(rows("A,equal"), "--as-of", "2020-1-1")
    assert (status, "field as-of" in err, "write it as 2026-06-30" in err) == (2, True, True)


@pytest.mark.parametrize("command", ["template", "report"])
def test_a_place_that_cannot_be_written_to_is_named_with_a_remedy(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = tmp_path / "answers.csv"
    answers.write_text(rows("C1.1,equal"), encoding="utf-8")
    out = ["--out", str(tmp_path / "missing" / "file.xlsx")]
    what = ["6.0-4p"] if command == "template" else [str(answers), "--criteria", "6.0-4p"]
    assert run(app, [command, *what, *out]) == 2
    err = capsys.readouterr().err
    assert "field out" in err
    assert "name a file in an existing folder" in err


def test_the_criteria_are_printed_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["criteria", "6.0-2p", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert list(document) == [
        "version",
        "based_on",
        "valid_from",
        "valid_until",
        "gate",
        "credits",
        "criteria",
    ]
    assert list(document["criteria"][0]) == [
        "id",
        "clause",
        "pillar",
        "statement",
        "essential",
        "weight",
        "kind",
    ]
    assert run(app, ["criteria", "6.0-2p"]) == 0
    assert "C10B2.1" in capsys.readouterr().out


def test_every_fault_of_a_file_is_told_at_once_row_by_row(score: Score) -> None:
    status, _, err = score(
        rows("A,same,,,=1+1", "B,equal", "Z,equal,,,,\x07", "A,none", "C,none,,,,,,too,many", 'C,"equal')
    )
    places = [line.partition(": ")[0] for line in err.splitlines()]
    assert status == 2
    assert places == [
        "row 2, field relation",
        "row 2, field rationale",
        "row 4, field criterion_id",
        "row 4, field evidence",
        "row 5, field criterion_id",
        "row 6, field file",
        "row 7, field file",
    ]


def test_after_a_hundred_faults_their_number_is_told(score: Score) -> None:
    _, _, err = score(rows(*(f"Z{number},equal" for number in range(123))))
    lines = err.splitlines()
    assert len(lines) == 101
    assert lines[-1] == "and 23 more"


def test_every_column_that_is_wrong_is_told_at_once(score: Score) -> None:
    _, _, err = score("criterion,relation,relation,why\nA,equal,,\n")
    assert [line.partition(": ")[0] for line in err.splitlines()] == [
        "row 1, field criterion_id",
        "row 1, field header",
        "row 1, field header",
        "row 1, field header",
    ]
