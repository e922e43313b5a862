"""Corporate groups by name: which one is meant, and which were nearly named."""

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from mrx_registry.domain.members import Group
from mrx_registry.domain.names import folded

NEAR: Final = 0.6
NEAR_TOLD: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Groups:
    """The groups that there are, and those of the members, by folded name."""

    by_name: Mapping[str, Group]
    by_member: Mapping[str, Group]

    def named(self, name: str) -> Group | None:
        """The group of that name."""
        return self.by_name.get(folded(name))

    def of_member(self, name: str) -> Group | None:
        """The group of the member of that name."""
        return self.by_member.get(folded(name))

    def near(self, name: str) -> tuple[str, ...]:
        """Names of groups that are spelt alike, share their first word, or are of such a member; the nearest first."""
        asked = folded(name)
        scores: dict[str, float] = {}
        for names in (self.by_name, self.by_member):
            for known, group in names.items():
                score = SequenceMatcher(None, asked, known).ratio()
                if score >= NEAR or asked.split()[0] == known.split()[0]:
                    scores[group.name] = max(score, scores.get(group.name, 0.0))
        return tuple(sorted(scores, key=lambda one: (-scores[one], one))[:NEAR_TOLD])
