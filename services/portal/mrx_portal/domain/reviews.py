"""A protocol's answers beside the criteria, clause by clause, and what a reviewer's form says of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from mrx_shared.refusals import Invalid

from mrx_portal.domain.evidence import EvidenceFile

RELATIONS = ("equal", "superset", "subset", "intersects", "none")
CONFIRMED = "confirmed"
CORRECTED = "corrected"
LEFT_OPEN = "left-open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One criterion with what the owner answered and what a reviewer decided."""

    criterion_id: str
    clause: str
    pillar: str
    kind: str
    statement: str
    essential: bool
    weight: int
    relation: str | None = None
    requirement_ref: str = ""
    requirement_text: str = ""
    rationale: str = ""
    evidence: str = ""
    evidence_words: str = ""
    evidence_file: str = ""
    """the SHA-256 that the evidence ends with, where it is a file's"""
    files: tuple[EvidenceFile, ...] = ()
    """those that the evidence names"""
    verdict: str | None = None
    corrected_to: str | None = None
    reviewers_rationale: str = ""

    @property
    def open(self) -> bool:
        """Whether an answer stands here that nobody has decided on."""
        return self.relation is not None and self.verdict is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clause:
    """The criteria of one clause."""

    name: str
    pillar: str
    lines: tuple[Line, ...]

    @property
    def answered(self) -> int:
        """Criteria with an answer of the owner."""
        return sum(line.relation is not None for line in self.lines)

    @property
    def decided(self) -> int:
        """Criteria with a reviewer's decision."""
        return sum(line.verdict is not None for line in self.lines)

    @property
    def undecided(self) -> int:
        """Answers without a decision."""
        return sum(line.open for line in self.lines)

    @property
    def weight(self) -> int:
        """The weight of its criteria together."""
        return sum(line.weight for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A reviewer's word on one criterion."""

    criterion_id: str
    verdict: str
    relation: str | None = None
    rationale: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with the word on one criterion."""

    field: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reviewed:
    """What a form comes to: decisions to send, and faults by criterion."""

    decisions: tuple[Decision, ...]
    faults: Mapping[str, Fault]


def by_clause(lines: Sequence[Line]) -> tuple[Clause, ...]:
    """The clauses in the order of the catalogue."""
    return tuple(
        Clause(name=name, pillar=group[0].pillar, lines=tuple(group))
        for name, group in ((name, list(found)) for name, found in groupby(lines, key=lambda one: one.clause))
    )


def clause_named(clauses: Sequence[Clause], name: str) -> Clause:
    """One clause. Raises `Invalid` where there is none of this name."""
    for clause in clauses:
        if clause.name == name:
            return clause
    raise Invalid(
        f"there is no clause {name[:20]!r} in these criteria",
        field="clause",
        remedy="choose one from the page",
    )


def read_review(clause: Clause, form: Mapping[str, str], *, confirm_rest: bool) -> Reviewed:
    """What the form of a clause says that is new. What is not touched stays; `confirm_rest` confirms open answers."""
    decisions: list[Decision] = []
    faults: dict[str, Fault] = {}
    for line in clause.lines:
        stated = _stated(line, form, confirm_rest=confirm_rest)
        if stated is None or _as_before(line, stated):
            continue
        if fault := _fault(line, stated):
            faults[line.criterion_id] = fault
        else:
            decisions.append(stated)
    return Reviewed(decisions=tuple(decisions), faults=faults)


def read_appeal(lines: Sequence[Line], form: Mapping[str, str]) -> tuple[Decision, ...]:
    """What the form on an appeal puts in place of decisions that stand; what is left alone stays."""
    found = []
    for line in lines:
        chosen = form.get(f"appeal-{line.criterion_id}", "")
        if chosen == CONFIRMED and line.relation is not None:
            found.append(Decision(criterion_id=line.criterion_id, verdict=CONFIRMED))
        elif chosen in RELATIONS:
            why = form.get("rationale", "").strip()
            found.append(
                Decision(criterion_id=line.criterion_id, verdict=CORRECTED, relation=chosen, rationale=why)
            )
    return tuple(found)


def _stated(line: Line, form: Mapping[str, str], *, confirm_rest: bool) -> Decision | None:
    verdict = form.get(f"verdict-{line.criterion_id}", "")
    if not verdict and confirm_rest and line.open:
        verdict = CONFIRMED
    if verdict not in {CONFIRMED, CORRECTED, LEFT_OPEN}:
        return None
    relation = form.get(f"relation-{line.criterion_id}", "")
    return Decision(
        criterion_id=line.criterion_id,
        verdict=verdict,
        relation=relation or None if verdict == CORRECTED else None,
        rationale=form.get(f"rationale-{line.criterion_id}", "").strip(),
    )


def _as_before(line: Line, stated: Decision) -> bool:
    return (line.verdict, line.corrected_to, line.reviewers_rationale) == (
        stated.verdict,
        stated.relation,
        stated.rationale,
    )


def _fault(line: Line, stated: Decision) -> Fault | None:
    unfit = {
        CONFIRMED: (line.relation is None, "There is no answer to confirm; state a relation instead."),
        LEFT_OPEN: (line.relation is not None, "There is an answer; confirm or correct it."),
    }
    if stated.verdict in unfit:
        wrong, reason = unfit[stated.verdict]
        return Fault(field="verdict", reason=reason) if wrong else None
    if stated.relation not in RELATIONS:
        return Fault(field="relation", reason="Choose the relation that the evidence shows.")
    if stated.relation == line.relation:
        return Fault(field="relation", reason="This is what was answered; confirm it, or choose another.")
    if not stated.rationale:
        return Fault(field="rationale", reason="Say why, so that the owner can follow.")
    return None
