"""A second set of supplier lists with their truth, to measure matchers of supplier sites by.

Its words, places and troubles were chosen without looking at the library that it measures, and how much trouble it
holds was set by Splink's F1 alone (about 0.89 at 10,000 rows). So a matcher that does well on the library's own
generated lists alone, because it knows how they are made, is found out here.

LEIs and GLNs have valid check digits. OS IDs have the right form, but only half of them a valid check character.
D-U-N-S and tax numbers have the right form; no check digit is made for them.

Words and shares of trouble are in `second_set.toml`: `[shares]` says how often a thing is so, `[ways]` which of
several. Rows come site by site: shuffle them before measuring. A country is an ISO code or one of the names that
`[countries]` gives it.
"""

import random
import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import accumulate, count, islice
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")
SET = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
LISTS, HANZI = SET["lists"], SET["hanzi"]
SHARES: dict[str, float] = SET["shares"]
WORDS: dict[str, list[str]] = SET["words"]
SYLLABLES: dict[str, list[str]] = SET["syllables"]
WAYS = {
    question: list(zip(ways, accumulate(ways.values()), strict=True))
    for question, ways in SET["ways"].items()
}
BASE36 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
WITHOUT_MARK = str.maketrans("đĐłŁı", "dDlLi")


class Dice(random.Random):
    def one(self, of: Sequence[T]) -> T:
        return of[int(self.random() * len(of))]

    def place(self, of: Sequence[object]) -> int:
        return int(self.random() * len(of))

    def weighted(self, of: Sequence[tuple[T, float]]) -> T:
        """Return the first of one of the pairs, each as often as its second says."""
        left = self.random() * sum(weight for _, weight in of)
        for choice, weight in of:
            left -= weight
            if left < 0:
                return choice
        return of[-1][0]

    def happens(self, event: str, times: float = 1.0) -> bool:
        return self.random() < SHARES[event] * times

    def way(self, question: str) -> str:
        """Return one of the ways in `[ways]`, or an empty text for none of them."""
        drawn = self.random()
        return next((way for way, until in WAYS[question] if drawn < until), "")

    def filled(self, pattern: str) -> str:
        kinds = {"#": BASE36[:10], "@": BASE36[10:], "*": BASE36}
        return "".join(self.one(kinds[sign]) if sign in kinds else sign for sign in pattern)


@dataclass(frozen=True, slots=True)
class Stem:
    """What a street, park or district is called; the last two only of Chinese ones."""

    text: str
    hanzi: str = ""
    spaced: str = ""


Named = tuple[Stem, int]
"""A stem, and which of its country's kinds of street (park, district) it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class City:
    name: str
    aliases: list[str]
    region: str
    region_alias: str
    at: tuple[float, float]
    hanzi: str = ""
    hanzi_region: str = ""
    streets: list[Named]
    parks: list[Named]
    districts: list[Named]
    postcodes: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Country:
    code: str
    weight: int
    names: list[str]
    language: str = ""
    local_share: float = 0.0
    words: str
    brands: list[tuple[str, float]]
    number: str
    numbers: list[list[str]]
    streets: list[list[str]]
    parks: list[list[str]]
    districts: list[list[str]]
    blocks: list[list[str]]
    legal: list[tuple[list[str], float]]
    local_legal: list[str] = field(default_factory=list)
    units: list[str]
    tax_id: str
    patterns: list[tuple[str, float]]
    local_patterns: list[tuple[str, float]] = field(default_factory=list)
    street_names: list[str] = field(default_factory=list)
    cities: list[City] = field(default_factory=list)

    def patterns_of(self, *, local: bool) -> list[tuple[str, float]]:
        return self.local_patterns if local else self.patterns


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    city: City
    number: str
    number_kind: int
    street: Named
    park: Named | None
    district: Named | None
    block: tuple[int, int] | None
    postcode: str
    at: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Company:
    country: Country
    brand: str
    characters: list[list[str]]
    trade: dict[str, Any]
    city: City
    local: bool
    pattern: str
    legal: int
    family: str
    trading: str
    tax_id: str
    lei: str
    office: Address | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    company: Company
    address: Address
    unit: int
    unit_form: int
    os_id: str
    duns: str
    gln: str


@dataclass(frozen=True, slots=True)
class Source:
    """A list, with what it does to all of its rows and the spelling of legal forms that it likes."""

    id: str
    legal: int
    habits: list[str]

    def has(self, habit: str) -> bool:
        return habit in self.habits


@dataclass(slots=True, kw_only=True)
class Wording:
    """The parts of a site's name while one list words them."""

    pattern: str
    local: bool
    brand: str
    trade: str
    place: str
    legal: str
    unit: str

    def text(self) -> str:
        text = self.pattern.format(
            brand=self.brand, trade=self.trade, place=self.place, legal=self.legal, unit=self.unit
        )
        text = " ".join(text.split()).replace("( ", "(").replace(" )", ")").replace("()", "")
        return text.replace(" ,", ",").strip(" ,-")


