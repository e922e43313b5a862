"""What the benchmark writes for people and programs: templates, gap reports, OSCAL mappings, workbooks."""

import csv
import io
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import cache
from html import escape as escape_markup
from importlib.resources import files
from typing import Any
from uuid import UUID, uuid5

from mrx_shared.refusals import Rejected

from mrx_criteria.domain.answers import COLUMNS, TOLD, Answer
from mrx_criteria.domain.commonality import GapReport, Score, gate_in_words, percent
from mrx_criteria.domain.criteria import Catalogue, Criterion, Relation
from mrx_criteria.files import MARK

OSCAL_VERSION = "1.2.0"
_NAMESPACE = UUID("5f0c1c52-6d3e-4c0e-9d53-8f4d4c9a7e10")
_RELATIONSHIPS: Mapping[Relation, str] = {
    Relation.EQUAL: "equal-to",
    Relation.SUPERSET: "superset-of",
    Relation.SUBSET: "subset-of",
    Relation.INTERSECTS: "intersects-with",
    Relation.NONE: "no-relationship",
}


def template_csv(catalogue: Catalogue, answers: Iterable[Answer] = ()) -> str:
    """An empty template of this version, or one with the answers that are known."""
    out = io.StringIO()
    out.write(f"{MARK}{catalogue.version}\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow((*COLUMNS, *TOLD))
    writer.writerows(_lines(catalogue, answers))
    return out.getvalue()


def template_xlsx(catalogue: Catalogue, answers: Iterable[Answer] = ()) -> bytes:
    """The same as a workbook, with the relations to choose from."""
    import xlsxwriter  # noqa: PLC0415 - only who asks for a workbook pays for it

    body = io.BytesIO()
    book = xlsxwriter.Workbook(
        body, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    sheet = book.add_worksheet("Answers")
    bold = book.add_format({"bold": True})
    # As text ("@"), so that what is typed as 4.10 does not become the number 4.1.
    wrapped = book.add_format({"text_wrap": True, "valign": "top", "num_format": "@"})
    sheet.write_string(0, 0, f"{MARK}{catalogue.version}")
    for column, name in enumerate((*COLUMNS, *TOLD)):
        sheet.write_string(1, column, name, bold)
    for row, cells in enumerate(_lines(catalogue, answers), 2):
        for column, cell in enumerate(cells):
            sheet.write_string(row, column, cell, wrapped)
    sheet.data_validation(
        2, 1, 1 + len(catalogue.criteria), 1, {"validate": "list", "source": [one.value for one in Relation]}
    )
    for column, width in enumerate((14, 12, 16, 40, 40, 24, 8, 18, 60, 10, 8)):
        sheet.set_column(column, column, width)
    sheet.freeze_panes(2, 2)
    book.close()
    return body.getvalue()


def _lines(catalogue: Catalogue, answers: Iterable[Answer]) -> Iterable[tuple[str, ...]]:
    known = {answer.criterion_id: answer for answer in answers}
    for one in catalogue.criteria:
        answer = known.get(one.id)
        yield (
            one.id,
            answer.relation.value if answer else "",
            answer.requirement_ref if answer else "",
            answer.requirement_text if answer else "",
            answer.rationale if answer else "",
            answer.evidence if answer else "",
            one.clause,
            one.pillar,
            one.statement,
            "yes" if one.essential else "no",
            str(one.weight),
        )


def heat_map(score: Score, catalogue: Catalogue) -> str:
    """Clauses by pillars as SVG, each field with its commonality; the figure stands in it, not the colour alone."""
    import altair as alt  # noqa: PLC0415 - a second and 100 MB that no score should pay for
    import vl_convert  # noqa: PLC0415

    pillars = dict.fromkeys(one.pillar for one in catalogue.criteria)
    rows = [
        {
            "clause": clause,
            "pillar": pillar.replace("-", " "),
            "commonality": float(percent(figures.commonality)),
            "shown": f"{percent(figures.commonality)}",
        }
        for (clause, pillar), figures in score.by_field.items()
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "pillar:N",
            title=None,
            sort=[one.replace("-", " ") for one in pillars],
            axis=alt.Axis(orient="top", labelAngle=0, ticks=False, domain=False),
        ),
        y=alt.Y(
            "clause:N",
            title="Clause",
            sort=list(score.by_clause),
            axis=alt.Axis(ticks=False, domain=False),
        ),
    )
    cells = base.mark_rect(stroke="#ffffff", strokeWidth=2).encode(
        color=alt.Color(
            "commonality:Q",
            legend=None,
            scale=alt.Scale(domain=[0, 100], range=["#f6e3c5", "#0b6b53"]),
        )
    )
    figures = base.mark_text(fontSize=11).encode(
        text="shown:N",
        color=alt.condition("datum.commonality > 80", alt.value("#ffffff"), alt.value("#000000")),
    )
    chart = (
        (cells + figures)
        .properties(width=460, height=22 * len(score.by_clause), background="#ffffff")
        .configure(font="sans-serif")
        .configure_view(stroke=None)
    )
    return str(vl_convert.vegalite_to_svg(chart.to_json()))


def gap_html(report: GapReport) -> str:
    """The gap report as a page of its own: no script, nothing from elsewhere."""
    import jinja2  # noqa: PLC0415

    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(_shipped("gap.html"))
    return template.render(**_told(report), map=heat_map(report.score, report.catalogue))


def gap_pdf(report: GapReport) -> bytes:
    """The gap report as PDF; the same bytes for the same report.

    Its fonts are those of the typesetter, which know Latin, Greek and Cyrillic; other scripts are put in Latin letters.
    """
    import typst  # noqa: PLC0415
    from anyascii import anyascii  # noqa: PLC0415

    def spelled(text: str, escape: Callable[[str], str]) -> str:
        return "".join(
            one if one < "\u0530" or "\u2000" <= one < "\u2300" else escape(anyascii(one)) for one in text
        )

    told = spelled(json.dumps(_told(report), ensure_ascii=False), lambda one: json.dumps(one)[1:-1])
    return bytes(
        typst.compile(
            _shipped("gap.typ").encode(),
            sys_inputs={
                "report": told,
                "map": spelled(heat_map(report.score, report.catalogue), escape_markup),
                "made": report.made_at.date().isoformat(),
            },
            ignore_system_fonts=True,
            timestamp=int(report.made_at.timestamp()),
        )
    )


def gap_xlsx(report: GapReport) -> bytes:
    """The gap report as a workbook: figures, every criterion, the path to the gate."""
    import xlsxwriter  # noqa: PLC0415

    body = io.BytesIO()
    book = xlsxwriter.Workbook(
        body, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    )
    book.set_properties({"created": report.made_at.replace(tzinfo=None)})
    bold = book.add_format({"bold": True})
    told = _told(report)
    overall = [
        (name, told[name])
        for name in ("protocol", "criteria", "commonality", "lower", "upper", "gate", "equivalent")
    ]
    clauses = [(one["clause"], one["pillar"], one["commonality"], one["upper"]) for one in told["clauses"]]
    answers = {one.criterion_id: one for one in report.answers}
    points = {gap.criterion.id: str(percent(gap.points)) for gap in report.score.gaps}
    criteria = [
        (
            one.id,
            one.clause,
            one.statement,
            str(one.weight),
            answers[one.id].relation.value if one.id in answers else "",
            answers[one.id].requirement_ref if one.id in answers else "",
            answers[one.id].rationale if one.id in answers else "",
            points.get(one.id, "0.00"),
        )
        for one in report.catalogue.criteria
    ]
    for name, header, rows in (
        ("Verdict", ("figure", "value"), overall),
        ("Clauses", ("clause", "pillar", "commonality", "at best"), clauses),
        (
            "Criteria",
            ("criterion", "clause", "statement", "weight", "relation", "requirement", "rationale", "points"),
            criteria,
        ),
        (
            "Path",
            ("criterion", "statement", "points"),
            [(one["id"], one["statement"], one["points"]) for one in told["path"]],
        ),
    ):
        sheet = book.add_worksheet(name)
        for row, cells in enumerate((header, *rows)):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, str(cell), bold if row == 0 else None)
        sheet.freeze_panes(1, 0)
        sheet.autofit()
    book.close()
    return body.getvalue()


