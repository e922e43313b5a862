"""`mrx benchmark`: score a protocol's answers and read the criteria, offline, by the rules of the service."""

import csv
import json
import sys
from collections.abc import Iterable
from datetime import UTC, date, datetime, time
from fractions import Fraction
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import typer
from mrx_shared.kit.clock import system_clock
from mrx_shared.refusals import Invalid, counted
from rich.console import Console
from rich.table import Table

from mrx_criteria.documents import REPORTS, template_csv, template_xlsx
from mrx_criteria.domain.commonality import (
    Equivalent,
    GapReport,
    Score,
    Waiver,
    gate_in_words,
    percent,
    score,
)
from mrx_criteria.domain.criteria import Catalogue, GateRule, plain_day
from mrx_criteria.files import (
    answers_file,
    catalogue_file,
    requirements_file,
    shipped_catalogue,
    shipped_versions,
    waivers_file,
)
from mrx_criteria.similarity import suggest

NOT_EQUIVALENT = 1

app = typer.Typer(
    name="benchmark",
    help="Compare an audit protocol with the scheme's common criteria.",
    no_args_is_help=True,
)

_File = typer.Argument(exists=True, dir_okay=False, readable=True)
_Gate = typer.Option(
    help="85 % of the weight, or every essential criterion; by default, the catalogue's gate."
)
_Waivers = typer.Option(
    exists=True, dir_okay=False, metavar="WAIVERS.csv", help="Clauses to leave out: `clause,reason,until`."
)
_AsJson = typer.Option("--json", help="Print JSON; every number is a string, rounded down to two places.")


@app.command("score")
def score_answers(
    answers: Annotated[Path, _File],
    criteria: Annotated[
        str,
        typer.Option(
            metavar="VERSION|CATALOGUE.yaml",
            help="One of the shipped versions, or a catalogue file of your own.",
        ),
    ],
    gate: Annotated[GateRule | None, _Gate] = None,
    as_json: Annotated[bool, _AsJson] = False,
    waivers: Annotated[Path | None, _Waivers] = None,
    as_of: Annotated[
        str, typer.Option(metavar="DAY", help="The day on which waivers must be in force; by default, today.")
    ] = "",
) -> None:
    """Score ANSWERS.csv (or .xlsx). Exits with 0 if the protocol is equivalent, 1 if it is not or still open."""
    catalogue, day = _catalogue(criteria), _day(as_of)
    result = score(
        catalogue,
        answers_file(answers, catalogue),
        rule=gate,
        waivers=waivers_file(waivers, day) if waivers else (),
    )
    if as_json:
        typer.echo(json.dumps(as_document(result), indent=2, ensure_ascii=False))
    else:
        _show(result, catalogue)
    if result.equivalent is not Equivalent.YES:
        raise typer.Exit(NOT_EQUIVALENT)


@app.command("criteria")
def show_criteria(
    version: Annotated[str, typer.Argument(metavar="VERSION|CATALOGUE.yaml")],
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the whole catalogue; the output is a catalogue file.")
    ] = False,
) -> None:
    """Print the criteria of a version, clause by clause."""
    catalogue = _catalogue(version)
    if as_json:
        typer.echo(json.dumps(catalogue.document(), indent=2, ensure_ascii=False))
        return
    table = Table(
        title=f"{catalogue.version}: {counted(len(catalogue.criteria), 'criterion', 'criteria')}, weight {catalogue.weight} "
        f"({catalogue.based_on})"
    )
    for heading in ("id", "weight", "essential", "kind", "statement"):
        wide = {"kind": 11}.get(heading)
        table.add_column(heading, no_wrap=heading not in {"kind", "statement"}, max_width=wide)
    for clause, criteria in groupby(catalogue.criteria, key=lambda one: one.clause):
        listed = list(criteria)
        table.add_section()
        table.add_row("", "", "", "", f"Clause {clause}, {listed[0].pillar}", style="bold")
        for one in listed:
            table.add_row(
                one.id,
                str(one.weight),
                "yes" if one.essential else "",
                one.kind.replace("-", " "),
                one.statement,
            )
    _console().print(table)


@app.command("template")
def write_template(
    version: Annotated[str, typer.Argument(metavar="VERSION|CATALOGUE.yaml")],
    out: Annotated[Path, typer.Option(help="FILE.csv or FILE.xlsx to write.")],
) -> None:
    """Write an empty template for answers to a version of the criteria."""
    catalogue = _catalogue(version)
    if _kind(out, ("csv", "xlsx")) == "xlsx":
        _write(out, template_xlsx(catalogue))
    else:
        _write(out, template_csv(catalogue).encode())


@app.command("suggest")
def suggest_criteria(
    protocol: Annotated[Path, _File],
    criteria: Annotated[str, typer.Option(metavar="VERSION|CATALOGUE.yaml")],
) -> None:
    """Suggest criteria that the requirements of PROTOCOL.csv may meet. Prints CSV; nothing counts until you confirm it."""
    found = suggest(requirements_file(protocol), _catalogue(criteria))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("requirement_ref", "requirement_text", "suggested_criterion_id", "similarity"))
    for one in found:
        writer.writerow((one.requirement_ref, one.requirement_text, one.criterion_id, one.similarity))


