"""Sharing on a data-sharing platform: the supplier names its site, the platform sends hints."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request, Response
from mrx_shared.api import exchange_adapter as api
from mrx_shared.bus.requests import Command, Requests
from mrx_shared.kit.clock import Clock
from mrx_shared.refusals import Rejected
from pydantic import SecretStr
from starlette.exceptions import HTTPException

from mrx_exchange_adapter.domain.platform import is_genuine, read_site_code
from mrx_exchange_adapter.entrypoints.http import answers
from mrx_exchange_adapter.entrypoints.http.supplier import Supplier, page_holder
from mrx_exchange_adapter.handlers import platform as sharing
from mrx_exchange_adapter.ports import Platform, Work

EVENT_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """A platform that this service is connected to."""

    platform: Platform
    webhook_secret: SecretStr
    clock: Clock
    """the machine's: a platform knows no other"""
    look_now: Callable[[], None]


def add_platform_routes(router: APIRouter, requests: Requests[Work], connection: Connection | None) -> None:
    """Name a site, and hear of changes. Without a connection, both are refused."""
    supplier = Annotated[Supplier, Depends(page_holder(requests))]
    do = Annotated[Command[Work], Depends(requests.command)]

    @router.post("/pages/platform", status_code=202, response_model=api.Share, tags=["supplier"])
    async def name_site(asked: api.NewShare, who: supplier, command: do) -> Response:
        if connection is None:
            raise Rejected(
                "reports are not taken from a platform here", field="site_code", remedy="upload the file"
            )
        site_code = read_site_code(asked.site_code)
        # Asked outside the transaction, which would stay open as long as the platform takes.
        verified = await sharing.is_known(site_code, connection.platform)

        async def named(work: Work) -> api.Share:
            return answers.share(await sharing.name_site(who.page, site_code, work, verified=verified))

        response = await command(named, by=who.principal, status=202)
        connection.look_now()
        return response

    @router.post("/platform/events", status_code=204, tags=["platform"])
    async def hear_of_a_change(
        request: Request,
        stamp: Annotated[str, Header(alias="Platform-Timestamp", max_length=20)] = "",
        signature: Annotated[str, Header(alias="Platform-Signature", max_length=200)] = "",
    ) -> Response:
        if connection is None:
            raise HTTPException(404, "no platform is connected")
        body = b""
        async for part in request.stream():
            body += part
            if len(body) > EVENT_BYTES:
                raise HTTPException(413, f"an event is at most {EVENT_BYTES // 1024} KiB")
        secret = connection.webhook_secret.get_secret_value()
        if not is_genuine(secret=secret, stamp=stamp, body=body, signature=signature, now=connection.clock()):
            raise HTTPException(401, "this event is not signed as it must be, or too old")
        # What it says is not read: it is a reason to look, and nothing to act on.
        connection.look_now()
        return Response(status_code=204)
