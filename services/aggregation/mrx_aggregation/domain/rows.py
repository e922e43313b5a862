"""Judging the rows of a list: accepted, waiting, or refused with field, reason and remedy."""

import io
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
from mrx_matching import SiteRecord, check_identifier, display_name, normalise_country

from mrx_aggregation.domain.cells import SUSPICIOUS, Fault, fault_of, most_letters, printable
from mrx_aggregation.domain.columns import IDENTIFIER_COLUMNS, READ_COLUMNS
from mrx_aggregation.domain.names import NAMES_A_MEMBER, PUBLISHED, CompanyNames
from mrx_aggregation.domain.protocols import ProtocolKey, Recognitions, protocol_key
from mrx_aggregation.domain.window import Window

AUDIT_TYPES = ("Full Initial", "Periodic", "Full Follow-up", "Partial Follow-up", "Desktop Follow-up")
NOTICES = ("Announced", "Semi-announced", "Unannounced")
_ENTRY: dict[str, type[pl.DataType]] = {
    "row": pl.Int64,
    "row_ref": pl.String,
    "waits_for_code": pl.String,
    "waits_for_version": pl.String,
    "site_name": pl.String,
    "address": pl.String,
    "city": pl.String,
    "region": pl.String,
    "postcode": pl.String,
    "country": pl.String,
    "audit_date": pl.Date,
    "scheme_family": pl.String,
} | dict.fromkeys(IDENTIFIER_COLUMNS, pl.String)
ENTRY_SCHEMA = pl.Schema(_ENTRY)
"""What is kept of an accepted or waiting row. An entry waits where `waits_for_code` is not null."""

