"""Invented sites: who they are, where they stand, which identifiers they have."""

import random
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.resources import files
from itertools import count
from typing import Any

from mrx_matching.identifiers import (
    CROCKFORD,
    gln_check_digit,
    lei_check_digits,
    os_id_check_character,
)
from mrx_matching.normalise import fold

Dice = random.Random


def dice(*seed: object) -> Dice:
    """Return a source of chance that depends on the seed alone. Nothing secret is drawn from it."""
    return random.Random("|".join(map(str, seed)))  # noqa: S311 - invented data, no secrets


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """The truth about one invented site."""

    site_id: str
    country: str
    name: str
    legal: str
    legal_first: bool
    street: str
    park: str
    city: str
    region: str
    postcode: str
    trading_name: str = ""
    identifiers: Mapping[str, str] = field(default_factory=dict)


_HARD_NEGATIVES = 0.08
_TRADING_NAME = 0.04
_HAS = {"os_id": 0.6, "lei": 0.12, "duns": 0.4, "gln": 0.2, "vat": 0.5, "zs": 0.5, "zc": 0.5}
_OF_THE_COMPANY = ("lei", "vat", "zc")
_NEW_NAME_ATTEMPTS = 50


def invented_sites(seed: int) -> Iterator[Site]:
    """Yield sites in the order of their ids, without end; some are easily mistaken for an earlier one."""
    chance = dice(seed, "sites")
    facts = _countries()
    codes, weights = list(facts), [facts[code]["weight"] for code in facts]
    taken: set[tuple[str, tuple[str, ...]]] = set()
    by_country: dict[str, list[Site]] = {code: [] for code in codes}
    for number in count():
        country = chance.choices(codes, weights)[0]
        neighbours = by_country[country]
        site_id = f"site-{number:06d}"
        if neighbours and chance.random() < _HARD_NEGATIVES:
            twin = chance.choice(_HARD)(chance, chance.choice(neighbours))
            site = replace(twin, site_id=site_id)
        else:
            site = _fresh(chance, country, site_id)
        for _ in range(_NEW_NAME_ATTEMPTS):
            if (country, fold(f"{site.name} {site.city}")) not in taken:
                break
            site = _fresh(chance, country, site_id)
        taken.add((country, fold(f"{site.name} {site.city}")))
        neighbours.append(site)
        yield site


@cache
def _countries() -> dict[str, Any]:
    text = files("mrx_matching.generator").joinpath("countries.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _fresh(chance: Dice, country: str, site_id: str) -> Site:
    facts = _countries()[country]
    city, region, postcode = chance.choice(facts["cities"]).split("|")
    legal = chance.choice(facts["legal"])
    name = _filled(chance, chance.choice(facts["names"]), facts, city)
    return Site(
        site_id=site_id,
        country=country,
        name=name,
        legal=legal.removesuffix("~"),
        legal_first=legal.endswith("~"),
        street=_filled(chance, chance.choice(facts["streets"]), facts, city),
        park=_filled(chance, chance.choice(facts["parks"]), facts, city)
        if chance.random() < 0.6  # noqa: PLR2004 - the share of sites in a park
        else "",
        city=city,
        region=region,
        postcode=_digits(chance, postcode),
        trading_name=_filled(chance, "{a} {b}", facts, city) if chance.random() < _TRADING_NAME else "",
        identifiers=_identifiers(chance, country, _HAS),
    )


def _filled(chance: Dice, pattern: str, facts: Mapping[str, Any], city: str) -> str:
    first, second, third, street, other = chance.sample(facts["words"], 5)
    chosen = {
        "{a}": first,
        "{b}": second,
        "{b:l}": second.lower(),
        "{c}": third,
        "{c:l}": third.lower(),
        "{t}": chance.choice(facts["trades"]),
        "{city}": city,
        "{w}": street,
        "{v}": other,
        "{v:l}": other.lower(),
        "{n}": str(chance.randint(1, 399)),
        "{m}": str(chance.randint(1, 30)),
        "{k}": str(chance.randint(1, 12)),
        "{L}": chance.choice("ABCDEFGH"),
    }
    for mark, text in chosen.items():
        pattern = pattern.replace(mark, text)
    return pattern


def _digits(chance: Dice, pattern: str) -> str:
    return "".join(str(chance.randint(0, 9)) if mark == "#" else mark for mark in pattern)


def _identifiers(chance: Dice, country: str, shares: Mapping[str, float]) -> dict[str, str]:
    drawn = {kind: (chance.random() < share, _MAKE[kind](chance, country)) for kind, share in shares.items()}
    return {kind: value for kind, (has, value) in drawn.items() if has}


def _os_id(chance: Dice, country: str) -> str:
    stem = (
        f"{country}{chance.randint(2019, 2025)}{chance.randint(1, 365):03d}"
        f"{''.join(chance.choices(CROCKFORD, k=5))}"
    )
    return stem + os_id_check_character(stem)


def _lei(chance: Dice, _country: str) -> str:
    stem = _digits(chance, "####00") + "".join(chance.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=12))
    return stem + lei_check_digits(stem)