@app.command("report")
def write_report(
    answers: Annotated[Path, _File],
    criteria: Annotated[str, typer.Option(metavar="VERSION|CATALOGUE.yaml")],
    out: Annotated[
        Path,
        typer.Option(
            help="FILE.html, .pdf, .xlsx, .svg (the map alone) or .json (OSCAL mapping collection)."
        ),
    ],
    protocol: Annotated[str, typer.Option(help="The protocol's name.")] = "Audit protocol",
    gate: Annotated[GateRule | None, _Gate] = None,
    waivers: Annotated[Path | None, _Waivers] = None,
    as_of: Annotated[
        str,
        typer.Option(
            metavar="DAY", help="The report's day, on which waivers must be in force; by default, today."
        ),
    ] = "",
) -> None:
    """Write the gap report on ANSWERS.csv, or the answers as an OSCAL mapping collection."""
    kind, catalogue, day = _kind(out, REPORTS), _catalogue(criteria), _day(as_of)
    given = answers_file(answers, catalogue)
    report = GapReport(
        protocol=protocol,
        catalogue=catalogue,
        answers=given,
        score=score(catalogue, given, rule=gate, waivers=waivers_file(waivers, day) if waivers else ()),
        made_at=datetime.combine(day, time(), tzinfo=UTC),
    )
    _write(out, REPORTS[kind][1](report))


def as_document(result: Score) -> dict[str, Any]:
    """The score as JSON holds it."""
    return {
        **result.overall.published,
        "equivalent": result.equivalent.value,
        "by_pillar": {pillar: figures.published for pillar, figures in result.by_pillar.items()},
        "by_clause": {clause: figures.published for clause, figures in result.by_clause.items()},
        "gaps": [
            {
                "criterion_id": gap.criterion.id,
                "clause": gap.criterion.clause,
                "pillar": gap.criterion.pillar,
                "statement": gap.criterion.statement,
                "essential": gap.criterion.essential,
                "relation": gap.relation.value if gap.relation else None,
                "weight": _text(Fraction(gap.criterion.weight)),
                "credit": _text(gap.credit),
                "points": _text(gap.points),
            }
            for gap in result.gaps
        ],
        "cheapest_path": list(result.cheapest_path),
        **({"waived": [_waived(one) for one in result.waived]} if result.waived else {}),
    }


def _waived(waiver: Waiver) -> dict[str, str]:
    return {"clause": waiver.clause, "reason": waiver.reason, "until": waiver.until.isoformat()}


def _kind(out: Path, kinds: Iterable[str]) -> str:
    kind = out.suffix.lower().removeprefix(".")
    if kind not in kinds:
        raise Invalid(
            f"{out.name} is not a supported kind of file",
            field="out",
            remedy=f"end it with .{', .'.join(kinds)}",
        )
    return kind


def _write(out: Path, body: bytes) -> None:
    try:
        out.write_bytes(body)
    except OSError as error:
        raise Invalid(
            f"{out} cannot be written: {error.strerror}",
            field="out",
            remedy="name a file in an existing folder that you can write to",
        ) from error


def _day(text: str) -> date:
    try:
        return plain_day(text) if text else system_clock()().date()
    except ValueError:
        raise Invalid(f"{text[:40]!r} is not a day", field="as-of", remedy="write it as 2026-06-30") from None


def _catalogue(named: str) -> Catalogue:
    if named not in shipped_versions() and named.lower().endswith((".yaml", ".yml", ".json")):
        path = Path(named)
        if not path.is_file():
            raise typer.BadParameter(f"{named}: no such file")
        return catalogue_file(path)
    return shipped_catalogue(named)


def _console() -> Console:
    """Prints what files hold as it stands there."""
    return Console(markup=False, emoji=False)


def _text(value: Fraction) -> str:
    return str(percent(value))


def _show(result: Score, catalogue: Catalogue) -> None:
    console = _console()
    console.print(
        f"{catalogue.version}: commonality {_text(result.overall.commonality)} % "
        f"(at worst {_text(result.overall.lower)}, at best {_text(result.overall.upper)}); "
        f"gate: {gate_in_words(catalogue, result.rule)}; equivalent: {result.equivalent}",
        highlight=False,
        soft_wrap=True,
    )
    for floor in catalogue.floors.items() if result.rule is GateRule.WEIGHT else ():
        console.print(f"floor of {floor[0]}: {percent(floor[1])} %", highlight=False)
    for waiver in result.waived:
        console.print(
            f"waived until {waiver.until}: clause {waiver.clause}, {waiver.reason}",
            highlight=False,
            soft_wrap=True,
        )
    table = Table("clause", "commonality", "at best")
    for clause, figures in result.by_clause.items():
        table.add_row(clause, _text(figures.commonality), _text(figures.upper))
    console.print(table)
    open_answers = sum(gap.relation is None for gap in result.gaps)
    console.print(f"gaps: {len(result.gaps)}, of which without an answer: {open_answers}", highlight=False)
    if result.cheapest_path:
        console.print(
            f"cheapest path to the gate, to be met in full: {', '.join(result.cheapest_path)}",
            highlight=False,
            soft_wrap=True,
        )
