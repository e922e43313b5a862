"""What report_request listens to."""

from datetime import date
from uuid import UUID

from mrx_shared.api.report_request import NewRequest
from mrx_shared.bus.keys import take_keys
from mrx_shared.bus.once import Delivery
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.messages.envelope import Part
from mrx_shared.messages.exchange_adapter import (
    AccessRenewed,
    AccessWithdrawn,
    ReportRead,
    ReportReceived,
    ReportRefused,
    ReportStored,
    UploadBegun,
    UploadLapsed,
)
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.messages.requests import RecognitionDecided, ReportAsked, RequestWithdrawn
from mrx_shared.messages.topics import RELEASED_ENTRIES, REQUESTS_IN, Topic
from pydantic import Field

from mrx_report_request.handlers import events, facts
from mrx_report_request.ports import Work


class SentSupplier(Part):
    """A supplier as it may really come: what is wrong with it is answered, field by field."""

    name: str
    contact_email: str = Field(repr=False)
    contact_name: str | None = Field(repr=False)
    language: str


class SentRequest(ReportAsked):
    """A request as it may really come."""

    entry_id: str
    site_number: str
    supplier: SentSupplier  # type: ignore[assignment]
    scope: str
    purpose: str
    requester_email: str | None = Field(repr=False)
    requester_language: str | None
    member_id: UUID | None = None


class SentDecision(RecognitionDecided):
    """A decision as it may really come."""

    outcome: str  # type: ignore[assignment]
    reason: str | None
    valid_until: date | None
    member_id: UUID | None = None


class SentWithdrawal(RequestWithdrawn):
    """A withdrawal as it may really come."""

    reason: str | None
    member_id: UUID | None = None


def listen(subscriptions: Subscriptions[Work]) -> None:
    """Subscribe to members' requests, and to the facts that bear on them."""
    _listen_to_members(subscriptions)
    registry = subscriptions.subscribe(
        Topic.REGISTRY, description="Who takes part, and the keys that tokens are signed with."
    )
    take_keys(registry)
    registry.handle_event(
        ParticipationChanged,
        lambda event, work: facts.note_participation(event.data, work, sequence=event.sequence),
    )
    lists = subscriptions.subscribe(RELEASED_ENTRIES, description="The entries of released lists.")
    lists.handle(ReleasePage, facts.note_entries)
    exchange = subscriptions.subscribe(
        Topic.EXCHANGE_ADAPTER, description="Reports on their way, in the vault, refused, read."
    )
    exchange.handle(UploadBegun, facts.note_upload_begun)
    exchange.handle(UploadLapsed, facts.note_upload_lapsed)
    exchange.handle(ReportReceived, facts.note_report_received)
    exchange.handle(ReportStored, facts.note_report_stored)
    exchange.handle(ReportRefused, facts.note_report_refused)
    exchange.handle(ReportRead, facts.note_report_read)
    exchange.handle(AccessWithdrawn, facts.note_access_withdrawn)
    exchange.handle(AccessRenewed, facts.note_access_renewed)
    mails = subscriptions.subscribe(Topic.NOTIFICATION, description="What became of mails.")
    mails.handle(MailSent, facts.note_mail_sent)
    mails.handle(MailFailed, facts.note_mail_failed)


def _listen_to_members(subscriptions: Subscriptions[Work]) -> None:
    once = subscriptions.once
    requests = subscriptions.subscribe(
        REQUESTS_IN, description="Members' requests, recognition decisions and withdrawals."
    )

    @requests(SentRequest)
    async def on_report_asked(delivery: Delivery[SentRequest]) -> None:
        sent, member_id = delivery.data, delivery.sender
        # The rules refuse what is wrong with it, field by field, and the member is answered.
        asked = NewRequest.model_construct(**dict(sent))
        await once(
            delivery,
            lambda work: events.take_request(
                sent.request_id,
                asked,
                work,
                member_id=member_id,
                stated_member=sent.member_id,
                said_at=delivery.envelope.time,
            ),
        )

    @requests(SentDecision)
    async def on_recognition_decided(delivery: Delivery[SentDecision]) -> None:
        sent, member_id = delivery.data, delivery.sender
        await once(
            delivery,
            lambda work: events.take_decision(
                sent,
                work,
                member_id=member_id,
                stated_member=sent.member_id,
                said_at=delivery.envelope.time,
            ),
        )

    @requests(SentWithdrawal)
    async def on_request_withdrawn(delivery: Delivery[SentWithdrawal]) -> None:
        sent, member_id = delivery.data, delivery.sender
        await once(
            delivery,
            lambda work: events.take_withdrawal(
                sent.request_id,
                sent.reason,
                work,
                member_id=member_id,
                stated_member=sent.member_id,
            ),
        )
