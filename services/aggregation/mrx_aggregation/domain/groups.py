"""Independent groups: corporate groups that no minority holding ties together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class Participation:
    """Whether a member takes part, and the groups that it belongs to and is tied to."""

    member_id: UUID
    group_id: UUID
    tied_groups: frozenset[UUID]
    participates: bool
    missing: tuple[str, ...]
    company_names: tuple[str, ...] = ()
    """the member's and its group's; never published"""

    @property
    def refusal(self) -> tuple[str, str] | None:
        """Why the member's lists do not count now, and what to do; None where they count."""
        if self.participates:
            return None
        return (
            f"the member does not take part yet: {', '.join(self.missing) or 'no reason given'}",
            "; ".join(_REMEDIES[code] for code in self.missing if code in _REMEDIES) or "ask the secretariat",
        )


_REMEDIES = {
    "not-admitted": "ask the secretariat for admission",
    "no-equivalent-protocol": "have a protocol assessed as equivalent, or adopt an equivalent public one",
    "statement-not-signed": "sign the current statement",
    "suspended": "ask the secretariat to end the suspension",
}


def independent_groups(participations: Iterable[Participation]) -> Mapping[UUID, UUID]:
    """For each member, its independent group, named by the smallest corporate group in it.

    A tie counts in both directions, and through groups that contribute nothing themselves.
    """
    known = list(participations)
    root: dict[UUID, UUID] = {}

    def find(group: UUID) -> UUID:
        while (above := root.setdefault(group, group)) != group:
            root[group] = root.setdefault(above, above)
            group = above
        return group

    for one in known:
        for tied in one.tied_groups:
            low, high = sorted((find(one.group_id), find(tied)))
            root[high] = low
    return {one.member_id: find(one.group_id) for one in known}
