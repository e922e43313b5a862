"""How a member writes down a site: its habits, and the slips of single rows."""

from collections.abc import Mapping
from dataclasses import dataclass

from anyascii import anyascii

from mrx_matching.countries import country_name
from mrx_matching.generator.sites import Dice, Site

ABBREVIATIONS = (
    ("Manufacturing", "Mfg"),
    ("Industries", "Ind."),
    ("International", "Intl"),
    ("Garments", "Gmts"),
    ("Garment", "Gmt"),
    ("Products", "Prod."),
    ("Textiles", "Tex."),
    ("Packaging", "Pkg"),
    ("Exports", "Exp."),
    ("Factory", "Fty"),
)
ADDRESS_ABBREVIATIONS = (
    ("Industrial", "Ind."),
    ("Road", "Rd."),
    ("Street", "St."),
    ("Avenue", "Ave."),
    ("Village", "Vill."),
    ("Estate", "Est."),
    ("Jalan", "Jl."),
    ("No. ", "No."),
    ("Sector", "Sec."),
    ("Park", "Pk."),
)
_KEYBOARD = "abcdefghijklmnopqrstuvwxyz"
_CUT = 35


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a member does to every row of its list."""

    upper: bool
    accents: str
    country: str
    legal: str
    cuts_names: bool
    park_in_address: bool
    city_in_address: bool
    identifiers: tuple[str, ...]


def draw_habits(chance: Dice) -> Habits:
    return Habits(
        upper=chance.random() < 0.4,  # noqa: PLR2004 - the share of members
        accents=chance.choice(("kept", "stripped", "western")),
        country=chance.choice(("name", "upper", "alpha2")),
        legal=chance.choice(("as it is", "as it is", "mixed", "mostly dropped")),
        cuts_names=chance.random() < 0.15,  # noqa: PLR2004 - the share of members
        park_in_address=chance.random() < 0.7,  # noqa: PLR2004 - the share of members
        city_in_address=chance.random() < 0.3,  # noqa: PLR2004 - the share of members
        identifiers=tuple(kind for kind, share in _LISTED.items() if chance.random() < share),
    )


_LISTED = {"os_id": 0.4, "lei": 0.25, "duns": 0.3, "gln": 0.25, "vat": 0.25, "zs": 0.4, "zc": 0.3}
_LACKING = 0.04


def written(chance: Dice, site: Site, habits: Habits) -> dict[str, str]:
    """Return the site's columns as this member would write them this time."""
    address = _address(chance, site, habits)
    columns = {
        "site_name": _name(chance, site, habits),
        "address": "" if chance.random() < _SLIPS["no address"] else address,
        "city": "" if chance.random() < _SLIPS["no city"] else site.city,
        "region": "" if chance.random() < _SLIPS["no region"] else site.region,
        "postcode": "" if chance.random() < _SLIPS["no postcode"] else site.postcode,
        "country": country_name(site.country),
    }
    columns = {column: _spelt(text, habits) for column, text in columns.items()}
    if chance.random() < _SLIPS["mojibake"]:
        columns["site_name"] = mojibake(columns["site_name"])
    if habits.country == "alpha2":
        columns["country"] = site.country
    elif habits.country == "upper":
        columns["country"] = columns["country"].upper()
    return columns | _identifiers(chance, site.identifiers, habits)


_SLIPS: Mapping[str, float] = {
    "no address": 0.05,
    "no city": 0.04,
    "no region": 0.15,
    "no postcode": 0.25,
    "mojibake": 0.02,
    "typo": 0.06,
    "address typo": 0.05,
    "abbreviation": 0.15,
    "spaced": 0.008,
    "alias": 0.5,
    "spacing": 0.05,
    "unit in brackets": 0.3,
}


def _name(chance: Dice, site: Site, habits: Habits) -> str:
    name = site.name
    if chance.random() < _SLIPS["abbreviation"]:
        name = abbreviated(name, ABBREVIATIONS)
    if chance.random() < _SLIPS["typo"]:
        name = typo(chance, name)
    if chance.random() < _SLIPS["spacing"]:
        name = name.replace(" ", "-", 1) if chance.random() < 0.5 else name.replace("-", " ")  # noqa: PLR2004 - a coin
    legal = site.legal
    dropped = {"as it is": 0.03, "mixed": 0.3, "mostly dropped": 0.8}[habits.legal]
    if chance.random() < dropped:
        legal = ""
    elif habits.legal == "mixed":
        legal = chance.choice((legal, legal.replace(".", ""), legal.replace(", ", ",")))
    if legal:
        separator = ", " if legal.startswith(("Co", "Ltd")) and chance.random() < 0.2 else " "  # noqa: PLR2004 - a fifth
        name = f"{legal} {name}" if site.legal_first else f"{name}{separator}{legal}"
    if site.trading_name and chance.random() < _SLIPS["alias"]:
        name = f"{name} ({site.trading_name})"
    if chance.random() < _SLIPS["spaced"]:
        return "  ".join(" ".join(word) for word in name.split())
    return name[:_CUT].rstrip() if habits.cuts_names else name


def _address(chance: Dice, site: Site, habits: Habits) -> str:
    parts = [site.street]
    if site.park and (habits.park_in_address or chance.random() < 0.2):  # noqa: PLR2004 - a fifth
        parts.append(site.park)
        if chance.random() < 0.15:  # noqa: PLR2004 - now and then the park comes first
            parts.reverse()
    if habits.city_in_address:
        parts.append(site.city)
    address = ", ".join(parts)
    if chance.random() < 0.4:  # noqa: PLR2004 - often
        address = abbreviated(address, ADDRESS_ABBREVIATIONS)
    if chance.random() < _SLIPS["address typo"]:
        address = typo(chance, address)
    return address


def _identifiers(chance: Dice, known: Mapping[str, str], habits: Habits) -> dict[str, str]:
    return {kind: "" if chance.random() < _LACKING else known.get(kind, "") for kind in habits.identifiers}


def _spelt(text: str, habits: Habits) -> str:
    if habits.accents == "stripped":
        text = anyascii(text)
    elif habits.accents == "western":
        text = "".join(letter if _fits_cp1252(letter) else anyascii(letter) for letter in text)
    return text.upper() if habits.upper else text


def _fits_cp1252(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def mojibake(text: str) -> str:
    """Read UTF-8 as Windows-1252, where nothing unprintable comes of it."""
    try:
        spoilt = text.encode("utf-8").decode("cp1252")
    except UnicodeDecodeError:
        return text
    return spoilt if spoilt.isprintable() else text


def abbreviated(text: str, abbreviations: tuple[tuple[str, str], ...]) -> str:
    for word, short in abbreviations:
        text = text.replace(word, short)
    return text


def typo(chance: Dice, text: str) -> str:
    """Drop, double, swap or replace one letter, never the first and never a digit."""
    places = [place for place in range(1, len(text) - 1) if text[place : place + 2].isalpha()]
    if not places:
        return text
    place = chance.choice(places)
    before, letter, after = text[:place], text[place], text[place + 1 :]
    return chance.choice(
        (
            before + after,
            before + letter + letter + after,
            before + after[:1] + letter + after[1:],
            before + chance.choice(_KEYBOARD) + after,
        )
    )
