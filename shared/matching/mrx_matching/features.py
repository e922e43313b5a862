"""What is compared of two nodes, as numbers; each has a name that an explanation can use."""

from collections.abc import Callable, Iterator

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import JaroWinkler
from rapidfuzz.fuzz import partial_ratio, ratio, token_sort_ratio
from rapidfuzz.process import cpdist

from mrx_matching.tokens import Floats, Nodes, Texts, Words

Bools = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]
Column = Floats | Bools | npt.NDArray[np.float64]

SAME_SITE_IDENTIFIERS = ("os_id", "zs", "gln")
COMPANY_IDENTIFIERS = ("lei", "vat", "zc", "duns")
_NAME_STEPS = (0.3, 0.5, 0.65, 0.8, 0.9, 0.97)
_STREET_STEPS = (0.2, 0.5, 0.8, 0.97)
_CUT_NAME = 20
_SPELT_ALIKE = 0.8
_SHORT = 4
_EARTH = 6371.0
_ONE_POINT, _NEAR, _FAR, _VERY_FAR = 0.15, 1.0, 5.0, 50.0
_SOME = 0.05
_WORTH_A_LOOK = 0.2
_SPELT_OTHERWISE = 0.6
_HALF = 0.5
_LIKE_ENOUGH = 0.75


def name_columns() -> list[str]:
    """Return the names of the features in their order."""
    return [name for name, _ in _few()]


def features(nodes: Nodes, low: Rows, high: Rows) -> Floats:
    """Return one row of numbers for each pair."""
    return np.column_stack([column for _, column in compared(nodes, low, high)]).astype(np.float32)


def _few() -> Iterator[tuple[str, Column]]:
    import polars as pl  # noqa: PLC0415 - one empty node tells the names

    from mrx_matching.identifiers import IDENTIFIER_KINDS  # noqa: PLC0415

    columns = ("words", "plain", "numbers", "alias", "legal", "city", "street", "streets", "province", "post")
    frame = pl.DataFrame({"node": [0], **{column: ["a"] for column in (*columns, *IDENTIFIER_KINDS)}})
    zero = np.zeros(1, dtype=np.int64)
    return compared(Nodes(frame), zero, zero)


