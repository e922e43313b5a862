"""The scheme's common criteria: one catalogue per version, checked before anyone is measured by it."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from typing import TypeVar

from mrx_shared.refusals import Invalid

EXCLUSIVE = frozenset({"10B2", "10B4"})
"""Clauses that never stand in one catalogue: the short and the full form of Environment."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_NUMBER = re.compile(r"([0-9]+)")
_WEIGHT = re.compile(r"[1-9][0-9]{0,5}")
_DECIMAL = re.compile(r"[0-9]{1,3}(\.[0-9]{1,12})?")
_TRUTH = {"true": True, "yes": True, "false": False, "no": False}
_TEXT = 2_000


class Relation(StrEnum):
    """How what a protocol asks for stands to a criterion."""

    EQUAL = "equal"
    SUPERSET = "superset"
    SUBSET = "subset"
    INTERSECTS = "intersects"
    NONE = "none"


class Kind(StrEnum):
    """What a criterion is about: the workplace, how it is managed, or how the audit is done."""

    REQUIREMENT = "requirement"
    MANAGEMENT_SYSTEM = "management-system"
    AUDIT_PROCESS = "audit-process"


class GateRule(StrEnum):
    """What must be reached: a share of the weight, or every essential criterion in full."""

    WEIGHT = "weight"
    ESSENTIAL = "essential"


CREDITS: Mapping[Relation, Fraction] = MappingProxyType(
    {
        Relation.EQUAL: Fraction(1),
        Relation.SUPERSET: Fraction(1),
        Relation.SUBSET: Fraction(1, 2),
        Relation.INTERSECTS: Fraction(1, 4),
        Relation.NONE: Fraction(0),
    }
)
GATE = Fraction(85)


@dataclass(frozen=True, slots=True, kw_only=True)
class Criterion:
    """One thing that a protocol must ask for, and what it weighs."""

    id: str
    clause: str
    pillar: str
    statement: str
    essential: bool
    weight: int
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """One version of the criteria. Cannot be built with a criterion twice or with clauses that exclude each other."""

    version: str
    based_on: str
    valid_from: date
    valid_until: date | None
    criteria: tuple[Criterion, ...]
    gate: Fraction = GATE
    rule: GateRule = GateRule.WEIGHT
    credits: Mapping[Relation, Fraction] = field(default_factory=lambda: CREDITS)
    floors: Mapping[str, Fraction] = field(default_factory=lambda: MappingProxyType({}))
    """What each of these pillars must reach by itself, in percent, beside the gate by weight."""
    grades: tuple[str, ...] = ()
    """The names in which audits under this version grade management systems, the worst first."""

    def __post_init__(self) -> None:
        if not self.criteria:
            raise Invalid(f"{self.version}: no criterion", field="criteria", remedy="state at least one")
        seen: set[str] = set()
        for criterion in self.criteria:
            if criterion.id in seen:
                raise Invalid(
                    f"{self.version}: criterion {criterion.id} is listed twice",
                    field="id",
                    remedy="give each criterion its own id",
                )
            seen.add(criterion.id)
        if {clause.upper() for clause in self.clauses} >= EXCLUSIVE:
            raise Invalid(
                f"{self.version}: clauses {' and '.join(sorted(EXCLUSIVE))} exclude each other",
                field="clause",
                remedy="keep 10B2 for a 2-pillar catalogue, 10B4 for a 4-pillar one",
            )
        for pillar in sorted(self.floors.keys() - {criterion.pillar for criterion in self.criteria}):
            raise Invalid(
                f"{self.version}: no criterion belongs to the pillar {pillar[:40]!r}",
                field="floors",
                remedy="name a pillar that has a criterion",
            )
        if self.floors and self.rule is GateRule.ESSENTIAL:
            raise Invalid(
                f"{self.version}: a floor goes with the gate by weight, not with {GateRule.ESSENTIAL}",
                field="floors",
                remedy="leave the floors out, or state the gate as a percentage",
            )
        if max(self.credits[Relation.EQUAL], self.credits[Relation.SUPERSET]) < 1:
            raise Invalid(
                f"{self.version}: no relation meets a criterion in full",
                field="credits",
                remedy="make equal or superset worth 1",
            )
        if self.valid_until is not None and self.valid_until < self.valid_from:
            raise Invalid(
                f"{self.version}: ends on {self.valid_until}, before it starts on {self.valid_from}",
                field="valid_until",
                remedy="state the version's last day, or null while it is in force",
            )

    @property
    def weight(self) -> int:
        """The weight of all criteria together."""
        return sum(criterion.weight for criterion in self.criteria)

    @property
    def clauses(self) -> frozenset[str]:
        """The clauses that have a criterion here."""
        return frozenset(criterion.clause for criterion in self.criteria)

    def document(self) -> dict[str, object]:
        """The catalogue as a file holds it: self-contained, and read back to an equal catalogue."""
        return {
            "version": self.version,
            "based_on": self.based_on,
            "valid_from": self.valid_from.isoformat(),
            "valid_until": self.valid_until.isoformat() if self.valid_until else None,
            "gate": self.rule.value if self.rule is GateRule.ESSENTIAL else decimal_text(self.gate),
            "credits": {relation.value: decimal_text(self.credits[relation]) for relation in Relation},
            **(
                {"floors": {pillar: decimal_text(floor) for pillar, floor in self.floors.items()}}
                if self.floors
                else {}
            ),
            **({"grades": list(self.grades)} if self.grades else {}),
            "criteria": [
                {
                    "id": criterion.id,
                    "clause": criterion.clause,
                    "pillar": criterion.pillar,
                    "statement": criterion.statement,
                    "essential": criterion.essential,
                    "weight": criterion.weight,
                    "kind": criterion.kind.value,
                }
                for criterion in self.criteria
            ],
        }

    def digest(self) -> str:
        """SHA-256 of what protocols are measured by; the days on which the version holds may still change."""
        measured = {
            name: part for name, part in self.document().items() if name not in {"valid_from", "valid_until"}
        }
        return hashlib.sha256(json.dumps(measured, sort_keys=True).encode()).hexdigest()


