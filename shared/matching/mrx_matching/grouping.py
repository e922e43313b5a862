"""Scored pairs to sites: what is connected is completed with the pairs that had no key, then parted where it disagrees."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl
from scipy.cluster.hierarchy import DisjointSet
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from mrx_matching.scores import NEVER, SURE
from mrx_matching.tokens import Floats

Ids = npt.NDArray[np.int64]
LogOdds = Callable[[Ids, Ids], Floats]

_STEPS = (0.0, 1.5, 3.0, 4.5, 6.0, 8.0, 10.0, 12.0)
"""A component that is too large to complete is cut at higher and higher log-odds."""

LARGEST = 40
_LARGEST_AT_LAST = 400
_MARGIN = 0.4
_RIVAL = -1.5


def grouped(
    size: int,
    low: Ids,
    high: Ids,
    scores: Floats,
    log_odds: LogOdds,
    *,
    must: Collection[tuple[int, int]] = (),
    cannot: Collection[tuple[int, int]] = (),
    certain: npt.NDArray[np.bool_] | None = None,
) -> tuple[Ids, Floats]:
    """Return for every node the smallest node of its site, and how sure that is as log-odds.

    What `must` connects is one from the beginning, unless `cannot` parts it, and fits another as well as its best part does.
    `certain` pairs have an identifier of a site in common: what is too large to look into is joined by them alone.
    """
    one_of = united(size, sorted(must), cannot)
    log_odds = _of_best_part(log_odds, one_of)
    certain = np.zeros(len(low), dtype=bool) if certain is None else certain
    low, high, scores, certain = _contracted(one_of, low, high, scores, certain)
    label = np.arange(size, dtype=np.int64)
    sure = np.full(size, SURE, dtype=np.float32)
    ends = ((int(one_of[one]), int(one_of[other])) for one, other in cannot)
    barred = {(min(pair), max(pair)) for pair in ends}
    scores[np.isin(low * size + high, _codes(barred, size))] = 10 * NEVER
    for floor in _STEPS:
        keep = scores > floor
        if not keep.any():
            break
        one, other = low[keep], high[keep]
        _, component = connected_components(
            coo_matrix((np.ones(len(one), dtype=np.int8), (one, other)), shape=(size, size)), directed=False
        )
        sizes = np.bincount(component)
        most = LARGEST if floor != _STEPS[-1] else _LARGEST_AT_LAST
        fits = (sizes[component] > 1) & (sizes[component] <= most)
        _settle(component, fits, low, high, scores, log_odds, label, sure, _codes(barred, size))
        # What was settled is out of the next, stricter step; what reaches into it is cut.
        outside = ~(fits[low] | fits[high])
        low, high, scores, certain = low[outside], high[outside], scores[outside], certain[outside]
    if certain.any():
        label = np.minimum(label, united(size, zip(low[certain], high[certain], strict=True), barred))
    return label[one_of], sure[one_of]


def united(size: int, pairs: Iterable[tuple[int, int]], cannot: Collection[tuple[int, int]]) -> Ids:
    """Return for every node the smallest of those that pairs connect it with.

    A pair is left out that would join what `cannot` parts, the later before the earlier.
    """
    sets = DisjointSet()
    apart: defaultdict[int, set[int]] = defaultdict(set)
    for one, other in cannot:
        sets.add(one)
        sets.add(other)
        apart[one].add(other)
        apart[other].add(one)
    for pair in pairs:
        one, other = int(pair[0]), int(pair[1])
        sets.add(one)
        sets.add(other)
        mine, theirs = sets[one], sets[other]
        if mine != theirs and not any(sets[node] == theirs for node in apart.get(mine, ())):
            sets.merge(mine, theirs)
            apart[sets[mine]] = apart.pop(mine, set()) | apart.pop(theirs, set())
    first = np.arange(size, dtype=np.int64)
    for subset in sets.subsets():
        first[list(subset)] = min(subset)
    return first


def _contracted(
    one_of: Ids, low: Ids, high: Ids, scores: Floats, certain: npt.NDArray[np.bool_]
) -> tuple[Ids, Ids, Floats, npt.NDArray[np.bool_]]:
    """Return the pairs between what is one from the beginning, each once with its best score."""
    if (one_of == np.arange(len(one_of))).all():
        return low, high, scores.copy(), certain
    one, other = np.minimum(one_of[low], one_of[high]), np.maximum(one_of[low], one_of[high])
    between = one != other
    table = pl.DataFrame(
        {"low": one[between], "high": other[between], "score": scores[between], "certain": certain[between]}
    )
    table = table.group_by("low", "high").agg(pl.max("score"), pl.any("certain")).sort("low", "high")
    one, other, best, sure = (np.array(table[column]) for column in table.columns)
    return one, other, best, sure


def _of_best_part(log_odds: LogOdds, one_of: Ids) -> LogOdds:
    """Return log-odds that hold for what is one from the beginning: those of its best part with the other's best."""
    several, counts = np.unique(one_of, return_counts=True)
    parts = {int(first): np.flatnonzero(one_of == first) for first in several[counts > 1]}
    if not parts:
        return log_odds

    def best(one: Ids, other: Ids) -> Floats:
        mine, theirs, which = [], [], []
        for place, (a, b) in enumerate(zip(one.tolist(), other.tolist(), strict=True)):
            for left in parts.get(a, (a,)):
                for right in parts.get(b, (b,)):
                    mine.append(left)
                    theirs.append(right)
                    which.append(place)
        left, right = np.array(mine, dtype=np.int64), np.array(theirs, dtype=np.int64)
        found = np.full(len(one), -np.inf, dtype=np.float32)
        np.maximum.at(found, which, log_odds(np.minimum(left, right), np.maximum(left, right)))
        return found

    return best