def compared(nodes: Nodes, low: Rows, high: Rows) -> Iterator[tuple[str, Column]]:  # noqa: C901, PLR0915 - one list of all features
    """Yield each feature's name and its value for each pair."""

    def both(column: str) -> tuple[Texts, Texts]:
        texts = nodes.texts(column)
        return texts[low], texts[high]

    def same(column: str) -> tuple[Bools, Bools]:
        codes = nodes.codes(column)
        one, other = codes[low], codes[high]
        there = (one >= 0) & (other >= 0)
        return there & (one == other), there & (one != other)

    # names
    squash, brand = both("squash"), both("brand")
    ngrams = alike(squash, ratio)
    shared, mine, theirs = _overlap(nodes.name, low, high)
    words = shared / np.maximum(mine + theirs - shared, 1e-6)
    contained = shared / np.maximum(np.minimum(mine, theirs), 1e-6)
    same_brand, _ = same("brand")
    brand_alike = np.where(
        same_brand, np.float32(1), np.maximum(alike(brand, ratio), alike(both("plain"), ratio))
    )
    start = alike(brand, JaroWinkler.normalized_similarity, scale=1.0)
    within = alike(brand, partial_ratio)
    short = np.minimum(_lengths(brand[0]), _lengths(brand[1])) <= _SHORT
    within = np.where(short, np.float32(0), within)
    alias = _alias(nodes, low, high)
    acronym = _acronym(nodes, low, high)
    cut = _cut(nodes, low, high)
    equal = same("squash")[0]
    name = np.maximum.reduce([0.6 * brand_alike + 0.4 * ngrams, words, 0.95 * alias, cut])
    name = np.where(equal, 1.0, np.minimum(name, 0.98))
    level = np.digitize(name, _NAME_STEPS)
    yield "name equal", equal
    yield "name letters", ngrams
    yield "name words", words
    yield "name contained", contained
    yield "name words missing on both", np.minimum(mine - shared, theirs - shared)
    yield "name words missing on one", np.maximum(mine - shared, theirs - shared)
    yield "name shared weight", shared
    rest = _rests(
        nodes,
        low,
        high,
        np.flatnonzero(
            (mine - shared > _SOME) & (theirs - shared > _SOME) & ~equal & (words > _WORTH_A_LOOK)
        ),
    )
    yield "word replaced", (rest >= 0) & (rest < _SPELT_OTHERWISE)
    yield "word spelt otherwise", (rest >= 0) * np.maximum(rest, 0)
    yield "word replaced, letters alike", ((rest >= 0) & (rest < _SPELT_OTHERWISE)) * ngrams
    yield (
        "word replaced, no street",
        (rest >= 0)
        & (rest < _SPELT_OTHERWISE)
        & ~((nodes.street.totals[low] > 0) & (nodes.street.totals[high] > 0)),
    )
    yield "brand equal", same_brand
    yield "brand letters", brand_alike
    yield "brand start", start
    yield "brand within", within
    yield "alias", alias
    yield "acronym", acronym
    yield "cut off", cut
    trade, other_trade = same("trade")
    yield "trade equal", trade
    yield "trade differs", other_trade
    yield "trade missing", ~(trade | other_trade)
    yield "trade differs, brand equal", other_trade & (brand_alike >= _SPELT_ALIKE)
    unit, other_unit = same("numbers")
    codes = nodes.codes("numbers")
    one_unit = (codes[low] >= 0) ^ (codes[high] >= 0)
    yield "unit equal", unit
    yield "unit differs", other_unit
    yield "unit on one", one_unit
    yield "unit on one, name alike", one_unit & (name >= _NAME_STEPS[-2])
    yield "unit on one, cut off", one_unit * cut
    yield "unit 1 on one", one_unit & (nodes.is_first[low] | nodes.is_first[high])
    legal, other_legal = same("legal")
    yield "legal form equal", legal
    yield "legal form differs", other_legal
    common = np.maximum(nodes.brand_counts[low], nodes.brand_counts[high]) * ~equal
    yield "brand common", common * (brand_alike >= _SPELT_ALIKE)
    yield "name common", np.maximum(nodes.name_counts[low], nodes.name_counts[high]) * equal
    both_attested = np.minimum(nodes.name_counts[low], nodes.name_counts[high]) * ~equal
    yield "both names more than once", both_attested
    yield "both names more than once, one in the other", both_attested * contained
    extended = (contained >= _NAME_STEPS[-1]) & ~same_brand & ~equal
    yield "both names more than once, brands differ", both_attested * ~same_brand
    yield "telling word on one", extended
    yield "telling word on one, both names more than once", extended * both_attested
    yield "telling word on one, same city", extended & same("city")[0]
    yield "telling word on one, names nearby", extended * nodes.ngrams.crowd[nodes.ngrams.row[low]]
    yield "trade words alone", (nodes.is_weak[low] | nodes.is_weak[high]) & ~equal
    rare = nodes.ngrams.alike(low, high)
    rows = nodes.ngrams.row
    crowd = np.maximum(nodes.ngrams.crowd[rows[low]], nodes.ngrams.crowd[rows[high]]) * ~equal
    yield "rare letters", rare
    yield "names nearby", crowd
    yield "names nearby, spelt alike", crowd * (ngrams >= _SPELT_ALIKE)
    for which in range(len(_NAME_STEPS) + 1):
        yield f"name step {which}, rare letters", (level == which) * rare

    # addresses
    street_shared, street_mine, street_theirs = _overlap(nodes.street, low, high)
    street_there = (street_mine > 0) & (street_theirs > 0)
    street_words = street_shared / np.maximum(street_mine + street_theirs - street_shared, 1e-6)
    street_contained = street_shared / np.maximum(np.minimum(street_mine, street_theirs), 1e-6)
    street_letters = alike(both("street"), token_sort_ratio)
    house_shared, house_mine, house_theirs = _overlap(nodes.house, low, high)
    houses = (house_mine > 0) & (house_theirs > 0)
    house_same = houses & (house_shared >= np.minimum(house_mine, house_theirs) - 1e-4)
    house_part = houses & ~house_same & (house_shared > 0)
    house_differs = houses & (house_shared <= 0)
    street = np.where(street_there, np.maximum(street_contained, street_letters), 0.0)
    yield "street missing", ~street_there
    yield "street words", street_words
    yield "street contained", street_contained
    yield "street letters", street_letters * street_there
    yield "street shared weight", street_shared
    yield "house equal", house_same
    yield "house weight", house_shared
    yield "house in part", house_part
    yield "house differs", house_differs
    yield "house differs, street alike", house_differs & (street >= _SPELT_ALIKE)
    yield "house equal, street alike", house_same & (street >= _SPELT_ALIKE)

    # places
    city, other_city = same("city")
    city_alike = np.zeros(len(low), dtype=np.float32)
    city_alike[other_city] = alike(tuple(text[other_city] for text in both("city")), partial_ratio)
    near_city = other_city & (city_alike >= _SPELT_ALIKE)
    far_city = other_city & ~near_city
    region, other_region = same("province")
    post, other_post = same("post")
    posts = both("post")
    near_post = other_post & np.fromiter(
        (one[:3] == other[:3] for one, other in zip(*posts, strict=True)), dtype=bool, count=len(low)
    )
    yield "city equal", city | near_city
    yield "city differs", far_city
    yield "city equal, rare", city * nodes.city_weights[low]
    yield "city equal, rare, no street", city * nodes.city_weights[low] * ~street_there
    yield "city equal, rare, name spelt alike", city * nodes.city_weights[low] * (name >= _SPELT_ALIKE)
    yield "region equal", region
    yield "region differs", other_region
    yield "postcode equal", post
    yield "postcode near", near_post
    yield "postcode differs", other_post & ~near_post

    # coordinates
    apart = _kilometres(nodes.coordinates[low], nodes.coordinates[high])
    at_one_point = apart <= _ONE_POINT
    yield "within 150 m", at_one_point
    yield (
        "within 150 m, as many are",
        at_one_point * np.maximum(nodes.at_one_point[low], nodes.at_one_point[high]),
    )
    yield "within 1 km", (apart > _ONE_POINT) & (apart <= _NEAR)
    yield "1 to 5 km apart", (apart > _NEAR) & (apart <= _FAR)
    yield "5 to 50 km apart", (apart > _FAR) & (apart <= _VERY_FAR)
    yield "more than 50 km apart", apart > _VERY_FAR

    # identifiers
    def identified(kind: str) -> tuple[Bools, Bools]:
        agreed, differing = same(kind)
        checked = nodes.is_checked(kind)
        return agreed, differing & checked[low] & checked[high]

    certain = np.logical_or.reduce([identified(kind)[0] for kind in SAME_SITE_IDENTIFIERS])
    barred = np.logical_or.reduce([identified(kind)[1] for kind in SAME_SITE_IDENTIFIERS])
    yield "site identifier equal", certain & ~barred
    yield "site identifier differs", barred
    for kind in COMPANY_IDENTIFIERS:
        agreed, differing = identified(kind)
        yield f"{kind} equal", agreed
        yield f"{kind} differs", differing

    # together
    place = np.select(
        [
            street_there & house_same & (street >= _SPELT_ALIKE),
            house_differs & (street >= _SPELT_ALIKE),
            ~street_there,
        ],
        [0, 1, 2],
        default=3,
    )
    steps = np.digitize(street, _STREET_STEPS)
    where = np.select([city | near_city, far_city], [0, 1], default=2)
    for which in range(len(_NAME_STEPS) + 1):
        for what, text in enumerate(("same house", "other house", "no street", "other street")):
            yield f"name step {which}, {text}", (level == which) & (place == what)
        for step in range(len(_STREET_STEPS) + 1):
            yield f"name step {which}, street step {step}", (level == which) & (steps == step) & street_there
        for what, text in enumerate(("same city", "other city", "no city")):
            yield f"name step {which}, {text}", (level == which) & (where == what)
    for what, text in enumerate(("same house", "other house", "no street", "other street")):
        yield f"alias, {text}", alias * (place == what)
        yield f"acronym, {text}", acronym * (place == what)
        yield f"brand common, {text}", common * (brand_alike >= _SPELT_ALIKE) * (place == what)
        yield f"trade differs, {text}", other_trade & (place == what)
        for also, said in enumerate(("same city", "other city", "no city")):
            yield f"{text}, {said}", (place == what) & (where == also)


