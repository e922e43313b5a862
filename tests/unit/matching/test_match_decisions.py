"""`mrx match review`, and what `mrx match resolve` makes of decisions and of an earlier run."""

import csv
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
from mrx_matching.cli import app
from mrx_matching.generator.directory import directory
from typer.testing import CliRunner


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def decision(a: str, b: str, said: str) -> dict[str, str]:
    return {"a_source": "list", "a_id": a, "b_source": "list", "b_id": b, "decision": said}


@pytest.fixture
def small(tmp_path: Path) -> Path:
    file = tmp_path / "list.csv"
    file.write_text(
        "record_id,name,city,country\n"
        "1,Karya Sentosa,Bekasi,ID\n2,KARYA SENTOSA PT,Bekasi,ID\n3,Wijaya Kencana,Medan,ID\n4,Karya Sentosa,,MY\n",
        encoding="utf-8",
    )
    return file


def sites(path: Path) -> dict[str, str]:
    return {row["record_id"]: row["site_id"] for row in read(path)}


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("lists") / "list.csv"
    rows = [{**row, "source": "s", "record_id": f"r{at}"} for at, (row, _) in enumerate(directory(3, 900))]
    pl.DataFrame(rows).write_csv(file)
    return file


def test_decisions_hold(small: Path, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    run("resolve", small, "--out", out)
    before = sites(out)
    assert before["1"] == before["2"] != before["3"]
    said = write(tmp_path / "d.csv", [decision("1", "2", "different"), decision("1", "3", "same")])
    assert run("resolve", small, "--out", out, "--decisions", said)[0] == 0
    after = sites(out)
    assert after["1"] == after["3"] != after["2"]


@pytest.mark.parametrize(
    ("rows", "refused"),
    [
        ([decision("1", "9", "same")], "row 2: b_id '9' of source 'list' is in no list"),
        ([decision("1", "2", "perhaps")], "row 2: decision 'perhaps' is unknown; write same or different"),
        (
            [decision("1", "2", "same"), decision("2", "1", "different")],
            "row 3: decision 'different' contradicts",
        ),
        (
            [decision("1", "2", "same"), decision("1", "3", "different"), decision("2", "3", "same")],
            "row 3: decision 'different' contradicts what other rows call the same; remove one of them",
        ),
        ([decision("1", "1", "different")], "row 2: decision 'different' cannot be: both are one row"),
        ([decision("1", "4", "same")], "row 2: decision 'same' cannot be: the rows are in ID and MY"),
    ],
)
def test_decisions_that_cannot_hold_are_refused_by_row(
    rows: list[dict[str, str]], refused: str, small: Path, tmp_path: Path
) -> None:
    code, output = run(
        *("resolve", small, "--out", tmp_path / "out.csv", "--strict"),
        *("--decisions", write(tmp_path / "d.csv", rows)),
    )
    assert code == 2
    assert refused in output
    assert str(tmp_path / "d.csv") in output
    assert not (tmp_path / "out.csv").exists()


def test_a_decision_that_cannot_be_used_is_left_out_and_the_others_hold(small: Path, tmp_path: Path) -> None:
    with small.open("a", encoding="utf-8") as rows:
        rows.write("5,Karya Sentosa,Bekasi,Atlantis\n")
    said = [decision("1", "5", "same"), decision("1", "2", "different"), decision("1", "3", "perhaps")]
    decisions = write(tmp_path / "d.csv", said)
    assert run("resolve", small, "--out", tmp_path / "out.csv", "--decisions", decisions)[0] == 0
    assert sites(tmp_path / "out.csv")["1"] != sites(tmp_path / "out.csv")["2"]
    refused = read(tmp_path / "out.refused.csv")
    assert [(row["file"], row["row"], row["field"]) for row in refused] == [
        (str(small), "6", "country"),
        (str(decisions), "2", "b_id"),
        (str(decisions), "4", "decision"),
    ]
    assert (refused[1]["a_id"], refused[1]["b_id"]) == ("1", "5")


def test_decisions_that_contradict_each_other_are_refused_as_a_whole(small: Path, tmp_path: Path) -> None:
    said = [decision("1", "2", "same"), decision("2", "1", "different")]
    decisions = write(tmp_path / "d.csv", said)
    code, output = run("resolve", small, "--out", tmp_path / "out.csv", "--decisions", decisions)
    assert (code, "contradicts" in output) == (2, True)


def test_the_queue_says_what_is_asked_and_an_answer_is_not_asked_again(
    generated: Path, tmp_path: Path
) -> None:
    queue = tmp_path / "queue.csv"
    code, output = run("review", generated, "--out", queue)
    assert code == 0
    asked = read(queue)
    assert f"{len(asked)} questions" in output
    values = [float(row["value"]) for row in asked]
    assert values == sorted(values, reverse=True)
    assert all(0.1 <= float(row["probability"]) <= 0.9 for row in asked)
    row = {row["record_id"]: row for row in read(generated)}[asked[0]["a_id"]]
    assert (asked[0]["a_source"], asked[0]["a_name"]) == ("s", row["name"])
    assert row["city"] in asked[0]["a_place"]
    assert asked[0]["why"].startswith(asked[0]["probability"][:4])
    assert any(reason in asked[0]["why"] for reason in ("name", "brand", "street", "house", "city"))
    answered = asked[:6]
    for number, line in enumerate(answered):
        line["decision"] = "same" if number % 2 else "different"
    left_open = asked[6:9]
    run(
        "review",
        generated,
        "--out",
        tmp_path / "again.csv",
        "--decisions",
        write(tmp_path / "d.csv", answered + left_open),
    )
    again = {frozenset((line["a_id"], line["b_id"])) for line in read(tmp_path / "again.csv")}
    assert again
    assert not again & {frozenset((line["a_id"], line["b_id"])) for line in answered}


def test_what_is_learnt_from_decisions_moves_scores_only_when_that_is_asked_for(
    generated: Path, tmp_path: Path
) -> None:
    run("review", generated, "--out", tmp_path / "queue.csv")
    asked = read(tmp_path / "queue.csv")
    decisions = write(tmp_path / "d.csv", [{**line, "decision": "different"} for line in asked[:60]])
    found: dict[str, dict[frozenset[str], float]] = {}
    for name, options in (("held", ()), ("learnt", ("--learn",))):
        out = tmp_path / f"{name}.csv"
        assert run("review", generated, "--out", out, "--decisions", decisions, *options)[0] == 0
        found[name] = {frozenset((row["a_id"], row["b_id"])): float(row["probability"]) for row in read(out)}
    both = found["held"].keys() & found["learnt"].keys()
    assert len(both) > 10
    assert sum(found["learnt"][pair] for pair in both) < sum(found["held"][pair] for pair in both)


def test_without_decisions_weights_are_learnt_from_the_lists_alone(generated: Path, tmp_path: Path) -> None:
    for name, options in (("held", ()), ("learnt", ("--learn",))):
        assert run("review", generated, "--out", tmp_path / f"{name}.csv", *options)[0] == 0
    held, learnt = (
        {(row["a_id"], row["b_id"]): row["probability"] for row in read(tmp_path / f"{name}.csv")}
        for name in ("held", "learnt")
    )
    both = held.keys() & learnt.keys()
    assert len(both) > 10
    assert any(held[pair] != learnt[pair] for pair in both)


def test_few_answers_to_learn_from_are_said(small: Path, tmp_path: Path) -> None:
    decided = write(tmp_path / "d.csv", [decision("1", "3", "different")])
    code, output = run("resolve", small, "--out", tmp_path / "o.csv", "--decisions", decided, "--learn")
    assert code == 0
    assert "--learn: ID has 0 answers 'same' and 1 'different'" in output


def test_what_follows_from_answers_is_not_asked(tmp_path: Path) -> None:
    names = ("Bumi Lestari", "Bumi Lestary", "Bumi Lestarin")
    rows = [f"{number},{name},Medan,ID" for number, name in enumerate(names, 1)]
    file = tmp_path / "list.csv"
    file.write_text("\n".join(["record_id,name,city,country", *rows, ""]), encoding="utf-8")

    def asked(*said: dict[str, str]) -> set[tuple[str, str]]:
        options = ("--decisions", write(tmp_path / "d.csv", list(said))) if said else ()
        assert run("review", file, "--out", tmp_path / "q.csv", *options)[0] == 0
        return {(row["a_id"], row["b_id"]) for row in read(tmp_path / "q.csv")}

    assert asked()
    assert asked(decision("1", "2", "same"), decision("2", "3", "same")) == set()
    assert asked(decision("1", "2", "same"), decision("2", "3", "different")) == set()


def test_a_file_that_a_command_reads_is_not_written_over(small: Path, tmp_path: Path) -> None:
    queue = write(tmp_path / "queue.csv", [decision("1", "2", "same")])
    before = small.read_bytes(), queue.read_bytes()
    for arguments in (
        ("resolve", small, "--out", small),
        ("review", small, "--out", queue, "--decisions", queue),
        ("resolve", small, "--out", tmp_path / "." / "queue.csv", "--decisions", queue),
        ("link", small, small, "--out", small),
    ):
        code, output = run(*arguments)
        assert code == 2
        assert "is read by this command; name another file to write" in output
    assert (small.read_bytes(), queue.read_bytes()) == before


def test_a_file_stays_whole_when_the_one_that_replaces_it_cannot_be_written(
    generated: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.csv"
    out.write_text("as it was")
    program = [sys.executable, "-c", "from mrx_matching.cli import app; app()"]
    found = subprocess.run(
        ["bash", "-c", 'ulimit -f 4; "$@"', "bash", *program, "resolve", generated, "--out", out],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 3
    assert f"{out}: File too large" in found.stderr
    assert out.read_text() == "as it was"
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith(".")] == []


def test_a_name_that_a_spreadsheet_would_reckon_is_only_shown_in_questions(tmp_path: Path) -> None:
    file = tmp_path / "list.csv"
    file.write_text("record_id,name,country\n1,=Bumi Lestari,ID\n2,Bumi Lestary,ID\n", encoding="utf-8")
    assert run("review", file, "--out", tmp_path / "q.csv")[0] == 0
    assert {row["a_name"] for row in read(tmp_path / "q.csv")} == {"'=Bumi Lestari"}


def test_site_ids_are_carried_on_and_retired_ids_lead_on(small: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"run{number}.csv" for number in (1, 2, 3))
    run("resolve", small, "--out", first)
    before = sites(first)
    small.write_text(
        "record_id,name,city,country\n0,Aneka Abadi,Ambon,ID\n" + small.read_text().split("\n", 1)[1]
    )
    code, output = run("resolve", small, "--out", second, "--former", first)
    assert code == 0
    after = sites(second)
    assert {key: after[key] for key in before} == before
    assert after["0"] not in before.values()
    assert read(tmp_path / "run2.redirects.csv") == []
    joined = write(tmp_path / "d.csv", [decision("1", "3", "same")])
    _, output = run("resolve", small, "--out", third, "--former", second, "--decisions", joined)
    assert "3 ids are kept, 0 new, 1 retired" in output
    assert read(tmp_path / "run3.redirects.csv") == [{"former_id": before["3"], "site_id": before["1"]}]
    run("resolve", small, "--out", tmp_path / "run4.csv", "--former", third, "--decisions", joined)
    assert sites(tmp_path / "run4.csv") == sites(third)
    assert read(tmp_path / "run4.redirects.csv") == read(tmp_path / "run3.redirects.csv")


def test_a_decision_that_is_taken_back_gives_both_sites_their_ids_again(small: Path, tmp_path: Path) -> None:
    first, second, third = (tmp_path / f"run{number}.csv" for number in (1, 2, 3))
    joined = write(tmp_path / "d.csv", [decision("1", "3", "same")])
    run("resolve", small, "--out", first)
    run("resolve", small, "--out", second, "--former", first, "--decisions", joined)
    assert sites(second) != sites(first)
    assert run("resolve", small, "--out", third, "--former", second, "--before", first)[0] == 0
    assert sites(third) == sites(first)
    assert read(tmp_path / "run3.redirects.csv") == []
    code, output = run("resolve", small, "--out", third, "--before", first)
    assert (code, "needs --former FILE" in output) == (2, True)


def test_redirects_of_sites_that_are_replaced_go_with_them(small: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "run1.csv", tmp_path / "run2.csv"
    joined = write(tmp_path / "d.csv", [decision("1", "3", "same")])
    run("resolve", small, "--out", first)
    run("resolve", small, "--out", second, "--former", first, "--decisions", joined)
    assert read(tmp_path / "run2.redirects.csv")
    run("resolve", small, "--out", second)
    assert not (tmp_path / "run2.redirects.csv").exists()


def test_a_source_that_is_called_otherwise_keeps_no_id_and_that_is_said(small: Path, tmp_path: Path) -> None:
    run("resolve", small, "--out", tmp_path / "run1.csv")
    renamed = small.rename(tmp_path / "list_2026.csv")
    code, output = run("resolve", renamed, "--out", tmp_path / "run2.csv", "--former", tmp_path / "run1.csv")
    assert code == 0
    assert "0 ids are kept, 3 new, 3 retired" in output
    assert "a renamed file is another source" in output
    led = read(tmp_path / "run2.redirects.csv")
    assert [row["site_id"] for row in led] == ["", "", ""]
    again = run("resolve", renamed, "--out", tmp_path / "run3.csv", "--former", tmp_path / "run2.csv")
    assert again[0] == 0
    assert read(tmp_path / "run3.redirects.csv") == led


def test_a_former_run_that_cannot_be_read_is_refused(small: Path, tmp_path: Path) -> None:
    former = tmp_path / "former.csv"
    for text, said in (
        ("source,record_id\nlist,1\n", "column 'site_id' is missing"),
        ("source,record_id,site_id\nlist,1,\n", "row 2: site_id is empty"),
        (
            "source,record_id,site_id\nlist,1,a\nlist,1,b\n",
            "row 3: record_id '1' occurs twice in source 'list'",
        ),
    ):
        former.write_text(text)
        code, output = run("resolve", small, "--out", tmp_path / "out.csv", "--former", former)
        assert code == 2
        assert said in output


@pytest.mark.parametrize("command", ["resolve", "review", "link"])
def test_progress_is_shown_on_a_terminal_and_not_in_the_output(
    command: str, generated: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [generated] if command == "link" else []
    for variable, value in (("TTY_COMPATIBLE", "1"), ("TTY_INTERACTIVE", "1"), ("COLUMNS", "120")):
        monkeypatch.setenv(variable, value)
    program = "from mrx_matching.cli import app; app()"
    shown = subprocess.run(
        [sys.executable, "-c", program, command, generated, *others, "--out", tmp_path / "out.csv"],
        capture_output=True,
        text=True,
        check=True,
    )
    stage = {"resolve": "finding sites", "review": "finding questions", "link": "comparing"}[command]
    assert "reading list.csv" in shown.stderr
    assert stage in shown.stderr
    assert stage not in shown.stdout


def test_many_rows_of_one_country_are_told_of_while_they_are_resolved(generated: Path) -> None:
    from mrx_matching.clusters import resolve_frame  # noqa: PLC0415
    from mrx_matching.lists import read_list  # noqa: PLC0415

    rows = read_list(generated, say=lambda _: None).with_columns(country=pl.lit("ID"))
    told: list[int] = []
    resolve_frame(rows, progress=lambda _, done, total: told.append(done))
    assert told == sorted(told)
    assert len(set(told)) >= 4
    assert told[-1] == rows.height
