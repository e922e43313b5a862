"""How much two sites look like one, and what forbids that they are."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log

from rapidfuzz.distance import OSA, Levenshtein
from rapidfuzz.fuzz import partial_ratio

from mrx_matching.lexicon import address_words, premises_words, trade_words
from mrx_matching.normalise import Address, Name

SAME_SITE_IDENTIFIERS = ("os_id", "zs", "gln")
"""Each names one site: equal ones join, different ones forbid."""

_DIRECTIONS = frozenset({"north", "south", "east", "west", "central"})
_GLUE = frozenset({"and", "the", "of"})
_GLUE_WEIGHT = 0.05
_PREMISES_WEIGHT = 0.15
_TRADE_WEIGHT = 0.45
_TYPO = 0.75
_TYPO_MIN_LETTERS = 4
_RARE = 2
_BLENDED = 0.5
_LETTER_MORE = 0.85
_SOUNDS = str.maketrans("ycvzq", "ikwsk")
_CUT_NAME = 27
_ALIAS_ALONE = 0.9
_WEAK_WORDS_MORE = 0.94
_OTHER_SPACING = 0.99
_OTHER_ORDER = 0.95
_OTHER_TRADE = 0.8
_SPELT_ALIKE = 0.97
_ALIKE_ENOUGH = 0.75
_NAME_NEEDED = 0.87
_NAME_HOPELESS = 0.45
_ADDRESS_SPEAKS_FOR = 0.35
_ADDRESS_SPEAKS_AGAINST = 0.5
_ADDRESS_NEUTRAL = 0.6
_SAME_CITY = 0.04
_OTHER_CITY = 0.16
_SAME_REGION = 0.01
_OTHER_REGION = 0.1
_ALIAS_IS_ELSEWHERE = 0.2
_SAME_COMPANY = 0.1
_SAME_PLACE = 0.7

CERTAIN = 1.0
FORBIDDEN = -1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One distinct content, taken apart for comparison."""

    content: tuple[str, ...]
    name: Name
    folded: str
    address: Address
    city: frozenset[str]
    region: frozenset[str]
    postcode: str
    os_id: str
    zs: str
    gln: str
    lei: str
    duns: str
    vat: str
    zc: str


class WordWeights:
    """How much each word of a name tells, from how many distinct names of the country have it."""

    def __init__(self, names: Iterable[Name], places: frozenset[str] = frozenset()) -> None:
        self.places = places
        counts: Counter[str] = Counter()
        total = 0
        for name in names:
            counts.update({*name.words, *name.alias})
            total += 1
        weak = _weak_words()
        self._weak = weak
        self._counts = counts
        self._most = log(1 + max(total, 20))
        self._weights = {
            word: (log(1 + max(total, 20) / count) / self._most) * weak.get(word, 1.0)
            for word, count in counts.items()
        }

    def weight(self, word: str) -> float:
        return self._weights.get(word, 1.0)

    def is_rare(self, word: str) -> bool:
        return self._counts.get(word, 0) <= _RARE

    def is_weak(self, word: str) -> bool:
        return word in self._weak


def _weak_words() -> dict[str, float]:
    weak = dict.fromkeys(
        (word for meant in trade_words().by_spelling.values() for word in meant), _TRADE_WEIGHT
    )
    for meant in premises_words().by_spelling.values():
        weak |= dict.fromkeys(meant, _PREMISES_WEIGHT)
    return weak | dict.fromkeys(_GLUE, _GLUE_WEIGHT)


def forbidden(one: Site, other: Site) -> bool:
    """Say whether the two can by no means be one site."""
    if (
        _both_differ(one.os_id, other.os_id)
        or _both_differ(one.zs, other.zs)
        or _both_differ(one.gln, other.gln)
    ):
        return True
    if certain(one, other):
        return False
    return (
        one.name.numbers != other.name.numbers
        or _both_differ(one.lei, other.lei)
        or aliases_differ(one.name, other.name)
    )


def certain(one: Site, other: Site) -> bool:
    """Say whether an identifier of sites joins the two."""
    return bool(
        (one.os_id and one.os_id == other.os_id)
        or (one.zs and one.zs == other.zs)
        or (one.gln and one.gln == other.gln)
    )


def _both_differ(mine: str, theirs: str) -> bool:
    return bool(mine and theirs and mine != theirs)


