"""Members' lists, and a member's supplier base, drawn from one invented world."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import accumulate

from mrx_matching.generator.faults import Fault, ProtocolChoice, Window, draw_audit, plant
from mrx_matching.generator.noise import Habits, draw_habits, written
from mrx_matching.generator.sites import Dice, Site, dice, invented_sites
from mrx_matching.generator.styles import STYLES, Style

DEFAULT_PROTOCOLS = (
    ProtocolChoice(protocol="SMETA", version="6.1", recognised_until=date(2025, 1, 1)),
    ProtocolChoice(protocol="SMETA", version="7.0", recognised_from=date(2024, 9, 10)),
)
_AUDIT_TYPES = {
    "Full Initial": 3,
    "Periodic": 5,
    "Full Follow-up": 2,
    "Partial Follow-up": 1,
    "Desktop Follow-up": 1,
}
_NOTICES = {"Announced": 4, "Semi-announced": 5, "Unannounced": 1}
_AUDITED_TWICE = 0.015
_MORE_LISTS = (0.68, 0.2, 0.08, 0.04)
_ROWS_TRIED = 2000
"""among so many rows of a list one is sought that can bear a fault"""
_SITE_COLUMNS = ("site_name", "address", "city", "region", "postcode", "country")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListRow:
    """One row as sent. `site` is the truth; `fault` says why the row must be refused, if it must."""

    site: str
    values: Mapping[str, str]
    fault: Fault | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberList:
    member: str
    rows: tuple[ListRow, ...]
    style: Style
    habits: Habits


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Everything that was invented for one seed."""

    seed: int
    as_of: date
    sites: Mapping[str, Site]
    lists: tuple[MemberList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplierRow:
    """One supplier of a member's base. `own` says that it was drawn from the member's own list."""

    site: str
    own: bool
    values: Mapping[str, str] = field(default_factory=dict)


def generate(
    seed: int,
    *,
    members: int | Sequence[str] = 11,
    rows_total: int = 8200,
    as_of: date = date(2026, 6, 30),
    protocols: Sequence[ProtocolChoice] | Mapping[str, Sequence[ProtocolChoice]] = DEFAULT_PROTOCOLS,
    overlap: float = 0.18,
    sites_about: int | None = None,
    faults: float = 0.01,
) -> World:
    """Return lists of exactly `rows_total` rows, the same for the same arguments.

    `protocols` holds for all members, or is a mapping by member. `overlap` is the share of sites that are on
    two or more lists, mostly two. With `sites_about` the rows are about roughly so many sites instead, each on
    as many lists as that asks for: most on one, fewer on each further one. `faults` is the share of rows with a
    planted fault.
    """
    names = (
        tuple(f"member-{number:02d}" for number in range(1, members + 1))
        if isinstance(members, int)
        else tuple(members)
    )
    if not names or rows_total < len(names):
        raise ValueError(f"{rows_total} rows cannot be shared among {len(names)} members")
    window = Window.of(as_of)
    lists_of = _overlapping(overlap) if sites_about is None else _spread(rows_total, sites_about, len(names))
    sites, listed = _listed(seed, names, rows_total, lists_of)
    lists = []
    for number, name in enumerate(names):
        choices = protocols[name] if isinstance(protocols, Mapping) else protocols
        habits = draw_habits(dice(seed, "habits", number))
        rows = _rows(dice(seed, "rows", number), listed[name], habits, choices, window)
        lists.append(
            MemberList(
                member=name,
                rows=_with_faults(dice(seed, "faults", number), rows, choices, window, faults),
                style=STYLES[number % len(STYLES)],
                habits=habits,
            )
        )
    used = {row.site for member_list in lists for row in member_list.rows}
    return World(
        seed=seed,
        as_of=as_of,
        sites={site.site_id: site for site in sites if site.site_id in used},
        lists=tuple(lists),
    )


def suppliers(seed: int, world: World, member: str, *, count: int = 300) -> tuple[SupplierRow, ...]:
    """Return a member's supplier base: half from its own list, half from others' lists alone.

    Only rows without a fault are drawn from, each site once, written anew with slips of its own.
    """
    chance = dice(seed, "suppliers", member)
    by_member = {
        member_list.member: {row.site for row in member_list.rows if row.fault is None}
        for member_list in world.lists
    }
    mine_at_all = {
        row.site for member_list in world.lists if member_list.member == member for row in member_list.rows
    }
    own = sorted(by_member[member])
    others = sorted(set().union(*by_member.values()) - mine_at_all)
    half = count // 2
    if len(own) < count - half or len(others) < half:
        raise ValueError(
            f"{member}: {len(own)} own and {len(others)} other sites are too few for {count} suppliers"
        )
    chosen = [(site, True) for site in chance.sample(own, count - half)]
    chosen += [(site, False) for site in chance.sample(others, half)]
    chance.shuffle(chosen)
    habits = draw_habits(dice(seed, "supplier habits", member))
    return tuple(
        SupplierRow(
            site=site,
            own=is_own,
            values={"supplier_ref": f"S{number:05d}"} | written(chance, world.sites[site], habits),
        )
        for number, (site, is_own) in enumerate(chosen, start=1)
    )


_Lists = Callable[[Dice], int]
"""draws on how many lists a site is"""


def _overlapping(overlap: float) -> _Lists:
    def lists_of(chance: Dice) -> int:
        return 1 + (chance.choices(range(1, 5), _MORE_LISTS)[0] if chance.random() < overlap else 0)

    return lists_of


def _spread(rows: int, sites: int, members: int) -> _Lists:
    """Each further list with the same probability, so that a site has `rows / sites` rows on average."""
    if not 0 < sites <= rows:
        raise ValueError(f"{rows} rows cannot be about {sites} sites")
    lists = max(1.0, rows / sites - _AUDITED_TWICE)
    if lists > members / 2:
        raise ValueError(f"{members} lists of {rows} rows in all share more than {sites} sites")

    def lists_of(chance: Dice) -> int:
        drawn = 1
        while chance.random() < 1 - 1 / lists:
            drawn += 1
        return drawn

    return lists_of


def _listed(
    seed: int, members: Sequence[str], rows_total: int, lists_of: _Lists
) -> tuple[list[Site], dict[str, list[Site]]]:
    """Invent sites and share them out to members until all rows are used; some go to several, some twice to one."""
    chance = dice(seed, "listed")
    sizes = list(accumulate(chance.uniform(0.5, 1.5) for _ in members))
    sites: list[Site] = []
    listed: defaultdict[str, list[Site]] = defaultdict(list)
    left = rows_total
    invented = invented_sites(seed)
    while left:
        place, site = len(sites), next(invented)
        sites.append(site)
        lists = lists_of(chance)
        on = [members[place]] if place < len(members) else []
        while len(on) < min(lists, len(members)):
            member = chance.choices(members, cum_weights=sizes)[0]
            if member not in on:
                on.append(member)
        if chance.random() < _AUDITED_TWICE:
            on.append(on[0])
        for member in on[:left]:
            listed[member].append(site)
        left -= len(on[:left])
    return sites, listed


def _rows(
    chance: Dice,
    sites: Sequence[Site],
    habits: Habits,
    choices: Sequence[ProtocolChoice],
    window: Window,
) -> list[ListRow]:
    rows = []
    for number, site in enumerate(chance.sample(sites, len(sites)), start=1):
        audit = draw_audit(chance, choices, window.first, window.last)
        if audit is None:
            raise ValueError(
                f"no protocol was recognised between {window.first} and {window.last}: {choices}"
            )
        choice, day = audit
        columns = written(chance, site, habits)
        values = {
            "row_ref": f"R{number:05d}",
            **{column: columns.pop(column) for column in _SITE_COLUMNS},
            "audit_date": day.isoformat(),
            "protocol": choice.protocol,
            "protocol_version": choice.version,
            "audit_type": _weighted(chance, _AUDIT_TYPES),
            "notice": _weighted(chance, _NOTICES),
            **columns,
        }
        rows.append(ListRow(site=site.site_id, values=values))
    return rows


def _with_faults(
    chance: Dice,
    rows: Sequence[ListRow],
    choices: Sequence[ProtocolChoice],
    window: Window,
    share: float,
) -> tuple[ListRow, ...]:
    wanted = round(len(rows) * share)
    kinds = chance.sample(list(Fault), len(Fault))
    spoilt: dict[int, ListRow] = {}
    for number in range(wanted * 2):
        if len(spoilt) == wanted:
            break
        fault = kinds[number % len(kinds)]
        for place in chance.sample(range(len(rows)), min(len(rows), _ROWS_TRIED)):
            values = plant(fault, chance, dict(rows[place].values), choices, window)
            if place not in spoilt and values is not None:
                spoilt[place] = ListRow(site=rows[place].site, values=values, fault=fault)
                break
    return tuple(spoilt.get(place, row) for place, row in enumerate(rows))


def _weighted(chance: Dice, weights: Mapping[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]
