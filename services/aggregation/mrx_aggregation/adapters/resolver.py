"""All members' lists and links, under the role `aggregation_resolver`."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from mrx_matching import SiteRecord
from mrx_matching.records import CONTENT_FIELDS
from mrx_shared.refusals import Rejected
from mrx_shared.store.database import open_session
from sqlalchemy import ColumnElement, delete, distinct, func, text, tuple_
from sqlalchemy.ext.asyncio import AsyncEngine
from sqlalchemy.orm import Mapped, aliased
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_aggregation.adapters.driver import transaction
from mrx_aggregation.adapters.facts import COMPANY_NAMES, participation
from mrx_aggregation.adapters.rounds import LATEST_ID
from mrx_aggregation.adapters.tables import (
    ChoiceKeyRow,
    ContributionRow,
    HeldSiteRow,
    LinkRow,
    ParticipationRow,
    PoolSiteRow,
    ReceivedListRow,
    RoundRow,
)
from mrx_aggregation.domain.disclosure import Attributed, Decisions, Entry, attribute
from mrx_aggregation.domain.groups import independent_groups
from mrx_aggregation.domain.lists import ListState
from mrx_aggregation.domain.pool import POOL_COLUMNS, Audited, PoolSite
from mrx_aggregation.domain.rounds import Numbers, RoundState, Waiting
from mrx_aggregation.ports import Linked, Owned

_READY = text("""
    SELECT one.member_id, one.list_id, one.revision
    FROM received_list AS one
        LEFT JOIN participation USING (member_id)
        LEFT JOIN (SELECT round_id FROM round WHERE state = 'open') AS open_round ON true
    WHERE (one.state = 'waiting' AND one.cause = 'participation' AND participation.member_id IS NOT NULL)
        OR (one.state = 'refused' AND one.cause = 'participation' AND participation.participates)
        OR (one.state = 'waiting' AND one.cause = 'round' AND open_round.round_id IS NOT NULL)
        OR (one.state = 'accepted' AND one.waiting > 0 AND one.round_id = open_round.round_id AND EXISTS (
            SELECT 1 FROM entry JOIN recognition
                ON (code_key, version_key) = (entry.waits_for_code, entry.waits_for_version)
            WHERE (entry.member_id, entry.list_id, entry.revision) = (one.member_id, one.list_id, one.revision)))
    ORDER BY 1, 2, 3
""")
# A round has as many entries and links as its lists have rows: they go through the driver.
_ENTRIES = """
    SELECT member_id, list_id, revision, entry.row, site_name, address, city, region, postcode, country, audit_date,
        scheme_family, os_id, lei, duns, gln, vat, zs, zc
    FROM contribution JOIN entry USING (round_id, member_id, list_id, revision)
    WHERE round_id = $1 AND waits_for_code IS NULL
"""
_LINK = """
    INSERT INTO link (round_id, member_id, list_id, revision, row, record, audit_date, scheme_family, site)
    SELECT $1, * FROM unnest($2::uuid[], $3::uuid[], $4::integer[], $5::integer[], $6::bytea[], $7::date[], $8::text[],
        $9::bytea[])
"""
_SHOWN = """
    SELECT member_id, record, audit_date, link.scheme_family AS own_family, site_name, address, city, region, country,
        os_id, lei, pool_site.scheme_family, audit_half_year
    FROM link JOIN pool_site USING (round_id, site)
    WHERE round_id = (SELECT round_id FROM release WHERE release_id = $1) AND NOT EXISTS (
        SELECT 1 FROM held_site WHERE (held_site.round_id, held_site.site) = (link.round_id, link.site))
"""
_STAY = """
    INSERT INTO link (round_id, member_id, list_id, revision, row, record, audit_date, scheme_family, site, stays)
    SELECT $1, member_id, list_id, revision, row, record, audit_date, scheme_family, site, true
    FROM link WHERE round_id = (SELECT round_id FROM release WHERE release_id = $2) AND site = ANY($3::bytea[])
    ON CONFLICT DO NOTHING