def name_score(one: Name, other: Name, weights: WordWeights) -> float:
    """Return 0 to 1: the best of the names with and without what stands in a bracket at the end."""
    best = _words_score(one.words, other.words, weights)
    if best < _SPELT_ALIKE and _spelt_alike(one, other, weights):
        best = max(
            best,
            Levenshtein.normalized_similarity("".join(one.plain), "".join(other.plain)),
        )
    if one.alias:
        best = max(best, _words_score((*one.words, *one.alias), other.words, weights))
        best = max(best, _ALIAS_ALONE * _words_score(one.alias, other.words, weights))
    if other.alias:
        best = max(best, _words_score(one.words, (*other.words, *other.alias), weights))
        best = max(best, _ALIAS_ALONE * _words_score(one.words, other.alias, weights))
    return best


def _spelt_alike(one: Name, other: Name, weights: WordWeights) -> bool:
    """Say whether the words that differ are spellings of one, and one side's occur hardly anywhere else."""
    mine = [word for word in one.plain if word not in other.plain]
    theirs = [word for word in other.plain if word not in one.plain]
    if not mine or not theirs:
        return False
    alike = OSA.normalized_similarity("".join(mine), "".join(theirs))
    return alike >= _ALIKE_ENOUGH and (all(map(weights.is_rare, mine)) or all(map(weights.is_rare, theirs)))


def aliases_differ(one: Name, other: Name) -> bool:
    return bool(one.alias and other.alias) and (
        Levenshtein.normalized_similarity("".join(one.alias), "".join(other.alias)) < _TYPO
    )


def _words_score(mine: Sequence[str], theirs: Sequence[str], weights: WordWeights) -> float:
    if mine == theirs:
        return 1.0
    shared: list[str] = []
    left_rest, right_rest = [], [*theirs]
    for word in mine:
        if word in right_rest:
            right_rest.remove(word)
            shared.append(word)
        else:
            left_rest.append(word)
    if not left_rest and not right_rest:
        return _OTHER_ORDER
    if "".join(mine) == "".join(theirs):
        return _OTHER_SPACING
    return _rest_score(shared, sorted(left_rest), sorted(right_rest), weights)


def _rest_score(
    shared: list[str], left_rest: list[str], right_rest: list[str], weights: WordWeights
) -> float:
    """Score two names by the words that they share and those that only one of them has."""
    only_weak = all(map(weights.is_weak, (*left_rest, *right_rest)))
    if only_weak and not (left_rest and right_rest) and not all(map(weights.is_weak, shared)):
        return _WEAK_WORDS_MORE
    weight = weights.weight
    common = 2 * sum(map(weight, shared))
    total = common + sum(map(weight, left_rest)) + sum(map(weight, right_rest))
    common += _typos(left_rest, right_rest, weights)
    score = common / total if total else 0.0
    return min(score, _OTHER_TRADE) if only_weak else score


def _typos(left: list[str], right: list[str], weights: WordWeights) -> float:
    """Return the weight of words that are spellings of each other, each used once, the best first."""
    found = sorted(
        (-sure, mine, theirs)
        for mine in left
        for theirs in right
        if (sure := _same_word(mine, theirs, weights))
    )
    common = 0.0
    for sure, mine, theirs in found:
        if mine in left and theirs in right:
            left.remove(mine)
            right.remove(theirs)
            common += -sure * (weights.weight(mine) + weights.weight(theirs))
    return common


def _same_word(mine: str, theirs: str, weights: WordWeights) -> float:
    """Return how surely two different words are one: 1 where they sound alike, 0 where they do not."""
    alike = _words_alike(mine, theirs)
    if not 0.0 < alike < 1.0 or weights.is_rare(mine) or weights.is_rare(theirs):
        return alike
    return alike * (_BLENDED if len(mine) == len(theirs) else _LETTER_MORE)


@lru_cache(maxsize=1 << 17)
def _words_alike(mine: str, theirs: str) -> float:
    if min(len(mine), len(theirs)) < _TYPO_MIN_LETTERS:
        return 0.0
    if sound(mine) == sound(theirs):
        return 1.0
    return OSA.normalized_similarity(mine, theirs, score_cutoff=_TYPO)


@lru_cache(maxsize=1 << 16)
def sound(word: str) -> str:
    """Return a word without what spellings of one sound differ in: h, y for i, c for k, double letters."""
    alike = word[:1] + word[1:].replace("h", "")
    alike = alike.translate(_SOUNDS).removesuffix("s")
    return "".join(letter for place, letter in enumerate(alike) if not place or alike[place - 1] != letter)


