"""Faults that are switched on, and how they spoil an answer on its way out."""

import asyncio
from collections.abc import Callable
from typing import Annotated, Literal

from pydantic import BaseModel, Field
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

AnswerFault = Literal[
    "rate-limited",
    "server-error",
    "slow",
    "silent",
    "truncated",
    "trickling",
    "endless",
    "expired-token",
    "shifting-pages",
    "wrong-checksum",
    "wrong-bytes",
    "wrong-content-type",
]
EventFault = Literal["event-twice", "event-late", "event-lost", "event-reordered", "event-forged"]
Operation = Literal["token", "companies", "sites", "links", "grants", "audits", "report", "event", "any"]

CHUNK = 64 * 1024


class Fault(BaseModel):
    """One fault; `times` counts down with each use, and null never ends."""

    kind: AnswerFault | EventFault
    on: Operation = "any"
    after: Annotated[int, Field(ge=0)] = 0
    times: Annotated[int, Field(ge=1)] | None = None
    seconds: Annotated[float, Field(ge=0)] = 1


class Faults:
    """What is wrong with the platform just now."""

    def __init__(self) -> None:
        self.switched_on: list[Fault] = []

    def take(self, operation: str, *kinds: str) -> list[Fault]:
        """The faults that bear on one call, of these kinds if any are named; each is used up by one."""
        taken = []
        for place, fault in enumerate(self.switched_on):
            if fault.on not in {operation, "any"} or (kinds and fault.kind not in kinds):
                continue
            if fault.after:
                self.switched_on[place] = fault.model_copy(update={"after": fault.after - 1})
                continue
            taken.append(fault)
            if fault.times is not None:
                self.switched_on[place] = fault.model_copy(update={"times": fault.times - 1})
        self.switched_on = [fault for fault in self.switched_on if fault.times is None or fault.times > 0]
        return taken


def operation_of(path: str) -> str | None:
    """Which operation a path is; None for what has no faults."""
    if path == "/oauth2/token":
        return "token"
    if path.startswith("/v1/"):
        last = path.rsplit("/", 1)[-1]
        return last if last in {"audits", "report"} else path.split("/")[2]
    return None


class Spoil:
    """ASGI middleware: apply the faults that are switched on."""

    def __init__(self, app: ASGIApp, *, faults: Faults, forget_tokens: Callable[[], None]) -> None:
        self._app = app
        self._faults = faults
        self._forget_tokens = forget_tokens

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = operation_of(scope["path"]) if scope["type"] == "http" else None
        if operation is None:
            await self._app(scope, receive, send)
            return
        # Shifting pages are the list's own business.
        kinds = [kind for kind in AnswerFault.__args__ if kind != "shifting-pages"]  # type: ignore[attr-defined]
        for fault in self._faults.take(operation, *kinds):
            refusal = {
                "rate-limited": PlainTextResponse("slower", 429, {"Retry-After": f"{fault.seconds:g}"}),
                "server-error": PlainTextResponse("failed", 500),
            }.get(fault.kind)
            if refusal is not None:
                await refusal(scope, receive, send)
                return
            if fault.kind == "slow":
                await asyncio.sleep(fault.seconds)
            elif fault.kind == "silent":
                await _until_the_caller_leaves(receive)
                return
            elif fault.kind == "expired-token":
                self._forget_tokens()
            else:
                send = _Spoiled(send, fault)
        await self._app(scope, receive, send)


async def _until_the_caller_leaves(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


class _Spoiled:
    """A `send` that alters what goes out."""

    def __init__(self, send: Send, fault: Fault) -> None:
        self._send = send
        self._fault = fault
        self._cut = False

    async def __call__(self, message: Message) -> None:
        if self._cut:
            return
        if message["type"] == "http.response.start":
            message = {**message, "headers": self._headers(message["headers"])}
            await self._send(message)
            return
        body: bytes = message.get("body", b"")
        match self._fault.kind:
            case "truncated" if body:
                self._cut = True
                await self._send({**message, "body": body[: len(body) // 2], "more_body": True})
            case "wrong-bytes" if body:
                await self._send({**message, "body": body[:-1] + bytes([body[-1] ^ 1])})
            case "trickling":
                for place in range(len(body)):
                    await self._send({**message, "body": body[place : place + 1], "more_body": True})
                    await asyncio.sleep(self._fault.seconds)
                await self._send({**message, "body": b""})
            case "endless":
                # Uvicorn swallows what is sent after the caller left: this ends by cancellation or by size.
                self._cut = True
                for _ in range(4096):
                    await self._send({**message, "body": b"\0" * CHUNK, "more_body": True})
                    await asyncio.sleep(0)
            case _:
                await self._send(message)

    def _headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        named = dict(headers)
        if self._fault.kind == "wrong-checksum":
            named[b"repr-digest"] = b"sha-256=:" + b"A" * 43 + b"=:"
        if self._fault.kind == "wrong-content-type":
            named[b"content-type"] = b"text/html; charset=utf-8"
        if self._fault.kind == "endless":
            named.pop(b"content-length", None)
        return list(named.items())
