"""What a protocol's owner says about each criterion, read strictly: nothing guessed, nothing dropped in silence."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from mrx_shared.limits import TEXT_CHARACTERS
from mrx_shared.refusals import FAULTS, Faulty, Invalid

from mrx_criteria.domain.criteria import EXCLUSIVE, Catalogue, Relation

TEXTS = ("requirement_ref", "requirement_text", "rationale", "evidence")
COLUMNS = ("criterion_id", "relation", *TEXTS)
TOLD = ("clause", "pillar", "statement", "essential", "weight")
"""What a template tells beside the questions; nothing of it is read back."""

Cells = Mapping[str, str] | Invalid
"""A row's cells by their headings, or what is wrong with the row as a whole."""

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """What stands written about a criterion that is still open."""

    criterion_id: str
    requirement_ref: str = ""
    requirement_text: str = ""
    rationale: str = ""
    evidence: str = ""


def row_of(written: Answer | Note) -> dict[str, str]:
    """An answer or a note as the row of a file that is read back to it."""
    return {
        "criterion_id": written.criterion_id,
        "relation": written.relation.value if isinstance(written, Answer) else "",
        **{name: getattr(written, name) for name in TEXTS},
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Sifted:
    """The good rows of a file, and all that is wrong with the others, in the order of the file.

    Rows without a relation are notes where they hold a text.
    """

    answers: tuple[Answer, ...]
    faults: tuple[Invalid, ...]
    more: int = 0
    """how many faults are not told, where there are more than `FAULTS`"""
    notes: tuple[Note, ...] = ()

    def whole(self) -> "Sifted":
        """Itself. Raises `Faulty` where something is wrong."""
        if self.faults:
            raise Faulty(self.faults, more=self.more)
        return self

    def unanswered(self) -> "Sifted":
        """With what is wrong where no row answers anything: it begins no assessment."""
        return replace(self, faults=self.faults or (nothing_answered(),))


def read_answers(rows: Iterable[tuple[int, Cells]], catalogue: Catalogue) -> tuple[Answer, ...]:
    """The answers of numbered rows. A row without a relation leaves its criterion open.

    Raises `Faulty` with the row and the column of every fault.
    """
    return sift(rows, catalogue).whole().answers


def sift(rows: Iterable[tuple[int, Cells]], catalogue: Catalogue) -> Sifted:
    """As `read_answers`, but every row by itself: the good ones, and the faults of those that are refused."""
    first_row: dict[str, int] = {}
    answers: list[Answer] = []
    notes: list[Note] = []
    faults: list[Invalid] = []
    more = 0
    clause_of = {criterion.id: criterion.clause for criterion in catalogue.criteria}
    for row, cells in rows:
        wrong = [cells] if isinstance(cells, Invalid) else _wrong(row, cells, catalogue, clause_of, first_row)
        told = wrong[: FAULTS - len(faults)]
        faults += told
        more += len(wrong) - len(told)
        if not wrong and not isinstance(cells, Invalid):
            written = _written(cells)
            if isinstance(written, Answer):
                answers.append(written)
            elif written is not None:
                notes.append(written)
    return Sifted(answers=tuple(answers), faults=tuple(faults), more=more, notes=tuple(notes))


def _written(cells: Mapping[str, str]) -> Answer | Note | None:
    """What a row without a fault says."""
    texts = {column: cells.get(column, "").strip() for column in COLUMNS}
    criterion_id, words = texts["criterion_id"], {column: texts[column] for column in TEXTS}
    if texts["relation"]:
        return Answer(criterion_id=criterion_id, relation=read_relation(texts["relation"]), **words)
    return Note(criterion_id=criterion_id, **words) if any(words.values()) else None


def _wrong(
    row: int,
    cells: Mapping[str, str],
    catalogue: Catalogue,
    clause_of: Mapping[str, str],
    first_row: dict[str, int],
) -> list[Invalid]:
    """Every fault of a row, at most one a column."""
    texts = {column: cells.get(column, "").strip() for column in COLUMNS}
    faults: list[Invalid] = []
    if not any(texts.values()):
        return faults
    for column in COLUMNS:
        try:
            plain_text(cells.get(column, ""), field=column, row=row)
            if column == "relation" and texts[column]:
                read_relation(texts[column], row=row)
            if column == "criterion_id":
                _check_place(texts[column], row, catalogue, clause_of, first_row)
        except Invalid as fault:
            faults.append(fault)
    return faults


def _check_place(
    criterion_id: str,
    row: int,
    catalogue: Catalogue,
    clause_of: Mapping[str, str],
    first_row: dict[str, int],
) -> None:
    if criterion_id not in clause_of:
        raise _not_here(criterion_id, row, catalogue)
    if first_row.setdefault(criterion_id, row) != row:
        raise Invalid(
            f"criterion {criterion_id} is answered twice, first in row {first_row[criterion_id]}",
            field="criterion_id",
            row=row,
            remedy="keep one row per criterion",
        )


def nothing_answered() -> Invalid:
    """The refusal of answers of which there is none."""
    return Invalid("no criterion is answered", field="answers", remedy="answer at least one")


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
            remedy=f"write at most {TEXT_CHARACTERS}; put longer text in a document and name it as evidence",
        )
    if unseen := _UNSEEN.search(text):
        raise Invalid(
            f"contains the control character U+{ord(unseen[0]):04X}",
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
                remedy=f"delete the rows of clause {clause}, or score against a catalogue that contains it",
            )
    return Invalid(
        f"criterion {criterion_id[:64]!r} is not in catalogue {catalogue.version}"
        if criterion_id
        else "no criterion is named",
        field="criterion_id",
        row=row,
        remedy=remedy,
    )
