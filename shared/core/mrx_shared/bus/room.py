"""The waiting room: what came too early is taken up when what it waits for has come."""

from typing import Any, Final

import structlog
from sqlalchemy import text

from mrx_shared.bus.letters import Letter, erase_contacts, letter_of, put_aside
from mrx_shared.bus.subscriptions import TRIES, Subscriptions, said, transient
from mrx_shared.bus.work import W
from mrx_shared.kit.logging import where
from mrx_shared.kit.metrics import DEAD_LETTERS, WAITING
from mrx_shared.messages.envelope import Unreadable
from mrx_shared.refusals import Rejected, TooEarly

log = structlog.get_logger(__name__)

NOTICE_HOURS: Final = 24

_CAUSES = text("SELECT waiting_for, min(entry) AS first FROM waiting GROUP BY waiting_for ORDER BY first")
_OLDEST = text("SELECT * FROM waiting WHERE waiting_for = :cause AND entry > :after ORDER BY entry LIMIT 1")
_OVERDUE = text("""
    UPDATE waiting SET noticed_at = now()
    WHERE noticed_at IS NULL AND since < now() - make_interval(hours => :hours)
    RETURNING consumer, waiting_for, event_id
""")
_TRIED = text("""
    UPDATE waiting SET tries = tries + 1
    WHERE consumer = :consumer AND topic = :topic AND source = :source AND event_id = :event_id RETURNING tries
""")
_COUNTS = text("""
    SELECT (SELECT count(*) FROM waiting),
           (SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL AND erased_at IS NULL)
""")


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
            causes = [row.waiting_for for row in await session.execute(_CAUSES)]
            for late in await session.execute(_OVERDUE, {"hours": NOTICE_HOURS}):
                log.warning("waiting.overdue", consumer=late.consumer, event_id=str(late.event_id))
            waiting, dead = (await session.execute(_COUNTS)).one()
        WAITING.set(waiting)
        DEAD_LETTERS.set(dead)
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
                row = (await session.execute(_OLDEST, {"cause": cause, "after": after})).mappings().first()
            if row is None:
                return taken
            after = row["entry"]
            if not await self._try(dict(row)):
                return taken
            taken += 1

    async def _try(self, row: dict[str, Any]) -> bool:
        letter = letter_of(row)
        try:
            subscription = self._subscriptions.of(row["consumer"])
        except KeyError:
            log.warning("waiting.nobody", consumer=row["consumer"])
            return False
        try:
            await subscription.dispatch(letter, waited=True)
        except TooEarly as early:
            # What it waits for now may be another thing than before.
            await subscription.keep_waiting(letter, early)
            return False
        except Unreadable as error:
            await put_aside(
                self._database, row["consumer"], letter, cause="unreadable", reason=str(error), tries=1
            )
        except Rejected as error:
            await put_aside(
                self._database, row["consumer"], letter, cause="refused", reason=said(error), tries=1
            )
        except Exception as error:
            if transient(error):
                raise
            return await self._failed(row, letter, error)
        return True

    async def _failed(self, row: dict[str, Any], letter: Letter, error: Exception) -> bool:
        """Try an unforeseen error five times in all, a look apart, before the event is put aside."""
        place = {name: row[name] for name in ("consumer", "topic", "source", "event_id")}
        async with self._database.relay_transaction() as (session, _):
            tries: int = (await session.execute(_TRIED, place)).scalar_one()
        if tries < TRIES:
            return False
        await put_aside(
            self._database, row["consumer"], letter, cause="failed", reason=where(error), tries=tries
        )
        return True