def second_set(seed: int, rows: int) -> Iterator[tuple[dict[str, str], int]]:
    """Yield `rows` rows with the number of the site that each is about; the same for the same arguments."""
    return islice(_rows(Dice(f"second set {seed}")), rows)


def _rows(dice: Dice) -> Iterator[tuple[dict[str, str], int]]:
    sources = [Source(**source) for source in LISTS["sources"]]
    written: Counter[str] = Counter()
    numbers = count(1)
    while True:
        sites = _neighbourhood(dice)
        for site, number in zip(sites, numbers, strict=False):
            chosen = dice.sample(sources, dice.weighted(SET["rows_of_site"]))
            if len(chosen) > 1 and dice.happens("twice_in_list"):
                chosen[1] = chosen[0]
            for source in chosen:
                written[source.id] += 1
                record = {"record_id": f"{source.id[-2:]}-{written[source.id]:06d}", "source": source.id}
                yield record | _row(dice, site, source, crowded=len(sites) > 1), number


# Words and places


@cache
def _countries() -> list[tuple[Country, float]]:
    dice = Dice("vocabulary")
    found = []
    for code, entry in SET["countries"].items():
        bare = Country(code=code, **entry | {"cities": []})
        cities = [_city(dice, bare, city) for city in entry["cities"]]
        found.append((replace(bare, cities=cities), float(bare.weight)))
    return found


def _city(dice: Dice, country: Country, entry: dict[str, Any]) -> City:
    own = Stem(_unaccented(entry["name"]), entry.get("hanzi", ""))
    postcodes = {dice.filled(entry["postcodes"]) for _ in range(300)}
    return City(
        **entry
        | {
            "streets": [(_stem(dice, country), dice.place(country.streets)) for _ in range(220)],
            "parks": [
                (_stem(dice, country) if dice.happens("park_named") else own, dice.place(country.parks))
                for _ in range(9)
            ],
            "districts": [(_district(dice, country), dice.place(country.districts)) for _ in range(25)],
            "postcodes": sorted(postcodes),
        }
    )


def _stem(dice: Dice, country: Country) -> Stem:
    if country.code == "CN":
        characters = _characters(dice, "third_character_of_place")
        return Stem(_joined(characters), _written(characters, 0), _written(characters, 1, " ").title())
    drawn = dice.way("place_name")
    if drawn == "made":
        return Stem(_made(dice, country.words))
    return Stem(dice.one(WORDS[country.words] if drawn == "brand" else country.street_names))


def _district(dice: Dice, country: Country) -> Stem:
    if country.code == "CN" or dice.happens("district_named"):
        return _stem(dice, country)
    return Stem(_made(dice, country.words))


def _made(dice: Dice, words: str, most: int = 3) -> str:
    """Return a word made of syllables."""
    if words == "VN":
        parts = 3 if dice.happens("third_syllable") else 2
        return " ".join(dice.one(SYLLABLES[words]).capitalize() for _ in range(parts))
    return "".join(dice.one(SYLLABLES[words]) for _ in range(dice.randint(2, most))).capitalize()


def _characters(dice: Dice, third: str) -> list[list[str]]:
    return [dice.one(LISTS["characters"]) for _ in range(3 if dice.happens(third) else 2)]


