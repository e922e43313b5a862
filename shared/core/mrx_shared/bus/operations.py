"""What every service shows its operator, its supervisor and Prometheus; payloads only masked."""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import and_, func, or_, update
from sqlalchemy.orm import defer
from sqlmodel import col, select

from mrx_shared.bus.dead_letters import UNSETTLED, Record, dead_letter, dead_letters, masked, record_of
from mrx_shared.bus.relay import Relay
from mrx_shared.bus.subscriptions import Subscriptions, transient
from mrx_shared.bus.trouble import Trouble
from mrx_shared.bus.work import Transactions
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.messages.envelope import Unreadable
from mrx_shared.refusals import Invalid, Rejected
from mrx_shared.store.database import count
from mrx_shared.store.tables import DeadLetterRow, OutboxRow, WaitingRow, columns

_POSITION, _PAYLOAD = col(OutboxRow.position), col(OutboxRow.payload)
_NAMED = {"position", "id", "topic", "key", "sequence", "type"}
_OPEN = col(OutboxRow.sent_at).is_(None)
_PARKED = and_(_OPEN, col(OutboxRow.parked_at).is_not(None))


class LoopState(Protocol):
    """How a loop is."""

    name: str
    failing: Trouble | None

    @property
    def troubles(self) -> Sequence[Trouble]:
        """All that fails in it."""


class PartsState(Protocol):
    """What runs in a service."""

    broker: Any
    relay: Relay
    subscriptions: Subscriptions[Any]
    listening: bool

    @property
    def loops(self) -> Sequence[LoopState]:
        """What it does by itself."""

    @property
    def database(self) -> Transactions:
        """The service's database."""


def operations(parts: PartsState, access: Access) -> APIRouter:
    """Health, metrics, and the operator's routes."""
    router = APIRouter()
    _add_health(router, parts)
    _add_dead_letters(router, parts, access)
    _add_outbox(router, parts, access)
    return router


def _add_health(router: APIRouter, parts: PartsState) -> None:

    @router.get("/health/live", tags=["health"])
    async def live() -> dict[str, str]:
        return {"status": "live"}

    @router.get("/health/ready", tags=["health"])
    async def ready() -> Response:
        faults, troubles = await _faults(parts), _troubles(parts)
        # A step that fails keeps nothing else here from working, so the service goes on taking requests.
        status = "not ready" if faults else "degraded" if troubles else "ready"
        return JSONResponse(
            {"status": status, "faults": faults, "troubles": troubles}, 503 if faults else 200
        )

    @router.get("/metrics", tags=["health"], response_class=PlainTextResponse)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)


