"""Rows to sites: which rows of many lists are one supplier site.

The answer depends on what the rows say and on nothing else: neither on their order, nor on their keys, nor
on which list a row came from, nor on how often the same content occurs.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache

from mrx_matching.candidates import candidate_pairs, promising
from mrx_matching.display import published_address, published_name, published_place
from mrx_matching.identifiers import IDENTIFIER_KINDS, check_identifier
from mrx_matching.normalise import fold_postcode, parse_address, parse_name, parse_place
from mrx_matching.records import SiteRecord
from mrx_matching.scores import CERTAIN, FORBIDDEN, Site, WordWeights, pair_score

MATCH = 0.5
"""From this score on two sites may be one."""

_MEMBERS_AGREE = 0.25
_MARGIN = 0.1
_RIVALS = 12

Progress = Callable[[str, int, int], None]


def resolve(records: Sequence[SiteRecord], *, progress: Progress | None = None) -> list[int]:
    """Return for every record the number of its site; sites are numbered in the order of their content."""
    say = progress or _silent
    contents = [content_of(record) for record in records]
    sites = distinct_sites(records, contents)
    say("sites", len(sites), len(records))
    weights = word_weights(sites)
    pairs = promising(sites, candidate_pairs(sites, weights))
    say("candidates", 0, len(pairs))
    score = _scorer(sites, weights)
    scored = sorted(
        (-likeness, low, high)
        for low, high in pairs.tolist()
        if (likeness := score(low, high)) >= MATCH
    )
    say("candidates", len(pairs), len(pairs))
    cluster_of = _grow(len(sites), _unambiguous(scored, score), score)
    numbers: dict[int, int] = {}
    by_content = {
        site.content: numbers.setdefault(cluster_of[position], len(numbers))
        for position, site in enumerate(sites)
    }
    say("clusters", len(numbers), len(numbers))
    return [by_content[content] for content in contents]


def content_of(record: SiteRecord) -> tuple[str, ...]:
    """Return what a record says, in published form; records that say the same have the same content."""
    return (
        record.country,
        published_name(record.name),
        published_address(record.address),
        published_place(record.city),
        published_place(record.region),
        fold_postcode(record.postcode),
        *(_identifier(kind, getattr(record, kind)) for kind in IDENTIFIER_KINDS),
    )


def distinct_sites(
    records: Iterable[SiteRecord], contents: Iterable[tuple[str, ...]]
) -> list[Site]:
    """Return one site for each distinct content, in the order of the contents."""
    spellings: defaultdict[tuple[str, ...], set[str]] = defaultdict(set)
    for record, content in zip(records, contents, strict=True):
        spellings[content].add(record.name)
    return [_site(content, spellings[content]) for content in sorted(spellings)]


def word_weights(sites: Iterable[Site]) -> Mapping[str, WordWeights]:
    names: defaultdict[str, dict[str, Site]] = defaultdict(dict)
    places: defaultdict[str, set[str]] = defaultdict(set)
    for site in sites:
        places[site.content[0]] |= site.city | site.region
        names[site.content[0]].setdefault(site.name.squashed, site)
    return {
        country: WordWeights(
            (site.name for site in distinct.values()), frozenset(places[country])
        )
        for country, distinct in names.items()
    }


def _site(content: tuple[str, ...], names: Iterable[str]) -> Site:
    country, published, _, city, region, postcode, *identifiers = content
    telling = max(names, key=lambda name: (parse_name(name).alias, name), default=published)
    return Site(
        content=content,
        name=parse_name(telling),
        folded="".join(published.lower().split()),
        address=parse_address(content[2]),
        city=parse_place(city, country),
        region=parse_place(region, country),
        postcode=postcode,
        **dict(zip(IDENTIFIER_KINDS, identifiers, strict=True)),
    )


@lru_cache(maxsize=1 << 16)
def _identifier(kind: str, text: str) -> str:
    with suppress(ValueError):
        return check_identifier(kind, text) if text else ""
    return ""


def _scorer(
    sites: Sequence[Site], weights: Mapping[str, WordWeights]
) -> Callable[[int, int], float]:
    known: dict[tuple[int, int], float] = {}

    def score(low: int, high: int) -> float:
        pair = (low, high) if low < high else (high, low)
        if pair not in known:
            one, other = sites[pair[0]], sites[pair[1]]
            known[pair] = pair_score(one, other, weights[one.content[0]])
        return known[pair]

    return score


def _grow(
    size: int,
    scored: Iterable[tuple[float, int, int]],
    score: Callable[[int, int], float],
) -> list[int]:
    """Join the likeliest pairs first; two clusters join only where all their members bear it."""
    cluster_of = list(range(size))
    members = {position: [position] for position in range(size)}
    for _, low, high in scored:
        keep, drop = sorted((cluster_of[low], cluster_of[high]))
        if keep == drop:
            continue
        across = [score(mine, theirs) for mine in members[keep] for theirs in members[drop]]
        agreed = min(across) >= _MEMBERS_AGREE and sum(across) >= MATCH * len(across)
        if agreed or (FORBIDDEN not in across and CERTAIN in across):
            members[keep] += members.pop(drop)
            for position in members[keep]:
                cluster_of[position] = keep
    return cluster_of


def _unambiguous(
    scored: Sequence[tuple[float, int, int]], score: Callable[[int, int], float]
) -> list[tuple[float, int, int]]:
    """Leave out what could as well be one site as another, which are not the same site."""
    partners: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for likeness, low, high in scored:
        partners[low].append((likeness, high))
        partners[high].append((likeness, low))
    torn = {
        position
        for position, found in partners.items()
        if -CERTAIN < found[0][0] and _torn(found, score)
    }
    return [
        (likeness, low, high)
        for likeness, low, high in scored
        if likeness == -CERTAIN or not {low, high} & torn
    ]


def _torn(found: Sequence[tuple[float, int]], score: Callable[[int, int], float]) -> bool:
    rivals = [position for likeness, position in found if likeness <= found[0][0] + _MARGIN]
    return any(
        score(one, other) < _MEMBERS_AGREE
        for place, one in enumerate(rivals[:_RIVALS])
        for other in rivals[place + 1 : _RIVALS]
    )


def _silent(_stage: str, _done: int, _total: int) -> None:
    return