def natural(identifier: str) -> tuple[str | int, ...]:
    """A key that sorts ids as people do: C3.2 before C3.10."""
    return tuple(int(part) if part.isdecimal() else part for part in _NUMBER.split(identifier))


def plain_day(text: str) -> date:
    """A day written as 2026-06-30, and in no other way. Raises `ValueError`."""
    if not _DAY.fullmatch(text):
        raise ValueError(text)
    return date.fromisoformat(text)


def decimal_text(value: Fraction) -> str:
    """A fraction that was stated as a decimal, as that decimal, without loss."""
    whole, rest = divmod(value, 1)
    digits = ""
    while rest:
        digit, rest = divmod(rest * 10, 1)
        digits += str(digit)
    return f"{whole}.{digits}" if digits else str(whole)


_E = TypeVar("_E", bound=StrEnum)
_OPTIONAL = {"gate", "credits", "floors", "grades"}


def catalogue_from(document: object, *, file: str) -> Catalogue:
    """A catalogue from a document whose every scalar is text. Raises `Invalid` with file, criterion and field."""
    top = _Fields(document, place=file)
    top.only({"version", "based_on", "valid_from", "valid_until", "criteria"}, optional=_OPTIONAL)
    listed = top.values["criteria"]
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise Invalid(
            f"{file}: not a list of criteria", field="criteria", remedy="list at least one criterion"
        )
    rule, gate = _gate(top)
    try:
        return Catalogue(
            version=top.identifier("version"),
            based_on=top.text("based_on"),
            valid_from=top.day("valid_from"),
            valid_until=top.day("valid_until") if not top.empty("valid_until") else None,
            criteria=tuple(_criterion(item, position, file) for position, item in enumerate(listed, 1)),
            rule=rule,
            gate=gate,
            credits=_credits(top.values.get("credits"), file),
            floors=_floors(top.values.get("floors"), file),
            grades=_grades(top),
        )
    except Invalid as error:
        if error.reason.startswith(file):
            raise
        raise Invalid(f"{file}: {error.reason}", field=error.field, remedy=error.remedy) from None


def _criterion(item: object, position: int, file: str) -> Criterion:
    fields = _Fields(item, place=f"{file}: criterion number {position}")
    fields.only({"id", "clause", "pillar", "statement", "essential", "weight", "kind"})
    identifier = fields.identifier("id")
    fields.place = f"{file}: criterion {identifier}"
    essential = _TRUTH.get(fields.text("essential").lower())
    if essential is None:
        raise fields.wrong("essential", "write true or false")
    weight = fields.text("weight")
    if not _WEIGHT.fullmatch(weight):
        raise fields.wrong("weight", "write a whole number from 1 to 999999")
    return Criterion(
        id=identifier,
        clause=fields.identifier("clause"),
        pillar=fields.text("pillar"),
        statement=fields.text("statement"),
        essential=essential,
        weight=int(weight),
        kind=fields.word("kind", Kind),
    )


