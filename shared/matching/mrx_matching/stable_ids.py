"""Site ids that survive a re-run: a site keeps the id of the former site that it shares most rows with."""

from collections import Counter
from collections.abc import Collection, Hashable, Mapping
from dataclasses import dataclass
from hashlib import sha256

_DIGITS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """For each row its site's id, and for each id that is retired the one that took it over, empty where all rows left."""

    site_of: Mapping[Hashable, str]
    redirects: Mapping[str, str]


def carry_on(
    former: Mapping[Hashable, str],
    labels: Mapping[Hashable, int],
    redirects: Mapping[str, str] | None = None,
    *,
    before: Mapping[Hashable, str] | None = None,
) -> Carried:
    """Give the sites of a new run the ids of the former one, by largest overlap, ties by id.

    Rows and labels may come in any order. A site without a former row gets an id of its own, reckoned from the
    smallest of its rows, which it does not name; ids that were ever used are not used again. A retired id leads to the
    site that has most of its rows, and nowhere when none of them is left.

    `before` are ids that rows had once, for what is undone: a site that gets no former id takes the retired id that
    most of its rows had, and that id leads nowhere else any more.
    """
    shared = Counter((former[row], label) for row, label in labels.items() if row in former)
    rows: dict[int, list[str]] = {}
    for row, label in labels.items():
        rows.setdefault(label, []).append(_written(row))
    first = {label: min(found) for label, found in rows.items()}
    wanted = sorted(shared.items(), key=lambda item: (-item[1], item[0][0], first[item[0][1]]))
    id_of: dict[int, str] = {}
    taken: set[str] = set()
    for (site, label), _ in wanted:
        if site not in taken and label not in id_of:
            id_of[label] = site
            taken.add(site)
    led = dict(redirects or {})
    once = Counter(
        (site, labels[row]) for row, site in (before or {}).items() if row in labels and site in led
    )
    for (site, label), _ in sorted(once.items(), key=lambda item: (-item[1], item[0][0], first[item[0][1]])):
        if label not in id_of and site in led and site not in taken:
            id_of[label] = site
            taken.add(site)
            del led[site]
    used = {*former.values(), *(redirects or {}), *(redirects or {}).values()}
    for label in sorted(rows, key=first.__getitem__):
        if label not in id_of:
            id_of[label] = _unused(f"site-{sha256(first[label].encode()).hexdigest()[:_DIGITS]}", used)
            used.add(id_of[label])
    alive = set(id_of.values())
    for site in former.values():
        led.setdefault(site, "")
    for (site, label), _ in reversed(wanted):
        led[site] = id_of[label]
    return Carried(
        site_of={row: id_of[label] for row, label in labels.items()},
        redirects={site: _end(site, led, alive) for site in led if site not in alive},
    )


def _written(row: Hashable) -> str:
    return "/".join(map(str, row)) if isinstance(row, tuple) else str(row)


def _unused(name: str, used: set[str]) -> str:
    number, tried = 2, name
    while tried in used:
        tried, number = f"{name}-{number}", number + 1
    return tried


def _end(site: str, led: Mapping[str, str], alive: Collection[str]) -> str:
    seen = {site}
    while site not in alive and led.get(site, "") not in {"", *seen}:
        site = led[site]
        seen.add(site)
    return site if site in alive else ""