def oscal(report: GapReport) -> dict[str, Any]:
    """The answers as an OSCAL mapping collection: the protocol's requirements are the source, the criteria the target.

    Criteria without an answer, and those that nothing meets, are its gaps. Raises `Rejected` where there is no answer: OSCAL knows no empty mapping.
    """
    if not report.answers:
        raise Rejected("there is nothing to map", field="answers", remedy="answer at least one criterion")
    named = f"{report.protocol}/{report.catalogue.version}"
    maps = [
        {
            "uuid": str(uuid5(_NAMESPACE, f"{named}/{answer.criterion_id}")),
            "relationship": _RELATIONSHIPS[answer.relation],
            "sources": [
                {
                    "type": "statement",
                    "id-ref": " ".join(answer.requirement_ref.split()) or answer.criterion_id,
                }
            ],
            "targets": [{"type": "control", "id-ref": answer.criterion_id}],
            **({"remarks": answer.rationale} if answer.rationale else {}),
        }
        for answer in report.answers
    ]
    relations = {answer.criterion_id: answer.relation for answer in report.answers}
    is_open = len(relations) < len(report.catalogue.criteria)
    unmapped = [
        one.id for one in report.catalogue.criteria if relations.get(one.id, Relation.NONE) is Relation.NONE
    ]
    gaps = {
        "uuid": str(uuid5(_NAMESPACE, f"{named}/gaps")),
        "unmapped-controls": [{"with-ids": unmapped}],
    }
    source, target = (str(uuid5(_NAMESPACE, f"{named}/{end}")) for end in ("source", "target"))
    provenance = {
        "method": "human",
        "matching-rationale": "semantic",
        "status": "not-complete" if is_open else "complete",
    }
    return {
        "mapping-collection": {
            "uuid": str(uuid5(_NAMESPACE, f"{named}/{report.made_at.isoformat()}")),
            "metadata": {
                "title": f"{report.protocol} against criteria {report.catalogue.version}",
                "last-modified": report.made_at.isoformat(),
                "version": report.catalogue.version,
                "oscal-version": OSCAL_VERSION,
            },
            "provenance": {
                **provenance,
                "mapping-description": "How the protocol's requirements stand to the common criteria.",
            },
            "mappings": [
                {
                    "uuid": str(uuid5(_NAMESPACE, f"{named}/mapping")),
                    **provenance,
                    "source-resource": {"type": "catalog", "href": f"#{source}"},
                    "target-resource": {"type": "catalog", "href": f"#{target}"},
                    "maps": maps,
                    **({"target-gap-summary": gaps} if unmapped else {}),
                }
            ],
            "back-matter": {
                "resources": [
                    {"uuid": source, "title": report.protocol},
                    {"uuid": target, "title": f"Common criteria {report.catalogue.version}"},
                ]
            },
        }
    }


