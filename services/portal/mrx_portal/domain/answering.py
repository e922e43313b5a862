"""What a member's form says of the criteria of one clause."""

from collections.abc import Mapping
from dataclasses import dataclass

from mrx_portal.domain.evidence import joined
from mrx_portal.domain.reviews import RELATIONS, Clause, Fault, Line

FIELDS = ("relation", "requirement_ref", "requirement_text", "rationale", "evidence")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a form comes to: rows to keep, and faults by criterion."""

    rows: tuple[Mapping[str, str], ...]
    faults: Mapping[str, Fault]


def read_answers(clause: Clause, form: Mapping[str, str]) -> Answered:
    """What the form of a clause says that is new. Words without a relation are kept; their criterion stays open."""
    rows: list[Mapping[str, str]] = []
    faults: dict[str, Fault] = {}
    for line in clause.lines:
        stated = {name: form.get(f"{name}-{line.criterion_id}", "").strip() for name in FIELDS}
        stated["evidence"] = joined(stated["evidence"], form.get(f"evidence_file-{line.criterion_id}", ""))
        if stated == _kept(line):
            continue
        if stated["relation"] and stated["relation"] not in RELATIONS:
            faults[line.criterion_id] = Fault(field="relation", reason="Choose one of the relations.")
        else:
            rows.append({"criterion_id": line.criterion_id, **stated})
    return Answered(rows=tuple(rows), faults=faults)


def _kept(line: Line) -> dict[str, str]:
    return {name: getattr(line, name) or "" for name in FIELDS}
