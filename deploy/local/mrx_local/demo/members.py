"""Who takes part in a demo of invented lists: a named dozen, and further invented companies in the same roles."""

from collections.abc import Sequence
from dataclasses import dataclass

from mrx_shared.refusals import Invalid

MEMBERS = 12
FEWEST = 6
"""of the named dozen, the first two belong to one group: so many make five groups"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnProtocol:
    """A company's own audit protocol."""

    code: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A member of the demo. Without a protocol of its own it adopts the public one."""

    name: str
    group: str
    protocol: OwnProtocol | None = None
    falls_short: bool = False
    """its protocol reaches 84.99 %, so it cannot sign and sends no list"""


INVENTED = (
    Actor(name="Alder & Rowe", group="Alder Holdings"),
    Actor(name="Alder Home Care", group="Alder Holdings"),
    Actor(name="Brightwater Foods", group="Brightwater", protocol=OwnProtocol(code="BW-RSP", version="4")),
    Actor(name="Castellan Brands", group="Castellan"),
    Actor(name="Dunmore Beverages", group="Dunmore", protocol=OwnProtocol(code="DUN-AUDIT", version="2.1")),
    Actor(name="Eastgate Apparel", group="Eastgate"),
    Actor(name="Fennimore", group="Fennimore", protocol=OwnProtocol(code="FEN-CODE", version="2022")),
    Actor(name="Greyfield Paper", group="Greyfield"),
    Actor(name="Harrow Cosmetics", group="Harrow"),
    Actor(name="Ivory Lane", group="Ivory Lane"),
    Actor(name="Juniper Toys", group="Juniper"),
    Actor(
        name="Kestrel Snacks",
        group="Kestrel",
        protocol=OwnProtocol(code="KES-RS", version="1"),
        falls_short=True,
    ),
)

_FIRST = (
    *("Amber", "Arrow", "Barley", "Beacon", "Bracken", "Bramble", "Canter", "Cinder", "Clover", "Copper"),
    *("Cotter", "Dapple", "Ember", "Falcon", "Fallow", "Feather", "Gannet", "Garnet", "Hazel", "Heather"),
    *("Lantern", "Larch", "Linden", "Lovell", "Mallow", "Marten", "Meadow", "Otter", "Pebble", "Plover"),
    *("Raven", "Rowan", "Saddle", "Sorrel", "Thistle", "Willow", "Wren"),
)
_SECOND = (
    *("bourne", "bridge", "brook", "combe", "cote", "croft", "dale", "dell", "fell", "field", "fold"),
    *("gate", "grove", "hithe", "holm", "holt", "hurst", "leigh", "marsh", "mere", "moor", "ridge"),
    *("shaw", "stead", "stone", "stow", "thorpe", "wick", "worth"),
)
_TRADES = (
    *("Foods", "Home Care", "Brands", "Beverages", "Apparel", "Dairy", "Paper", "Cosmetics", "Outdoor"),
    *("Toys", "Snacks"),
)
MOST = MEMBERS + len(_FIRST) * len(_SECOND)


def members(count: int = MEMBERS) -> Sequence[Actor]:
    """So many members. Every further dozen has the roles of the named one. Raises `Invalid` for too few or too many.

    In a dozen four have a protocol of their own, of which one falls short, and two belong to one group.
    """
    if not FEWEST <= count <= MOST:
        raise Invalid(
            f"{count} members cannot be invented",
            field="members",
            remedy=f"ask for {FEWEST} to {MOST}",
        )
    return [*INVENTED[:count], *(_further(number) for number in range(MEMBERS, count))]


def _further(number: int) -> Actor:
    role = INVENTED[number % MEMBERS]
    word = _word(number)
    group = word
    if role.group == INVENTED[0].group:
        first = number - number % MEMBERS
        word = _word(first)
        group = f"{word} Holdings"
    protocol = role.protocol and OwnProtocol(code=f"{word.upper()}-CODE", version=role.protocol.version)
    return Actor(
        name=f"{word} {_TRADES[number % len(_TRADES)]}",
        group=group,
        protocol=protocol,
        falls_short=role.falls_short,
    )


def _word(number: int) -> str:
    # The lengths have no common divisor, so no pair comes twice.
    return _FIRST[number % len(_FIRST)] + _SECOND[number % len(_SECOND)]