def names_agree(nodes: Nodes, low: Rows, high: Rows) -> Bools:
    """Say of which pairs the names have something in common beyond words of a trade."""
    brand = nodes.texts("brand")
    shared, mine, theirs = _overlap(nodes.name, low, high)
    agree: Bools = shared >= _HALF * np.maximum(np.minimum(mine, theirs), 1e-6)
    agree |= alike((brand[low], brand[high]), ratio) >= _LIKE_ENOUGH
    for said in (_alias, _acronym, _cut):
        agree |= said(nodes, low, high) > 0
    return agree


def places_differ(nodes: Nodes, low: Rows, high: Rows) -> Bools:
    """Say of which pairs both tell a place, and neither street, city, postcode nor point is about the same.

    A region tells a place where a city is missing.
    """

    def both(column: str) -> tuple[Bools, Bools]:
        codes = nodes.codes(column)
        there = (codes[low] >= 0) & (codes[high] >= 0)
        return there, there & (codes[low] == codes[high])

    def spelt(column: str, scorer: Callable[..., float], at: Bools) -> Bools:
        text = nodes.texts(column)
        found = np.zeros(len(low), dtype=bool)
        found[at] = alike((text[low[at]], text[high[at]]), scorer) >= _SPELT_ALIKE
        return found

    cities, agree = both("city")
    told = cities.copy()
    agree |= spelt("city", partial_ratio, cities & ~agree)
    shared, mine, theirs = _overlap(nodes.street, low, high)
    streets = (mine > 0) & (theirs > 0)
    told |= streets
    agree |= streets & (shared >= _HALF * np.minimum(mine, theirs))
    agree |= spelt("street", token_sort_ratio, streets & ~agree)
    posts, one_post = both("post")
    regions, one_region = both("province")
    told |= posts | regions
    agree |= one_post | (one_region & ~cities)
    apart = _kilometres(nodes.coordinates[low], nodes.coordinates[high])
    told |= ~np.isnan(apart)
    agree |= apart <= _FAR
    return told & ~agree


