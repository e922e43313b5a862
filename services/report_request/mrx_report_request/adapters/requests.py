"""Requests on PostgreSQL. Row-level security decides what a transaction sees; no query filters by member."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.store.tables import among, domain
from sqlalchemy import bindparam, func, or_, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.sql.expression import Select

from mrx_report_request.adapters.rows import request_of, row_of
from mrx_report_request.adapters.tables import REQUEST_IS_OPEN, ReleaseRow, RequestOwnerRow, RequestRow
from mrx_report_request.domain.decisions import Outcome, Recognised
from mrx_report_request.domain.requests import Request, SlotMail
from mrx_report_request.domain.transitions import ENDS, State
from mrx_report_request.ports import Numbers

_FIXED = frozenset(
    {"request_id", "member_id", "reference", "round_id", "site_token", "asked_at", "term_begins_at"}
)
_NEWEST_FIRST = select(RequestRow).order_by(
    col(RequestRow.asked_at).desc(), col(RequestRow.request_id).desc()
)
_OWN = insert(RequestOwnerRow).on_conflict_do_nothing().returning(col(RequestOwnerRow.request_id))
_ADD = (
    insert(RequestRow)
    .on_conflict_do_nothing(index_elements=["member_id", "site_token"], index_where=REQUEST_IS_OPEN)
    .returning(col(RequestRow.request_id))
)
_SAVE = update(RequestRow).where(col(RequestRow.request_id) == bindparam("of"))
"""takes its values as parameters: to state 36 of them anew each time takes longer than the database does"""


class SqlRequests(Repository):
    """See `ports.Requests`."""

    async def add(self, requests: Sequence[Request]) -> None:
        owned = [
            {"request_id": one.request_id, "member_id": one.member_id, "due_at": one.due_at()}
            for one in requests
        ]
        free = await self._session.exec(_OWN, params=owned)
        if len(free.all()) < len(requests):
            raise Rejected(
                "this request_id was used for another request",
                field="request_id",
                remedy="use a new id for every new request",
            )
        added = await self._session.exec(_ADD, params=[row_of(one) for one in requests])
        if len(added.all()) < len(requests):
            raise Rejected(
                "another of your requests for this site arrived at the same time",
                field="entry_id",
                remedy="list your requests",
            )

    async def find(self, request_id: UUID) -> Request | None:
        row = await self._first(select(RequestRow).where(RequestRow.request_id == request_id))
        return request_of(row) if row else None

    async def find_all(self, request_ids: Collection[UUID]) -> Mapping[UUID, Request]:
        rows = await self._all(select(RequestRow).where(among(RequestRow.request_id, request_ids)))
        return {row.request_id: request_of(row) for row in rows}

    async def get(self, request_id: UUID) -> Request:
        return await self.find(request_id) or _no_request()

    async def get_to_change(self, request_id: UUID) -> Request:
        row = await self._first(
            select(RequestRow).where(RequestRow.request_id == request_id).with_for_update()
        )
        return request_of(row) if row else _no_request()

    async def save(self, request: Request) -> None:
        changed = {name: value for name, value in row_of(request).items() if name not in _FIXED}
        await self._session.exec(_SAVE, params={"of": request.request_id, **changed})
        owned = update(RequestOwnerRow).where(col(RequestOwnerRow.request_id) == request.request_id)
        await self._do(owned.values(due_at=request.due_at(), put_off_until=None))

    async def open_for(self, site_tokens: Collection[str]) -> Mapping[str, UUID]:
        open_there = select(RequestRow.site_token, RequestRow.request_id).where(
            among(RequestRow.site_token, site_tokens), REQUEST_IS_OPEN
        )
        return dict(await self._all(open_there))

    async def over_for(self, site_tokens: Collection[str]) -> Sequence[Request]:
        over = _NEWEST_FIRST.where(among(RequestRow.site_token, site_tokens), col(RequestRow.state).in_(ENDS))
        return [request_of(row) for row in await self._all(over)]

    async def closing(self, site_tokens: Collection[str]) -> Sequence[Request]:
        closing = select(RequestRow).where(
            RequestRow.due_mail == SlotMail.CLOSED, among(RequestRow.site_token, site_tokens)
        )
        return [request_of(row) for row in await self._all(closing.with_for_update())]

    async def newest_first(self, *, state: State | None, after: UUID | None, limit: int) -> Sequence[Request]:
        page = _NEWEST_FIRST.limit(limit)
        if state is not None:
            page = page.where(RequestRow.state == state)
        if after is not None:
            last = select(RequestRow.asked_at, RequestRow.request_id).where(RequestRow.request_id == after)
            page = page.where(
                tuple_(col(RequestRow.asked_at), col(RequestRow.request_id)) < last.scalar_subquery()
            )
        return [request_of(row) for row in await self._all(page)]

    async def recognised(self, site_token: str, sha256: str) -> Sequence[Recognised]:
        # Always the site before the file, so that no two wait for each other.
        for decided_on in (site_token, f"file {sha256}"):
            own = func.concat(func.current_setting("mrx.tenant"), decided_on)
            await self._first(select(func.pg_advisory_xact_lock(func.hashtextextended(own, 0))))
        accepted = select(RequestRow).where(
            or_(col(RequestRow.site_token) == site_token, col(RequestRow.report_sha256) == sha256),
            col(RequestRow.valid_until).is_not(None),
        )
        return [domain(Recognised, row, sha256=row.report_sha256) for row in await self._all(accepted)]

    async def with_files(self, files: Collection[str]) -> Sequence[Request]:
        of_files = select(RequestRow).where(among(RequestRow.report_sha256, files))
        return [
            request_of(row)
            for row in await self._all(
                of_files.order_by(col(RequestRow.asked_at), col(RequestRow.request_id))
            )
        ]

    async def numbers(self) -> Sequence[Numbers]:
        return [domain(Numbers, row) for row in await self._all(_numbers())]


def _numbers() -> Select[*tuple[Any, ...]]:
    count, state, outcome = func.count(), col(RequestRow.state), col(RequestRow.outcome)
    of_round = select(func.max(ReleaseRow.as_of)).where(ReleaseRow.round_id == RequestRow.round_id)
    counted = {
        "as_of": of_round.scalar_subquery(),
        "asked": count,
        "sent": func.count(col(RequestRow.sent_at)),
        "available": func.count(col(RequestRow.report_id)),
        "accepted": count.filter(outcome == Outcome.ACCEPTED),
        "top_ups": count.filter(outcome == Outcome.TOP_UP),
        "refused": count.filter(outcome == Outcome.REFUSED),
        "declined": count.filter(state == State.DECLINED),
        "expired": count.filter(state == State.EXPIRED),
        "avoided": count.filter(col(RequestRow.avoided), col(RequestRow.read_at).is_not(None)),
    }
    round_id = col(RequestRow.round_id)
    named = [number.label(name) for name, number in counted.items()]
    return Select(round_id, *named).group_by(round_id).order_by(round_id.desc())


def _no_request() -> Request:
    raise Unknown("there is no such request of yours", field="request_id", remedy="list your requests first")
