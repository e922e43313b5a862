"""What may stand in one cell of a list, whatever its column."""

import re
from dataclasses import dataclass

import polars as pl

MOST_LETTERS = 200
LONGER = {"address": 500, "site_name": 300}
"""Columns that may be longer than `MOST_LETTERS`."""

SUSPICIOUS = r"[\p{Cc}\x{200b}-\x{200f}\x{2028}-\x{202e}\x{2060}-\x{2069}\x{feff}]|^\s*[=+\-@＝＋－＠]"
"""In the words of Rust's regex: every text that `fault_of` may object to, but for its length."""

_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_FORMULA = (
    r"^\s*(?:[=＝]|[@+\-＋－＠][\s@+\-=]*(?:"
    r"[A-Za-z_][\w.]*\s?\("  # a function is called
    r"|\$?[A-Za-z]{1,3}\$?[0-9]+\s*(?:[-+*/^&%:,;<>=!]|$)"  # a cell is named, alone or in a sum
    r"|[^|]*\|[^!]*!"  # another program is started
    r"|'[^']*'!|\w+!\$?[A-Za-z]"  # another sheet is named
    r"|[0-9.,\s()]+[*/^&<>=]"  # a sum begins with a number
    r"))"
)
"""In the words of Rust's regex, whose cost is linear whatever the cell holds."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a cell, and what to do."""

    reason: str
    remedy: str


def fault_of(column: str, value: str) -> Fault | None:
    """What is wrong with a text that stands in a column, or None.

    A text that is too long is read no further. A plus or minus that opens a telephone number, a dash before a
    word and a lone sign are no formulas.
    """
    most = most_letters(column)
    if len(value) > most:
        return Fault(f"has {len(value)} characters, at most {most} are allowed", "shorten the value")
    if _CONTROL.search(value):
        return Fault("contains control characters", "remove line breaks, tabs and invisible characters")
    if pl.Series([value]).str.contains(_FORMULA).item():
        return Fault("is a formula that a spreadsheet would run", "send the value that the formula shows")
    return None


def most_letters(column: str) -> int:
    """How long a value of a column may be."""
    return LONGER.get(column, MOST_LETTERS)


def printable(value: str) -> str:
    """A value as it may stand in a receipt: without control characters, and not long."""
    shown = value if len(value) <= 60 else f"{value[:59]}…"  # noqa: PLR2004 - enough to find it by
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", shown)