def cut_off(one: str, other: str) -> bool:
    """Say whether the shorter name is the longer one, cut by a system with a limit of letters."""
    short, long = sorted((one, other), key=len)
    return len(short) >= _CUT_NAME and len(short) < len(long) and long.startswith(short)


def address_score(one: Address, other: Address) -> float | None:
    """Return 0 to 1, None where either has no address."""
    if not (one.words or one.numbers) or not (other.words or other.numbers):
        return None
    generic = _address_words()
    words = _overlap(one.words - generic or one.words, other.words - generic or other.words)
    if one.numbers and other.numbers:
        shared = len(one.numbers & other.numbers) / min(len(one.numbers), len(other.numbers))
        return 0.5 * words + 0.5 * shared
    return 0.9 * words


@cache
def _address_words() -> frozenset[str]:
    return frozenset(word for meant in address_words().by_spelling.values() for word in meant)


def _overlap(one: frozenset[str], other: frozenset[str]) -> float:
    few, many = (one, other) if len(one) <= len(other) else (other, one)
    if not few:
        return 0.0
    hits = float(len(few & many))
    left = many - few
    for word in few - many:
        hits += max((_alike(word, other) for other in left), default=0.0)
    return hits / len(few)


def _alike(word: str, other: str) -> float:
    alike = OSA.normalized_similarity(word, other, score_cutoff=_TYPO)
    return alike if min(len(word), len(other)) >= _TYPO_MIN_LETTERS else 0.0


def place_score(one: frozenset[str], other: frozenset[str]) -> float | None:
    """Return 0 to 1 for a city or region, None where either has none."""
    if not one or not other:
        return None
    if one == other:
        return 1.0
    if one & _DIRECTIONS and other & _DIRECTIONS and one & _DIRECTIONS != other & _DIRECTIONS:
        return 0.0
    if (one & other) - _DIRECTIONS:
        return 0.9
    mine, theirs = "".join(sorted(one)), "".join(sorted(other))
    return max(
        Levenshtein.normalized_similarity(mine, theirs),
        partial_ratio(mine, theirs) / 100 if min(len(mine), len(theirs)) > _TYPO_MIN_LETTERS else 0,
    )


def pair_score(one: Site, other: Site, weights: WordWeights) -> float:
    """Return 0 to 1, `CERTAIN` where an identifier joins the two, `FORBIDDEN` where they cannot be one."""
    if one.content[0] != other.content[0] or forbidden(one, other):
        return FORBIDDEN
    if certain(one, other):
        return CERTAIN
    name = name_score(one.name, other.name, weights)
    if cut_off(one.folded, other.folded):
        name = max(name, 0.97)
    if name < _NAME_HOPELESS:
        return 0.0
    needed = _NAME_NEEDED + _circumstances(one, other, weights)
    return max(0.0, min(0.99, 0.5 + (name - needed) * 1.5))


def _circumstances(one: Site, other: Site, weights: WordWeights) -> float:
    """Return by how much more alike, or less, the names must be for what else is known of the two."""
    more = 0.0
    address = address_score(one.address, other.address)
    city = place_score(one.city, other.city)
    region = place_score(one.region, other.region)
    if address is not None:
        says = _ADDRESS_SPEAKS_FOR if address > _ADDRESS_NEUTRAL else _ADDRESS_SPEAKS_AGAINST
        more += says * (_ADDRESS_NEUTRAL - address)
    if city is not None:
        more += _OTHER_CITY if city < _SAME_PLACE else -_SAME_CITY
    if region is not None:
        more += _OTHER_REGION if region < _SAME_PLACE else -_SAME_REGION
    for mine, theirs in ((one, other), (other, one)):
        if mine.name.alias and not theirs.name.alias:
            more += _alias_without_its_like(mine, theirs, weights)
    if one.lei and one.lei == other.lei:
        more -= _SAME_COMPANY
    return more


def _alias_without_its_like(mine: Site, theirs: Site, weights: WordWeights) -> float:
    alias = frozenset(mine.name.alias)
    if alias & (theirs.city | theirs.region) or not alias - {*theirs.name.words}:
        return 0.0
    if alias <= weights.places and (theirs.city or theirs.region):
        return _ALIAS_IS_ELSEWHERE
    return 0.0
