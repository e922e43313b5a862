"""What report_request listens to."""

from datetime import date
from uuid import UUID

from mrx_shared.api.report_request import NewRequest
from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.messages.envelope import Part, Unreadable
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
from mrx_shared.messages.registry import ParticipationChanged, SigningKeyPublished
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


def build_subscriptions(once: Once[Work], *, slot: str) -> Subscriptions[Work]:
    """Members' requests, and the facts that bear on them."""
    subscriptions = Subscriptions(once, slot=slot)
    _listen_to_members(subscriptions, once)
    _listen_to_registry(subscriptions, once)
    _listen_to_lists(subscriptions, once)
    _listen_to_exchange(subscriptions, once)
    _listen_to_mails(subscriptions, once)
    return subscriptions


def _listen_to_members(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    requests = subscriptions.subscribe(
        REQUESTS_IN, description="Members' requests, recognition decisions and withdrawals."
    )

    @requests(SentRequest)
    async def on_report_asked(delivery: Delivery[SentRequest]) -> None:
        sent, member_id = delivery.data, _member(delivery.member)
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
        sent, member_id = delivery.data, _member(delivery.member)
        deciding = events.Deciding(
            request_id=sent.request_id,
            outcome=sent.outcome,
            reason=sent.reason,
            valid_until=sent.valid_until,
            same_file_confirmed=sent.same_file_confirmed,
        )
        await once(
            delivery,
            lambda work: events.take_decision(
                deciding,
                work,
                member_id=member_id,
                stated_member=sent.member_id,
                said_at=delivery.envelope.time,
            ),
        )

    @requests(SentWithdrawal)
    async def on_request_withdrawn(delivery: Delivery[SentWithdrawal]) -> None:
        sent, member_id = delivery.data, _member(delivery.member)
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


def _listen_to_registry(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    registry = subscriptions.subscribe(
        Topic.REGISTRY, description="Who takes part, and the keys that tokens are signed with."
    )

    @registry(ParticipationChanged)
    async def on_participation_changed(delivery: Delivery[ParticipationChanged]) -> None:
        sequence = delivery.envelope.sequence
        await once(delivery, lambda work: facts.note_participation(delivery.data, work, sequence=sequence))

    @registry(SigningKeyPublished)
    async def on_signing_key_published(delivery: Delivery[SigningKeyPublished]) -> None:
        await once(delivery, lambda work: work.remember_key(delivery.data))


def _listen_to_lists(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    lists = subscriptions.subscribe(RELEASED_ENTRIES, description="The entries of released lists.")

    @lists(ReleasePage)
    async def on_release_page(delivery: Delivery[ReleasePage]) -> None:
        await once(delivery, lambda work: facts.note_entries(delivery.data, work))


def _listen_to_exchange(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    exchange = subscriptions.subscribe(
        Topic.EXCHANGE_ADAPTER, description="Reports on their way, in the vault, refused, read."
    )

    @exchange(UploadBegun)
    async def on_upload_begun(delivery: Delivery[UploadBegun]) -> None:
        await once(delivery, lambda work: facts.note_upload_begun(delivery.data, work))

    @exchange(UploadLapsed)
    async def on_upload_lapsed(delivery: Delivery[UploadLapsed]) -> None:
        await once(delivery, lambda work: facts.note_upload_lapsed(delivery.data, work))

    @exchange(ReportReceived)
    async def on_report_received(delivery: Delivery[ReportReceived]) -> None:
        await once(delivery, lambda work: facts.note_report_received(delivery.data, work))

    @exchange(ReportStored)
    async def on_report_stored(delivery: Delivery[ReportStored]) -> None:
        await once(delivery, lambda work: facts.note_report_stored(delivery.data, work))

    @exchange(ReportRefused)
    async def on_report_refused(delivery: Delivery[ReportRefused]) -> None:
        await once(delivery, lambda work: facts.note_report_refused(delivery.data, work))

    @exchange(ReportRead)
    async def on_report_read(delivery: Delivery[ReportRead]) -> None:
        await once(delivery, lambda work: facts.note_report_read(delivery.data, work))

    @exchange(AccessWithdrawn)
    async def on_access_withdrawn(delivery: Delivery[AccessWithdrawn]) -> None:
        await once(delivery, lambda work: facts.note_access_withdrawn(delivery.data, work))

    @exchange(AccessRenewed)
    async def on_access_renewed(delivery: Delivery[AccessRenewed]) -> None:
        await once(delivery, lambda work: facts.note_access_renewed(delivery.data, work))


def _listen_to_mails(subscriptions: Subscriptions[Work], once: Once[Work]) -> None:
    mails = subscriptions.subscribe(Topic.NOTIFICATION, description="What became of mails.")

    @mails(MailSent)
    async def on_mail_sent(delivery: Delivery[MailSent]) -> None:
        await once(delivery, lambda work: facts.note_mail_sent(delivery.data, work))

    @mails(MailFailed)
    async def on_mail_failed(delivery: Delivery[MailFailed]) -> None:
        await once(delivery, lambda work: facts.note_mail_failed(delivery.data, work))


def _member(member: UUID | None) -> UUID:
    if member is None:
        raise Unreadable("the topic is no member's")
    return member