REPORTS: Mapping[str, tuple[str, Callable[[GapReport], bytes]]] = {
    "html": ("text/html; charset=utf-8", lambda report: gap_html(report).encode()),
    "pdf": ("application/pdf", gap_pdf),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", gap_xlsx),
    "svg": ("image/svg+xml", lambda report: heat_map(report.score, report.catalogue).encode()),
    "json": ("application/json", lambda report: json.dumps(oscal(report), indent=2).encode()),
}
"""Kinds of reports by their ending, with their content types."""


def _day(moment: date) -> str:
    """As pages and mails write it."""
    return f"{moment.day} {moment:%B %Y}"


def _told(report: GapReport) -> dict[str, Any]:
    """The report's words and figures; every number is text, rounded down."""
    score, catalogue = report.score, report.catalogue
    criteria = {one.id: one for one in catalogue.criteria}
    points = {gap.criterion.id: str(percent(gap.points)) for gap in score.gaps}
    return {
        "protocol": report.protocol,
        "criteria": catalogue.version,
        "based_on": catalogue.based_on,
        "made": _day(report.made_at),
        "gate": gate_in_words(catalogue, score.rule),
        "equivalent": score.equivalent.value,
        **score.overall.published,
        "waived": [
            {"clause": one.clause, "reason": one.reason, "until": _day(one.until)} for one in score.waived
        ],
        "pillars": [{"pillar": name, **one.published} for name, one in score.by_pillar.items()],
        "clauses": [
            {"clause": clause, "pillar": pillar.replace("-", " "), **one.published}
            for (clause, pillar), one in score.by_field.items()
        ],
        "path": [_step(criteria[name], points[name]) for name in score.cheapest_path],
        "gaps": [
            {
                **_step(gap.criterion, points[gap.criterion.id]),
                "relation": gap.relation.value if gap.relation else "not answered",
                "essential": "yes" if gap.criterion.essential else "",
            }
            for gap in score.gaps
        ],
    }


def _step(criterion: Criterion, points: str) -> dict[str, str]:
    return {
        "id": criterion.id,
        "clause": criterion.clause,
        "statement": criterion.statement,
        "points": points,
    }


@cache
def _shipped(name: str) -> str:
    return files("mrx_criteria").joinpath("reports", name).read_text(encoding="utf-8")