def _written(characters: list[list[str]], script: int, gap: str = "") -> str:
    """Return Chinese characters as they are (0), in pinyin (1) or as spelled in Cantonese (2)."""
    return gap.join(character[script] for character in characters)


def _joined(characters: list[list[str]]) -> str:
    return _written(characters, 1).capitalize()


def _brand_word(dice: Dice, country: Country, kind: str) -> str:
    if kind == "mixed":
        kind = "word" if dice.happens("mixed_word") else "made"
    match kind:
        case "english":
            return dice.one(WORDS["world"])
        case "honorific":
            return dice.one(WORDS["honorific"])
        case "initials":
            return dice.filled("@" * dice.randint(2, 3))
        case "made" | "long":
            return _made(dice, country.words, 3 if kind == "made" else 4)
        case _:
            return dice.one(WORDS[country.words])


def _unaccented(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(WITHOUT_MARK))
    return "".join(letter for letter in plain if not unicodedata.combining(letter))


# Identifiers


def _lei(dice: Dice) -> str:
    body = dice.filled("####00************")
    return f"{body}{98 - int(''.join(str(BASE36.index(sign)) for sign in body) + '00') % 97:02d}"


def _gln(dice: Dice) -> str:
    body = dice.filled("############")
    odd, even = (sum(map(int, body[start::2])) for start in (0, 1))
    return f"{body}{-(odd + 3 * even) % 10}"


def _os_id(dice: Dice, country: Country) -> str:
    """Return an OS ID; the check character is the sum of the others' values and the country's letters, mod 32."""
    rest = f"{dice.randint(2019, 2025)}{dice.randint(1, 365):03d}" + "".join(
        dice.one(CROCKFORD) for _ in range(5)
    )
    total = sum(map(ord, country.code)) + sum(map(CROCKFORD.index, rest))
    wrong = 0 if dice.happens("os_id_checks") else dice.randint(1, 31)
    return f"{country.code}{rest}{CROCKFORD[(total + wrong) % 32]}"


# Companies and sites


def _address(dice: Dice, country: Country, city: City | None = None) -> Address:
    city = city or dice.one(country.cities)
    return Address(
        city=city,
        number=_house_number(dice),
        number_kind=dice.place(country.numbers),
        street=dice.one(city.streets),
        park=dice.one(city.parks) if dice.happens("in_park") else None,
        district=dice.one(city.districts) if dice.happens("in_district") else None,
        block=(dice.place(country.blocks), dice.randint(1, 12)) if dice.happens("in_block") else None,
        postcode=dice.one(city.postcodes),
        at=_near(dice, city.at, 0.06),
    )


def _near(dice: Dice, at: tuple[float, float], degrees: float) -> tuple[float, float]:
    return at[0] + dice.gauss(0, degrees), at[1] + dice.gauss(0, degrees)


def _house_number(dice: Dice) -> str:
    number = dice.randint(300, 2999) if dice.happens("high_number") else int(2 ** dice.uniform(0, 9.5)) + 1
    match dice.way("house_number"):
        case "range":
            return f"{number}-{number + dice.randint(1, 8)}"
        case "letter":
            return f"{number}{dice.one('ABCD')}"
        case "part":
            return f"{number}/{dice.randint(1, 9)}"
        case _:
            return str(number)


def _company(dice: Dice, country: Country, city: City) -> Company:
    characters = (
        _characters(dice, "third_character") if country.code == "CN" and dice.happens("hanzi_brand") else []
    )
    kinds = dice.weighted(country.brands).split()
    words = dict.fromkeys(_brand_word(dice, country, kind) for kind in kinds)
    trade = dice.one(LISTS["trades"])
    local = dice.random() < country.local_share
    return Company(
        country=country,
        brand=_joined(characters) if characters else " ".join(words),
        characters=characters,
        trade=trade,
        city=city if dice.happens("own_city") else dice.one(country.cities),
        local=local,
        pattern=dice.weighted(country.patterns_of(local=local)),
        legal=dice.weighted([(place, weight) for place, (_, weight) in enumerate(country.legal)]),
        family=dice.one(WORDS[country.words]),
        trading=_trading_name(dice, trade) if dice.happens("trades_as") else "",
        tax_id=dice.filled(country.tax_id) if dice.happens("has_tax_id") else "",
        lei=_lei(dice) if dice.happens("has_lei") else "",
        office=None,
    )