def _codes(pairs: Collection[tuple[int, int]], size: int) -> Ids:
    return np.array([one * size + other for one, other in pairs], dtype=np.int64)


def _settle(  # noqa: PLR0913, PLR0917 - the state of one step
    component: Ids,
    fits: npt.NDArray[np.bool_],
    low: Ids,
    high: Ids,
    scores: Floats,
    log_odds: LogOdds,
    label: Ids,
    sure: Floats,
    barred: Ids,
) -> None:
    nodes = np.flatnonzero(fits)
    if not len(nodes):
        return
    nodes = nodes[np.argsort(component[nodes], kind="stable")]
    starts = np.flatnonzero(np.concatenate([[True], np.diff(component[nodes]) != 0]))
    counts = np.diff(np.append(starts, len(nodes)))
    one, other = _all_pairs(nodes, starts, counts)
    size = len(label)
    code = low * size + high
    order = np.argsort(code)
    wanted = one * size + other
    at = np.minimum(np.searchsorted(code[order], wanted), len(code) - 1)
    known = code[order[at]] == wanted
    value = np.empty(len(wanted), dtype=np.float32)
    value[known] = scores[order[at[known]]]
    if (~known).any():
        value[~known] = log_odds(one[~known], other[~known])
    value[np.isin(wanted, barred)] = 10 * NEVER
    # A component in which all agree is one site; only the others are looked at one by one.
    of = component[one]
    least = np.full(int(component.max()) + 1, np.inf, dtype=np.float32)
    np.minimum.at(least, of, value)
    best = np.full(size, -np.inf, dtype=np.float32)
    np.maximum.at(best, one, value)
    np.maximum.at(best, other, value)
    agree = least > 0
    first = np.repeat(nodes[starts], counts)
    whole = agree[component[nodes]]
    label[nodes[whole]] = first[whole]
    sure[nodes[whole]] = best[nodes[whole]]
    torn = ~agree[of]
    pairs: defaultdict[int, list[tuple[float, int, int]]] = defaultdict(list)
    for which, mine, theirs, score in zip(
        of[torn].tolist(), one[torn].tolist(), other[torn].tolist(), value[torn].tolist(), strict=True
    ):
        pairs[which].append((score, mine, theirs))
    for which in sorted(pairs):
        for group in _parted(pairs[which]):
            for node in group:
                label[node] = min(group)
                if len(group) > 1:
                    sure[node] = best[node]


