"""What a protocol's owner says about each criterion, read strictly: nothing guessed, nothing dropped in silence."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mrx_shared.refusals import Invalid

from mrx_benchmark.domain.criteria import EXCLUSIVE, Catalogue, Relation

TEXTS = ("requirement_ref", "requirement_text", "rationale", "evidence")
COLUMNS = ("criterion_id", "relation", *TEXTS)
TEXT_CHARACTERS = 8_000
TOLD = ("clause", "pillar", "statement", "essential", "weight")
"""What a template tells beside the questions; nothing of it is read back."""

_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA_STARTS = frozenset("=+@-＝＋＠－")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """How a protocol stands to one criterion, with where that is written and why it is judged so."""

    criterion_id: str
    relation: Relation
    requirement_ref: str = ""
    requirement_text: str = ""
    rationale: str = ""
    evidence: str = ""


def row_of(answer: Answer) -> dict[str, str]:
    """An answer as the row of a file that is read back to it."""
    return {
        "criterion_id": answer.criterion_id,
        "relation": answer.relation.value,
        **{name: getattr(answer, name) for name in TEXTS},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """The good rows of a file, and what is wrong with each of the others, in the order of the file."""

    answers: tuple[Answer, ...]
    faults: tuple[Invalid, ...]


def read_answers(rows: Iterable[tuple[int, Mapping[str, str]]], catalogue: Catalogue) -> tuple[Answer, ...]:
    """The answers of numbered rows. A row without a relation leaves its criterion open.

    Raises `Invalid` with the row and the column of the first fault.
    """
    sifted = sift(rows, catalogue)
    if sifted.faults:
        raise sifted.faults[0]
    return sifted.answers


def sift(rows: Iterable[tuple[int, Mapping[str, str]]], catalogue: Catalogue) -> Sifted:
    """As `read_answers`, but every row by itself: the good ones, and the fault of each that is refused."""
    first_row: dict[str, int] = {}
    answers: list[Answer] = []
    faults: list[Invalid] = []
    clause_of = {criterion.id: criterion.clause for criterion in catalogue.criteria}
    for row, cells in rows:
        try:
            answer = _answer(row, cells, catalogue, clause_of, first_row)
        except Invalid as fault:
            faults.append(fault)
        else:
            if answer is not None:
                answers.append(answer)
    return Sifted(answers=tuple(answers), faults=tuple(faults))


def _answer(
    row: int,
    cells: Mapping[str, str],
    catalogue: Catalogue,
    clause_of: Mapping[str, str],
    first_row: dict[str, int],
) -> Answer | None:
    texts = {column: plain_text(cells.get(column, ""), field=column, row=row) for column in COLUMNS}
    if not any(texts.values()):
        return None
    criterion_id = texts["criterion_id"]
    if criterion_id not in clause_of:
        raise _not_here(criterion_id, row, catalogue)
    if criterion_id in first_row:
        raise Invalid(
            f"criterion {criterion_id} is answered twice, first in row {first_row[criterion_id]}",
            field="criterion_id",
            row=row,
            remedy="keep one row per criterion",
        )
    first_row[criterion_id] = row
    if not texts["relation"]:
        return None
    return Answer(
        criterion_id=criterion_id,
        relation=read_relation(texts["relation"], row=row),
        **{column: texts[column] for column in TEXTS},
    )


def read_relation(text: str, *, row: int | None = None) -> Relation:
    """The relation that a word names, in any case of letters."""
    word = text.strip().lower()
    if word not in set(Relation):
        raise Invalid(
            f"{text[:40]!r} is not a relation",
            field="relation",
            row=row,
            remedy=f"write one of {', '.join(Relation)}, or leave it empty while the criterion is open",
        )
    return Relation(word)


def plain_text(text: str, *, field: str, row: int | None = None) -> str:
    """The text without outer blanks. Refuses what would hide, run in a spreadsheet, or fill a database."""
    if len(text) > TEXT_CHARACTERS:
        raise Invalid(
            f"{len(text)} characters",
            field=field,
            row=row,
            remedy=f"write at most {TEXT_CHARACTERS}; put longer matter in a document and name it as evidence",
        )
    if unseen := _UNSEEN.search(text):
        raise Invalid(
            f"holds the control character U+{ord(unseen[0]):04X}",
            field=field,
            row=row,
            remedy="delete it; paste the text without formatting",
        )
    stripped = text.strip()
    if len(stripped) > 1 and stripped[0] in _FORMULA_STARTS:
        raise Invalid(
            f"starts with {stripped[0]!r}, as a formula does",
            field=field,
            row=row,
            remedy="write plain text that starts with a letter, a digit or a bracket",
        )
    return stripped


def _not_here(criterion_id: str, row: int, catalogue: Catalogue) -> Invalid:
    remedy = f"take the ids that catalogue {catalogue.version} lists"
    for clause in EXCLUSIVE - catalogue.clauses:
        if criterion_id.upper().startswith((f"C{clause}.", f"{clause}.")) and EXCLUSIVE & catalogue.clauses:
            (other,) = EXCLUSIVE & catalogue.clauses
            return Invalid(
                f"criterion {criterion_id[:64]} is of clause {clause}; {catalogue.version} holds {other}, "
                "and the two exclude each other",
                field="criterion_id",
                row=row,
                remedy=f"delete the rows of clause {clause}, or score against a catalogue that holds it",
            )
    return Invalid(
        f"criterion {criterion_id[:64]!r} is not in catalogue {catalogue.version}"
        if criterion_id
        else "no criterion is named",
        field="criterion_id",
        row=row,
        remedy=remedy,
    )
