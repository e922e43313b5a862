"""A member's suppliers against a released list: which entry is which supplier."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from mrx_matching.candidates import candidate_pairs, promising
from mrx_matching.clusters import (
    MATCH,
    content_of,
    distinct_sites,
    word_weights,
)
from mrx_matching.records import SiteRecord
from mrx_matching.scores import CERTAIN, pair_score

REVIEW = 0.35
"""From this score on a person should look."""

_MARGIN = 0.05


class Decision(StrEnum):
    MATCH = "match"
    REVIEW = "review"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The best entry of the right list for one record of the left; `right_key` is None where none is."""

    left_key: int | str
    right_key: int | str | None
    score: float
    decision: Decision


def link(left: Sequence[SiteRecord], right: Sequence[SiteRecord]) -> list[Link]:
    """Return one link for each left record, in their order.

    A right entry is the match of one left content at most; whoever else fits it goes to review, and so does
    who fits two entries equally well.
    """
    left_contents = [content_of(record) for record in left]
    right_contents = [content_of(record) for record in right]
    right_key: dict[tuple[str, ...], int | str] = {}
    for record, content in zip(right, right_contents, strict=True):
        right_key.setdefault(content, record.key)
    best = _assigned(left, left_contents, right, right_contents)
    links: list[Link] = []
    for record, content in zip(left, left_contents, strict=True):
        found = best.get(content)
        links.append(
            Link(left_key=record.key, right_key=None, score=0.0, decision=Decision.NONE)
            if found is None
            else Link(
                left_key=record.key,
                right_key=right_key[found[1]],
                score=round(found[0], 4),
                decision=found[2],
            )
        )
    return links


def _assigned(
    left: Sequence[SiteRecord],
    left_contents: Sequence[tuple[str, ...]],
    right: Sequence[SiteRecord],
    right_contents: Sequence[tuple[str, ...]],
) -> dict[tuple[str, ...], tuple[float, tuple[str, ...], Decision]]:
    sites = distinct_sites([*left, *right], [*left_contents, *right_contents])
    in_left, in_right = set(left_contents), set(right_contents)
    weights = word_weights(sites)
    partners: defaultdict[tuple[str, ...], list[tuple[float, tuple[str, ...]]]] = defaultdict(list)
    for content in sorted(in_left & in_right):
        partners[content].append((-CERTAIN, content))
    for low, high in promising(sites, candidate_pairs(sites, weights)).tolist():
        one, other = sites[low], sites[high]
        for mine, theirs in ((one, other), (other, one)):
            if mine.content in in_left and theirs.content in in_right:
                score = pair_score(mine, theirs, weights[mine.content[0]])
                if score >= REVIEW:
                    partners[mine.content].append((-score, theirs.content))
    taken: set[tuple[str, ...]] = set()
    assigned: dict[tuple[str, ...], tuple[float, tuple[str, ...], Decision]] = {}
    ranked = sorted(
        (likeness, mine, theirs) for mine, found in partners.items() for likeness, theirs in found
    )
    for likeness, mine, theirs in ranked:
        if mine in assigned and assigned[mine][2] is Decision.MATCH:
            continue
        rivals = [
            score
            for score, other in partners[mine]
            if other != theirs and other not in taken and score <= likeness + _MARGIN
        ]
        if -likeness >= MATCH and theirs not in taken and (likeness == -CERTAIN or not rivals):
            taken.add(theirs)
            assigned[mine] = (-likeness, theirs, Decision.MATCH)
        elif mine not in assigned:
            assigned[mine] = (-likeness, theirs, Decision.REVIEW)
    return assigned
