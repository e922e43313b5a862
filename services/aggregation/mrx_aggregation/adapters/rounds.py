"""Rounds and releases in PostgreSQL."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from mrx_shared.refusals import Rejected, Unknown
from sqlalchemy import text
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_aggregation.domain.rounds import Numbers, Round, RoundState, Trouble
from mrx_aggregation.ports import Release

_LOCK_OPENING = text("SELECT pg_advisory_xact_lock(hashtextextended('mrx.round.opening', 0))")
_LOCK_STEPS = text("SELECT pg_advisory_xact_lock(hashtextextended('mrx.round.steps', 0))")
_LOCK_WRITES = text("SELECT pg_advisory_xact_lock(hashtextextended('mrx.round.writes.' || :round_id, 0))")
_CARRY = text("SELECT pg_try_advisory_xact_lock(hashtextextended('mrx.round.carry.' || :round_id, 0))")
_OPEN = text("SELECT * FROM round WHERE state = 'open' FOR SHARE")
_ADD = text("""
    INSERT INTO round (round_id, as_of, state, opened_at) VALUES (:round_id, :as_of, :state, :at)
""")
_FIND = text("SELECT * FROM round WHERE round_id = :round_id")
_GET = text("SELECT * FROM round WHERE round_id = :round_id FOR UPDATE")
_NEWER = text("""
    SELECT EXISTS (SELECT 1 FROM round AS later WHERE later.state <> 'open'
        AND later.number > (SELECT number FROM round WHERE round_id = :round_id))
""")
_OLDER_UNFINISHED = text("""
    SELECT state FROM round WHERE state IN ('proposed', 'releasing')
        AND number < (SELECT number FROM round WHERE round_id = :round_id)
    ORDER BY number LIMIT 1
""")
_KEEP = text("""
    UPDATE round SET state = :state, leave_waiting = :leave_waiting, proposed_by = :proposed_by,
        approved_by = :approved_by, release_id = :release_id,
        compared_with = :compared_with, numbers = CAST(:numbers AS jsonb), trouble = CAST(:trouble AS jsonb),
        closed_at = CASE WHEN :state = 'closed' THEN coalesce(closed_at, :at) ELSE closed_at END
    WHERE round_id = :round_id
""")
_ALL = text("SELECT * FROM round ORDER BY number DESC")
_IN_HAND = text("SELECT * FROM round WHERE state IN ('closing', 'releasing') ORDER BY number")
_BEGIN_RELEASE = text(
    "INSERT INTO release (release_id, round_id, as_of) VALUES (:release_id, :round_id, :as_of)"
)
_KEEP_KEY = text("INSERT INTO release_key (release_id, key) VALUES (:release_id, :key)")
_PUBLISH = text("""
    UPDATE release SET rows = :rows, held = :held, documents = CAST(:documents AS jsonb),
        released_at = :released_at
    WHERE release_id = :release_id