def _trading_name(dice: Dice, trade: dict[str, Any]) -> str:
    pattern: str = dice.weighted(SET["trading_names"])
    return pattern.format(
        english=dice.one(WORDS["world"]),
        extra=dice.one(WORDS["trading"]),
        made=_made(dice, "world"),
        trade=trade["en"],
    )


def _site(dice: Dice, company: Company, address: Address, unit: int = 0) -> Site:
    return Site(
        company=company,
        address=address,
        unit=unit,
        unit_form=dice.place(company.country.units),
        os_id=_os_id(dice, company.country) if dice.happens("has_os_id") else "",
        duns=str(dice.randint(100_000_000, 999_999_999)) if dice.happens("has_duns") else "",
        gln=_gln(dice) if dice.happens("has_gln") else "",
    )


# Sites that are easily taken for another


def _neighbourhood(dice: Dice) -> list[Site]:
    """Return a site, and now and then others that a matcher may take for it."""
    country = dice.weighted(_countries())
    address = _address(dice, country)
    company = _company(dice, country, address.city)
    if dice.happens("has_office"):
        city = None if dice.happens("office_anywhere") else address.city
        company = replace(company, office=_address(dice, country, city))
    site = _site(dice, company, address)
    neighbours = NEIGHBOURS.get(dice.way("neighbours"))
    return neighbours(dice, site) if neighbours else [site]


def _sisters(dice: Dice, site: Site) -> list[Site]:
    """Return numbered units of one company."""
    if dice.happens("first_unit_numbered"):
        site = replace(site, unit=1)
    sites = [site]
    for unit in range(2, 4 if dice.happens("second_sister") else 3):
        place = dice.way("sister_place")
        if place == "next_door":
            address = _next_door(dice, site.address, "next_door")
        else:
            city = site.address.city if place == "same_city" else None
            address = _address(dice, site.company.country, city)
        sister = _site(dice, site.company, address, unit)
        sites.append(replace(sister, unit_form=site.unit_form) if site.unit else sister)
    return sites


def _next_door(dice: Dice, address: Address, question: str) -> Address:
    match dice.way(question):
        case "same":
            changes: dict[str, Any] = {}
        case "next_block":
            changes = {"block": (0, (address.block[1] if address.block else 0) + dice.randint(1, 3))}
        case _:
            first = re.match(r"\d+", address.number)
            changes = {"number": str(int(first[0] if first else 0) + dice.randint(1, 6))}
    return replace(address, at=_near(dice, address.at, 0.0004), **changes)


def _group(dice: Dice, site: Site) -> list[Site]:
    """Return two companies of one brand in one compound."""
    address = _next_door(dice, site.address, "next_door_in_compound")
    other = _alike(dice, site.company, address.city, "brand", "characters", "city", "local", "pattern")
    return [site, _site(dice, replace(other, trade=_other_trade(dice, site.company), trading=""), address)]


def _alike(dice: Dice, company: Company, city: City, *same: str) -> Company:
    """Return another company that has these of its facts from the given one."""
    other = _company(dice, company.country, city)
    return replace(other, **{fact: getattr(company, fact) for fact in same})


def _other_trade(dice: Dice, company: Company) -> dict[str, Any]:
    return dice.one([trade for trade in LISTS["trades"] if trade is not company.trade])


def _moved(dice: Dice, site: Site) -> list[Site]:
    """Return a factory, and the one that the same company has opened elsewhere in its region."""
    country, city = site.company.country, site.address.city
    if not dice.happens("moved_in_city"):
        city = dice.one([other for other in country.cities if other.region == city.region])
    return [site, _site(dice, site.company, _address(dice, country, city))]


