"""Notification's HTTP API: an operator looks at mails, the mail server brings back those that came back."""

import asyncio
import secrets
from datetime import datetime
from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from mrx_shared.api.bodies import Answer
from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access, Principal, Role
from mrx_shared.refusals import Forbidden
from pydantic import Field

from mrx_notification import handlers
from mrx_notification.domain.addresses import masked
from mrx_notification.domain.bounces import read_bounce
from mrx_notification.domain.mails import AskedBy, Cause, Kind, Mail, State
from mrx_notification.ports import Transact, Work

_MAIL_ITSELF = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class MailAnswer(Answer):
    """How a mail stands; of its address just enough to tell two apart."""

    mail_id: UUID
    kind: Kind
    asked_by: AskedBy
    about: UUID = Field(description="the request, or the principal")
    to: str | None = Field(description="masked; null once it is forgotten")
    state: State
    cause: Cause | None
    status: str | None = Field(description="RFC 3463 code of the last answer that was no yes")
    tries: int
    asked_at: datetime
    due_at: datetime | None = Field(description="when it is tried next, while it waits")
    sent_at: datetime | None
    slot_at: datetime | None = Field(default=None, description="the slot of a request mail")
    letter_id: UUID | None = Field(default=None, description="the same for mails that leave as one")

    @classmethod
    def of(cls, mail: Mail) -> "MailAnswer":
        """From the domain."""
        return cls(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by=mail.asked_by,
            about=mail.about,
            to=masked(mail.address) if mail.address else None,
            state=mail.state,
            cause=mail.cause,
            status=mail.status,
            tries=mail.tries,
            asked_at=mail.asked_at,
            due_at=mail.due_at if mail.state is State.WAITING else None,
            sent_at=mail.sent_at,
            slot_at=mail.slot_at,
            letter_id=mail.letter_id,
        )


class MailsAnswer(Answer):
    """Mails, the newest first."""

    mails: list[MailAnswer]


class BounceAnswer(Answer):
    """The mail that a notification was about, as it stands now."""

    mail_id: UUID
    state: State


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
    ) -> MailsAnswer:
        """Mails, the newest first; addresses are masked."""
        found = await requests.read(partial(handlers.list_mails, state=state, before=after, limit=limit))
        return MailsAnswer(mails=[MailAnswer.of(one) for one in found])

    @routes.post("/bounces", dependencies=[Depends(knows_the_secret)], openapi_extra=_MAIL_ITSELF)
    async def bounces(request: Request) -> BounceAnswer:
        """A delivery status notification (RFC 3464) as the mail server got it. Taking it twice does no harm."""
        bounce = await asyncio.to_thread(read_bounce, await request.body())
        mail = await transact(partial(handlers.take_bounce, bounce))
        return BounceAnswer(mail_id=mail.mail_id, state=mail.state)

    return routes