def _all_pairs(nodes: Ids, starts: Ids, counts: Ids) -> tuple[Ids, Ids]:
    ones, others = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    for count in np.unique(counts):
        rows = nodes[starts[counts == count][:, None] + np.arange(count)]
        a, b = np.triu_indices(int(count), k=1)
        ones.append(rows[:, a].ravel())
        others.append(rows[:, b].ravel())
    one, other = np.concatenate(ones), np.concatenate(others)
    return np.minimum(one, other), np.maximum(one, other)


def _parted(pairs: Sequence[tuple[float, int, int]]) -> list[list[int]]:
    """Join greedily whom most speaks for, on average over all members, while anything speaks for it.

    A node that fits two groups about equally well, which do not fit each other, is left alone.
    """
    score: dict[tuple[int, int], float] = {}
    members: dict[int, list[int]] = {}
    for value, one, other in pairs:
        score[one, other] = score[other, one] = value
        members.setdefault(one, [one])
        members.setdefault(other, [other])
    torn = {node for node in members if _is_torn(node, members, score)}
    link = {pair: value for pair, value in score.items() if pair[0] < pair[1]}
    while link:
        (one, other), best = max(link.items(), key=lambda item: (item[1], item[0][::-1]))
        if best <= 0:
            break
        if {one, other} & torn and best < SURE:
            del link[one, other]
            continue
        for third in [node for node in members if node not in (one, other)]:
            mine = link.pop((min(one, third), max(one, third)), None)
            theirs = link.pop((min(other, third), max(other, third)), None)
            if mine is not None and theirs is not None:
                weight, also = len(members[one]), len(members[other])
                joined = (mine * weight + theirs * also) / (weight + also)
                joined = min(mine, theirs) if min(mine, theirs) <= NEVER / 2 else joined
                link[min(one, third), max(one, third)] = joined
        link.pop((one, other), None)
        members[one] += members.pop(other)
    _attach(torn, members, score)
    return list(members.values())


def _attach(
    torn: Collection[int], members: dict[int, list[int]], score: Mapping[tuple[int, int], float]
) -> None:
    """Give a node that was left alone to the group that clearly more speak for, of those it fits about equally."""
    groups = {first: tuple(group) for first, group in members.items()}
    for node in sorted(torn):
        if len(members.get(node, ())) != 1:
            continue
        fit = {
            first: sum(score[node, other] for other in group) / len(group)
            for first, group in groups.items()
            if first != node and min(score[node, other] for other in group) > NEVER / 2
        }
        best = max(fit.values(), default=0.0)
        near = sorted((len(groups[first]), first) for first, value in fit.items() if value >= best - _MARGIN)
        if not near or (len(near) > 1 and near[-1][0] == near[-2][0]):
            continue
        chosen = near[-1][1]
        # The group may have grown since, or have gone to another itself.
        joined = members.get(chosen, ())
        if fit[chosen] > 0 and joined and all(score[node, other] > NEVER / 2 for other in joined):
            members[chosen] += members.pop(node)


def _is_torn(node: int, members: Mapping[int, list[int]], score: Mapping[tuple[int, int], float]) -> bool:
    fits = sorted(
        ((score[node, other], -other) for other in members if other != node and score[node, other] > 0),
        reverse=True,
    )
    if not fits or fits[0][0] >= SURE:
        return False
    rivals = [-other for value, other in fits if value >= fits[0][0] - _MARGIN][:12]
    return any(score[a, b] < _RIVAL for place, a in enumerate(rivals) for b in rivals[place + 1 :])