def _tenants(dice: Dice, site: Site) -> list[Site]:
    """Return companies that have nothing to do with each other in one building."""
    country, sites = site.company.country, [site]
    for _ in range(2 if dice.happens("second_tenant") else 1):
        address = site.address
        if dice.happens("tenant_block"):
            address = replace(address, block=(len(country.blocks) - 1, dice.randint(1, 9)))
        company = _company(dice, country, address.city)
        if dice.happens("same_trade"):
            company = replace(company, trade=site.company.trade)
        sites.append(_site(dice, company, address))
    return sites


def _namesake(dice: Dice, site: Site) -> list[Site]:
    """Return two companies of one name in two cities."""
    country = site.company.country
    city = dice.one([other for other in country.cities if other is not site.address.city])
    same = ("brand", "characters", "trade", "local", "pattern", "legal")
    other = replace(_alike(dice, site.company, city, *same), city=city)
    return [site, _site(dice, other, _address(dice, country, city))]


def _near_name(dice: Dice, site: Site) -> list[Site]:
    """Return two companies of one city whose names differ by a word."""
    company, city = site.company, site.address.city
    same = ("brand", "characters", "trade", "city", "local", "pattern", "legal")
    other = _alike(dice, company, city, *same)
    match dice.way("near_name"):
        case "word":
            other = replace(other, brand=f"{dice.one(WORDS['near'])} {company.brand}", characters=[])
        case "trade":
            other = replace(other, trade=_other_trade(dice, company))
        case _ if company.characters:
            unlike = [one for one in LISTS["characters"] if one[1] != company.characters[-1][1]]
            characters = [*company.characters[:-1], dice.one(unlike)]
            other = replace(other, brand=_joined(characters), characters=characters)
        case _:
            *first, _ = company.brand.split()
            other = replace(other, brand=" ".join([*first, _made(dice, company.country.words)]))
    return [site, _site(dice, other, _address(dice, company.country, city))]


NEIGHBOURS: dict[str, Callable[[Dice, Site], list[Site]]] = {
    "sisters": _sisters,
    "group": _group,
    "moved": _moved,
    "tenants": _tenants,
    "namesake": _namesake,
    "near_name": _near_name,
}


# What a list says of a site


def _row(dice: Dice, site: Site, source: Source, *, crowded: bool) -> dict[str, str]:
    """Return what a list says; where sites are `crowded`, it seldom leaves out what tells them apart."""
    company, address = site.company, site.address
    office = company.office is not None and dice.happens("head_office", 0.5 if crowded else 1)
    if company.office and office:
        address = company.office
    by_habit = "hanzi_name_by_habit" if source.has("hanzi") else "hanzi_name"
    hanzi = bool(company.characters) and dice.happens(by_habit)
    hanzi_address = hanzi and dice.happens("hanzi_address")
    cells = {"name": _hanzi_name(dice, site) if hanzi else _name(dice, site, source)}
    cells["address"] = (
        _hanzi_address(address) if hanzi_address else _street_address(dice, address, company.country, source)
    )
    cells |= _locality(dice, address, source, hanzi=hanzi_address)
    told = office or not dice.happens("no_address", 0.35 if crowded else 1)
    cells["address"] = cells["address"] if told else ""
    if dice.happens("no_city", 1 if told else 0.3):
        cells["city"] = ""
    _mistype(dice, cells, ["name", "address", "city"][1 if hanzi else 0 : 1 if hanzi_address else 3])
    if not hanzi:
        _as_the_list_writes(dice, cells, source)
    elif source.has("mojibake") and dice.happens("mojibake_in_hanzi"):
        cells["name"] = _misread(cells["name"])
    return cells | {"country": _country_name(dice, company.country, source)} | _numbers(dice, site, address)


def _country_name(dice: Dice, country: Country, source: Source) -> str:
    if source.has("iso_country"):
        return country.code
    return dice.one(country.names) if dice.happens("other_country_name") else country.names[0]


