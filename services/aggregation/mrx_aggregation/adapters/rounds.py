"""Rounds and releases in PostgreSQL."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from datetime import datetime
from typing import Any
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.store.tables import domain, values
from sqlalchemy import ScalarSelect, func, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_aggregation.adapters.tables import ReleaseKeyRow, ReleaseRow, RoundRow
from mrx_aggregation.domain.rounds import Numbers, Round, RoundState, Trouble
from mrx_aggregation.ports import Release

PUBLISHED = col(ReleaseRow.released_at).is_not(None)
LATEST_ID = (
    select(ReleaseRow.release_id).where(PUBLISHED).order_by(col(ReleaseRow.released_at).desc()).limit(1)
)
LATEST = select(ReleaseRow).where(PUBLISHED).order_by(col(ReleaseRow.released_at).desc()).limit(1)


class SqlRounds(Repository):
    """See `ports.Rounds`."""

    async def add(self, opened: Round, *, at: datetime) -> None:
        await self._hold("mrx.round.opening")
        if (already := await self.open_now()) is not None:
            raise Rejected(
                f"a round as of {already.as_of} is open", remedy=f"close round {already.round_id} first"
            )
        new = {"round_id": opened.round_id, "as_of": opened.as_of, "state": opened.state, "opened_at": at}
        await self._do(insert(RoundRow).values(new))

    async def find(self, round_id: UUID) -> Round:
        row = await self._first(select(RoundRow).where(RoundRow.round_id == round_id))
        return _known(row)

    async def get_for_step(self, round_id: UUID) -> Round:
        # What a step asks of other rounds must not change before it is kept.
        await self._hold("mrx.round.steps")
        await self._hold(f"mrx.round.writes.{round_id}")
        this = select(RoundRow).where(RoundRow.round_id == round_id)
        row = await self._first(this.with_for_update())
        return _known(row)

    async def open_now(self) -> Round | None:
        row = await self._first(
            select(RoundRow).where(RoundRow.state == RoundState.OPEN).with_for_update(read=True)
        )
        return _round(row) if row else None

    async def carry_alone(self, round_id: UUID) -> bool:
        return await self._hold_alone(f"mrx.round.carry.{round_id}")

    async def older_unfinished(self, round_id: UUID) -> RoundState | None:
        unfinished = col(RoundRow.state).in_((RoundState.PROPOSED, RoundState.RELEASING))
        older = select(RoundRow.state).where(unfinished, RoundRow.number < _number(round_id))
        state = await self._first(older.order_by(col(RoundRow.number)).limit(1))
        return RoundState(state) if state else None

    async def latest_release_id(self) -> UUID | None:
        latest = await self._first(LATEST)
        return latest.release_id if latest else None

    async def newer_closed(self, round_id: UUID) -> bool:
        later = select(RoundRow.number).where(
            RoundRow.state != RoundState.OPEN, RoundRow.number > _number(round_id)
        )
        return await self._first(later.limit(1)) is not None

    async def keep(self, changed: Round, *, at: datetime) -> None:
        stands = values(changed, "round_id", "as_of", "trouble")
        stands["numbers"] = asdict(changed.numbers)
        stands["trouble"] = _kept(changed.trouble) if changed.trouble else None
        if changed.state is RoundState.CLOSED:
            stands["closed_at"] = func.coalesce(RoundRow.closed_at, at)
        await self._do(update(RoundRow).filter_by(round_id=changed.round_id).values(stands))

    async def newest_first(self) -> Sequence[Round]:
        newest = select(RoundRow).order_by(col(RoundRow.number).desc())
        return [_round(row) for row in await self._all(newest)]

    async def in_hand(self) -> Sequence[Round]:
        carried = col(RoundRow.state).in_((RoundState.CLOSING, RoundState.RELEASING))
        oldest = select(RoundRow).where(carried).order_by(col(RoundRow.number))
        return [_round(row) for row in await self._all(oldest)]

    async def begin_release(self, release: Release, *, key: bytes) -> None:
        new = {"release_id": release.release_id, "round_id": release.round_id, "as_of": release.as_of}
        await self._do(insert(ReleaseRow).values(new))
        await self._do(insert(ReleaseKeyRow).values(release_id=release.release_id, key=key))

    async def publish_release(self, release: Release) -> None:
        published = values(release, "release_id", "round_id", "as_of")
        await self._do(update(ReleaseRow).filter_by(release_id=release.release_id).values(published))

    async def release(self, release_id: UUID | None) -> Release:
        this = select(ReleaseRow).where(ReleaseRow.release_id == release_id, PUBLISHED)
        row = await self._first(this if release_id else LATEST)
        if row is None:
            raise Unknown(
                "there is no such release" if release_id else "nothing has been released yet",
                field="release_id",
                remedy="wait for list-released on your out-topic",
            )
        return domain(Release, row)


def _number(round_id: UUID) -> ScalarSelect[int]:
    """In which place among all rounds it was opened."""
    return select(RoundRow.number).where(RoundRow.round_id == round_id).scalar_subquery()


def _known(row: RoundRow | None) -> Round:
    if row is None:
        raise Unknown("there is no such round", field="round_id", remedy="GET /v1/rounds lists them")
    return _round(row)


def _round(row: RoundRow) -> Round:
    trouble = _trouble(row.trouble) if row.trouble else None
    return domain(Round, row, numbers=Numbers(**row.numbers), trouble=trouble)


def _kept(trouble: Trouble) -> dict[str, object]:
    """Trouble as JSON."""
    moments = {name: getattr(trouble, name).isoformat() for name in ("since", "next_try_at")}
    return values(trouble) | moments


def _trouble(kept: dict[str, Any]) -> Trouble:
    moments = {name: datetime.fromisoformat(kept[name]) for name in ("since", "next_try_at")}
    # A newer program may have kept more.
    known = {field.name: kept[field.name] for field in fields(Trouble)}
    return Trouble(**known | moments | {"step": RoundState(kept["step"])})
