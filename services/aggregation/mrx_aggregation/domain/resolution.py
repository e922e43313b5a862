"""From entries to the rows of the pool: what is published of each site.

A member may say what it likes of a site; what is published changes only where independent groups agree, or where
the site's only source changes what it says.
"""

import hmac
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import NamedTuple, Protocol
from uuid import UUID

from mrx_matching import SiteRecord

from mrx_aggregation.domain.disclosure import Attributed
from mrx_aggregation.domain.pool import Audited, PoolSite
from mrx_aggregation.domain.window import half_year, is_over

ENOUGH = 2
"""So many independent groups must say the same of a site before what was published of it changes."""

_COLUMNS = {
    "name": "site_name",
    "address": "address",
    "city": "city",
    "region": "region",
    "os_id": "os_id",
    "lei": "lei",
}
"""What a row says of a site, and the column of the pool that it is published in, in the order in which it is chosen."""

_PARTS_OF = {"city": ("address",), "region": ("address", "city")}
"""What was published of a column falls with what it is part of."""


class Sourced(NamedTuple):
    """An accepted entry with the independent group that it comes from."""

    who: UUID
    audited: Audited


class Match(Protocol):
    """Says which records are one site: equal labels, in the order of the records."""

    def __call__(self, records: Sequence[SiteRecord], /) -> Sequence[Hashable]: ...


class Published(Protocol):
    """Gives what a record says in the form in which it may be published."""

    def __call__(self, record: SiteRecord, /) -> SiteRecord: ...


class Agreed(Protocol):
    """Gives for a field and a published value what all values have in common that say the same."""

    def __call__(self, field: str, value: str, /) -> str: ...


class _Said(NamedTuple):
    who: UUID
    audited: Audited
    published: SiteRecord
    described: bytes
    """empty where there is no release to look back to"""

    def values(self) -> tuple[str, ...]:
        """What the row says that is published of its place, identifiers aside."""
        said = self.published
        return said.name, said.address, said.city, said.region, said.country


_Site = Sequence[_Said]
_Keys = Iterator[Hashable]


def resolve_pool(
    sourced: Sequence[Sourced],
    released_before: Iterable[Attributed] = (),
    *,
    match: Match,
    published: Published,
    agreed: Agreed,
    key: bytes,
    as_of: date,
) -> list[PoolSite]:
    """For each entry, the row of the pool that it is part of.

    Nothing depends on the order of the entries, nor on what groups are called. `key` is the exchange's secret: it
    decides between what equally many groups say, so that nobody can write what wins.
    """
    before = list(released_before)
    sites: dict[Hashable, list[_Said]] = defaultdict(list)
    labels = match([one.audited.record for one in sourced])
    for label, one in zip(labels, sourced, strict=True):
        described = one.audited.described if before else b""
        sites[label].append(_Said(*one, published(one.audited.record), described))
    choice = _Choice(agreed=agreed, key=key)
    former = _former(sites, before, choice)
    rows = {label: _row(said, former.get(label), choice, as_of) for label, said in sites.items()}
    return [rows[label] for label in labels]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    agreed: Agreed
    key: bytes

    def order(self, kind: str, value: str) -> bytes:
        """Where a value stands among equals: the same for ever, and known to nobody outside."""
        return hmac.new(self.key, f"{kind}\0{value}".encode(), sha256).digest()

    def same(self, field: str, one: str, other: str) -> bool:
        """Whether two values say the same."""
        return one == other or self.agreed(field, one) == self.agreed(field, other)

    def of(
        self, field: str, voices: Mapping[UUID, str], former: str | None, agreeing: Collection[UUID]
    ) -> str:
        """The value that most groups support; while that is not clear, the one that was published.

        Of equals the one whose groups agree with what was chosen before, so that rows are mixed as little as can be.
        """
        distinct = {*voices.values(), *([] if former is None else [former])}
        if len(distinct) == 1:
            return distinct.pop()
        if former is not None and len(voices) < ENOUGH:
            return former
        groups: dict[str, list[UUID]] = defaultdict(list)
        for who, value in voices.items():
            groups[self.agreed(field, value)].append(who)
        if not groups:
            return ""
        best = max(
            groups,
            key=lambda form: (
                len(groups[form]),
                sum(who in agreeing for who in groups[form]),
                self.order(field, form),
            ),
        )
        if former is not None:
            support, others = len(groups[best]), len(groups.get(self.agreed(field, former), ()))
            if support < ENOUGH or support <= others:
                return former
        spellings = Counter(voices[who] for who in groups[best])
        return max(spellings, key=lambda value: (spellings[value], self.order("spelling", value)))


def _row(site: _Site, former: Attributed | None, choice: _Choice, as_of: date) -> PoolSite:
    groups = {one.who for one in site}
    sole = len(groups) == 1 and (former is None or former.groups == groups)
    family, half = _audit(site, None if sole else former, as_of)
    return PoolSite(
        **_texts(site, former, choice, rewrites=sole and _says_something_new(site, former)),
        country=site[0].published.country,
        scheme_family=family,
        audit_half_year=half,
    )


def _says_something_new(site: _Site, former: Attributed | None) -> bool:
    """Whether a row stands behind the site that did not when it was released: a leaver alone changes no text."""
    return former is None or not {one.described for one in site} <= {entry.record for entry in former.entries}