def _locality(dice: Dice, address: Address, source: Source, *, hanzi: bool) -> dict[str, str]:
    place = address.city
    city = place.hanzi if hanzi else place.name
    region = place.hanzi_region if hanzi else place.region
    way = dice.way("city_told")
    if way == "alias":
        city = dice.one(place.aliases)
    elif way == "other" and not hanzi:
        city = address.district[0].text if address.district else f"{city} City"
    if dice.happens("region_alias") and not hanzi:
        region = place.region_alias
    if source.has("no_region") or dice.happens("no_region"):
        region = ""
    postcode = dice.one(place.postcodes) if dice.happens("other_postcode") else address.postcode
    if source.has("no_postcode") or dice.happens("no_postcode"):
        postcode = ""
    return {"city": city, "region": region, "postcode": postcode}


def _numbers(dice: Dice, site: Site, address: Address) -> dict[str, str]:
    company, numbers = site.company, {}
    known = {
        "os_id": site.os_id,
        "duns": site.duns,
        "lei": company.lei,
        "tax_id": company.tax_id,
        "gln": site.gln,
    }
    for kind, number in known.items():
        numbers[kind] = number if number and dice.happens(f"{kind}_told") else ""
    return numbers | _position(dice, address)


def _position(dice: Dice, address: Address) -> dict[str, str]:
    if not dice.happens("position_told"):
        return {"lat": "", "lng": ""}
    match dice.way("position_told"):
        case "site":
            at, digits = _near(dice, address.at, 0.0015), 5
        case "city":
            at, digits = address.city.at, 4
        case _:
            at, digits = address.at, 1
    return {"lat": f"{at[0]:.{digits}f}", "lng": f"{at[1]:.{digits}f}"}


# Names


def _name(dice: Dice, site: Site, source: Source) -> str:
    company = site.company
    wording = Wording(
        pattern=company.pattern,
        local=company.local,
        brand=company.brand,
        trade=_trade(company, local=company.local),
        place=company.city.name,
        legal="",
        unit=_unit(dice, site) if site.unit else "",
    )
    if company.trading and dice.happens("trading_name"):
        wording.legal = _legal(dice, company, source, local=wording.local)
        pattern: str = dice.weighted(SET["trading_patterns"])
        return pattern.format(name=wording.text(), trading=company.trading, unit=wording.unit)
    if company.characters:
        _romanise(dice, wording, company)
    change = dice.way("name_change_by_habit" if source.has("abbreviates") else "name_change")
    if change == "translated" and company.country.language:
        _translate(dice, wording, company)
    wording.legal = _legal(dice, company, source, local=wording.local)
    if change in CHANGES:
        CHANGES[change](dice, wording, company)
    if company.country.code == "CN" and wording.place == company.city.name and dice.happens("city_city"):
        wording.place += " City"
    return wording.text()


def _trade(company: Company, *, local: bool) -> str:
    return str(company.trade[company.country.language if local else "en"])


def _legal(dice: Dice, company: Company, source: Source, *, local: bool) -> str:
    country = company.country
    way = dice.way("legal_told")
    if way == "none":
        return ""
    if local and country.local_legal:
        return country.local_legal[company.legal]
    forms = country.legal[company.legal][0]
    if way == "other":
        forms, _ = dice.one(country.legal)
    usual = source.legal == 0 or dice.happens("usual_legal")
    return (forms[source.legal % len(forms)] if usual else dice.one(forms)).format(family=company.family)


def _unit(dice: Dice, site: Site) -> str:
    if site.unit == 1 and dice.happens("first_unit_untold"):
        return ""
    forms = site.company.country.units
    form = dice.one(forms) if dice.happens("unit_form") else forms[site.unit_form]
    number = {"roman": SET["roman"][site.unit], "padded": f"0{site.unit}"}.get(dice.way("unit_number"))
    return (dice.way("unit_gap") or " ") + form.format(number or site.unit)


def _romanise(dice: Dice, wording: Wording, company: Company) -> None:
    way = dice.way("romanised")
    if way == "cantonese":
        wording.brand = _written(company.characters, 2, " ").title()
        if dice.happens("short_place"):
            wording.pattern = "{brand} {trade} {legal}{unit}"
    elif way == "spaced":
        wording.brand = _written(company.characters, 1, " ").title()
        if dice.happens("short_place"):
            wording.place = company.city.aliases[0]


