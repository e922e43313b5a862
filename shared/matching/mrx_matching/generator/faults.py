"""Bad rows with a known reason: everything else in them is good."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from mrx_matching.generator.sites import Dice


class Fault(StrEnum):
    """Why a planted row must be refused."""

    UNKNOWN_COUNTRY = "unknown_country"
    DATE_IN_FUTURE = "date_in_future"
    DATE_TOO_OLD = "date_too_old"
    DATE_TOO_YOUNG = "date_too_young"
    DATE_UNREADABLE = "date_unreadable"
    NAME_MISSING = "name_missing"
    PROTOCOL_NOT_RECOGNISED = "protocol_not_recognised"
    LEI_CHECK = "lei_check"
    GLN_CHECK = "gln_check"
    CONTROL_CHARACTER = "control_character"
    FORMULA = "formula"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProtocolChoice:
    """A protocol version that a member audits under, and when it was recognised.

    Recognised on day d when `recognised_from` <= d < `recognised_until`; None leaves that end open.
    """

    protocol: str
    version: str
    recognised_from: date | None = None
    recognised_until: date | None = None
    weight: float = 1.0

    def recognised_on(self, day: date) -> bool:
        return (self.recognised_from is None or self.recognised_from <= day) and (
            self.recognised_until is None or day < self.recognised_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The days whose audits a round takes: `first` to `last`, both included."""

    first: date
    last: date
    as_of: date

    @classmethod
    def of(cls, as_of: date) -> "Window":
        """Return the 36 months before `as_of` without the last 90 days."""
        try:
            start = as_of.replace(year=as_of.year - 3)
        except ValueError:
            start = as_of.replace(year=as_of.year - 3, day=28)
        return cls(first=start + timedelta(days=1), last=as_of - timedelta(days=90), as_of=as_of)


_FAR_AHEAD = 36
_LONG_AGO = timedelta(days=700)

Row = dict[str, str]
Plant = Callable[[Dice, Row, Sequence[ProtocolChoice], Window], Row | None]


def plant(
    fault: Fault, chance: Dice, row: Row, choices: Sequence[ProtocolChoice], window: Window
) -> Row | None:
    """Return the row with the fault, None where this row cannot bear it."""
    return _PLANTS[fault](chance, row, choices, window)


def draw_audit(
    chance: Dice, choices: Sequence[ProtocolChoice], first: date, last: date
) -> tuple[ProtocolChoice, date] | None:
    """Return a protocol and a day between first and last on which it was recognised."""
    open_choices = []
    for choice in choices:
        start = max(first, choice.recognised_from or first)
        end = min(last, (choice.recognised_until or date.max) - timedelta(days=1))
        if start <= end:
            open_choices.append((choice, start, end))
    if not open_choices:
        return None
    choice, start, end = chance.choices(open_choices, [choice.weight for choice, _, _ in open_choices])[0]
    return choice, start + timedelta(days=chance.randint(0, (end - start).days))


def _audited(row: Row, audit: tuple[ProtocolChoice, date] | None) -> Row | None:
    if audit is None:
        return None
    choice, day = audit
    return row | {
        "protocol": choice.protocol,
        "protocol_version": choice.version,
        "audit_date": day.isoformat(),
    }


def _unknown_country(chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row:
    return row | {"country": chance.choice(("Atlantis", "QQ", "Ruritania", "n/a", "EMEA"))}


def _future(chance: Dice, row: Row, choices: Sequence[ProtocolChoice], window: Window) -> Row | None:
    start = window.as_of + timedelta(days=round(365.25 * _FAR_AHEAD))
    return _audited(row, draw_audit(chance, choices, start, start + _LONG_AGO))


def _too_old(chance: Dice, row: Row, choices: Sequence[ProtocolChoice], window: Window) -> Row | None:
    last = window.first - timedelta(days=1)
    return _audited(row, draw_audit(chance, choices, last - _LONG_AGO, last))


def _too_young(chance: Dice, row: Row, choices: Sequence[ProtocolChoice], window: Window) -> Row | None:
    first = window.last + timedelta(days=1)
    return _audited(row, draw_audit(chance, choices, first, window.as_of))


def _unreadable(chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row:
    return row | {"audit_date": chance.choice(("2025-02-30", "n/a", "not yet", "Q3/2025", "tbc"))}


def _nameless(chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row:
    return row | {"site_name": chance.choice(("", "", " "))}


def _not_recognised(chance: Dice, row: Row, choices: Sequence[ProtocolChoice], window: Window) -> Row | None:
    outside = [
        (choice, first, last)
        for choice in choices
        for first, last in (
            (window.first, (choice.recognised_from or date.min)),
            ((choice.recognised_until or date.max), window.last),
        )
        if window.first <= first and last <= window.last and (last - first).days > 1
    ]
    if not outside:
        return None
    choice, first, last = chance.choice(outside)
    day = first + timedelta(days=chance.randint(1, (last - first).days - 1))
    known_then = any(
        other.recognised_on(day)
        for other in choices
        if (other.protocol, other.version) == (choice.protocol, choice.version)
    )
    return None if known_then else _audited(row, (choice, day))


def _last_digit_off(row: Row, kind: str) -> Row | None:
    value = row.get(kind)
    return row | {kind: f"{value[:-1]}{(int(value[-1]) + 1) % 10}"} if value else None


def _bad_lei(_chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row | None:
    return _last_digit_off(row, "lei")


def _bad_gln(_chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row | None:
    return _last_digit_off(row, "gln")


def _control(chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row:
    # DEL is the one control character that every file type and encoding can carry.
    name = row["site_name"]
    place = chance.randint(1, len(name) - 1)
    return row | {"site_name": f"{name[:place]}\x7f{name[place:]}"}


def _formula(chance: Dice, row: Row, _choices: Sequence[ProtocolChoice], _window: Window) -> Row:
    column = chance.choice(("site_name", "address"))
    return row | {column: '=HYPERLINK("https://site.example","open")'}


_PLANTS: Mapping[Fault, Plant] = {
    Fault.UNKNOWN_COUNTRY: _unknown_country,
    Fault.DATE_IN_FUTURE: _future,
    Fault.DATE_TOO_OLD: _too_old,
    Fault.DATE_TOO_YOUNG: _too_young,
    Fault.DATE_UNREADABLE: _unreadable,
    Fault.NAME_MISSING: _nameless,
    Fault.PROTOCOL_NOT_RECOGNISED: _not_recognised,
    Fault.LEI_CHECK: _bad_lei,
    Fault.GLN_CHECK: _bad_gln,
    Fault.CONTROL_CHARACTER: _control,
    Fault.FORMULA: _formula,
}
