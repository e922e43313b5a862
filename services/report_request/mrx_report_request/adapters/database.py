"""report_request's work on PostgreSQL. Row-level security decides what a transaction sees; no query filters by member."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.slots import Slots
from mrx_shared.store.database import set_tenant
from mrx_shared.store.tables import among, domain, upsert, values
from sqlalchemy import TIMESTAMP, Row, Uuid, cast, delete, func, literal, or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_report_request.adapters.requests import SqlRequests
from mrx_report_request.adapters.tables import (
    MailRow,
    PageTokenRow,
    ParticipationRow,
    ReleasedEntryRow,
    ReleasePageRow,
    ReleaseRow,
    RequestOwnerRow,
    RequestRow,
    SiteContactRow,
)
from mrx_report_request.domain.references import new_reference
from mrx_report_request.ports import Listed, NotListed, Participant, SupplierPage

_LISTED = text(
    """
    WITH newest AS (SELECT release_id, round_id FROM release WHERE whole ORDER BY release_id DESC LIMIT 1),
        asked AS (SELECT unnest(CAST(:ids AS text[])) AS id),
        known AS (SELECT DISTINCT ON (entry_id) entry_id, site_token, whole
            FROM released_entry JOIN release USING (release_id) WHERE entry_id = ANY(:ids)
            ORDER BY entry_id, whole DESC, release_id DESC)
    SELECT DISTINCT ON (asked.id) asked.id, found.entry_id, known.site_token, newest.round_id, known.whole,
        found.half_year, newest.release_id IS NOT NULL AS any_release
    FROM asked LEFT JOIN newest ON true LEFT JOIN known ON known.entry_id = asked.id
        LEFT JOIN released_entry AS found ON found.release_id = newest.release_id
            AND found.site_token = known.site_token
    ORDER BY asked.id, found.entry_id <> asked.id, found.entry_id
    """
)
"""each entry's site in the newest whole release; ids of releases are ordered by time"""


class SqlFacts(Repository):
    """See `ports.Facts`."""

    async def participant(self, member_id: UUID) -> Participant | None:
        row = await self._first(select(ParticipationRow).where(ParticipationRow.member_id == member_id))
        return domain(Participant, row) if row else None

    async def keep_participant(self, participant: Participant, *, sequence: int) -> None:
        said = values(participant) | {"sequence": sequence}
        newer = col(ParticipationRow.sequence) < sequence
        await self._do(upsert(ParticipationRow, said, key=["member_id"], where=newer))

    async def keep_page(self, page: ReleasePage) -> None:
        # Writing the release's row first lets two pages of it come in one after the other.
        release = {name: getattr(page, name) for name in ("release_id", "round_id", "as_of", "pages")}
        await self._do(upsert(ReleaseRow, release, key=["release_id"], changed=["pages"]))
        entries = [
            {
                "release_id": page.release_id,
                "entry_id": one.entry_id,
                "site_token": one.site_token,
                "half_year": one.audit_half_year,
            }
            for one in page.entries
        ]
        await self._each(insert(ReleasedEntryRow).on_conflict_do_nothing(), entries)
        here = insert(ReleasePageRow).values(release_id=page.release_id, page=page.page)
        await self._do(here.on_conflict_do_nothing())
        pages = select(func.count()).where(ReleasePageRow.release_id == page.release_id)
        whole = update(ReleaseRow).where(col(ReleaseRow.release_id) == page.release_id)
        await self._do(whole.values(whole=col(ReleaseRow.pages) == pages.scalar_subquery()))

    async def listed(self, entry_ids: Collection[str]) -> Mapping[str, Listed | NotListed]:
        return {row.id: _listed(row) for row in await self._text(_LISTED, ids=list(entry_ids))}


class SqlMails(Repository):
    """See `ports.Mails`."""

    async def note(self, mail_id: UUID, *, about: UUID) -> None:
        mail = select(literal(mail_id), RequestRow.request_id, RequestRow.member_id)
        of_request = mail.where(RequestRow.request_id == about)
        await self._do(insert(MailRow).from_select(["mail_id", "request_id", "member_id"], of_request))

    async def of(self, request_id: UUID) -> Sequence[UUID]:
        return await self._all(select(MailRow.mail_id).where(MailRow.request_id == request_id))

    async def has(self, mail_id: UUID, *, about: UUID) -> bool:
        mail = select(MailRow.mail_id).where(MailRow.mail_id == mail_id, MailRow.request_id == about)
        return await self._first(mail) is not None