def _translate(dice: Dice, wording: Wording, company: Company) -> None:
    wording.local = not wording.local
    wording.trade = _trade(company, local=wording.local)
    if dice.happens("usual_pattern"):
        wording.pattern, _ = company.country.patterns_of(local=wording.local)[0]
    if "{place}" not in company.pattern:
        _drop_place(dice, wording, company)


def _acronym(dice: Dice, wording: Wording, company: Company) -> None:
    if wording.unit:
        return
    words = _written(company.characters, 1, " ") or wording.brand.replace("-", " ")
    brand = "".join(word[0].upper() for word in words.split())
    whole = brand + "".join(word[0].upper() for word in wording.trade.split() if word[0].isalpha())
    way = dice.way("acronym")
    if way == "of_brand" and len(brand) > 1:
        wording.brand = brand
    elif way == "explained":
        wording.pattern = f"{whole} ({{brand}} {{trade}})"
    else:
        wording.pattern = f"{whole} {{legal}}"


def _shorten_trade(dice: Dice, wording: Wording, company: Company) -> None:
    if not wording.local:
        wording.trade = dice.one(company.trade["short"])


def _drop_trade(dice: Dice, wording: Wording, company: Company) -> None:
    wording.trade = ""


def _drop_place(dice: Dice, wording: Wording, company: Company) -> None:
    wording.pattern = re.sub(r"(de |\()?\{place\}\)? ", "", wording.pattern)


def _add_place(dice: Dice, wording: Wording, company: Company) -> None:
    if "{place}" not in wording.pattern:
        added = "{place} {brand} " if dice.happens("place_before") else "{brand} ({place}) "
        wording.pattern = wording.pattern.replace("{brand} ", added, 1)


def _reorder(dice: Dice, wording: Wording, company: Company) -> None:
    if company.country.code == "ID" or (wording.local and company.country.code != "VN"):
        wording.pattern = wording.pattern.format_map(
            {part: f"{{{part}}}" for part in ("place", "legal", "unit")}
            | {"brand": "{trade}", "trade": "{brand}"}
        )


CHANGES: dict[str, Callable[[Dice, Wording, Company], None]] = {
    "acronym": _acronym,
    "short_trade": _shorten_trade,
    "no_trade": _drop_trade,
    "no_place": _drop_place,
    "place_added": _add_place,
    "reordered": _reorder,
}


def _hanzi_name(dice: Dice, site: Site) -> str:
    company = site.company
    city = company.city.hanzi + (HANZI["city"] if dice.happens("hanzi_city") else "")
    unit = HANZI["numerals"][site.unit] + HANZI["factory"] if site.unit else ""
    place = city if "{place}" in company.pattern else ""
    legal = company.country.local_legal[company.legal]
    return place + _written(company.characters, 0) + str(company.trade["zh"]) + legal + unit


# Addresses


def _hanzi_address(address: Address) -> str:
    city, (street, kind) = address.city, address.street
    parts = [city.hanzi_region, HANZI["city"]]
    if city.hanzi_region != city.hanzi:
        parts = [city.hanzi_region, HANZI["province"], city.hanzi, HANZI["city"]]
    if address.district:
        parts += [address.district[0].hanzi, HANZI["districts"][address.district[1]]]
    if address.park:
        parts += [address.park[0].hanzi, HANZI["park"]]
    parts += [street.hanzi, HANZI["streets"][kind], address.number, HANZI["number"]]
    if address.block:
        parts += [str(address.block[1]), HANZI["blocks"][address.block[0]]]
    return "".join(parts)


