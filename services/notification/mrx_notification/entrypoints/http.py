"""Notification's HTTP API: an operator looks at mails, the mail server brings back those that came back."""

import asyncio
import secrets
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from mrx_shared.api import notification as api
from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Forbidden

from mrx_notification import handlers
from mrx_notification.domain.addresses import masked
from mrx_notification.domain.bounces import read_bounce
from mrx_notification.domain.mails import Mail, State
from mrx_notification.ports import Transact, Work

_MAIL_ITSELF = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


def build_router(
    requests: Requests[Work], access: Access, transact: Transact, *, bounce_secret: str
) -> APIRouter:
    """Every route of notification."""
    routes = APIRouter(prefix="/v1", tags=["mails"])
    operator = Annotated[Principal, Depends(access.require(Role.OPERATOR))]

    def knows_the_secret(given: Annotated[str, Header(alias="MRX-Bounce-Secret")]) -> None:
        if not secrets.compare_digest(given.encode(), bounce_secret.encode()):
            raise Forbidden(
                "this is not the bounce secret",
                field="MRX-Bounce-Secret",
                remedy="ask the operator for MRX_NOTIFICATION_BOUNCE_SECRET",
            )

    @routes.get("/mails")
    async def mails(
        who: operator,  # noqa: ARG001
        state: State | None = None,
        after: Annotated[UUID | None, Query(description="last of the page before")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 100,
    ) -> api.Mails:
        """Mails, the newest first; addresses are masked."""
        found = await requests.read(partial(handlers.list_mails, state=state, before=after, limit=limit))
        return api.Mails(mails=tuple(map(_mail, found)))

    @routes.post("/bounces", dependencies=[Depends(knows_the_secret)], openapi_extra=_MAIL_ITSELF)
    async def bounces(request: Request) -> api.Bounce:
        """A delivery status notification (RFC 3464) as the mail server got it. Taking it twice does no harm."""
        bounce = await asyncio.to_thread(read_bounce, await request.body())
        mail = await transact(partial(handlers.take_bounce, bounce))
        return api.Bounce(mail_id=mail.mail_id, state=mail.state)

    return routes


def _mail(mail: Mail) -> api.Mail:
    return api.Mail.of(
        mail,
        to=masked(mail.address) if mail.address else None,
        due_at=mail.due_at if mail.state is State.WAITING else None,
    )