def _gln(chance: Dice, _country: str) -> str:
    stem = str(chance.randint(1, 9)) + _digits(chance, "#" * 11)
    return stem + gln_check_digit(stem)


_MAKE: Mapping[str, Callable[[Dice, str], str]] = {
    "os_id": _os_id,
    "lei": _lei,
    "duns": lambda chance, _: _digits(chance, "#" * 9),
    "gln": _gln,
    "vat": lambda chance, country: country + _digits(chance, "#" * 9),
    "zs": lambda chance, _: "ZS" + _digits(chance, "4########"),
    "zc": lambda chance, _: "ZC" + _digits(chance, "4########"),
}


def _own(chance: Dice, near: Site, *, same_company: bool) -> dict[str, str]:
    """Return identifiers of a site of its own, the company's where it is the same company."""
    own = _identifiers(chance, near.country, _HAS)
    if same_company:
        for kind in _OF_THE_COMPANY:
            own.pop(kind, None)
            if kind in near.identifiers:
                own[kind] = near.identifiers[kind]
    return own


def _other_unit(chance: Dice, near: Site) -> Site:
    """Make another unit of the same company, next door or elsewhere in the city."""
    bare = near.name.split(" - ")[0].split(" Unit ")[0]
    number = chance.randint(2, 5)
    unit = chance.choice((f"Unit {number}", f"{number}", f"- Unit {number}", f"Plant {number}"))
    facts = _countries()[near.country]
    return replace(
        near,
        name=f"{bare} {unit}",
        street=near.street
        if chance.random() < 0.3  # noqa: PLR2004 - the share of units in one compound
        else _filled(chance, chance.choice(facts["streets"]), facts, near.city),
        trading_name="",
        identifiers=_own(chance, near, same_company=True),
    )


def _sister(chance: Dice, near: Site) -> Site:
    """Make a firm of the same group, in another trade, in the same city."""
    fresh = _fresh(chance, near.country, "")
    facts = _countries()[near.country]
    trade = next((trade for trade in facts["trades"] if trade in near.name), None)
    other = chance.choice([other for other in facts["trades"] if other != trade])
    name = near.name.replace(trade, other) if trade else f"{near.name} {other}"
    return replace(
        fresh,
        name=name,
        city=near.city,
        region=near.region,
        postcode=near.postcode,
        trading_name="",
    )


def _other_tenant(chance: Dice, near: Site) -> Site:
    """Make a stranger at the same address."""
    fresh = _fresh(chance, near.country, "")
    name = fresh.name.replace(fresh.city, near.city)
    return replace(
        fresh,
        name=name,
        street=near.street,
        park=near.park,
        city=near.city,
        region=near.region,
        postcode=near.postcode,
    )


def _same_name_elsewhere(chance: Dice, near: Site) -> Site:
    """Make another plant of the same company in another city."""
    fresh = _fresh(chance, near.country, "")
    if fresh.city == near.city or near.city in near.name:
        return fresh
    return replace(
        fresh,
        name=near.name,
        legal=near.legal,
        legal_first=near.legal_first,
        identifiers=_own(chance, near, same_company=True),
    )


_HARD: Sequence[Callable[[Dice, Site], Site]] = (
    _other_unit,
    _other_unit,
    _sister,
    _other_tenant,
    _same_name_elsewhere,
)