def _street_address(dice: Dice, address: Address, country: Country, source: Source) -> str:
    short = source.has("abbreviates") or dice.happens("abbreviated")

    def form(forms: list[str], name: object) -> str:
        return (dice.one(forms) if short or dice.happens("other_form") else forms[0]).format(name)

    left_out = dice.way("address_part_left_out")
    parts = []
    if address.block and "block" not in left_out:
        parts.append(form(country.blocks[address.block[0]], address.block[1]))
    if not (address.park and "street" in left_out):
        stem, kind = address.street
        spaced = stem.spaced and dice.happens("spaced_street")
        street = form(country.streets[kind], stem.spaced if spaced else stem.text)
        number = form(country.numbers[address.number_kind], address.number)
        parts.append(_numbered(dice, street, number, country.number))
    if address.park and "park" not in left_out:
        parts.append(form(country.parks[address.park[1]], address.park[0].text))
    if address.district and "district" not in left_out:
        parts.append(form(country.districts[address.district[1]], address.district[0].text))
    if dice.happens("parts_shuffled"):
        dice.shuffle(parts)
    gap = dice.way("address_gap") or ", "
    if source.has("whole_address") or dice.happens("whole_address"):
        parts += _rest_of_address(dice, address.city, country)
    return gap.join(parts)


def _numbered(dice: Dice, street: str, number: str, order: str) -> str:
    if order == "after":
        return street + (", " if dice.happens("comma_before_number") else " ") + number
    return number + (", " if order == "comma" and dice.happens("comma_after_number") else " ") + street


def _rest_of_address(dice: Dice, city: City, country: Country) -> Iterator[str]:
    yield city.name
    if city.region != city.name and dice.happens("whole_region"):
        yield city.region
    if dice.happens("whole_country"):
        yield country.names[0]


# Slips of keyboards, encodings and layouts


def _mistype(dice: Dice, cells: dict[str, str], columns: list[str]) -> None:
    for column in columns:
        if dice.happens(f"{column}_typo"):
            cells[column] = _mistyped(dice, cells[column])
            if column == "name" and dice.happens("second_name_typo"):
                cells[column] = _mistyped(dice, cells[column])


def _mistyped(dice: Dice, text: str) -> str:
    letters = [place for place in range(1, len(text) - 1) if text[place].isalpha()]
    if not letters:
        return text
    at = dice.one(letters)
    match dice.way("typo"):
        case "left_out":
            changed = ""
        case "swapped":
            return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
        case "doubled":
            changed = text[at] * 2
        case _:
            changed = dice.one("aeioustrnl")
    return text[:at] + changed + text[at + 1 :]


def _as_the_list_writes(dice: Dice, cells: dict[str, str], source: Source) -> None:
    """Write the name, address, city and region as this list's program or clerk does."""
    if source.has("ascii") or dice.happens("accents_lost"):
        for column in ("name", "address", "city", "region"):
            cells[column] = _unaccented(cells[column])
    if source.has("mojibake") and dice.happens("mojibake"):
        misread = _misread if dice.way("misread") == "bytes" else _questioned
        cells |= {column: misread(cells[column]) for column in ("name", "address")}
    if source.has("upper"):
        wide = dice.happens("upper_city")
        for column in ("name", "address", "city", "region") if wide else ("name", "address"):
            cells[column] = cells[column].upper()
    if len(cells["name"]) > 35 and (source.has("cut") or dice.happens("cut")):
        for column in ("name", "address") if dice.happens("cut_address") else ("name",):
            cells[column] = cells[column][:35].rstrip()
    if source.has("pdf") and dice.happens("pdf"):
        _as_read_from_a_page(dice, cells)


def _misread(text: str) -> str:
    return text.encode().decode("cp1252", errors="ignore")


def _questioned(text: str) -> str:
    encoding = "ascii" if max(text, default="") <= "\xff" else "latin-1"
    return text.encode(encoding, errors="replace").decode(encoding)


def _as_read_from_a_page(dice: Dice, cells: dict[str, str]) -> None:
    if dice.way("pdf") == "spaced":
        for column in ("name", "address") if dice.happens("pdf_address") else ("name",):
            cells[column] = "  ".join(" ".join(word) for word in cells[column].split())
        return
    for column in ("name", "address"):
        for _ in range(dice.randint(1, 3)):
            cells[column] = _split(dice, cells[column])


def _split(dice: Dice, text: str) -> str:
    at = dice.randint(2, len(text) - 2) if len(text) > 5 else 0
    return f"{text[:at]} {text[at:]}" if at and text[at - 1 : at + 1].isalpha() else text
