"""Dates as people write them, to ISO. Whether the day or the month comes first is decided per column."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum

from mrx_shared.refusals import Invalid


class DateOrder(StrEnum):
    """Whether the day or the month is written first."""

    DMY = "dmy"
    MDY = "mdy"


_YEAR_FIRST = re.compile(r"(\d{4})\D{1,2}(\d{1,2})\D{1,2}(\d{1,2})(?:[T ]\d.*|[日号])?|(\d{4})(\d{2})(\d{2})")
_YEAR_LAST = re.compile(r"(\d{1,2})([./ -])\s?(\d{1,2})\2\s?(\d{4}|\d{2})(?:[ T,]+[\d:. apmAPM]+)?")
_TOKENS = re.compile(r"\d+|[^\W\d_]+")
_CENTURY = 2000
_LONGEST_DATE = 100

_MONTHS = (
    "january januar janvier enero gennaio janeiro",
    "february februar fevrier febrero febbraio fevereiro",
    "march marz maerz mars marzo marco",
    "april avril abril aprile",
    "may mai mayo maggio maio",
    "june juni juin junio giugno junho",
    "july juli juillet julio luglio julho",
    "august aout agosto",
    "september septembre septiembre settembre setembro",
    "october oktober octobre octubre ottobre outubro",
    "november novembre noviembre novembro",
    "december dezember decembre diciembre dicembre dezembro",
)
_HINTS = {
    "dmy": DateOrder.DMY,
    "tmj": DateOrder.DMY,
    "jma": DateOrder.DMY,
    "dma": DateOrder.DMY,
    "gma": DateOrder.DMY,
    "mdy": DateOrder.MDY,
}


def iso_dates(
    texts: Sequence[str | date], *, rows: Sequence[int], heading: str, order: DateOrder | None = None
) -> list[str]:
    """The column's dates as ISO text; what cannot be read stays as written, for the service to refuse its row.

    Raises `Invalid` where rows disagree on the order, or where it matters and neither a row, the heading
    (`(MM/DD/YYYY)`) nor `order` decides it. In a column of other dates a stray doubtful one stays as written.
    """
    order = order or _decide(texts, rows=rows, heading=heading)
    return [_iso(text, order) for text in texts]


def _decide(texts: Sequence[str | date], *, rows: Sequence[int], heading: str) -> DateOrder | None:
    telling: dict[DateOrder, int] = {}
    open_row: int | None = None
    plain = 0  # rows whose date cannot be mistaken
    for text, row in zip(texts, rows, strict=True):
        if isinstance(text, date) or _unmistakable(text):
            plain += 1
            continue
        day_first, month_first = _both(text)
        if day_first and month_first:
            open_row = open_row or (row if day_first != month_first else None)
        elif day_first or month_first:
            telling.setdefault(DateOrder.DMY if day_first else DateOrder.MDY, row)
    if len(telling) > 1:
        raise Invalid(
            f"row {telling[DateOrder.DMY]} has the day first, row {telling[DateOrder.MDY]} the month",
            field=heading,
            row=max(telling.values()),
            remedy="write all dates of the column in one order, best as YYYY-MM-DD",
        )
    decided = next(iter(telling), None) or hinted_order(heading)
    if decided is None and open_row is not None and not plain:
        raise Invalid(
            "no row tells whether the day or the month comes first",
            field=heading,
            row=open_row,
            remedy="say it with --date-order dmy or --date-order mdy, or write the dates as YYYY-MM-DD",
        )
    return decided


def hinted_order(heading: str) -> DateOrder | None:
    """The order that a heading itself gives, as in `Last Audit (MM/DD/YYYY)`."""
    for words in re.findall(r"(?<![A-Za-z])[A-Za-z]+[./-][A-Za-z]+[./-][A-Za-z]+", heading):
        letters = "".join(word[0] for word in re.split(r"[./-]", words.lower()) if len(set(word)) == 1)
        if letters in _HINTS:
            return _HINTS[letters]
    return None


def _iso(text: str | date, order: DateOrder | None) -> str:
    if isinstance(text, datetime):
        return text.date().isoformat()
    if isinstance(text, date):
        return text.isoformat()
    day_first, month_first = _both(text)
    if order is None:
        found = day_first if day_first == month_first else None
    else:
        found = day_first if order is DateOrder.DMY else month_first
    found = found or _unmistakable(text)
    return found.isoformat() if found else text


def _unmistakable(text: str) -> date | None:
    return _year_first(text) or _month_named(text)


def _both(text: str) -> tuple[date | None, date | None]:
    return _year_last(text, DateOrder.DMY), _year_last(text, DateOrder.MDY)


def _year_first(text: str) -> date | None:
    if match := _YEAR_FIRST.fullmatch(text.strip()):
        year, month, day = (part for part in match.groups() if part)
        return _date(int(year), int(month), int(day))
    return None


def _year_last(text: str, order: DateOrder) -> date | None:
    if match := _YEAR_LAST.fullmatch(text.strip()):
        first, second, year = int(match[1]), int(match[3]), int(match[4])
        day, month = (first, second) if order is DateOrder.DMY else (second, first)
        return _date(year if len(match[4]) > 2 else year + _CENTURY, month, day)  # noqa: PLR2004 - figures of a year
    return None


def _month_named(text: str) -> date | None:
    if len(text) > _LONGEST_DATE:
        return None
    plain = "".join(c for c in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(c))
    tokens = _TOKENS.findall(plain)
    numbers = [token for token in tokens if token.isdigit()]
    months = {month for token in tokens if (month := _month(token))}
    if len(numbers) != 2 or len(months) != 1:  # noqa: PLR2004 - day and year
        return None
    day, year = sorted(numbers, key=len) if len(numbers[0]) > 2 else numbers  # noqa: PLR2004
    return _date(int(year) if len(year) > 2 else int(year) + _CENTURY, months.pop(), int(day))  # noqa: PLR2004


def _month(word: str) -> int | None:
    """Return the month that a name or an unmistakable beginning of it (three letters or more) stands for."""
    if len(word) < 3:  # noqa: PLR2004
        return None
    fits = {at for at, names in enumerate(_MONTHS, 1) if any(name.startswith(word) for name in names.split())}
    return fits.pop() if len(fits) == 1 else None


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None
