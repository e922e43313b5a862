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
from mrx_matching.normalise import fold, fold_postcode, parse_address, parse_name, parse_place
from mrx_matching.records import SiteRecord
from mrx_matching.scores import CERTAIN, FORBIDDEN, Site, WordWeights, pair_score

MATCH = 0.5
"""From this score on two sites may be one."""

_MEMBERS_AGREE = 0.42
_MARGIN = 0.03
_RIVALS = 12
_MORE_VOTES = 1.5

Progress = Callable[[str, int, int], None]
"""Told a stage, how much of it is done, and of how much."""

Score = Callable[[int, int], float]
ScoredPair = tuple[float, int, int]
"""A negated score and two positions: sorting puts the likeliest pair first."""

_SAY_EVERY = 5000


def resolve(records: Sequence[SiteRecord], *, progress: Progress | None = None) -> list[int]:
    """Return for every record the number of its site; sites are numbered in the order of their content."""
    return resolve_with_confidence(records, progress=progress)[0]


def resolve_with_confidence(
    records: Sequence[SiteRecord], *, progress: Progress | None = None
) -> tuple[list[int], list[float]]:
    """Return the numbers of `resolve`, and for every record how well it fits the rest of its site, 0 to 1."""
    say = progress or _silent
    contents = [content_of(record) for record in records]
    sites = distinct_sites(records, contents)
    say("reading names", len(records), len(records))
    weights = word_weights(sites)
    pairs = promising(sites, candidate_pairs(sites, weights)).tolist()
    score = _scorer(sites, weights)
    scored: list[ScoredPair] = []
    for done, (low, high) in enumerate(pairs):
        if done % _SAY_EVERY == 0:
            say("comparing", done, len(pairs))
        if (likeness := score(low, high)) >= MATCH:
            scored.append((-likeness, low, high))
    say("comparing", len(pairs), len(pairs))
    scored.sort()
    cluster_of = _clustered(len(sites), scored, score)
    numbers: dict[int, int] = {}
    number_of = [numbers.setdefault(cluster, len(numbers)) for cluster in cluster_of]
    fits = _fits(scored, cluster_of)
    position_of = {site.content: position for position, site in enumerate(sites)}
    positions = [position_of[content] for content in contents]
    return [number_of[position] for position in positions], [
        fits.get(position, CERTAIN) for position in positions
    ]


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


def distinct_sites(records: Iterable[SiteRecord], contents: Iterable[tuple[str, ...]]) -> list[Site]:
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
        country: WordWeights((site.name for site in distinct.values()), frozenset(places[country]))
        for country, distinct in names.items()
    }


def _site(content: tuple[str, ...], names: Iterable[str]) -> Site:
    country, published, _, city, region, postcode, *identifiers = content
    telling = max(names, key=lambda name: (parse_name(name).alias, name), default=published)
    return Site(
        content=content,
        name=parse_name(telling),
        folded="".join(fold(telling)),
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


def _scorer(sites: Sequence[Site], weights: Mapping[str, WordWeights]) -> Score:
    known: dict[tuple[int, int], float] = {}

    def score(low: int, high: int) -> float:
        pair = (low, high) if low < high else (high, low)
        if pair not in known:
            one, other = sites[pair[0]], sites[pair[1]]
            known[pair] = pair_score(one, other, weights[one.content[0]])
        return known[pair]

    return score


def _clustered(size: int, scored: Sequence[ScoredPair], score: Score) -> list[int]:
    """Return a cluster for every position: the sure pairs first, then whoever was torn between two."""
    torn = _torn_sites(scored, score)
    cluster_of = list(range(size))
    members = {position: [position] for position in range(size)}
    for likeness, low, high in scored:
        if likeness == -CERTAIN or not {low, high} & torn:
            _join(low, high, members, cluster_of, score)
    _settle(torn, scored, members, cluster_of, score)
    return cluster_of


def _join(low: int, high: int, members: dict[int, list[int]], cluster_of: list[int], score: Score) -> None:
    """Join the clusters of two sites where all their members bear it."""
    keep, drop = sorted((cluster_of[low], cluster_of[high]))
    if keep == drop:
        return
    across = [score(mine, theirs) for mine in members[keep] for theirs in members[drop]]
    agreed = min(across) >= _MEMBERS_AGREE and sum(across) >= MATCH * len(across)
    if agreed or (FORBIDDEN not in across and CERTAIN in across):
        for position in members[drop]:
            cluster_of[position] = keep
        members[keep] += members.pop(drop)


def _settle(
    torn: set[int],
    scored: Sequence[ScoredPair],
    members: dict[int, list[int]],
    cluster_of: list[int],
    score: Score,
) -> None:
    """Give who was torn to the one cluster that clearly most speaks for, else leave it alone."""
    calm = {cluster: tuple(positions) for cluster, positions in members.items()}
    wanted: defaultdict[int, set[int]] = defaultdict(set)
    for _, low, high in scored:
        for mine, theirs in ((low, high), (high, low)):
            if mine in torn and theirs not in torn and len(calm[cluster_of[mine]]) == 1:
                wanted[mine].add(cluster_of[theirs])
    for position in sorted(wanted):
        votes = sorted(
            (-sum(score(position, other) >= MATCH for other in calm[cluster]), cluster)
            for cluster in wanted[position]
            if min(score(position, other) for other in calm[cluster]) >= _MEMBERS_AGREE
        )
        if not votes or (len(votes) > 1 and votes[0][0] > votes[1][0] * _MORE_VOTES):
            continue
        _join(position, votes[0][1], members, cluster_of, score)


def _fits(scored: Iterable[ScoredPair], cluster_of: Sequence[int]) -> dict[int, float]:
    fits: dict[int, float] = {}
    for likeness, low, high in scored:
        if cluster_of[low] == cluster_of[high]:
            fits.setdefault(low, -likeness)
            fits.setdefault(high, -likeness)
    return fits


def _torn_sites(scored: Sequence[ScoredPair], score: Score) -> set[int]:
    """Return who could as well be one site as another that is not the same site."""
    partners: defaultdict[int, list[tuple[float, int]]] = defaultdict(list)
    for likeness, low, high in scored:
        partners[low].append((likeness, high))
        partners[high].append((likeness, low))
    return {
        position for position, found in partners.items() if found[0][0] > -CERTAIN and _torn(found, score)
    }


def _torn(found: Sequence[tuple[float, int]], score: Score) -> bool:
    rivals = [position for likeness, position in found if likeness <= found[0][0] + _MARGIN]
    return any(
        score(one, other) < _MEMBERS_AGREE
        for place, one in enumerate(rivals[:_RIVALS])
        for other in rivals[place + 1 : _RIVALS]
    )


def _silent(_stage: str, _done: int, _total: int) -> None:
    return
