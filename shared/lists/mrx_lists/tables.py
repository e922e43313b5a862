"""Tables with few columns of known names: what is to be asked for, what was decided, what a check found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType

from mrx_shared.refusals import Invalid

from mrx_lists.cells import HEADING_ROWS, MAX_CELL, MAX_ROWS, Cell, Formula, Sheet, as_text
from mrx_lists.columns import fold, meaning

_SPELLINGS: Mapping[str, str] = MappingProxyType(
    {
        "supplier_ref": "supplier_ref | site_number | Site No | Our Reference",
        "entry_id": "entry_id | Entry | List Entry",
        "supplier_name": "supplier_name | Supplier | Company | Company Name",
        "contact_email": "contact_email | E-mail | Mail | E-mail Address | Contact Mail | Courriel | Adresse e-mail"
        " | E-Mail-Adresse | Correo | Correo electrónico | 邮箱 | 电子邮件 | 联系邮箱",
        "contact_name": "contact_name | Contact | Contact Person | Ansprechpartner | Persona de contacto | 联系人",
        "language": "language | Lang | Langue | Sprache | Idioma | 语言",
        "scope": "scope | Audit Scope",
        "purpose": "purpose",
        "term_days": "term_days | Term | Days",
        "request_id": "request_id | Request",
        "outcome": "outcome",
        "reason": "reason",
        "valid_until": "valid_until",
        "same_file_confirmed": "same_file_confirmed",
        "decision": "decision",
        "audited_by_us": "audited_by_us",
    }
)
_MEANING: Mapping[str, str] = MappingProxyType(
    {fold(spelling): column for column, spellings in _SPELLINGS.items() for spelling in spellings.split("|")}
)
_NAMED_LIKE_A_SITE = MappingProxyType({"site_name": "supplier_name", "supplier_ref": "supplier_ref"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of a table. `row` is the number that a spreadsheet shows beside it, if any; no value is empty."""

    row: int | None
    values: Mapping[str, str]


def known(headings: Sequence[str]) -> int:
    """How many of these stand for a column of such a table."""
    return len({column for heading in headings if (column := _column(heading))})


def lines(sheet: Sheet, *, needed: Sequence[str]) -> tuple[Line, ...]:
    """The rows of a table, empty ones left out. Raises `Invalid` naming field, row and remedy."""
    top = max(
        range(min(len(sheet.rows), HEADING_ROWS)),
        key=lambda at: (known([as_text(cell) for cell in sheet.rows[at]]), -at),
        default=0,
    )
    headings = [as_text(cell) for cell in sheet.rows[top]] if sheet.rows else []
    columns: dict[str, int] = {}
    for at, heading in enumerate(headings):
        column = _column(heading)
        if column and (column not in columns or fold(heading) == fold(column)):
            columns[column] = at
    if missing := [column for column in needed if column not in columns]:
        raise Invalid(
            f"no column for {', '.join(missing)} among the headings: {', '.join(filter(None, headings))}"[
                :1000
            ],
            field=missing[0],
            remedy=f"add the column, or name the existing one exactly {missing[0]}",
        )
    found = [
        Line(row=number, values=MappingProxyType(values))
        for number, cells in enumerate(sheet.rows[top + 1 :], start=top + 2)
        if (values := _values(cells, columns, number))
    ]
    if not found:
        raise Invalid(
            "the file has headings but no rows", row=top + 1, remedy="export it again, with its rows"
        )
    if len(found) > MAX_ROWS:
        raise Invalid(
            f"the file has {len(found):,} rows; it may have at most {MAX_ROWS:,}",
            remedy="send it in several files",
        )
    return tuple(found)


def _column(heading: str) -> str | None:
    return _MEANING.get(fold(heading)) or _NAMED_LIKE_A_SITE.get(meaning(heading) or "")


def _values(cells: Sequence[Cell], columns: Mapping[str, int], row: int) -> dict[str, str]:
    found = {column: _text(cells[at], column, row) for column, at in columns.items() if at < len(cells)}
    return {column: text for column, text in found.items() if text}


def _text(cell: Cell, column: str, row: int) -> str:
    if isinstance(cell, Formula):
        raise Invalid(
            "is a formula",
            field=column,
            row=row,
            remedy="replace formulas with their values (copy, then paste as values)",
        )
    if isinstance(cell, date):
        return as_text(cell)
    text = " ".join((cell or "").split())
    if len(text) > MAX_CELL:
        raise Invalid(
            f"has {len(text):,} characters",
            field=column,
            row=row,
            remedy="look for an unclosed quotation mark",
        )
    return text
