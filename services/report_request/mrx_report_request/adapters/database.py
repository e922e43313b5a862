"""report_request's work on PostgreSQL. Row-level security decides what a transaction sees; no query filters by member."""

import json
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from mrx_shared.bus.rows import Rows, WorkRows
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.slots import Slots
from mrx_shared.store.database import set_tenant
from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_report_request.adapters.rows import request_of, row_of
from mrx_report_request.domain.decisions import Recognised
from mrx_report_request.domain.references import new_reference
from mrx_report_request.domain.requests import Request
from mrx_report_request.domain.steps import ENDS, State
from mrx_report_request.ports import Listed, NotListed, Numbers, Page, Participant

_FIXED = frozenset(
    {"request_id", "member_id", "reference", "round_id", "site_token", "asked_at", "term_begins_at"}
)
_ENDED = ", ".join(f"'{state}'" for state in sorted(ENDS))


class SqlFacts(Rows):
    """See `ports.Facts`."""

    async def participant(self, member_id: UUID) -> Participant | None:
        row = await self._first("SELECT * FROM participation WHERE member_id = :id", id=member_id)
        if row is None:
            return None
        return Participant(
            member_id=row.member_id,
            participates=row.participates,
            missing=tuple(row.missing),
            name=row.name,
        )

    async def keep_participant(self, participant: Participant, *, sequence: int) -> None:
        await self._do(
            """
            INSERT INTO participation AS known (member_id, participates, missing, name, sequence)
            VALUES (:member_id, :participates, :missing, :name, :sequence)
            ON CONFLICT (member_id) DO UPDATE
                SET participates = excluded.participates, missing = excluded.missing, name = excluded.name,
                    sequence = excluded.sequence
                WHERE known.sequence < excluded.sequence
            """,
            member_id=participant.member_id,
            participates=participant.participates,
            missing=list(participant.missing),
            name=participant.name,
            sequence=sequence,
        )

    async def keep_page(self, page: ReleasePage) -> None:
        # Writing the release's row first lets two pages of it come in one after the other.
        await self._do(
            """
            INSERT INTO release (release_id, round_id, as_of, pages) VALUES (:id, :round_id, :as_of, :pages)
            ON CONFLICT (release_id) DO UPDATE SET pages = excluded.pages
            """,
            id=page.release_id,
            round_id=page.round_id,
            as_of=page.as_of,
            pages=page.pages,
        )
        await self._do(
            """
            INSERT INTO released_entry (release_id, entry_id, site_token, half_year)
            SELECT CAST(:id AS uuid), *
            FROM unnest(CAST(:entries AS text[]), CAST(:tokens AS text[]), CAST(:half_years AS text[]))
            ON CONFLICT DO NOTHING
            """,
            id=page.release_id,
            entries=[one.entry_id for one in page.entries],
            tokens=[one.site_token for one in page.entries],
            half_years=[one.audit_half_year for one in page.entries],
        )
        await self._do(
            "INSERT INTO release_page (release_id, page) VALUES (:id, :page) ON CONFLICT DO NOTHING",
            id=page.release_id,
            page=page.page,
        )
        await self._do(
            """
            UPDATE release SET whole = pages = (SELECT count(*) FROM release_page WHERE release_id = :id)
            WHERE release_id = :id
            """,
            id=page.release_id,
        )

    async def listed(self, entry_ids: Collection[str]) -> Mapping[str, Listed | NotListed]:
        # Ids of releases are ordered by time.
        rows = await self._all(
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
            """,
            ids=list(entry_ids),
        )
        return {row.id: _listed(row) for row in rows}


class SqlRequests(Rows):
    """See `ports.Requests`."""

    async def add(self, requests: Sequence[Request]) -> None:
        free = await self._all(
            """
            INSERT INTO request_owner (request_id, member_id, due_at)
            SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:members AS uuid[]), CAST(:due AS timestamptz[]))
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            ids=[one.request_id for one in requests],
            members=[one.member_id for one in requests],
            due=[one.due_at() for one in requests],
        )
        if len(free) < len(requests):
            raise Rejected(
                "this request_id came with another request before",
                field="request_id",
                remedy="make a new id for every new request",
            )
        rows = [row_of(one) for one in requests]
        columns = ", ".join(rows[0])
        added = await self._all(
            f"""
            INSERT INTO request ({columns})
            SELECT {columns} FROM jsonb_populate_recordset(NULL::request, CAST(:rows AS jsonb))
            ON CONFLICT (member_id, site_token) WHERE state NOT IN ({_ENDED}) DO NOTHING RETURNING 1
            """,  # noqa: S608 - our own columns
            rows=json.dumps(rows, default=str),
        )
        if len(added) < len(requests):
            raise Rejected(
                "a request of yours for this site came at the same moment",
                field="entry_id",
                remedy="list your requests",
            )

    async def find(self, request_id: UUID) -> Request | None:
        return await self._one("", request_id)

    async def find_all(self, request_ids: Collection[UUID]) -> Mapping[UUID, Request]:
        rows = await self._all("SELECT * FROM request WHERE request_id = ANY(:ids)", ids=list(request_ids))
        return {row.request_id: request_of(row) for row in rows}

    async def get(self, request_id: UUID) -> Request:
        return await self.find(request_id) or _no_request()

    async def get_to_change(self, request_id: UUID) -> Request:
        return await self._one("FOR UPDATE", request_id) or _no_request()

    async def _one(self, how: str, request_id: UUID) -> Request | None:
        row = await self._first(
            f"SELECT * FROM request WHERE request_id = :id {how}",  # noqa: S608 - ours
            id=request_id,
        )
        return request_of(row) if row else None

    async def save(self, request: Request) -> None:
        row = row_of(request)
        row["history"] = json.dumps(row["history"])
        changed = ", ".join(f"{name} = {_place(name)}" for name in row if name not in _FIXED)
        await self._do(f"UPDATE request SET {changed} WHERE request_id = :request_id", **row)  # noqa: S608 - ours
        await self._do(
            "UPDATE request_owner SET due_at = :due_at, put_off_until = NULL WHERE request_id = :id",
            id=request.request_id,
            due_at=request.due_at(),
        )

    async def open_for(self, site_tokens: Collection[str]) -> Mapping[str, UUID]:
        rows = await self._all(
            f"""
            SELECT site_token, request_id FROM request
            WHERE site_token = ANY(:sites) AND state NOT IN ({_ENDED})
            """,  # noqa: S608 - ours
            sites=list(site_tokens),
        )
        return {row.site_token: row.request_id for row in rows}

    async def over_for(self, site_tokens: Collection[str]) -> Sequence[Request]:
        rows = await self._all(
            f"""
            SELECT * FROM request WHERE site_token = ANY(:sites) AND state IN ({_ENDED})
            ORDER BY asked_at DESC, request_id DESC
            """,  # noqa: S608 - ours
            sites=list(site_tokens),
        )
        return [request_of(row) for row in rows]

    async def closing(self, site_tokens: Collection[str]) -> Sequence[Request]:
        rows = await self._all(
            "SELECT * FROM request WHERE due_mail = 'closed' AND site_token = ANY(:sites) FOR UPDATE",
            sites=list(site_tokens),
        )
        return [request_of(row) for row in rows]

    async def newest_first(self, *, state: State | None, after: UUID | None, limit: int) -> Sequence[Request]:
        rows = await self._all(
            """
            SELECT * FROM request
            WHERE (CAST(:state AS text) IS NULL OR state = :state)
                AND (CAST(:after AS uuid) IS NULL OR (asked_at, request_id)
                    < (SELECT asked_at, request_id FROM request WHERE request_id = :after))
            ORDER BY asked_at DESC, request_id DESC LIMIT :limit
            """,
            state=state.value if state else None,
            after=after,
            limit=limit,
        )
        return [request_of(row) for row in rows]

    async def recognised(self, site_token: str, sha256: str) -> Sequence[Recognised]:
        # Always the site before the file, so that no two wait for each other.
        for decided_on in (site_token, f"file {sha256}"):
            await self._do(
                "SELECT pg_advisory_xact_lock(hashtextextended(current_setting('mrx.tenant') || :decided_on, 0))",
                decided_on=decided_on,
            )
        rows = await self._all(
            """
            SELECT report_sha256 AS sha256, audit_date, valid_until, avoided
            FROM request WHERE (site_token = :site OR report_sha256 = :sha256) AND valid_until IS NOT NULL
            """,
            site=site_token,
            sha256=sha256,
        )
        return [Recognised(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way to a row's names

    async def with_files(self, files: Collection[str]) -> Sequence[Request]:
        rows = await self._all(
            "SELECT * FROM request WHERE report_sha256 = ANY(:files) ORDER BY asked_at, request_id",
            files=list(files),
        )
        return [request_of(row) for row in rows]

    async def numbers(self) -> Sequence[Numbers]:
        rows = await self._all(
            """
            SELECT round_id, (SELECT max(as_of) FROM release WHERE release.round_id = request.round_id) AS as_of,
                count(*) AS asked,
                count(sent_at) AS sent,
                count(report_id) AS available,
                count(*) FILTER (WHERE outcome = 'accepted') AS accepted,
                count(*) FILTER (WHERE outcome = 'accepted-with-top-up') AS top_ups,
                count(*) FILTER (WHERE outcome = 'refused') AS refused,
                count(*) FILTER (WHERE state = 'declined') AS declined,
                count(*) FILTER (WHERE state = 'expired') AS expired,
                count(*) FILTER (WHERE avoided AND read_at IS NOT NULL) AS avoided
            FROM request GROUP BY round_id ORDER BY round_id DESC
            """
        )
        return [Numbers(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way to a row's names


class SqlMails(Rows):
    """See `ports.Mails`."""

    async def note(self, mails: Mapping[UUID, UUID]) -> None:
        await self._do(
            """
            INSERT INTO mail (mail_id, request_id, member_id)
            SELECT asked.mail_id, request_id, member_id
            FROM unnest(CAST(:mails AS uuid[]), CAST(:requests AS uuid[])) AS asked (mail_id, request_id)
                JOIN request USING (request_id)
            """,
            mails=list(mails),
            requests=list(mails.values()),
        )

    async def of(self, request_id: UUID) -> Sequence[UUID]:
        rows = await self._all("SELECT mail_id FROM mail WHERE request_id = :id", id=request_id)
        return [row.mail_id for row in rows]

    async def has(self, mail_id: UUID, *, about: UUID) -> bool:
        sql = "SELECT 1 FROM mail WHERE mail_id = :id AND request_id = :about"
        return await self._first(sql, id=mail_id, about=about) is not None


class SqlContacts(WorkRows):
    """See `ports.Contacts`."""

    async def named(self, site_tokens: Collection[str], *, since: datetime) -> Mapping[str, Collection[str]]:
        rows = await self._all(
            """
            SELECT site_token, array_agg(hash) AS hashes FROM site_contact
            WHERE site_token = ANY(:sites) AND named_at >= :since GROUP BY site_token
            """,
            sites=list(site_tokens),
            since=since,
        )
        return {row.site_token: row.hashes for row in rows}

    async def name(self, named: Collection[tuple[str, str]]) -> None:
        await self._do(
            """
            INSERT INTO site_contact (member_id, site_token, hash, named_at)
            SELECT DISTINCT NULLIF(current_setting('mrx.tenant', true), '')::uuid, site, hash,
                CAST(:now AS timestamptz)
            FROM unnest(CAST(:sites AS text[]), CAST(:hashes AS text[])) AS named (site, hash)
            ON CONFLICT (member_id, site_token, hash) DO UPDATE SET named_at = excluded.named_at
            """,
            sites=[site for site, _ in named],
            hashes=[hashed for _, hashed in named],
            now=self._work.now,
        )

    async def forget(self, site_token: str, *, before: datetime) -> None:
        await self._do(
            "DELETE FROM site_contact WHERE site_token = :site AND named_at < :before",
            site=site_token,
            before=before,
        )


class SqlPages(WorkRows):
    """See `ports.Pages`."""

    async def find(self, token_hash: str) -> Page | None:
        row = await self._first(
            "SELECT request_id, member_id, valid_until FROM page_token WHERE token_hash = :token_hash",
            token_hash=token_hash,
        )
        if row is None or row.valid_until <= self._work.now:
            return None
        return Page(request_id=row.request_id, member_id=row.member_id)

    async def open(self, token_hash: str, page: Page, *, mail_id: UUID, until: datetime) -> None:
        await self._do(
            """
            INSERT INTO page_token (token_hash, request_id, member_id, mail_id, valid_until)
            VALUES (:token_hash, :request_id, :member_id, :mail_id, :until) ON CONFLICT DO NOTHING
            """,
            token_hash=token_hash,
            request_id=page.request_id,
            member_id=page.member_id,
            mail_id=mail_id,
            until=until,
        )

    async def close(self, request_id: UUID) -> None:
        await self._do("DELETE FROM page_token WHERE request_id = :id", id=request_id)


class SqlOwners(WorkRows):
    """See `ports.Owners`."""

    async def of(self, request_id: UUID) -> UUID | None:
        row = await self._first("SELECT member_id FROM request_owner WHERE request_id = :id", id=request_id)
        return row.member_id if row else None

    async def all(self) -> Sequence[UUID]:
        rows = await self._all("SELECT DISTINCT member_id FROM request_owner ORDER BY member_id")
        return [row.member_id for row in rows]

    async def due(self, *, limit: int) -> Sequence[Page]:
        rows = await self._all(
            """
            SELECT request_id, member_id FROM request_owner
            WHERE due_at <= :now AND (put_off_until IS NULL OR put_off_until <= :now)
            ORDER BY put_off_until NULLS FIRST, due_at LIMIT :limit
            """,
            now=self._work.now,
            limit=limit,
        )
        return [Page(request_id=row.request_id, member_id=row.member_id) for row in rows]

    async def put_off(self, request_id: UUID) -> None:
        await self._do(
            """
            UPDATE request_owner SET put_off_until = CAST(:now AS timestamptz)
                + LEAST(GREATEST(CAST(:now AS timestamptz) - due_at, interval '1 minute'), interval '1 hour')
            WHERE request_id = :id
            """,
            id=request_id,
            now=self._work.now,
        )


class ReportRequestWork(SqlWork):
    """One transaction of report_request on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment, *, slots: Slots) -> None:
        super().__init__(session, moment)
        self.slots = slots
        self.facts = SqlFacts(session)
        self.requests = SqlRequests(session)
        self.mails = SqlMails(session)
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
        said = len(self._said)
        try:
            async with self.session.begin_nested():
                yield
        except Exception:
            del self._said[said:]
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


def _place(name: str) -> str:
    return "CAST(:history AS jsonb)" if name == "history" else f":{name}"


def _no_request() -> Request:
    raise Unknown("there is no such request of yours", field="request_id", remedy="list your requests first")