def _texts(site: _Site, former: Attributed | None, choice: _Choice, *, rewrites: bool) -> dict[str, str]:
    """Each published column: what the groups' latest rows say, or what was published and is not outvoted."""
    of_group: dict[UUID, list[_Said]] = defaultdict(list)
    for one in site:
        of_group[one.who].append(one)
    agreeing = set(of_group)
    chosen: dict[str, str] = {}
    moved: set[str] = set()
    for field, column in _COLUMNS.items():
        voices = {who: value for who, said in of_group.items() if (value := _voice(field, said, choice))}
        before = None
        if former is not None and moved.isdisjoint(_PARTS_OF.get(field, ())):
            before = str(getattr(former.site, column))
        if rewrites:
            value = next(iter(voices.values()), before or "")
        else:
            value = choice.of(field, voices, before, agreeing)
        if before and not choice.same(field, value, before):
            moved.add(field)
        agreeing = {who for who in agreeing if choice.same(field, voices.get(who, value), value)}
        chosen[column] = value
    return chosen


def _voice(field: str, said: _Site, choice: _Choice) -> str:
    """What a group says: one value, its latest audit's, however many rows it sends."""
    days: dict[str, date] = {}
    for one in said:
        value: str = getattr(one.published, field)
        if value:
            days[value] = max(days.get(value, date.min), one.audited.audit_date)
    if len(days) < ENOUGH:
        return next(iter(days), "")
    return max(days, key=lambda value: (days[value], choice.order(f"own {field}", value)))


def _audit(site: _Site, former: Attributed | None, as_of: date) -> tuple[str, str]:
    """Scheme family and half-year: the latest audit's, ties by family; once released, the latest that two groups reach."""
    if former is None or is_over(former.site.audit_half_year, as_of):
        latest = max(one.audited.audit_date for one in site)
        return min(one.audited.scheme_family for one in site if one.audited.audit_date == latest), half_year(
            latest
        )
    published = former.site.scheme_family, former.site.audit_half_year
    reached: dict[UUID, date] = {}
    for one in site:
        reached[one.who] = max(reached.get(one.who, date.min), one.audited.audit_date)
    if len(reached) < ENOUGH:
        return published
    half = half_year(sorted(reached.values())[-ENOUGH])
    if half <= former.site.audit_half_year:
        return published
    families: dict[str, set[UUID]] = defaultdict(set)
    for one in site:
        if half_year(one.audited.audit_date) == half:
            families[one.audited.scheme_family].add(one.who)
    return min(families, key=lambda family: (-len(families[family]), family)), half


def _former(
    sites: Mapping[Hashable, _Site], released: Sequence[Attributed], choice: _Choice
) -> Mapping[Hashable, Attributed]:
    """For each site the row of the latest release that it continues. No row is continued by two sites.

    It continues the row that most groups still describe in the same words; where none does, the row that reads as
    somebody describes the site; else the row of which a group that stood behind it still says name or address, or
    the same OS ID.
    """
    found: dict[Hashable, Attributed] = {}
    left = dict(enumerate(released))
    for keys_of_row, keys_of_said in _WAYS:
        if not left:
            break
        rows: dict[Hashable, list[int]] = defaultdict(list)
        for place, row in left.items():
            for key in set(keys_of_row(row, choice.agreed)):
                rows[key].append(place)
        votes: dict[tuple[Hashable, int], set[UUID]] = defaultdict(set)
        for label, one in (
            (label, one) for label, site in sites.items() if label not in found for one in site
        ):
            for place in (place for key in keys_of_said(one, choice.agreed) for place in rows.get(key, ())):
                votes[label, place].add(one.who)
        for label, place in _likeliest_first(votes, sites, released, choice):
            if label not in found and place in left:
                found[label] = left.pop(place)
    return found


def _likeliest_first(
    votes: Mapping[tuple[Hashable, int], Collection[UUID]],
    sites: Mapping[Hashable, _Site],
    released: Sequence[Attributed],
    choice: _Choice,
) -> list[tuple[Hashable, int]]:
    """Pairs of site and row by the number of groups that say so; equals by what the two say alone."""
    labels = Counter(label for label, _ in votes)
    places = Counter(place for _, place in votes)

    def rank(pair: tuple[Hashable, int]) -> tuple[int, bytes]:
        label, place = pair
        if labels[label] == places[place] == 1:
            return -len(votes[pair]), b""
        site = min(one.described for one in sites[label])
        return -len(votes[pair]), choice.order(
            "continues", f"{released[place].site.digest.hex()} {site.hex()}"
        )

    return sorted(votes, key=rank)


def _same_words(row: Attributed, _: Agreed) -> _Keys:
    return ((entry.who, entry.record) for entry in row.entries)


def _said_words(said: _Said, _: Agreed) -> _Keys:
    yield said.who, said.described


def _same_text(row: Attributed, _: Agreed) -> _Keys:
    site = row.site
    yield site.site_name, site.address, site.city, site.region, site.country


def _said_text(said: _Said, _: Agreed) -> _Keys:
    yield said.values()


def _same_part(row: Attributed, agreed: Agreed) -> _Keys:
    site = row.site
    values = site.site_name, site.address, site.city, site.region, site.country
    for who in {entry.who for entry in row.entries}:
        yield from _parts(who, values, site.os_id, agreed)


def _said_part(said: _Said, agreed: Agreed) -> _Keys:
    return _parts(said.who, said.values(), said.published.os_id, agreed)


def _parts(who: UUID, values: tuple[str, ...], os_id: str, agreed: Agreed) -> _Keys:
    name, address, city, _, country = values
    yield who, "name", agreed("name", name), agreed("city", city), country
    if address:
        yield who, "address", agreed("address", address), agreed("city", city), country
    if os_id:
        yield who, "os_id", os_id


_WAYS: tuple[tuple[Callable[[Attributed, Agreed], _Keys], Callable[[_Said, Agreed], _Keys]], ...] = (
    (_same_words, _said_words),
    (_same_text, _said_text),
    (_same_part, _said_part),
)