"""

_RECORD_COLUMNS = tuple(name for name in CONTENT_FIELDS if name != "name")


class SqlSurvey:
    """See `ports.Survey`."""

    def __init__(self, resolver: AsyncEngine) -> None:
        self._resolver = resolver

    async def unsettled(self, round_id: UUID) -> Waiting:
        async with open_session(self._resolver) as session:
            return await _unsettled(session, round_id)

    async def numbers(self, round_id: UUID) -> Numbers:
        rows = func.coalesce(func.cardinality(ReceivedListRow.left_rows), ReceivedListRow.rows)
        async with open_session(self._resolver) as session:
            return await _numbers(session, round_id, ReceivedListRow, rows)

    async def ready(self) -> Sequence[tuple[UUID, UUID, int]]:
        async with self._resolver.connect() as connection:
            return [(row[0], row[1], row[2]) for row in await connection.execute(_READY)]

    async def to_judge(self, round_id: UUID) -> Sequence[tuple[UUID, UUID, int]]:
        judged = select(ContributionRow).where(
            ContributionRow.round_id == round_id,
            ContributionRow.member_id == ReceivedListRow.member_id,
            ContributionRow.list_id == ReceivedListRow.list_id,
            ContributionRow.revision == ReceivedListRow.revision,
        )
        place = select(ReceivedListRow.member_id, ReceivedListRow.list_id, ReceivedListRow.revision)
        to_judge = place.where(ReceivedListRow.round_id == round_id, ~judged.exists())
        async with open_session(self._resolver) as session:
            return (await session.exec(to_judge.order_by(*place.selected_columns))).all()


class SqlResolver:
    """See `ports.Resolver`. A stated key stands in place of the stored one."""

    def __init__(self, resolver: AsyncEngine, *, stated_key: bytes | None = None) -> None:
        self._resolver = resolver
        self._stated_key = stated_key

    async def entries(self, round_id: UUID) -> Sequence[Owned]:
        async with transaction(self._resolver) as (_, driver):
            rows = await driver.fetch(_ENTRIES, round_id)
        return await asyncio.to_thread(_owned, rows)

    async def keep_links(self, round_id: UUID, links: Sequence[Linked]) -> None:
        async with transaction(self._resolver) as (session, driver):
            await refuse_frozen(session, round_id)
            await session.exec(delete(LinkRow).filter_by(round_id=round_id))
            await driver.execute(_LINK, round_id, *await asyncio.to_thread(_columns, links))

    async def groups(self) -> Mapping[UUID, UUID]:
        async with open_session(self._resolver) as session:
            return await _groups(session)

    async def company_names(self) -> Collection[str]:
        async with open_session(self._resolver) as session:
            return (await session.exec(COMPANY_NAMES)).all()

    async def choice_key(self) -> bytes:
        if self._stated_key is not None:
            return self._stated_key
        async with open_session(self._resolver) as session:
            return (await session.exec(select(ChoiceKeyRow.key))).one()

    async def latest_release_id(self) -> UUID | None:
        async with open_session(self._resolver) as session:
            return (await session.exec(LATEST_ID)).first()

    async def released_in(self, release_id: UUID) -> Sequence[Attributed]:
        async with transaction(self._resolver) as (_, driver):
            rows = await driver.fetch(_SHOWN, release_id)
        return await asyncio.to_thread(_attributed, rows, await self.groups())

    async def keep_decisions(
        self,
        round_id: UUID,
        decisions: Decisions,
        staying: Collection[PoolSite],
        *,
        compared_with: UUID | None,
    ) -> None:
        async with transaction(self._resolver) as (session, driver):
            await refuse_frozen(session, round_id)
            await session.exec(delete(HeldSiteRow).filter_by(round_id=round_id))
            held = [(round_id, site) for site in sorted(decisions.held)]
            await driver.copy_records_to_table("held_site", records=held, columns=("round_id", "site"))
            if staying:
                await driver.execute(_STAY, round_id, compared_with, [site.digest for site in staying])

    async def numbers(self, round_id: UUID) -> Numbers:
        async with open_session(self._resolver) as session:
            return await _numbers(session, round_id, ContributionRow, col(ContributionRow.rows))


async def refuse_frozen(session: AsyncSession, round_id: UUID) -> None:
    """Raise unless the round is still closing; until the transaction ends it stays so."""
    writes = func.hashtextextended(f"mrx.round.writes.{round_id}", 0)
    await session.exec(select(func.pg_advisory_xact_lock_shared(writes)))
    state = await session.exec(select(RoundRow.state).where(RoundRow.round_id == round_id))
    if state.first() is not RoundState.CLOSING:
        raise Rejected(
            "the round is frozen; nothing in it can change",
            field="round_id",
            remedy="look at the round's state with GET /v1/rounds",
        )


async def _groups(session: AsyncSession) -> Mapping[UUID, UUID]:
    return independent_groups(participation(row) for row in await session.exec(select(ParticipationRow)))


async def _unsettled(session: AsyncSession, round_id: UUID) -> Waiting:
    newer = aliased(ReceivedListRow)
    begun = select(newer).where(
        newer.member_id == ReceivedListRow.member_id,
        newer.list_id == ReceivedListRow.list_id,
        newer.revision > ReceivedListRow.revision,
        newer.state != ListState.INCOMPLETE,
    )
    lists = select(func.count()).select_from(ReceivedListRow)
    entries = select(func.coalesce(func.sum(ReceivedListRow.waiting), 0)).filter_by(round_id=round_id)
    # In one statement, so that no list that moves on is missed.
    waiting = select(
        lists.filter_by(state=ListState.WAITING).scalar_subquery(),
        lists.filter_by(state=ListState.INCOMPLETE).where(~begun.exists()).scalar_subquery(),
        entries.scalar_subquery(),
    )
    listed, incomplete, rows = (await session.exec(waiting)).one()
    return Waiting(lists=listed, incomplete=incomplete, entries=rows)


async def _numbers(
    session: AsyncSession,
    round_id: UUID,
    table: type[ContributionRow | ReceivedListRow],
    counted: ColumnElement[int] | Mapped[int],
) -> Numbers:
    summed = (
        func.coalesce(func.sum(one), 0) for one in (counted, table.accepted, table.refused, table.waiting)
    )
    contributors = func.array_agg(distinct(col(table.member_id))).filter(col(table.accepted) > 0)
    of_lists: list[ColumnElement[Any]] = [func.count(), *summed, contributors]
    totals = (await session.exec(select(*of_lists).filter_by(round_id=round_id))).one()
    lists, rows, accepted, refused, waiting, members = totals
    pool, kept = (select(func.count()).select_from(one) for one in (PoolSiteRow, HeldSiteRow))
    shared = select(LinkRow.site).where(LinkRow.round_id == round_id, ~col(LinkRow.stays))
    on_several = func.count(distinct(tuple_(LinkRow.member_id, LinkRow.list_id))) > 1
    shared = shared.group_by(col(LinkRow.site)).having(on_several)
    of_sites = select(
        pool.filter_by(round_id=round_id).scalar_subquery(),
        kept.filter_by(round_id=round_id).scalar_subquery(),
        select(func.count()).select_from(shared.subquery()).scalar_subquery(),
    )
    sites, held, several = (await session.exec(of_sites)).one()
    unsettled = await _unsettled(session, round_id)
    groups = await _groups(session)
    return Numbers(
        lists=lists,
        rows=rows,
        accepted=accepted,
        refused=refused,
        waiting=waiting,
        lists_waiting=unsettled.lists,
        lists_incomplete=unsettled.incomplete,
        sites=sites,
        sites_on_several_lists=several,
        independent_groups=len({groups[member] for member in members or () if member in groups}),
        released=sites - held,
        held=held,
    )


def _columns(links: Sequence[Linked]) -> list[list[Any]]:
    return [
        [link.member_id for link in links],
        [link.list_id for link in links],
        [link.revision for link in links],
        [link.row for link in links],
        [link.entry.record for link in links],
        [link.entry.audit_date for link in links],
        [link.entry.scheme_family for link in links],
        [link.site.digest for link in links],
    ]


def _attributed(rows: Sequence[Any], groups: Mapping[UUID, UUID]) -> list[Attributed]:
    links = (
        (
            PoolSite(**{name: row[name] for name in POOL_COLUMNS}),
            Entry(row["member_id"], row["record"], row["audit_date"], row["own_family"]),
        )
        for row in rows
    )
    return attribute(links, groups)


def _owned(rows: Sequence[Any]) -> list[Owned]:
    return [
        Owned(
            member_id=row["member_id"],
            list_id=row["list_id"],
            revision=row["revision"],
            row=row["row"],
            audited=Audited(
                record=SiteRecord(
                    key=place, name=row["site_name"], **{name: row[name] for name in _RECORD_COLUMNS}
                ),
                audit_date=row["audit_date"],
                scheme_family=row["scheme_family"],
            ),
        )
        for place, row in enumerate(rows)
    ]