""")
_RELEASE = text("SELECT * FROM release WHERE release_id = :release_id AND released_at IS NOT NULL")
_LATEST = text("SELECT * FROM release WHERE released_at IS NOT NULL ORDER BY released_at DESC LIMIT 1")


class SqlRounds:
    """See `ports.Rounds`."""

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def add(self, opened: Round, *, at: datetime) -> None:
        await self._session.execute(_LOCK_OPENING)
        if (already := await self.open_now()) is not None:
            raise Rejected(
                f"a round as of {already.as_of} is open", remedy=f"close round {already.round_id} first"
            )
        await self._session.execute(
            _ADD, {"round_id": opened.round_id, "as_of": opened.as_of, "state": opened.state, "at": at}
        )

    async def find(self, round_id: UUID) -> Round:
        return _known((await self._session.execute(_FIND, {"round_id": round_id})).mappings().first())

    async def get_for_step(self, round_id: UUID) -> Round:
        # What a step asks of other rounds must not change before it is kept.
        await self._session.execute(_LOCK_STEPS)
        await self._session.execute(_LOCK_WRITES, {"round_id": str(round_id)})
        return _known((await self._session.execute(_GET, {"round_id": round_id})).mappings().first())

    async def open_now(self) -> Round | None:
        row = (await self._session.execute(_OPEN)).mappings().first()
        return _round(row) if row else None

    async def carry_alone(self, round_id: UUID) -> bool:
        return bool((await self._session.execute(_CARRY, {"round_id": str(round_id)})).scalar_one())

    async def older_unfinished(self, round_id: UUID) -> RoundState | None:
        state = (await self._session.execute(_OLDER_UNFINISHED, {"round_id": round_id})).scalar_one_or_none()
        return RoundState(state) if state else None

    async def latest_release_id(self) -> UUID | None:
        row = (await self._session.execute(_LATEST)).mappings().first()
        return row["release_id"] if row else None

    async def newer_closed(self, round_id: UUID) -> bool:
        return bool((await self._session.execute(_NEWER, {"round_id": round_id})).scalar_one())

    async def keep(self, changed: Round, *, at: datetime) -> None:
        await self._session.execute(
            _KEEP,
            {
                "round_id": changed.round_id,
                "state": changed.state,
                "leave_waiting": changed.leave_waiting,
                "proposed_by": changed.proposed_by,
                "approved_by": changed.approved_by,
                "release_id": changed.release_id,
                "compared_with": changed.compared_with,
                "numbers": json.dumps(asdict(changed.numbers)),
                "trouble": json.dumps(asdict(changed.trouble), default=datetime.isoformat)
                if changed.trouble
                else None,
                "at": at,
            },
        )

    async def newest_first(self) -> Sequence[Round]:
        return [_round(row) for row in (await self._session.execute(_ALL)).mappings()]

    async def in_hand(self) -> Sequence[Round]:
        return [_round(row) for row in (await self._session.execute(_IN_HAND)).mappings()]

    async def begin_release(self, release: Release, *, key: bytes) -> None:
        await self._session.execute(
            _BEGIN_RELEASE,
            {"release_id": release.release_id, "round_id": release.round_id, "as_of": release.as_of},
        )
        await self._session.execute(_KEEP_KEY, {"release_id": release.release_id, "key": key})

    async def publish_release(self, release: Release) -> None:
        await self._session.execute(
            _PUBLISH,
            {
                "release_id": release.release_id,
                "rows": release.rows,
                "held": release.held,
                "documents": json.dumps(release.documents),
                "released_at": release.released_at,
            },
        )

    async def release(self, release_id: UUID | None) -> Release:
        found = await (
            self._session.execute(_RELEASE, {"release_id": release_id})
            if release_id
            else self._session.execute(_LATEST)
        )
        row = found.mappings().first()
        if row is None:
            raise Unknown(
                "there is no such release" if release_id else "nothing has been released yet",
                field="release_id",
                remedy="wait for list-released on your out-topic",
            )
        return Release(**row)


def _known(row: Any) -> Round:  # noqa: ANN401 - a row as the driver gives it
    if row is None:
        raise Unknown("there is no such round", field="round_id", remedy="GET /v1/rounds lists them")
    return _round(row)


def _round(row: Any) -> Round:  # noqa: ANN401 - a row as the driver gives it
    return Round(
        round_id=row["round_id"],
        as_of=row["as_of"],
        state=RoundState(row["state"]),
        leave_waiting=row["leave_waiting"],
        proposed_by=row["proposed_by"],
        approved_by=row["approved_by"],
        release_id=row["release_id"],
        compared_with=row["compared_with"],
        numbers=Numbers(**row["numbers"]),
        trouble=_trouble(row["trouble"]),
    )


def _trouble(kept: Any) -> Trouble | None:  # noqa: ANN401 - JSON as the driver gives it
    if kept is None:
        return None
    return Trouble(
        step=RoundState(kept["step"]),
        cause=kept["cause"],
        permanent=kept["permanent"],
        since=datetime.fromisoformat(kept["since"]),
        attempts=kept["attempts"],
        next_try_at=datetime.fromisoformat(kept["next_try_at"]),
    )
