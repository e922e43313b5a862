"""Which pairs of sites are worth a comparison: those that share a key, and no block is unbounded."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache

import numpy as np
import numpy.typing as npt
from rapidfuzz.fuzz import ratio, token_set_ratio
from rapidfuzz.process import cpdist

from mrx_matching.scores import SAME_SITE_IDENTIFIERS, Site, WordWeights

Pairs = npt.NDArray[np.int64]

BLOCK_CAP = 48
"""A larger block is not compared all with all: each site with its next neighbours by name."""

_NEIGHBOURS = 6
_LETTERS_ALIKE = 72.0
_WORDS_ALIKE = 88.0
_PREFIX = 5
_VOWELS = str.maketrans("", "", "aeiouyhw")
_COMPANY_IDENTIFIERS = ("lei", "duns", "vat", "zc")


def candidate_pairs(sites: Sequence[Site], weights: Mapping[str, WordWeights]) -> Pairs:
    """Return pairs of positions, smaller first, each once, in order. `sites` are in content order."""
    blocks: defaultdict[str, list[int]] = defaultdict(list)
    for position, site in enumerate(sites):
        for key in set(_keys(site, weights[site.content[0]])):
            blocks[key].append(position)
    found = [_pairs_of(members, sites) for members in blocks.values() if len(members) > 1]
    if not found:
        return np.empty((0, 2), dtype=np.int64)
    codes = np.unique(np.concatenate([low * len(sites) + high for low, high in found]))
    return np.stack([codes // len(sites), codes % len(sites)], axis=1)


def promising(sites: Sequence[Site], pairs: Pairs) -> Pairs:
    """Keep the pairs whose names are not plainly different, by a quick look at the letters."""
    if not len(pairs):
        return pairs
    squashed = np.array([site.name.squashed for site in sites], dtype=object)
    spaced = np.array([" ".join(site.name.words) for site in sites], dtype=object)
    one, other = pairs[:, 0], pairs[:, 1]
    keep = _alike(squashed[one], squashed[other], ratio) >= _LETTERS_ALIKE
    plain = np.array(["".join(site.name.plain) for site in sites], dtype=object)
    keep |= _alike(plain[one], plain[other], ratio) >= _LETTERS_ALIKE
    keep |= _alike(spaced[one], spaced[other], token_set_ratio) >= _WORDS_ALIKE
    aliased = np.array([bool(site.name.alias) for site in sites])
    keep |= aliased[one] | aliased[other]
    for kind in (*SAME_SITE_IDENTIFIERS, *_COMPANY_IDENTIFIERS):
        values = np.array([getattr(site, kind) for site in sites], dtype=object)
        keep |= (values[one] != "") & (values[one] == values[other])
    return pairs[keep]


def _alike(
    one: npt.NDArray[np.object_], other: npt.NDArray[np.object_], scorer: Callable[..., float]
) -> npt.NDArray[np.float32]:
    return cpdist(one, other, scorer=scorer, dtype=np.float32)


def _pairs_of(
    members: list[int], sites: Sequence[Site]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    size = len(members)
    if size <= BLOCK_CAP:
        block = np.array(members, dtype=np.int64)
        low, high = _all_with_all(size)
        return block[low], block[high]
    ordered = np.array(
        sorted(members, key=lambda position: (sites[position].name.squashed, position)),
        dtype=np.int64,
    )
    one = np.concatenate([ordered[:-step] for step in range(1, _NEIGHBOURS + 1)])
    other = np.concatenate([ordered[step:] for step in range(1, _NEIGHBOURS + 1)])
    return np.minimum(one, other), np.maximum(one, other)


@cache
def _all_with_all(size: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    low, high = np.triu_indices(size, k=1)
    return low, high


def _keys(site: Site, weights: WordWeights) -> Iterator[str]:
    country, name = site.content[0], site.name
    for kind in SAME_SITE_IDENTIFIERS:
        if value := getattr(site, kind):
            yield f"{kind}|{value}"
    for kind in _COMPANY_IDENTIFIERS:
        if value := getattr(site, kind):
            yield f"{kind}|{value}"
    words = {*name.words, *name.alias}
    for word in words:
        yield f"{country}|w|{word}"
        yield f"{country}|k|{_skeleton(word)}"
    informative = sorted(words, key=lambda word: (-weights.weight(word), word))[:4]
    for place, word in enumerate(informative):
        for other in informative[place + 1 :]:
            yield f"{country}|2|{min(word, other)} {max(word, other)}"
    yield f"{country}|s|{name.squashed[:_PREFIX]}"
    yield f"{country}|e|{name.squashed[-_PREFIX:]}"
    yield f"{country}|c|{_skeleton(name.squashed)[:8]}"
    for word in site.city | site.region:
        yield f"{country}|p|{word}|{_skeleton(name.squashed)[:3]}"
    for number in site.address.numbers:
        yield f"{country}|a|{number}|{site.postcode}|{name.squashed[:2]}"


def _skeleton(word: str) -> str:
    bare = word[:1] + word[1:].translate(_VOWELS)
    return "".join(letter for place, letter in enumerate(bare) if not place or bare[place - 1] != letter)
