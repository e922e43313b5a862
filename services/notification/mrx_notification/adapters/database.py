"""Notification's work on PostgreSQL. No tenants: no member has a door here, and a mail names none by id."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from mrx_shared.bus.keys import remember_key
from mrx_shared.bus.rows import WorkRows
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import Unknown
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from mrx_notification.domain.mails import NO_WORDS, Cause, Kind, Mail, State

T = TypeVar("T")


class SqlMails(WorkRows):
    """See `ports.Mails`."""

    async def add(self, mail: Mail) -> bool:
        added = await self._first(
            """
            INSERT INTO mail (mail_id, event_id, letter_id, story, kind, asked_by, about, language, with_link, address,
                words, asked_at, state, tries, due_at, slot_at)
            VALUES (:mail_id, :event_id, :letter_id, :story, :kind, :asked_by, :about, :language, :with_link, :address,
                CAST(:words AS jsonb), :asked_at, 'waiting', 0, :due_at, :slot_at)
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            mail_id=mail.mail_id,
            event_id=mail.event_id,
            letter_id=mail.letter_id,
            story=mail.story,
            kind=mail.kind,
            asked_by=mail.asked_by,
            about=mail.about,
            language=mail.language,
            with_link=mail.with_link,
            address=mail.address,
            words=json.dumps(dict(mail.words)),
            asked_at=mail.asked_at,
            due_at=mail.due_at,
            slot_at=mail.slot_at,
        )
        return added is not None

    async def get(self, mail_id: UUID) -> Mail:
        row = await self._first("SELECT * FROM mail WHERE mail_id = :id FOR UPDATE", id=mail_id)
        if row is None:
            raise Unknown("there is no such mail", field="mail_id")
        return _mail(row)

    async def of_letter(self, letter_id: UUID) -> Sequence[Mail]:
        rows = await self._all(
            "SELECT * FROM mail WHERE letter_id = :id ORDER BY mail_id FOR UPDATE", id=letter_id
        )
        return [_mail(row) for row in rows]

    async def keep(self, mail: Mail) -> None:
        await self._do(
            """
            UPDATE mail SET letter_id = :letter_id, state = :state, tries = :tries, due_at = :due_at, status = :status, cause = :cause,
                sent_at = :sent_at, ended_at = :ended_at, words = CASE WHEN :state = 'waiting' THEN words END
            WHERE mail_id = :mail_id
            """,
            mail_id=mail.mail_id,
            letter_id=mail.letter_id,
            state=mail.state.value,
            tries=mail.tries,
            due_at=mail.due_at,
            status=mail.status,
            cause=mail.cause,
            sent_at=mail.sent_at,
            ended_at=mail.ended_at,
        )

    async def due(self, few: int) -> Sequence[Mail]:
        rows = await self._all(
            """
            SELECT * FROM mail WHERE state = 'waiting' AND due_at <= :now
            ORDER BY due_at, address, mail_id LIMIT :few FOR UPDATE SKIP LOCKED
            """,
            now=self._work.now,
            few=few,
        )
        return [_mail(row) for row in rows]

    async def with_it(self, mail: Mail) -> Sequence[Mail]:
        rows = await self._all(
            """
            SELECT * FROM mail WHERE state = 'waiting' AND slot_at = :slot_at AND address = :address
            ORDER BY mail_id FOR UPDATE
            """,
            slot_at=mail.slot_at,
            address=mail.address,
        )
        return [_mail(row) for row in rows]

    async def alone(self) -> bool:
        row = await self._first("SELECT pg_try_advisory_xact_lock(hashtextextended('sending', 0)) AS got")
        return row is not None and bool(row.got)

    async def expect(self, mail_id: UUID, token_hash: str) -> None:
        await self._do(
            "INSERT INTO link_token (hash, mail_id, made_at) VALUES (:hash, :mail_id, clock_timestamp())",
            hash=token_hash,
            mail_id=mail_id,
        )

    async def token_hashes(self, mail_id: UUID) -> Sequence[str]:
        rows = await self._all("SELECT hash FROM link_token WHERE mail_id = :id ORDER BY made_at", id=mail_id)
        return [row.hash for row in rows]

    async def forget(self, *, ended_before: datetime) -> int:
        rows = await self._all(
            """
            UPDATE mail SET address = NULL WHERE ended_at < :ended_before AND address IS NOT NULL RETURNING 1
            """,
            ended_before=ended_before,
        )
        return len(rows)

    async def some(self, *, state: State | None, before: UUID | None, limit: int) -> Sequence[Mail]:
        rows = await self._all(
            """
            SELECT * FROM mail WHERE (CAST(:state AS text) IS NULL OR state = :state)
                AND (CAST(:before AS uuid) IS NULL OR mail_id < :before)
            ORDER BY mail_id DESC LIMIT :limit
            """,
            state=state.value if state else None,
            before=before,
            limit=limit,
        )
        return [_mail(row) for row in rows]


def _mail(row: Row[Any]) -> Mail:
    return Mail(
        mail_id=row.mail_id,
        event_id=row.event_id,
        letter_id=row.letter_id,
        story=row.story,
        kind=Kind(row.kind),
        asked_by=row.asked_by,
        about=row.about,
        language=row.language,
        with_link=row.with_link,
        address=row.address,
        words=row.words if row.words is not None else NO_WORDS,
        asked_at=row.asked_at,
        state=State(row.state),
        tries=row.tries,
        due_at=row.due_at,
        slot_at=row.slot_at,
        status=row.status,
        cause=Cause(row.cause) if row.cause else None,
        sent_at=row.sent_at,
        ended_at=row.ended_at,
    )


class NotificationWork(SqlWork):
    """One transaction of notification on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)
        self.mails = SqlMails(self)

    async def remember_key(self, key: SigningKeyPublished) -> None:
        """See `ports.Work`."""
        await remember_key(self.session, key)
