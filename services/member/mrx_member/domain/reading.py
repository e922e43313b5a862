"""From the cells of a file to the rows of a list: what is sent, and what is left out and said so."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from mrx_lists.cells import HEADING_ROWS, MAX_CELL, MAX_ROWS, Cell, Formula, Sheet, as_text
from mrx_lists.columns import Headings, Use, recognise, recognised
from mrx_shared.refusals import Invalid

from mrx_member.domain.dates import DateOrder, iso_dates

MIN_HEADINGS = 2

_LINE_BREAKS = re.compile(r"[\r\n\t]+")
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One row of a list. `row` is the number that a spreadsheet shows beside it; no value is empty."""

    row: int
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a file says, in the scheme's columns, and what its owner should know about how it was read."""

    entries: tuple[Entry, ...]
    notes: tuple[str, ...]


def read(sheet: Sheet, *, use: Use, order: DateOrder | None = None) -> Reading:
    """Read a file's cells as a list. Raises `Rejected` or `Invalid` naming field, row and remedy."""
    top = _heading_row(sheet.rows)
    headings = recognise([as_text(cell) for cell in sheet.rows[top]], use)
    columns = {column: at for column, at in headings.cells.items() if column != "audit_date" or use.leaves}
    numbers: list[int] = []
    columnwise: dict[str, list[str | date]] = {column: [] for column in columns}
    for number, cells in enumerate(sheet.rows[top + 1 :], start=top + 2):
        kept = {
            c: _cell(cells[at], headings, c, number) if at < len(cells) else "" for c, at in columns.items()
        }
        if not any(kept.values()):
            continue
        if len(cells) > len(sheet.rows[top]) and any(cells[len(sheet.rows[top]) :]):
            raise Invalid(
                f"has {len(cells)} cells under {len(sheet.rows[top])} headings",
                row=number,
                remedy="put quotes around the value that contains a delimiter, or remove the cells that have no heading",
            )
        numbers.append(number)
        for column, value in kept.items():
            columnwise[column].append(value)
    if not numbers:
        raise Invalid(
            "the file has headings but no rows", row=top + 1, remedy="export the list again, with its rows"
        )
    if len(numbers) > MAX_ROWS:
        raise Invalid(
            f"the file has {len(numbers):,} rows, a list may have {MAX_ROWS:,}",
            remedy="send only sites audited in the last three years, or split the list",
        )
    if "audit_date" in columnwise:
        columnwise["audit_date"] = list(
            iso_dates(
                columnwise["audit_date"], rows=numbers, heading=headings.names["audit_date"], order=order
            )
        )
    entries = tuple(
        Entry(
            row=number,
            values=MappingProxyType({c: text for c in columns if (text := as_text(columnwise[c][at]))}),
        )
        for at, number in enumerate(numbers)
    )
    return Reading(entries=entries, notes=(*sheet.notes, *_left_out(headings, use)))


def _heading_row(rows: Sequence[Sequence[Cell]]) -> int:
    counts = [recognised([as_text(cell) for cell in cells]) for cells in rows[:HEADING_ROWS]]
    best = max(counts, default=0)
    if best >= MIN_HEADINGS:
        return counts.index(best)
    for at, cells in enumerate(rows):
        if any(as_text(cell).strip() for cell in cells):
            shown = ", ".join(as_text(cell) for cell in cells if cell)[:200]
            raise Invalid(
                f"no headings of a list of sites were found, it begins with: {shown}",
                field="site_name",
                row=at + 1,
                remedy="give the columns headings such as site_name, country, audit_date, protocol, protocol_version",
            )
    raise Invalid("the file is empty", remedy="export the list again")


def _cell(cell: Cell, headings: Headings, column: str, row: int) -> str | date:
    """Return a cell as it is sent.

    What makes one row bad goes out and comes back with the receipt; what shows that the whole file is not what
    it seems raises `Invalid`.
    """
    if isinstance(cell, date):
        return cell
    written = "" if isinstance(cell, Formula) or cell is None else cell
    # Blanks inside stay as they are: where letters are spaced out, wider ones part the words.
    text = " ".join(line.strip(" ") for line in _LINE_BREAKS.split(written)).strip()
    fault, remedy = "", ""
    if isinstance(cell, Formula):
        fault, remedy = "is a formula", "replace formulas with their values (copy, then paste as values)"
    elif _ERROR.match(text):
        fault, remedy = (
            f"holds the error {text}",
            "replace formulas with their values, and errors by what is true",
        )
    elif "\0" in text:
        fault, remedy = "holds a zero byte", "export the list again: the file is damaged or no text"
    elif "\N{REPLACEMENT CHARACTER}" in text:
        fault, remedy = (
            "holds a letter that was lost in an earlier conversion",
            "export the list again as UTF-8",
        )
    elif len(text) > MAX_CELL:
        fault, remedy = (
            f"has {len(text):,} characters",
            "look for an unclosed quotation mark",
        )
    if fault:
        raise Invalid(f"{headings.shown(column)}{fault}", field=column, row=row, remedy=remedy)
    return text


def _left_out(headings: Headings, use: Use) -> Iterable[str]:
    if headings.contacts and use.leaves:
        yield f"dropped, contacts never leave this machine: {', '.join(headings.contacts)}"
    if headings.ignored:
        yield f"ignored, not columns of the scheme: {', '.join(headings.ignored)}"