_VALUES = pl.Struct([pl.Field(name, pl.String) for name in READ_COLUMNS])
_READ = pl.Schema([("row", pl.Int64), ("values", _VALUES)])
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMERIC_DATE = re.compile(r"([0-9]{1,4})[./\- ]([0-9]{1,2})[./\- ]([0-9]{1,4})")
_NOT_LETTERS = re.compile(r"[^a-z]+")
_ISO_REMEDY = "write the date as YYYY-MM-DD"


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRow:
    """Why a row is refused. `field` is the first column at fault; the reason names all of them."""

    row: int
    row_ref: str
    field: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of some rows. The entries are in the shape of `ENTRY_SCHEMA`."""

    entries: pl.DataFrame
    refused: list[RefusedRow]


@dataclass(slots=True)
class _Faults:
    """The faults of one page by place; the first column with a fault comes first."""

    by_place: defaultdict[int, list[tuple[str, Fault]]] = field(default_factory=lambda: defaultdict(list))

    def note(self, place: int, column: str, fault: Fault) -> None:
        found = self.by_place[place]
        if all(known != column for known, _ in found):
            found.append((column, fault))


class Judge:
    """Judges the pages of one list, one after the other, as of one day.

    What it has read of one page counts for the next: a `row_ref` may stand once in a list. Each distinct
    country, date and protocol is looked at once. With `only`, other rows are passed over. No published text may
    hold one of the company names.
    """

    def __init__(
        self,
        *,
        as_of: date,
        recognitions: Recognitions,
        company_names: CompanyNames,
        only: Iterable[int] | None = None,
    ) -> None:
        self._company_names = company_names
        self._only = None if only is None else list(only)
        self._window = Window(as_of=as_of)
        self._recognitions = recognitions
        self._row_of_ref: dict[str, int] = {}
        self._countries = _Once(_read_country)
        self._dates = _Once(self._read_date)
        self._audit_types = _Once(_one_of("audit_type", AUDIT_TYPES))
        self._notices = _Once(_one_of("notice", NOTICES))
        self._protocols = _Once(self._read_protocol)

    def judge(self, body: bytes) -> Verdict:
        """Judge the rows of stored pages: lines of JSON, each with `row` and `values`."""
        page = (
            pl.read_ndjson(io.BytesIO(body), schema=_READ)
            .unnest("values")
            .with_columns(pl.col(READ_COLUMNS).fill_null("").str.strip_chars())
        )
        faults = _Faults()
        self._check_refs(page, faults)
        if self._only is not None:
            page, faults = page.filter(pl.col("row").is_in(self._only)), _Faults()
        _check_texts(page, faults)
        page = page.with_columns(pl.col(column).str.head(most_letters(column)) for column in READ_COLUMNS)
        self._check_names(page, faults)
        page = self._with_meanings(page, faults)
        return _split(page, faults)

    def _check_refs(self, page: pl.DataFrame, faults: _Faults) -> None:
        for place, (ref, row) in enumerate(
            zip(page["row_ref"].to_list(), page["row"].to_list(), strict=True)
        ):
            if ref and (first := self._row_of_ref.setdefault(ref, row)) != row:
                faults.note(
                    place,
                    "row_ref",
                    Fault(f"is already used in row {first}", "give every row its own reference"),
                )

    def _check_names(self, page: pl.DataFrame, faults: _Faults) -> None:
        for column in PUBLISHED:
            found = self._company_names.found_in(column, page[column])
            if not found:
                continue
            for place, text in enumerate(page[column].to_list()):
                if text in found:
                    faults.note(place, column, NAMES_A_MEMBER)

    def _with_meanings(self, page: pl.DataFrame, faults: _Faults) -> pl.DataFrame:
        page = page.with_columns(
            pl.Series("country", self._countries.column(page, ["country"], faults), pl.String),
            pl.Series("audit_date", self._dates.column(page, ["audit_date"], faults), pl.Date),
        )
        self._audit_types.column(page, ["audit_type"], faults)
        self._notices.column(page, ["notice"], faults)
        standings = self._protocols.column(page, ["protocol", "protocol_version", "audit_date"], faults)
        identifiers = [
            pl.Series(kind, _checked_identifiers(kind, page[kind], faults), pl.String)
            for kind in IDENTIFIER_COLUMNS
        ]
        waits = [standing[1] if standing else None for standing in standings]
        return page.with_columns(
            *identifiers,
            pl.Series("scheme_family", [one[0] if one else None for one in standings], pl.String),
            pl.Series("waits_for_code", [key[0] if key else None for key in waits], pl.String),
            pl.Series("waits_for_version", [key[1] if key else None for key in waits], pl.String),
        )

    def _read_date(self, text: str) -> "tuple[date | None, str, Fault | None]":
        day, fault = read_date(text) if text else (None, _MISSING)
        if day is not None and (refusal := self._window.refusal(day)):
            return None, "audit_date", Fault(*refusal)
        return day, "audit_date", fault

    def _read_protocol(
        self, code: str, version: str, day: date | None
    ) -> "tuple[tuple[str | None, ProtocolKey | None] | None, str, Fault | None]":
        if not code:
            return None, "protocol", _MISSING
        if not version:
            return None, "protocol_version", _MISSING
        if day is None:
            return None, "audit_date", None
        key = protocol_key(code, version)
        standing = self._recognitions.on(key, day)
        if standing.reason:
            reason = f"{printable(code)} {printable(version)} {standing.reason}"
            return None, "protocol_version", Fault(reason, "leave the row out, or correct the version")
        return (standing.scheme_family, key if standing.unknown else None), "protocol_version", None


_MISSING = Fault("is empty", "fill in the column for this row")


class _Once:
    """Reads each distinct value of some columns once; remembers meaning and fault."""

    def __init__(self, read: Callable[..., tuple[Any, str, Fault | None]]) -> None:
        self._read = read
        self._known: dict[Hashable, tuple[Any, str, Fault | None]] = {}

    def column(self, page: pl.DataFrame, names: list[str], faults: _Faults) -> list[Any]:
        """The meaning of each row's value; what is at fault has none and is noted."""
        known, meanings = self._known, []
        for place, value in enumerate(zip(*(page[name].to_list() for name in names), strict=True)):
            found = known.get(value)
            if found is None:
                found = known[value] = self._read(*value)
            meaning, column, fault = found
            meanings.append(meaning)
            if fault is not None:
                faults.note(place, column, fault)
        return meanings


