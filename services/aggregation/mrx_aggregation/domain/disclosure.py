"""The disclosure policy: what of the pool a release may show."""

from collections import defaultdict
from collections.abc import Collection, Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import NamedTuple
from uuid import UUID

from mrx_aggregation.domain.pool import PoolSite
from mrx_aggregation.domain.protocols import OWN_FAMILY
from mrx_aggregation.domain.window import half_year, is_over, last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Numbers of the policy, and its version."""

    version: str = "1"
    min_independent_groups: int = 5


POLICY = Policy()


class Entry(NamedTuple):
    """What somebody says of a site: who, the site as described there (a digest), and the audit."""

    who: UUID
    record: bytes
    audit_date: date
    scheme_family: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """A row of the pool, the entries behind it, and the independent groups that these come from."""

    site: PoolSite
    entries: frozenset[Entry]
    groups: frozenset[UUID]

    def counts(self, as_of: date) -> bool:
        """Whether its audit counts on a day: the latest one where that was published, else the half-year that was."""
        latest = max(entry.audit_date for entry in self.entries)
        if half_year(latest) == self.site.audit_half_year:
            return as_of <= last_day(latest)
        return not is_over(self.site.audit_half_year, as_of)


def attribute(links: Iterable[tuple[PoolSite, Entry]], groups: Mapping[UUID, UUID]) -> list[Attributed]:
    """From each row's members to its groups.

    A member of whom no group is known counts for none: it cannot make a row less telling.
    """
    found: dict[PoolSite, set[Entry]] = {}
    for site, entry in links:
        found.setdefault(site, set()).add(entry)
    return [
        Attributed(
            site=site,
            entries=frozenset(entry._replace(who=groups.get(entry.who, entry.who)) for entry in entries),
            groups=frozenset(groups[entry.who] for entry in entries if entry.who in groups),
        )
        for site, entries in found.items()
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decisions:
    """What the writer is told about the pool's rows, and nothing about whom they come from."""

    policy: Policy
    as_of: date
    held: frozenset[bytes]
    """digests of the rows that wait for a later release"""

    def shows(self, site: PoolSite) -> bool:
        """Whether a row is released."""
        return site.digest not in self.held


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The decisions, and the rows of the previous release that stay in the pool."""

    decisions: Decisions
    staying: tuple[PoolSite, ...]


def decide(
    policy: Policy,
    current: Iterable[Attributed],
    released_before: Iterable[Attributed] | None,
    *,
    as_of: date,
    unfit: Container[bytes] = frozenset(),
) -> Outcome:
    """Compare the pool with what was released before, so that the difference names nobody.

    A row of which the digest is `unfit` is never shown, nor does it stay. As it is not seen, no other row can hide
    behind its groups.

    The difference has four parts. Each is shown only where enough independent groups stand behind it together,
    so that none hides among another's groups:

    - rows of new places: their groups;
    - rows of places that were released, with other content: the groups that say something new there, since
      whoever says what it said before has changed nothing. While they are held the old rows stay;
    - rows whose place is gone: their groups. They stay until their audit expires, as do the next;
    - rows that went into another row as it was released: the groups that say something new there, or take back
      what they said.
    """
    now = list(current)
    never = {row.site for row in now if row.site.digest in unfit}
    if released_before is None:
        unseen = frozenset(site.digest for site in never)
        return Outcome(decisions=Decisions(policy=policy, as_of=as_of, held=unseen), staying=())
    before = list(released_before)
    known = {row.site for row in before}
    said_before = frozenset[Entry]().union(*(row.entries for row in before))
    said_now = frozenset[Entry]().union(*(row.entries for row in now))
    successors = _successors(before, now)
    followers = {row.site for found in successors.values() for row in found}
    new = [row for row in now if row.site not in known and row.site not in followers]
    changed = [row for row in now if row.site not in known and row.site in followers]
    held = never.copy()
    if _too_few(policy, _groups(row for row in new if row.site not in never)):
        held |= {row.site for row in new}
    if _too_few(policy, _moved((row for row in changed if row.site not in never), said_before)):
        held |= {row.site for row in changed}

    in_pool = {row.site for row in now}
    left = [
        row
        for row in before
        if row.site not in in_pool and row.site.digest not in unfit and row.counts(as_of)
    ]
    gone = [row for row in left if not successors[row.site]]
    outdated = [row for row in left if any(next_.site in held for next_ in successors[row.site])]
    merged = [
        row
        for row in left
        if successors[row.site] and all(one.site in known - held for one in successors[row.site])
    ]
    movers = _moved((next_ for row in merged for next_ in successors[row.site]), said_before)
    movers |= _moved(merged, said_now)
    staying = [
        *(gone if _too_few(policy, _groups(gone)) else []),
        *outdated,
        *(merged if _too_few(policy, movers) else []),
    ]
    return Outcome(
        decisions=Decisions(policy=policy, as_of=as_of, held=frozenset(site.digest for site in held)),
        staying=tuple(row.site for row in staying),
    )


def _successors(
    before: Iterable[Attributed], now: Iterable[Attributed]
) -> Mapping[PoolSite, Collection[Attributed]]:
    """For each row that was released, the rows of the pool about the same place.

    A place is the same where it reads the same, or where somebody still describes it in the same words: another
    member's entry may have changed how it reads.
    """
    by_place: dict[object, list[Attributed]] = defaultdict(list)
    for row in now:
        by_place[row.site.place].append(row)
        for described in {(entry.who, entry.record) for entry in row.entries}:
            by_place[described].append(row)
    return {
        row.site: {
            found.site: found
            for key in (row.site.place, *((entry.who, entry.record) for entry in row.entries))
            for found in by_place.get(key, ())
        }.values()
        for row in before
    }


def _groups(rows: Iterable[Attributed]) -> frozenset[UUID]:
    return frozenset[UUID]().union(*(row.groups for row in rows))


def _moved(rows: Iterable[Attributed], said: Container[Entry]) -> frozenset[UUID]:
    """The groups with an entry in some rows that is not among those that were said."""
    return frozenset(
        entry.who for row in rows for entry in row.entries if entry.who in row.groups and entry not in said
    )


def _too_few(policy: Policy, groups: Collection[UUID]) -> bool:
    return len(groups) < policy.min_independent_groups


def generalised(shown: Iterable[PoolSite]) -> Mapping[str, int]:
    """How many released rows show a half-year in place of a date, and `equivalent` in place of a protocol."""
    rows = list(shown)
    return {
        "audit_date": len(rows),
        "protocol": sum(site.scheme_family == OWN_FAMILY for site in rows),
    }
