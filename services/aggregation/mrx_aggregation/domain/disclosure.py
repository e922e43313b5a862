"""The disclosure policy: what of the pool a release may show."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from mrx_aggregation.domain.pool import PoolSite
from mrx_aggregation.domain.protocols import OWN_FAMILY
from mrx_aggregation.domain.window import last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Numbers of the policy, and its version."""

    version: str = "1"
    min_independent_groups: int = 5


POLICY = Policy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attributed:
    """A row of the pool, the independent groups it comes from, and the last day its audit counts."""

    site: PoolSite
    groups: frozenset[UUID]
    counts_until: date


def attribute(links: Iterable[tuple[PoolSite, UUID, date]], groups: Mapping[UUID, UUID]) -> list[Attributed]:
    """From each row's members and days of audit to its groups and the last day that it counts.

    A member of whom no group is known counts for none: it cannot make a row less telling.
    """
    found: dict[PoolSite, tuple[set[UUID], date]] = {}
    for site, member_id, day in links:
        members, latest = found.setdefault(site, (set(), day))
        members.add(member_id)
        found[site] = members, max(latest, day)
    return [
        Attributed(
            site=site,
            groups=frozenset(groups[member] for member in members if member in groups),
            counts_until=last_day(latest),
        )
        for site, (members, latest) in found.items()
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
) -> Outcome:
    """Compare the pool with what was released before, so that the difference names nobody.

    Rows that are new must together come from enough independent groups; else they are held. Rows that are
    gone must have come from enough; else they stay until their audit expires. A row whose site is in the pool
    with another audit is not gone, unless that newer row is held: then the older one stays in its place.
    """
    if released_before is None:
        return Outcome(decisions=Decisions(policy=policy, as_of=as_of, held=frozenset()), staying=())
    now = {row.site: row for row in current}
    before = {row.site: row for row in released_before}
    new = [row for site, row in now.items() if site not in before]
    held = new if _too_few(policy, new) else []
    shown_places = {site.place for site in now} - {row.site.place for row in held}
    held_places = {row.site.place for row in held}
    unexpired = [row for site, row in before.items() if site not in now and row.counts_until >= as_of]
    gone = [row for row in unexpired if row.site.place not in shown_places | held_places]
    outdated = [row for row in unexpired if row.site.place in held_places - shown_places]
    staying = [*(gone if _too_few(policy, gone) else []), *outdated]
    return Outcome(
        decisions=Decisions(policy=policy, as_of=as_of, held=frozenset(row.site.digest for row in held)),
        staying=tuple(row.site for row in staying),
    )


def _too_few(policy: Policy, rows: Iterable[Attributed]) -> bool:
    groups = frozenset[UUID]().union(*(row.groups for row in rows))
    return len(groups) < policy.min_independent_groups


def generalised(shown: Iterable[PoolSite]) -> Mapping[str, int]:
    """How many released rows show a half-year in place of a date, and `equivalent` in place of a protocol."""
    rows = list(shown)
    return {
        "audit_date": len(rows),
        "protocol": sum(site.scheme_family == OWN_FAMILY for site in rows),
    }
