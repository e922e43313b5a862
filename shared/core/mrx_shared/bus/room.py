"""The waiting room: what came too early is taken up when what it waits for has come."""

from typing import Any, Final

import structlog
from sqlalchemy import text

from mrx_shared.bus.letters import Letter, put_aside
from mrx_shared.bus.subscriptions import Subscriptions, transient
from mrx_shared.bus.work import W
from mrx_shared.kit.logging import where
from mrx_shared.kit.metrics import DEAD_LETTERS, WAITING
from mrx_shared.messages.envelope import Unreadable
from mrx_shared.refusals import Rejected, TooEarly

log = structlog.get_logger(__name__)

NOTICE_HOURS: Final = 24

_CAUSES = text(
    "SELECT waiting_for, min(entry) AS first FROM waiting GROUP BY waiting_for ORDER BY first LIMIT 500"
)
_OLDEST = text("SELECT * FROM waiting WHERE waiting_for = :cause AND entry > :after ORDER BY entry LIMIT 1")
_OVERDUE = text("""
    UPDATE waiting SET noticed_at = now()
    WHERE noticed_at IS NULL AND since < now() - make_interval(hours => :hours)
    RETURNING consumer, waiting_for, event_id
""")
_COUNTS = text("""
    SELECT (SELECT count(*) FROM waiting), (SELECT count(*) FROM dead_letter WHERE replayed_at IS NULL)
""")


class WaitingRoom:
    """Tries the first of each cause; when that goes, the others behind it."""

    def __init__(self, subscriptions: Subscriptions[W]) -> None:
        self._subscriptions = subscriptions
        self._database = subscriptions.once.database

    async def look(self) -> int:
        """Take up what is ready. Returns how many were taken up."""
        async with self._database.relay_transaction() as (session, _):
            causes = [row.waiting_for for row in await session.execute(_CAUSES)]
            for late in await session.execute(_OVERDUE, {"hours": NOTICE_HOURS}):
                log.warning("waiting.overdue", consumer=late.consumer, event_id=str(late.event_id))
            waiting, dead = (await session.execute(_COUNTS)).one()
        WAITING.set(waiting)
        DEAD_LETTERS.set(dead)
        return sum([await self._take_up(cause) for cause in causes])

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
        letter = Letter(
            topic=row["topic"],
            partition=row["kafka_partition"],
            offset=row["kafka_offset"],
            payload=bytes(row["payload"]),
        )
        subscription = self._subscriptions.of(row["consumer"])
        try:
            await subscription.dispatch(letter, waited=True)
        except TooEarly as early:
            # What it waits for now may be another thing than before.
            await subscription.keep_waiting(letter, early)
            return False
        except (Rejected, Unreadable) as error:
            await put_aside(
                self._database, row["consumer"], letter, cause="refused", reason=str(error), tries=1
            )
        except Exception as error:
            if transient(error):
                raise
            await put_aside(
                self._database, row["consumer"], letter, cause="failed", reason=where(error), tries=1
            )
        return True