def read_date(text: str) -> tuple[date | None, Fault | None]:
    """The day that a text names. Only ISO dates are read: whoever wrote another form must say which it is."""
    if _ISO_DATE.fullmatch(text):
        try:
            return date.fromisoformat(text), None
        except ValueError:
            return None, Fault(f"'{text}' is not a day of the calendar", "correct the date of the audit")
    shown = printable(text)
    if (parts := _NUMERIC_DATE.fullmatch(text)) and all(int(part) <= 12 for part in (parts[1], parts[2])):  # noqa: PLR2004 - months
        return None, Fault(f"'{shown}' is ambiguous: either number could be the day", _ISO_REMEDY)
    return None, Fault(f"'{shown}' cannot be read as a date", _ISO_REMEDY)


def _read_country(text: str) -> tuple[str | None, str, Fault | None]:
    if not text:
        return None, "country", _MISSING
    code = normalise_country(text)
    if code is None:
        return (
            None,
            "country",
            Fault(f"'{printable(text)}' is not a known country", "write its English name or ISO code"),
        )
    return code, "country", None


def _one_of(column: str, allowed: tuple[str, ...]) -> Callable[[str], tuple[str, str, Fault | None]]:
    known = {_NOT_LETTERS.sub("", one.casefold()) for one in allowed}

    def read(text: str) -> tuple[str, str, Fault | None]:
        if text and _NOT_LETTERS.sub("", text.casefold()) not in known:
            fault = Fault(
                f"'{printable(text)}' is not known", f"write one of {', '.join(allowed)}, or leave it empty"
            )
            return text, column, fault
        return text, column, None

    return read


def _checked_identifiers(kind: str, values: pl.Series, faults: _Faults) -> Iterable[str]:
    if values.is_empty() or values.str.len_bytes().max() == 0:
        return values
    checked = []
    for place, text in enumerate(values.to_list()):
        try:
            checked.append(check_identifier(kind, text) if text else "")
        except ValueError as error:
            reason, _, remedy = str(error).partition("; ")
            faults.note(place, kind, Fault(reason, remedy or "correct it or leave it empty"))
            checked.append("")
    return checked


def _check_texts(page: pl.DataFrame, faults: _Faults) -> None:
    """A quick look at every cell, and a close one at what looks suspicious."""
    looks = page.select(_suspicious(column) for column in READ_COLUMNS)
    for column in READ_COLUMNS:
        for place in looks[column].arg_true() if looks[column].any() else ():
            value = page[column][place]
            if fault := _fault_of_text(column, value):
                faults.note(place, column, fault)


def _fault_of_text(column: str, value: str) -> Fault | None:
    if not value:
        return _MISSING
    fault = fault_of(column, value)
    if (
        fault is None
        and column == "site_name"
        and not display_name(SiteRecord(key=0, name=value, country=""))
    ):
        return Fault("contains no letter or digit", "write the site's name")
    return fault


def _suspicious(column: str) -> pl.Expr:
    cell = pl.col(column)
    looks = cell.str.contains(SUSPICIOUS) | (cell.str.len_chars() > most_letters(column))
    # A name with a Latin letter or a digit is never published empty; of others the normaliser has to say.
    return looks | ~cell.str.contains("[0-9A-Za-z]") if column == "site_name" else looks


def _split(page: pl.DataFrame, faults: _Faults) -> Verdict:
    refused = []
    columns = {name: place for place, name in enumerate(READ_COLUMNS)}
    for place, found in sorted(faults.by_place.items()):
        found.sort(key=lambda one: columns[one[0]])
        first, *others = found
        reason = "; ".join([first[1].reason, *(f"{column} {fault.reason}" for column, fault in others)])
        remedies = dict.fromkeys(fault.remedy for _, fault in found)
        refused.append(
            RefusedRow(
                row=page["row"][place],
                row_ref=printable(page["row_ref"][place]),
                field=first[0],
                reason=reason,
                remedy="; ".join(remedies),
            )
        )
    entries = page
    if refused:
        entries = page.with_row_index("place").filter(~pl.col("place").is_in(list(faults.by_place)))
    return Verdict(entries.select(ENTRY_SCHEMA.names()), refused)
