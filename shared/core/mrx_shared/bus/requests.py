"""Requests over HTTP: each POST runs once per principal and Idempotency-Key, in one transaction."""

import hmac
from collections.abc import Awaitable, Callable, Collection
from hashlib import sha256
from typing import Annotated, Any, Generic, TypeVar
from uuid import UUID

from fastapi import Header, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_shared.bus.once import Once
from mrx_shared.bus.work import Moment, W, write_outbox
from mrx_shared.kit.access import Principal
from mrx_shared.kit.http import problem
from mrx_shared.kit.ids import uuid7
from mrx_shared.refusals import Invalid
from mrx_shared.store.tables import IdempotencyRow

T = TypeVar("T")
A = TypeVar("A", bound=BaseModel)

IdempotencyKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=8,
        max_length=200,
        description="made by the caller; the same key with the same body is done once and answered again",
    ),
]


class Requests(Generic[W]):
    """The edge between HTTP and the handlers.

    With a `secret`, what is kept to know a request again is keyed: a body may hold a password that could be guessed.
    """

    def __init__(self, once: Once[W], *, secret: bytes | None = None) -> None:
        self._once = once
        self._secret = secret

    async def command(self, request: Request, idempotency_key: IdempotencyKey) -> "Command[W]":
        """FastAPI dependency of a route that changes something."""
        return self.keyed(request, idempotency_key, await request.body())

    def keyed(self, request: Request, idempotency_key: str, body: bytes) -> "Command[W]":
        """The same for a route that reads its body by itself; `body` is what the request is known again by."""
        called = f"{request.method} {request.url.path}?{request.url.query}\n".encode()
        said = called + body
        known_by = hmac.digest(self._secret, said, "sha256") if self._secret else sha256(said).digest()
        return Command(self._once, key=idempotency_key, request_hash=known_by)

    async def read(self, verb: Callable[[W], Awaitable[T]], *, tenant: UUID | None = None) -> T:
        """Run a query in a transaction of its own; it may say nothing."""
        async with self._once.database.transaction(tenant) as (session, now):
            moment = Moment(
                now=now, service=self._once.service, tenant=tenant, correlation_id=str(uuid7(now))
            )
            work = self._once.make_work(session, moment)
            answer = await verb(work)
            if await write_outbox(work):
                raise TypeError("a query said a fact")
            return answer


class Command(Generic[W]):
    """One POST. Call it with a verb; the answer is kept with the transaction, and given again to a repetition."""

    def __init__(self, once: Once[W], *, key: str, request_hash: bytes) -> None:
        self._once = once
        self._key = key
        self._request_hash = request_hash

    async def __call__(
        self,
        verb: Callable[[W], Awaitable[A]],
        *,
        by: Principal | None,
        tenant: UUID | None = None,
        status: int = 200,
        secrets: Collection[str] = (),
    ) -> Response:
        """Run `verb` as `by`, for `tenant` (by default its member). Fields named in `secrets` are not kept.

        Raises what the verb raises, with nothing kept; `Invalid` when the key came with another request before.
        """
        tenant = tenant or (by.member if by else None)
        claim = {"principal": by.subject if by else "anonymous", "key": self._key}
        async with self._once.database.transaction(tenant) as (session, now):
            known = await self._claim(session, claim, tenant)
            if known is not None:
                return known
            moment = Moment(
                now=now, service=self._once.service, tenant=tenant, correlation_id=str(uuid7(now))
            )
            work = self._once.make_work(session, moment)
            answer = (await verb(work)).model_dump(mode="json")
            said = await write_outbox(work)
            kept = {name: None if name in secrets else value for name, value in answer.items()}
            done = update(IdempotencyRow).filter_by(**claim).values(status=status, body=kept)
            if not (await session.exec(done)).rowcount:
                raise TypeError("the work left the transaction with another tenant")
        if said:
            self._once.committed.set()
        self._once.handled.set()
        return JSONResponse(answer, status)

    async def _claim(
        self, session: AsyncSession, claim: dict[str, Any], tenant: UUID | None
    ) -> Response | None:
        mine = insert(IdempotencyRow).values(**claim, tenant=tenant, request_hash=self._request_hash)
        if (await session.exec(mine.on_conflict_do_nothing())).rowcount:
            return None
        known = (await session.exec(select(IdempotencyRow).filter_by(**claim))).first()
        if known is None or bytes(known.request_hash) != self._request_hash:
            raise Invalid(
                "this Idempotency-Key was used for another request",
                field="Idempotency-Key",
                remedy="use a new key for every new request",
            )
        if known.status is None:
            return problem(409, "this request is being done", retryable=True, headers={"Retry-After": "1"})
        return JSONResponse(known.body, known.status, {"Idempotent-Replay": "true"})