def _gate(top: "_Fields") -> tuple[GateRule, Fraction]:
    if "gate" not in top.values:
        return GateRule.WEIGHT, GATE
    stated = top.text("gate")
    if stated in set(GateRule):
        return GateRule(stated), GATE
    if not _DECIMAL.fullmatch(stated) or not 0 < Fraction(stated) <= 100:  # noqa: PLR2004 - percent
        raise top.wrong("gate", "write a percentage such as 85, or weight, or essential")
    return GateRule.WEIGHT, Fraction(stated)


def _floors(stated: object, file: str) -> Mapping[str, Fraction]:
    if stated is None:
        return MappingProxyType({})
    fields = _Fields(stated, place=f"{file}: floors")
    floors: dict[str, Fraction] = {}
    for pillar in fields.values:
        floor = fields.text(pillar)
        if not _DECIMAL.fullmatch(floor) or Fraction(floor) > 100:  # noqa: PLR2004 - percent
            raise fields.wrong(pillar, "write a percentage such as 70")
        floors[pillar] = Fraction(floor)
    return MappingProxyType(floors)


def _grades(top: "_Fields") -> tuple[str, ...]:
    stated = top.values.get("grades", [])
    if not isinstance(stated, Sequence) or isinstance(stated, str):
        raise top.wrong("grades", "list their names, the worst first")
    names = _Fields(dict(enumerate(stated)), place=f"{top.place}: grades")
    listed = tuple(names.text(number) for number in names.values)
    if len(set(listed)) < len(listed):
        raise top.wrong("grades", "name each once")
    return listed


def _credits(stated: object, file: str) -> Mapping[Relation, Fraction]:
    if stated is None:
        return CREDITS
    fields = _Fields(stated, place=f"{file}: credits")
    fields.only(set(), optional=set(Relation))
    own = dict(CREDITS)
    for name in fields.values:
        credit = fields.text(name)
        if not _DECIMAL.fullmatch(credit) or Fraction(credit) > 1:
            raise fields.wrong(name, "write a decimal from 0 to 1, such as 0.25")
        own[Relation(name)] = Fraction(credit)
    return MappingProxyType(own)


class _Fields:
    """The fields of one mapping, taken out one by one with errors that name place and field."""

    def __init__(self, item: object, *, place: str) -> None:
        if not isinstance(item, Mapping):
            raise Invalid(f"{place}: not a mapping of fields", remedy="write it as `field: value` lines")
        self.values: Mapping[str, object] = item
        self.place = place

    def only(self, needed: set[str], *, optional: set[str] | None = None) -> None:
        for name in sorted(needed - self.values.keys()):
            raise Invalid(f"{self.place}: missing", field=name, remedy="state it")
        for name in self.values:
            if name not in needed | (optional or set()):
                raise Invalid(
                    f"{self.place}: not a field of a catalogue",
                    field=name,
                    remedy=f"known are {', '.join(sorted(needed | (optional or set())))}",
                )

    def empty(self, name: str) -> bool:
        return self.values[name] in {"", "null", "~", None}

    def text(self, name: str) -> str:
        value = self.values[name]
        if not isinstance(value, str) or not value.strip() or len(value) > _TEXT:
            raise self.wrong(name, f"write 1 to {_TEXT} characters of text")
        if not value.isprintable():
            raise self.wrong(name, "take out control characters and line ends")
        return value.strip()

    def identifier(self, name: str) -> str:
        value = self.text(name)
        if not _ID.fullmatch(value):
            raise self.wrong(name, "write at most 64 letters, digits, dots, hyphens and underscores")
        return value

    def day(self, name: str) -> date:
        try:
            return plain_day(self.text(name))
        except ValueError:
            raise self.wrong(name, "write a day as 2026-06-30") from None

    def word(self, name: str, words: type[_E]) -> _E:
        value = self.text(name).lower().replace(" ", "-")
        if value not in set(words):
            raise self.wrong(name, f"write one of {', '.join(words)}")
        return words(value)

    def wrong(self, name: str, remedy: str) -> Invalid:
        value = self.values[name]
        shown = f"{value[:40]!r} does not stand here" if isinstance(value, str) else "not a plain value"
        return Invalid(f"{self.place}: {shown}", field=name, remedy=remedy)