def _add_outbox(router: APIRouter, parts: PartsState, access: Access) -> None:
    operator = Annotated[Principal, Depends(access.require(Role.OPERATOR))]

    @router.get("/v1/operations/status", tags=["operations"])
    async def status(who: operator) -> dict[str, Any]:  # noqa: ARG001
        async with parts.database.relay_transaction() as (session, _):
            said, unsent = await count(session, OutboxRow), await count(session, OutboxRow, _OPEN)
            parked = await count(session, OutboxRow, _PARKED)
            letters, waiting = (
                await count(session, DeadLetterRow, UNSETTLED),
                await count(session, WaitingRow),
            )
            since = (await session.exec(select(func.min(WaitingRow.since)))).one()
        return {
            "service": parts.subscriptions.once.service,
            "faults": await _faults(parts),
            "troubles": _troubles(parts),
            "outbox": {"said": said, "unsent": unsent, "parked": parked},
            "dead_letters": letters,
            "waiting": waiting,
            "waiting_since": since,
            "relay": {
                "holds_lock": parts.relay.status.holds_lock,
                "last_error": parts.relay.status.last_error,
            },
            "consumers": _consumers(parts),
            "loops": [
                {"name": loop.name, "error": loop.failing and loop.failing.cause} for loop in parts.loops
            ],
        }

    @router.get("/v1/operations/outbox", tags=["operations"])
    async def outbox(
        who: operator,  # noqa: ARG001
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        async with parts.database.relay_transaction() as (session, _):
            rows = select(OutboxRow).options(defer(*columns(OutboxRow, "payload"))).where(_OPEN).limit(limit)
            ordered = rows.order_by(_POSITION.nulls_last(), col(OutboxRow.entry))
            shown = _NAMED | {"said_at", "parked_at", "tries", "error"}
            return {"unsent": [row.model_dump(include=shown) for row in await session.exec(ordered)]}

    @router.post("/v1/operations/outbox/retry", tags=["operations"])
    async def retry(who: operator) -> dict[str, str]:  # noqa: ARG001
        async with parts.database.relay_transaction() as (session, _):
            await session.exec(update(OutboxRow).where(_PARKED).values(parked_at=None))
        parts.subscriptions.once.committed.set()
        return {"outcome": "parked keys are tried again"}

    @router.get("/v1/operations/chain", tags=["operations"])
    async def chain(
        who: operator,  # noqa: ARG001
        after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
        limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    ) -> dict[str, Any]:
        async with parts.database.relay_transaction() as (session, _):
            erased = _PAYLOAD.is_(None)
            digest = func.sha256(col(OutboxRow.salt).op("||")(_PAYLOAD))
            rows = select(OutboxRow, erased, or_(erased, digest == col(OutboxRow.digest)))
            ordered = (
                rows.options(defer(*columns(OutboxRow, "payload")))
                .where(after < _POSITION)
                .order_by(_POSITION)
                .limit(limit)
            )
            links = [
                {
                    **row.model_dump(include=_NAMED),
                    "digest": base64.b64encode(row.digest).decode(),
                    "chain": row.chain and base64.b64encode(row.chain).decode(),
                    "erased": erased,
                    "digest_holds": holds,
                }
                for row, erased, holds in await session.exec(ordered)
            ]
        return {"service": parts.subscriptions.once.service, "links": links}


def _add_dead_letters(router: APIRouter, parts: PartsState, access: Access) -> None:
    operator = Annotated[Principal, Depends(access.require(Role.OPERATOR))]

    @router.get("/v1/operations/dead-letters", tags=["operations"])
    async def list_letters(
        who: operator,  # noqa: ARG001
        every: Annotated[bool, Query()] = False,
        limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    ) -> dict[str, Any]:
        return {"dead_letters": await dead_letters(parts.database, every=every, limit=limit)}

    @router.get("/v1/operations/dead-letters/{letter_id}", tags=["operations"])
    async def show_letter(letter_id: UUID, who: operator) -> dict[str, Any]:  # noqa: ARG001
        row = await dead_letter(parts.database, letter_id)
        shown = row.model_dump(exclude={"payload", "content_hash"})
        return {**shown, "payload": None if row.payload is None else masked(bytes(row.payload))}

    @router.post("/v1/operations/dead-letters/{letter_id}/replay", tags=["operations"])
    async def replay(letter_id: UUID, who: operator) -> dict[str, Any]:  # noqa: ARG001
        row = await dead_letter(parts.database, letter_id)
        if row.replayed_at is not None:
            raise Rejected("this dead letter has already been replayed", field="id")
        outcome = await _replay(parts, row.consumer, record_of(row), letter_id)
        return {"id": str(letter_id), "outcome": outcome}


async def _replay(parts: PartsState, consumer: str, record: Record, letter_id: UUID) -> str:
    """Run a dead letter's handler again, in the running service. Its own refusal is the answer."""
    try:
        subscription = parts.subscriptions.of(consumer)
    except KeyError:
        raise Rejected(f"{consumer} no longer listens here", field="consumer") from None
    try:
        outcome = await subscription.dispatch(record, dead_letter=letter_id)
    except Unreadable as error:
        raise Invalid(f"it cannot be read: {error}", remedy="have its sender send it again") from None
    if outcome == "passed":
        raise Rejected("no handler accepts this type; upgrade the service first", field="type")
    return outcome


def _consumers(parts: PartsState) -> list[dict[str, Any]]:
    named = {subscriber.group_id: subscriber for subscriber in parts.broker.subscribers}
    states = []
    for subscription in parts.subscriptions:
        group = subscription.consumer.replace(":", ".", 1)
        consumer = getattr(named.get(group), "consumer", None)
        assigned = len(consumer.assignment()) if consumer is not None else 0
        states.append(
            {"consumer": subscription.consumer, "partitions": assigned, "stuck": subscription.stuck}
        )
    return states


def _troubles(parts: PartsState) -> list[dict[str, Any]]:
    return [trouble.shown() for loop in parts.loops for trouble in loop.troubles]


async def _faults(parts: PartsState) -> list[str]:
    faults = []
    try:
        async with parts.database.transaction(None):
            pass
    except Exception as error:
        if not transient(error):
            raise
        faults.append("the database does not answer")
    if not parts.listening:
        faults.append("the consumers have not started")
    for state in _consumers(parts):
        # A pattern matches nothing until the first member's topic exists.
        if (
            parts.listening
            and not state["partitions"]
            and not parts.subscriptions.of(state["consumer"]).topic.endswith(".")
        ):
            faults.append(f"{state['consumer']} has no partition")
        if state["stuck"]:
            faults.append(f"{state['consumer']} does not move")
    if parts.relay.status.stuck:
        faults.append("the relay cannot send")
    return faults
