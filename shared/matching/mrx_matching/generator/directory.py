"""A directory of any size: rows of many sources about invented sites, with the truth, for measuring.

Unlike `generate`, its words are invented too (thousands a country), and its rows go wrong in every way that
lists of sites are known to: trading names, acronyms, translations, Cantonese and spaced pinyin, Chinese
characters, head-office addresses, missing cities. Sister units, firms that share a compound, factories that moved and
other tenants are sites of their own.
"""

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any

from anyascii import anyascii

from mrx_matching.countries import country_name
from mrx_matching.generator import noise
from mrx_matching.generator.sites import _MAKE, Dice, _countries, _digits, dice

COLUMNS = (
    "record_id",
    "source",
    "name",
    "address",
    "city",
    "region",
    "postcode",
    "country",
    "os_id",
    "duns",
    "lei",
    "tax_id",
    "gln",
    "lat",
    "lng",
)
_HAS = {"os_id": 0.1, "duns": 0.12, "lei": 0.05, "vat": 0.08, "gln": 0.05}
_CUT = 35
_TELLING = 5
_HALF = 0.5
_TOWN, _STREET, _YARD = 0.08, 0.003, 0.0003
"""How far from a city's centre a street is, from a street's middle a number, from a gate a geocoder's point: degrees."""
_NEAR = 0.7
_PREMISES = ("Factory", "Plant", "Mill", "Works", "Site")
_FIRST = ("Unit 1", "1", "I", "Unit-I", "Plant 1")
_SOUNDS = (
    ("ph", "f"),
    ("th", "t"),
    ("dh", "d"),
    ("kh", "k"),
    ("gh", "g"),
    ("ck", "k"),
    ("oo", "u"),
    ("ee", "i"),
    ("aa", "a"),
    ("ou", "u"),
    ("ei", "i"),
    ("y", "i"),
    ("v", "w"),
    ("c", "k"),
    ("z", "s"),
    ("sh", "s"),
    ("ch", "c"),
    ("tt", "t"),
    ("ll", "l"),
    ("nn", "n"),
    ("h", ""),
)
_BRAND = re.compile(r"{[abc](?::l)?}")
_SYLLABLE = re.compile(
    r"[^aeiouyàáâãäåèéêëìíîïòóôõöùúûüıýăđơưạảấầẩậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹąęóöüâî]*[aeiouyıàáâãäåèéêëìíîïòóôõöùúûüăơưạảấầẩậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựąę]+[nrlmsk]?",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Premises:
    """The truth about one site of a directory. `brand` are the words that tell its firm from others."""

    number: int
    country: str
    pattern: str
    brand: tuple[str, ...]
    trade: str
    legal: str
    suffix: str
    street: str
    park: str
    city: str
    region: str
    postcode: str
    trading: str
    office: tuple[str, str, str, str] | None
    first: bool = False
    """Whether some call it the first unit, as there are others."""
    identifiers: Mapping[str, str] = field(default_factory=dict)


def directory(seed: int, rows: int, *, sources: int = 24) -> Iterator[tuple[dict[str, str], int]]:
    """Yield `rows` rows with the number of the site that each is about; the same for the same arguments."""
    chance = dice(seed, "directory")
    habits = [_Habits(dice(seed, "source", number), number) for number in range(sources)]
    written = 0
    for premises in _sites(chance):
        for _ in range(_rows_of(chance)):
            if written == rows:
                return
            habit = chance.choice(habits)
            row = {"record_id": f"r{written:07d}", "source": habit.name} | _row(chance, premises, habit)
            yield row, premises.number
            written += 1


class _Habits:
    def __init__(self, chance: Dice, number: int) -> None:
        shares = _facts()["rows"]
        self.name = f"source-{number:02d}"
        self.upper = chance.random() < shares["upper"]
        self.cut = chance.random() < shares["cut"]
        self.accents = chance.random() < shares["accents"]
        self.drops_legal = shares["no_legal"] * chance.choice((0.2, 0.5, 1, 3))
        self.identifiers = [kind for kind in _HAS if chance.random() < shares["identifier"]]
        self.city_in_address = shares["city_in_address"] * chance.choice((0, 1, 3))
        self.no_city = shares["no_city"] * chance.choice((0.3, 1, 2))
        self.no_postcode = shares["no_postcode"] * chance.choice((0, 1, 2))
        self.no_region = shares["no_region"] * chance.choice((0, 1, 2))
        self.park = chance.choice((0.3, 0.7, 0.95))
        self.short_trade = shares["short_trade"] * chance.choice((0.3, 0.3, 1, 5))
        self.messy = chance.choice((0.5, 1, 1.5))
        self.locates = chance.choices(("not", "premises", "street", "city"), (60, 15, 15, 10))[0]


@cache
def _facts() -> dict[str, Any]:
    return tomllib.loads(
        files("mrx_matching.generator").joinpath("directory.toml").read_text(encoding="utf-8")
    )


@cache
def _pinyin() -> tuple[tuple[str, str, str], ...]:
    return tuple(tuple(entry.split("|")) for entry in _facts()["syllables"])


@cache
def _han() -> dict[str, str]:
    return {pinyin: character for pinyin, character, _ in _pinyin()}


@cache
def _cantonese() -> dict[str, str]:
    return {pinyin: spelling for pinyin, _, spelling in _pinyin()}


@cache
def _syllables(country: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = [_SYLLABLE.findall(word.lower()) for word in _countries()[country]["words"] if " " not in word]
    found = [parts for parts in found if parts]
    firsts = sorted({parts[0] for parts in found})
    return tuple(firsts), tuple(sorted({part for parts in found for part in parts[1:]} or set(firsts)))


def _word(chance: Dice, country: str) -> str:
    if country == "CN":
        return "".join(chance.choice(_pinyin())[0] for _ in range(2)).capitalize()
    if chance.random() > _facts()["sites"]["invented_word"] or country == "VN":
        return _stock_word(chance, country)
    firsts, others = _syllables(country)
    return "".join(
        [chance.choice(firsts), *(chance.choice(others) for _ in range(chance.choice((1, 1, 2))))]
    ).capitalize()


def _stock_word(chance: Dice, country: str) -> str:
    """Return a word that many firms of a country call themselves by, the first of the stock most often."""
    words = _countries()[country]["words"]
    word: str = words[min(int(chance.paretovariate(_facts()["skew"])) - 1, 10**6) % len(words)]
    return word


def _rows_of(chance: Dice) -> int:
    return chance.choices((1, 2, 3, 4, 5, 7), (45, 25, 14, 9, 5, 2))[0]


def _sites(chance: Dice) -> Iterator[Premises]:
    shares = _facts()["sites"]
    kinds = ("unit", "elsewhere", "sister", "moved", "tenant", "namesake", "extended")
    weights = [shares[kind] for kind in kinds]
    makers = {
        "unit": _unit,
        "elsewhere": _elsewhere,
        "sister": _sister,
        "moved": _moved,
        "tenant": _tenant,
        "namesake": _namesake,
        "extended": _extended,
    }
    codes = list(_countries())
    by_country = [_countries()[code]["weight"] for code in codes]
    made: dict[str, list[Premises]] = {code: [] for code in codes}
    for number in count():
        country = chance.choices(codes, by_country)[0]
        known = made[country]
        if known and chance.random() < sum(weights):
            near = known[chance.randrange(max(0, len(known) - 20000), len(known))]
            premises = makers[chance.choices(kinds, weights)[0]](chance, near)
        else:
            premises = _fresh(chance, country)
        premises = replace(premises, number=number)
        known.append(premises)
        yield premises


@cache
def _towns(country: str) -> tuple[str, ...]:
    chance = dice(0, "towns", country)
    return tuple(sorted({_word(chance, country) for _ in range(_facts()["towns"])}))


def _place(chance: Dice, country: str) -> dict[str, Any]:
    facts = _countries()[country]
    city, region, postcode = chance.choice(facts["cities"]).split("|")
    if chance.random() < _facts()["sites"]["town"]:
        city = chance.choice(_towns(country))
    return {"city": city, "region": region, "postcode": _digits(chance, postcode)} | _street(
        chance, country, city
    )


def _street(chance: Dice, country: str, city: str) -> dict[str, Any]:
    facts = _countries()[country]
    return {
        "street": _fill(chance, chance.choice(facts["streets"]), country, city),
        "park": _fill(chance, chance.choice(facts["parks"]), country, city) if chance.random() < 0.6 else "",  # noqa: PLR2004
    }


def _fill(chance: Dice, pattern: str, country: str, city: str) -> str:
    for mark in re.findall(r"{[^{}]+}", pattern):
        if mark in ("{v:l}", "{b:l}", "{c:l}"):
            text = "" if country == "CN" else _word(chance, country).lower()
        elif mark in ("{w}", "{v}", "{a}", "{b}", "{c}"):
            text = _word(chance, country)
        else:
            text = {
                "{n}": str(chance.randint(1, 399)),
                "{m}": str(chance.randint(1, 30)),
                "{k}": str(chance.randint(1, 12)),
                "{L}": chance.choice("ABCDEFGH"),
                "{city}": city,
            }[mark]
        pattern = pattern.replace(mark, text, 1)
    return pattern


def _fresh(chance: Dice, country: str) -> Premises:
    facts = _countries()[country]
    place = _place(chance, country)
    pattern = chance.choice(facts["names"])
    if country == "CN":
        pattern = pattern.replace("{b:l}", "").replace(" {b}", "")
    stock = country != "CN" and chance.random() < _facts()["sites"]["stock"]
    word = _stock_word if stock else _word
    brand = tuple(word(chance, country) for _ in re.findall(r"{[abc](?::l)?}", pattern))
    office = None
    if chance.random() < _facts()["sites"]["head_office"]:
        other = _place(chance, country)
        office = (other["street"], other["city"], other["region"], other["postcode"])
    return Premises(
        number=0,
        country=country,
        pattern=pattern,
        brand=brand,
        trade=chance.choice(facts["trades"]),
        legal=chance.choice(facts["legal"]),
        suffix="",
        **place,
        first=chance.random() < _facts()["sites"]["first_unit"],
        trading=f"{_word(chance, country)} {_word(chance, country)}"
        if chance.random() < _facts()["sites"]["trading_name"]
        else "",
        office=office,
        identifiers=_numbers(chance, country),
    )


def _numbers(chance: Dice, country: str, company: Mapping[str, str] = {}) -> dict[str, str]:
    own = {kind: _MAKE[kind](chance, country) for kind, share in _HAS.items() if chance.random() < share}
    for kind in ("lei", "vat"):
        own.pop(kind, None) if company else None
    return own | {kind: value for kind, value in company.items() if kind in ("lei", "vat")}


def _unit(chance: Dice, near: Premises) -> Premises:
    number = chance.randint(2, 5)
    roman = ("II", "III", "IV", "V")[number - 2]
    suffix = chance.choice(
        (f"Unit {number}", f"{roman}", f"- Unit {number}", f"Plant {number}", f"{number}", f"Unit-{roman}")
    )
    same = chance.random() < _facts()["sites"]["twin_compound"]
    place: dict[str, Any] = {} if same else _street(chance, near.country, near.city)
    return replace(
        near, suffix=suffix, trading="", identifiers=_numbers(chance, near.country, near.identifiers), **place
    )


def _elsewhere(chance: Dice, near: Premises) -> Premises:
    place = _place(chance, near.country)
    return replace(near, **place, trading="", identifiers=_numbers(chance, near.country, near.identifiers))


def _sister(chance: Dice, near: Premises) -> Premises:
    trade = chance.choice([trade for trade in _countries()[near.country]["trades"] if trade != near.trade])
    same = chance.random() < _facts()["sites"]["twin_compound"]
    place: dict[str, Any] = {} if same else _street(chance, near.country, near.city)
    return replace(
        near, trade=trade, suffix="", trading="", identifiers=_numbers(chance, near.country), **place
    )


def _namesake(chance: Dice, near: Premises) -> Premises:
    """Another firm, all of whose name but one word is another's, as happens where names are made of a stock of words."""
    fresh = _fresh(chance, near.country)
    if len(near.brand) == 1:
        return fresh
    brand = list(near.brand)
    brand[chance.randrange(len(brand))] = _word(chance, near.country)
    place: dict[str, Any] = {} if chance.random() < _HALF else {"city": near.city, "region": near.region}
    return replace(
        fresh, pattern=near.pattern, brand=tuple(brand), trade=near.trade, legal=near.legal, **place
    )


def _extended(chance: Dice, near: Premises) -> Premises:
    """Another firm, whose name is another's and one word more: named after the same place, or a part of it."""
    fresh = _fresh(chance, near.country)
    word = _word(chance, near.country)
    pattern = near.pattern + " {c}" if chance.random() < _HALF else "{c} " + near.pattern
    brand = (*near.brand, word) if pattern.endswith(" {c}") else (word, *near.brand)
    near_by = chance.random() < _NEAR
    place: dict[str, Any] = {"city": near.city, "region": near.region} if near_by else {}
    return replace(fresh, pattern=pattern, brand=brand, trade=near.trade, legal=near.legal, **place)


def _moved(chance: Dice, near: Premises) -> Premises:
    return replace(
        near,
        **_street(chance, near.country, near.city),
        postcode=_place(chance, near.country)["postcode"][:2] + near.postcode[2:],
        identifiers=_numbers(chance, near.country, near.identifiers),
    )


def _tenant(chance: Dice, near: Premises) -> Premises:
    fresh = _fresh(chance, near.country)
    return replace(
        fresh, street=near.street, park=near.park, city=near.city, region=near.region, postcode=near.postcode
    )


def _row(chance: Dice, site: Premises, habit: _Habits) -> dict[str, str]:  # noqa: C901, PLR0912 - one line for each trouble
    shares = _facts()["rows"]

    def happens(what: str) -> bool:
        return chance.random() < float(shares[what]) * habit.messy

    street, park, city, region, postcode = site.street, site.park, site.city, site.region, site.postcode
    if site.office and happens("head_office"):
        street, city, region, postcode = site.office
        park = ""
    name, plain = _named(chance, site, habit, happens)
    parts = [street]
    if park and chance.random() < habit.park:
        parts.append(park)
    if len(parts) > 1 and happens("short_address"):
        parts = [chance.choice(parts)]
    if happens("shuffled_address"):
        parts.reverse()
    if chance.random() < habit.city_in_address:
        parts.append(city)
    address = ", ".join(parts)
    if happens("abbreviation"):
        address = noise.abbreviated(address, noise.ADDRESS_ABBREVIATIONS)
    if happens("address_typo"):
        address = noise.typo(chance, address)
    columns = {
        "name": name,
        "address": "" if happens("no_address") else address,
        "city": "" if chance.random() < habit.no_city else city,
        "region": "" if chance.random() < habit.no_region else region,
        "postcode": "" if chance.random() < habit.no_postcode else postcode,
    }
    if happens("wrong_postcode") and columns["postcode"]:
        columns["postcode"] = columns["postcode"][:-1] + str(chance.randint(0, 9))
    if happens("mojibake"):
        columns["name"] = noise.mojibake(columns["name"])
    elif habit.accents and plain:
        columns = {column: anyascii(text) for column, text in columns.items()}
    if habit.upper:
        columns = {column: text.upper() for column, text in columns.items()}
    if habit.cut:
        columns["name"] = columns["name"][:_CUT].rstrip()
    if happens("spaced"):
        columns["name"] = "  ".join(" ".join(word) for word in columns["name"].split())
    numbers = {
        "tax_id" if kind == "vat" else kind: site.identifiers.get(kind, "")
        if kind in habit.identifiers
        else ""
        for kind in _HAS
    }
    named = {"country": chance.choice((site.country, country_name(site.country)))}
    return columns | named | numbers | _located(site.country, city, street, habit)


def _located(country: str, city: str, street: str, habit: _Habits) -> dict[str, str]:
    """Return where a source says that an address is: the premises, the street or the city's centre."""
    if habit.locates == "not":
        return {"lat": "", "lng": ""}
    where = _centre(country, city)
    spreads = {"premises": (_TOWN, _YARD), "street": (_TOWN, _STREET), "city": ()}[habit.locates]
    for spread, who in zip(spreads, ("", habit.name), strict=False):
        chance = dice(country, city, street, who)
        where = (where[0] + chance.uniform(-spread, spread), where[1] + chance.uniform(-spread, spread))
    return {"lat": f"{where[0]:.5f}", "lng": f"{where[1]:.5f}"}


@cache
def _centre(country: str, city: str) -> tuple[float, float]:
    lat, lng = _facts()["centres"][country]
    chance = dice("centre", country, city)
    return lat + chance.uniform(-3, 3), lng + chance.uniform(-3, 3)


def _named(chance: Dice, site: Premises, habit: _Habits, happens: Callable[[str], bool]) -> tuple[str, bool]:  # noqa: C901, PLR0912 - one line for each trouble
    """Return the name as written this time, and whether accents may be taken off it."""
    brand, trade, city, legal = site.brand, site.trade, site.city, site.legal
    if site.country == "CN":
        if happens("characters") and all(_pieces(word) for word in brand):
            han = "".join(_han()[piece] for word in brand for piece in _pieces(word))
            words = _facts()["han"]
            suffix = "".join(character for character in site.suffix if character.isdigit())
            return (
                f"{words.get(city, city)}{han}{words.get(trade, trade)}有限公司{suffix and suffix + '厂'}",
                False,
            )
        if happens("cantonese"):
            brand = tuple(
                " ".join(_cantonese()[piece].capitalize() for piece in _pieces(word)) or word
                for word in brand
            )
        elif happens("spaced_pinyin"):
            brand = tuple(" ".join(piece.capitalize() for piece in _pieces(word)) or word for word in brand)
    if site.trading and happens("trading"):
        if happens("alias_bracket"):
            return f"{_filled(site.pattern, brand, trade, city)} ({site.trading})", True
        return f"{site.trading} {site.suffix}".strip(), True
    if happens("acronym") and len(brand) + len(trade.split()) > 2:  # noqa: PLR2004 - two letters say nothing
        letters = "".join(word[0] for word in (*brand, *trade.split()) if word[0].isalpha())
        return f"{letters} {site.suffix} {legal.removesuffix('~')}".replace("  ", " ").strip(), True
    if trade in _facts()["translations"] and happens("translated"):
        trade = chance.choice(_facts()["translations"][trade])
    elif chance.random() < habit.short_trade and len("".join(brand)) >= _TELLING:
        trade = ""
    pattern = site.pattern
    if happens("word_dropped"):
        pattern = pattern.replace("{city}", "").replace("()", "").strip()
    name = _filled(pattern, brand, trade, city)
    if happens("abbreviation"):
        name = noise.abbreviated(name, noise.ABBREVIATIONS)
    if happens("respelt"):
        name = _respelt(chance, name)
    if happens("typo"):
        name = noise.typo(chance, name)
    if happens("premises") and not site.suffix:
        name = f"{name} {chance.choice(_PREMISES)}"
    if site.suffix:
        name = f"{name} {site.suffix}"
    elif site.first and happens("first_unit"):
        name = f"{name} {chance.choice(_FIRST)}"
    if chance.random() >= habit.drops_legal and legal:
        name = f"{legal[:-1]} {name}" if legal.endswith("~") else f"{name} {legal}"
    return name, True


def _respelt(chance: Dice, name: str) -> str:
    """Write one sound as others write it, in either direction."""
    ways = [*_SOUNDS, *((short, long) for long, short in _SOUNDS if short)]
    chance.shuffle(ways)
    for written, other in ways:
        place = name.find(written, 1)
        if place > 0:
            return name[:place] + other + name[place + len(written) :]
    return name


def _filled(pattern: str, brand: Sequence[str], trade: str, city: str) -> str:
    for word in brand:
        mark = _BRAND.search(pattern)
        if mark:
            text = word.lower() if mark[0].endswith(":l}") else word
            pattern = pattern[: mark.start()] + text + pattern[mark.end() :]
    return " ".join(pattern.replace("{t}", trade).replace("{city}", city).split())


@cache
def _pieces(word: str) -> tuple[str, ...]:
    """Return the two syllables of an invented Chinese word."""
    low = word.lower()
    for size in range(2, len(low) - 1):
        if low[:size] in _han() and low[size:] in _han():
            return low[:size], low[size:]
    return ()