def alike(texts: tuple[Texts, ...], scorer: Callable[..., float], *, scale: float = 100.0) -> Floats:
    if not len(texts[0]):
        return np.empty(0, dtype=np.float32)
    found = cpdist(texts[0], texts[1], scorer=scorer, dtype=np.float32)
    return np.asarray(found / np.float32(scale), dtype=np.float32)


def _overlap(words: Words, low: Rows, high: Rows) -> tuple[Floats, Floats, Floats]:
    """Return the weight of the words that both have, and of all words of either."""
    one, other = words.ids[low], words.ids[high]
    weights = words.weights[low]
    shared = np.zeros(len(low), dtype=np.float32)
    for place in range(one.shape[1]):
        mine = one[:, place]
        hit = (mine[:, None] == other).any(axis=1) & (mine >= 0)
        shared += np.where(hit, weights[:, place], np.float32(0))
    totals = words.totals
    return shared, totals[low], totals[high]


def _kilometres(one: npt.NDArray[np.float64], other: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return great-circle distances (haversine), not a number where a side has no coordinates."""
    across = np.sin((one - other) / 2) ** 2
    arc = across[:, 0] + np.cos(one[:, 0]) * np.cos(other[:, 0]) * across[:, 1]
    found: npt.NDArray[np.float64] = 2 * _EARTH * np.arcsin(np.sqrt(np.clip(arc, 0, 1)))
    return found


def _lengths(texts: Texts) -> npt.NDArray[np.int64]:
    return np.fromiter(map(len, texts), dtype=np.int64, count=len(texts))


def _alias(nodes: Nodes, low: Rows, high: Rows) -> Floats:
    """Return how alike the name in a bracket of one is to the other's name.

    Two equal brackets say nothing: they may name a group, or a kind of unit.
    """
    found = np.zeros(len(low), dtype=np.float32)
    alias, brand, squash = nodes.texts("alias"), nodes.texts("brand"), nodes.texts("squash")
    has = nodes.codes("alias") >= 0
    for mine, theirs in ((low, high), (high, low)):
        at = np.flatnonzero(has[mine])
        for target in (brand, squash):
            close = alike((alias[mine[at]], target[theirs[at]]), ratio)
            found[at] = np.maximum(found[at], close)
    return np.where(found >= _SPELT_ALIKE, found, 0.0).astype(np.float32)


def _rests(nodes: Nodes, low: Rows, high: Rows, at: Rows) -> Floats:
    """Return how alike the words are that only one side has, -1 where that was not looked at."""
    found = np.full(len(low), -1.0, dtype=np.float32)
    texts = nodes.texts("words")
    mine, theirs = [], []
    for one, other in zip(texts[low[at]], texts[high[at]], strict=True):
        words, others = one.split(), other.split()
        mine.append("".join(word for word in words if word not in others))
        theirs.append("".join(word for word in others if word not in words))
    found[at] = alike((np.array(mine, dtype=object), np.array(theirs, dtype=object)), ratio)
    return found


def _acronym(nodes: Nodes, low: Rows, high: Rows) -> Floats:
    brand, ngrams = nodes.texts("brand"), nodes.texts("initials")
    found = np.zeros(len(low), dtype=bool)
    for mine, theirs in ((low, high), (high, low)):
        found |= np.fromiter(
            (
                1 < len(word) == len(initials) and word == initials
                for word, initials in zip(brand[mine], ngrams[theirs], strict=True)
            ),
            dtype=bool,
            count=len(low),
        )
    return found.astype(np.float32)


def _cut(nodes: Nodes, low: Rows, high: Rows) -> Floats:
    """Return 1 where the shorter name is the beginning of the longer one and long enough to say so."""
    squash = nodes.texts("squash")
    return np.fromiter(
        (
            one != other
            and min(len(one), len(other)) >= _CUT_NAME
            and (one.startswith(other) or other.startswith(one))
            for one, other in zip(squash[low], squash[high], strict=True)
        ),
        dtype=np.float32,
        count=len(low),
    )
