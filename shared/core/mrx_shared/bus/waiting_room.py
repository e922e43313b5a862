"""The waiting room: what came too early is taken up when what it waits for has come."""

from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import func, update
from sqlmodel import col, select

from mrx_shared.bus.dead_letters import UNSETTLED, Record, add_dead_letter, erase_contacts, record_of
from mrx_shared.bus.subscriptions import TRIES, Subscriptions, said, transient
from mrx_shared.bus.work import W
from mrx_shared.kit.logging import where
from mrx_shared.kit.metrics import DEAD_LETTERS, WAITING
from mrx_shared.messages.envelope import Unreadable
from mrx_shared.refusals import Rejected, TooEarly
from mrx_shared.store.database import count
from mrx_shared.store.tables import DeadLetterRow, WaitingRow

log = structlog.get_logger(__name__)

NOTICE_HOURS: Final = 24


class WaitingRoom:
    """Tries the first of each cause; when that goes, the others behind it."""

    def __init__(self, subscriptions: Subscriptions[W]) -> None:
        self._subscriptions = subscriptions
        self._database = subscriptions.once.database

    async def look(self) -> int:
        """Take up what is ready, and erase contacts whose time is over. Returns how many were taken up."""
        async with self._database.relay_transaction() as (session, _):
            if erased := await erase_contacts(session):
                log.warning("contacts.erased", records=erased)
            by_age = func.min(WaitingRow.entry)
            of_each = select(WaitingRow.waiting_for).group_by(col(WaitingRow.waiting_for)).order_by(by_age)
            causes = (await session.exec(of_each)).all()
            since = col(WaitingRow.since) < func.now() - timedelta(hours=NOTICE_HOURS)
            overdue = update(WaitingRow).where(col(WaitingRow.noticed_at).is_(None), since)
            noticed = overdue.values(noticed_at=func.now()).returning(
                col(WaitingRow.consumer), col(WaitingRow.event_id)
            )
            for consumer, event_id in await session.exec(noticed):
                log.warning("waiting.overdue", consumer=consumer, event_id=str(event_id))
            WAITING.set(await count(session, WaitingRow))
            DEAD_LETTERS.set(await count(session, DeadLetterRow, UNSETTLED))
        taken = 0
        for cause in causes:
            try:
                taken += await self._take_up(cause)
            except Exception as error:  # noqa: BLE001  (one cause's trouble must not hold up the others)
                log.warning("waiting.again", error=where(error))
        return taken

    async def _take_up(self, cause: str) -> int:
        taken = after = 0
        while True:
            async with self._database.relay_transaction() as (session, _):
                of_cause = select(WaitingRow).where(WaitingRow.waiting_for == cause, WaitingRow.entry > after)
                row = (await session.exec(of_cause.order_by(col(WaitingRow.entry)).limit(1))).first()
            if row is None:
                return taken
            after = row.entry
            if not await self._try(row):
                return taken
            taken += 1

    async def _try(self, row: WaitingRow) -> bool:
        record = record_of(row)
        try:
            subscription = self._subscriptions.of(row.consumer)
        except KeyError:
            log.warning("waiting.nobody", consumer=row.consumer)
            return False
        try:
            await subscription.dispatch(record, waited=True)
        except TooEarly as early:
            # What it waits for now may be another thing than before.
            await subscription.keep_waiting(record, early)
            return False
        except Unreadable as error:
            await add_dead_letter(
                self._database, row.consumer, record, cause="unreadable", reason=str(error), tries=1
            )
        except Rejected as error:
            await add_dead_letter(
                self._database, row.consumer, record, cause="refused", reason=said(error), tries=1
            )
        except Exception as error:
            if transient(error):
                raise
            return await self._failed(row, record, error)
        return True

    async def _failed(self, row: WaitingRow, record: Record, error: Exception) -> bool:
        """Try an unforeseen error five times in all, a look apart, before it becomes a dead letter."""
        tried = update(WaitingRow).where(col(WaitingRow.entry) == row.entry)
        more = tried.values(tries=WaitingRow.tries + 1).returning(col(WaitingRow.tries))
        async with self._database.relay_transaction() as (session, _):
            tries: int = (await session.exec(more)).scalar_one()
        if tries < TRIES:
            return False
        await add_dead_letter(
            self._database, row.consumer, record, cause="failed", reason=where(error), tries=tries
        )
        return True
