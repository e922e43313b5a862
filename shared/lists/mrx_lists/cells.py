"""The cells of a file as they stand in it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum


class Formula(Enum):
    """A cell that a spreadsheet would compute. What it would show is not known without evaluating it."""

    CELL = "formula"


Cell = str | date | Formula | None

MAX_ROWS = 50_000
MAX_CELL = 4_000
HEADING_ROWS = 20
"""The headings stand among the first so many rows; what is above them (a title, a date) is skipped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The cells of a file as they stand in it, with what was found out on the way (encoding, delimiter)."""

    rows: Sequence[Sequence[Cell]]
    notes: tuple[str, ...] = ()


def as_text(cell: Cell) -> str:
    """A cell as text; dates as ISO, a formula as nothing."""
    if isinstance(cell, datetime):
        return cell.date().isoformat()
    if isinstance(cell, date):
        return cell.isoformat()
    return "" if cell is None or isinstance(cell, Formula) else cell
