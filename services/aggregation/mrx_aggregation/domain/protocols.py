"""Which protocol versions were recognised on which day."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

OWN_FAMILY = "equivalent"
"""What is published in place of a company's own protocol, which would name its owner."""

_JOINTS = re.compile(r"[\s\-_.]+")
_SPACE = re.compile(r"\s+")

ProtocolKey = tuple[str, str]


def protocol_key(code: str, version: str) -> ProtocolKey:
    """Code and version in the form in which they are compared."""
    return _JOINTS.sub("", code.casefold()), _SPACE.sub("", version.casefold())


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What the benchmark concluded about a protocol version under one version of the criteria."""

    protocol_code: str
    protocol_version: str
    scheme_family: str
    public: bool
    equivalent: bool
    recognised_from: date | None
    recognised_until: date | None
    member_id: UUID | None = None
    """whose own it is; None where it is public"""

    def covers(self, day: date) -> bool:
        """Whether an audit of this day was done under a recognised version."""
        return (
            self.equivalent
            and self.recognised_from is not None
            and self.recognised_from <= day
            and (self.recognised_until is None or day <= self.recognised_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an entry's protocol version amounts to on the day of its audit."""

    scheme_family: str | None = None
    reason: str | None = None

    @property
    def unknown(self) -> bool:
        """Nothing has been concluded about this version yet."""
        return self.scheme_family is None and self.reason is None


class Recognitions:
    """All that is known of protocol versions.

    Where a public protocol and a company's own carry one code, the public one is meant. What a company's own
    amounts to is told to `seen_by` alone, if it is that company.
    """

    def __init__(self, known: Iterable[Recognition], *, seen_by: UUID | None = None) -> None:
        self._seen_by = seen_by
        by_key: dict[ProtocolKey, list[Recognition]] = defaultdict(list)
        for one in known:
            by_key[protocol_key(one.protocol_code, one.protocol_version)].append(one)
        self._by_key = {
            key: tuple(one for one in found if one.public) or tuple(found) for key, found in by_key.items()
        }

    def on(self, key: ProtocolKey, day: date) -> Standing:
        """How a protocol version stood on the day of an audit."""
        found = self._by_key.get(key)
        if found is None:
            return Standing()
        covering = [one for one in found if one.covers(day)]
        if covering:
            return Standing(
                scheme_family=min(one.scheme_family if one.public else OWN_FAMILY for one in covering)
            )
        told = [one for one in found if one.public or one.member_id == self._seen_by is not None]
        if not told:
            return Standing(reason="was not recognised on that day")
        spans = sorted(
            f"{one.recognised_from} to {one.recognised_until or 'today'}" for one in told if one.equivalent
        )
        if spans:
            return Standing(reason=f"was recognised {' and '.join(spans)}, not on {day}")
        return Standing(reason="was assessed and is not equivalent")