class SqlContacts(Repository):
    """See `ports.Contacts`."""

    async def named(self, site_tokens: Collection[str], *, since: datetime) -> Mapping[str, Collection[str]]:
        named = select(SiteContactRow.site_token, func.array_agg(SiteContactRow.hash)).where(
            among(SiteContactRow.site_token, site_tokens), SiteContactRow.named_at >= since
        )
        return dict(await self._all(named.group_by(col(SiteContactRow.site_token))))

    async def name(self, named: Collection[tuple[str, str]]) -> None:
        whose = cast(func.nullif(func.current_setting("mrx.tenant"), ""), Uuid)
        contact = insert(SiteContactRow).values(member_id=whose, named_at=self._work.now)
        again = contact.on_conflict_do_update(
            index_elements=["member_id", "site_token", "hash"], set_={"named_at": self._work.now}
        )
        await self._each(again, [{"site_token": site, "hash": hashed} for site, hashed in sorted(set(named))])

    async def forget(self, site_token: str, *, before: datetime) -> None:
        old = col(SiteContactRow.site_token) == site_token, col(SiteContactRow.named_at) < before
        await self._do(delete(SiteContactRow).where(*old))


class SqlPages(Repository):
    """See `ports.Pages`."""

    async def find(self, token_hash: str) -> SupplierPage | None:
        opening = select(PageTokenRow).where(
            PageTokenRow.token_hash == token_hash, PageTokenRow.valid_until > self._work.now
        )
        row = await self._first(opening)
        return domain(SupplierPage, row) if row else None

    async def open(self, token_hash: str, page: SupplierPage, *, mail_id: UUID, until: datetime) -> None:
        token = {"token_hash": token_hash, "mail_id": mail_id, "valid_until": until} | values(page)
        await self._do(insert(PageTokenRow).values(token).on_conflict_do_nothing())

    async def close(self, request_id: UUID) -> None:
        await self._do(delete(PageTokenRow).where(col(PageTokenRow.request_id) == request_id))


class SqlOwners(Repository):
    """See `ports.Owners`."""

    async def of(self, request_id: UUID) -> UUID | None:
        return await self._first(
            select(RequestOwnerRow.member_id).where(RequestOwnerRow.request_id == request_id)
        )

    async def all(self) -> Sequence[UUID]:
        members = select(RequestOwnerRow.member_id).distinct()
        return await self._all(members.order_by(col(RequestOwnerRow.member_id)))

    async def due(self, *, limit: int) -> Sequence[SupplierPage]:
        now, put_off_until = self._work.now, col(RequestOwnerRow.put_off_until)
        due = select(RequestOwnerRow).where(
            col(RequestOwnerRow.due_at) <= now, or_(put_off_until.is_(None), put_off_until <= now)
        )
        ordered = due.order_by(put_off_until.nulls_first(), col(RequestOwnerRow.due_at)).limit(limit)
        return [domain(SupplierPage, row) for row in await self._all(ordered)]

    async def put_off(self, request_id: UUID) -> None:
        now = literal(self._work.now, TIMESTAMP(timezone=True))
        late = func.greatest(now - col(RequestOwnerRow.due_at), timedelta(minutes=1))
        of_it = update(RequestOwnerRow).where(col(RequestOwnerRow.request_id) == request_id)
        await self._do(of_it.values(put_off_until=now + func.least(late, timedelta(hours=1))))


class ReportRequestWork(SqlWork):
    """One transaction of report_request on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment, *, slots: Slots) -> None:
        super().__init__(session, moment)
        self.slots = slots
        self.facts = SqlFacts(self)
        self.requests = SqlRequests(self)
        self.mails = SqlMails(self)
        self.contacts = SqlContacts(self)
        self.pages = SqlPages(self)
        self.owners = SqlOwners(self)

    def new_reference(self) -> str:
        """See `ports.Work`."""
        return new_reference()

    @asynccontextmanager
    async def acting_for(self, member_id: UUID | None) -> AsyncIterator[None]:
        """See `ports.Work`. After a database error nothing can be set back, and nothing of it is kept."""
        await set_tenant(self.session, member_id)
        yield
        await set_tenant(self.session, self.moment.tenant)

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        """See `ports.Work`."""
        emitted = len(self._emitted)
        try:
            async with self.session.begin_nested():
                yield
        except Exception:
            del self._emitted[emitted:]
            raise


def _listed(row: Row[Any]) -> Listed | NotListed:
    if not row.any_release:
        return NotListed.NO_RELEASE
    if not row.whole:
        return NotListed.UNKNOWN if row.whole is None else NotListed.COMING
    if row.entry_id is None:
        return NotListed.GONE
    return Listed(
        entry_id=row.entry_id, site_token=row.site_token, round_id=row.round_id, half_year=row.half_year
    )
