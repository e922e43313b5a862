"""Notification's work on PostgreSQL. No tenants: no member has a door here, and a mail names none by id."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.refusals import Unknown
from mrx_shared.store.tables import domain, values
from sqlalchemy import func, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_notification.adapters.tables import LinkTokenRow, MailRow
from mrx_notification.domain.mails import NO_WORDS, Mail, State

# Written out, since a plan that does not know the state cannot use the indexes of what waits.
WAITING = text("mail.state = 'waiting'")


class SqlMails(Repository):
    """See `ports.Mails`."""

    async def add(self, mail: Mail) -> bool:
        row = {**values(mail), "words": dict(mail.words)}
        return await self._do(insert(MailRow).values(row).on_conflict_do_nothing()) > 0

    async def get(self, mail_id: UUID) -> Mail:
        row = await self._first(select(MailRow).where(MailRow.mail_id == mail_id).with_for_update())
        if row is None:
            raise Unknown("there is no such mail", field="mail_id")
        return _mail(row)

    async def of_letter(self, letter_id: UUID) -> Sequence[Mail]:
        of_it = select(MailRow).where(MailRow.letter_id == letter_id)
        return [_mail(row) for row in await self._all(of_it.order_by(col(MailRow.mail_id)).with_for_update())]

    async def keep(self, mail: Mail) -> None:
        changed: dict[str, object] = {
            name: getattr(mail, name)
            for name in ("letter_id", "state", "tries", "due_at", "status", "cause", "sent_at", "ended_at")
        }
        if mail.state is not State.WAITING:
            changed["words"] = None
        await self._do(update(MailRow).where(col(MailRow.mail_id) == mail.mail_id).values(changed))

    async def due(self, few: int) -> Sequence[Mail]:
        ready = select(MailRow).where(WAITING, MailRow.due_at <= self._work.now)
        ordered = ready.order_by(col(MailRow.due_at), col(MailRow.address), col(MailRow.mail_id))
        return [_mail(row) for row in await self._all(ordered.limit(few).with_for_update(skip_locked=True))]

    async def with_it(self, mail: Mail) -> Sequence[Mail]:
        same = select(MailRow).where(
            WAITING, MailRow.slot_at == mail.slot_at, MailRow.address == mail.address
        )
        return [_mail(row) for row in await self._all(same.order_by(col(MailRow.mail_id)).with_for_update())]

    async def alone(self) -> bool:
        return await self._hold_alone("sending")

    async def expect(self, mail_id: UUID, token_hash: str) -> None:
        token = {"hash": token_hash, "mail_id": mail_id, "made_at": func.clock_timestamp()}
        await self._do(insert(LinkTokenRow).values(token))

    async def token_hashes(self, mail_id: UUID) -> Sequence[str]:
        of_mail = select(LinkTokenRow.hash).where(LinkTokenRow.mail_id == mail_id)
        return await self._all(of_mail.order_by(col(LinkTokenRow.made_at)))

    async def forget(self, *, ended_before: datetime) -> int:
        ended = col(MailRow.ended_at) < ended_before, col(MailRow.address).is_not(None)
        return await self._do(update(MailRow).where(*ended).values(address=None))

    async def some(self, *, state: State | None, before: UUID | None, limit: int) -> Sequence[Mail]:
        newest = select(MailRow).order_by(col(MailRow.mail_id).desc()).limit(limit)
        if state is not None:
            newest = newest.where(MailRow.state == state)
        if before is not None:
            newest = newest.where(MailRow.mail_id < before)
        return [_mail(row) for row in await self._all(newest)]


def _mail(row: MailRow) -> Mail:
    return domain(Mail, row, words=row.words or NO_WORDS)


class NotificationWork(SqlWork):
    """One transaction of notification on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)
        self.mails = SqlMails(self)
