"""What notification listens to."""

from collections.abc import Callable

from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.registry import (
    NoticeMailAsked,
    PasswordMailAsked,
    QuestionMailAsked,
    SigningKeyPublished,
)
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.messages.topics import REGISTRY_MAILS, REQUEST_MAILS, Topic
from mrx_shared.slots import Slots

from mrx_notification import handlers
from mrx_notification.ports import Work


def listen(
    subscriptions: Subscriptions[Work], once: Once[Work], *, send_soon: Callable[[], None], slots: Slots
) -> None:
    """Subscribe to the mails that are due, and to the keys of tokens."""
    registry = subscriptions.subscribe(Topic.REGISTRY, description="Keys that tokens are signed with.")
    requests = subscriptions.subscribe(REQUEST_MAILS, description="Mails of requests that are due.")
    passwords = subscriptions.subscribe(REGISTRY_MAILS, description="Mails to people who sign in.")

    @registry(SigningKeyPublished)
    async def on_signing_key_published(delivery: Delivery[SigningKeyPublished]) -> None:
        await once(delivery, lambda work: work.remember_key(delivery.data))

    @requests(MailAsked)
    async def on_mail_asked(delivery: Delivery[MailAsked]) -> None:
        event = delivery.envelope
        await once(
            delivery,
            lambda work: handlers.take_request_mail(
                event.data, work, event_id=event.id, story=event.correlationid, slots=slots
            ),
        )
        send_soon()

    @passwords(PasswordMailAsked)
    async def on_password_mail_asked(delivery: Delivery[PasswordMailAsked]) -> None:
        event = delivery.envelope
        await once(
            delivery,
            lambda work: handlers.take_password_mail(
                event.data, work, event_id=event.id, story=event.correlationid
            ),
        )
        send_soon()

    @passwords(QuestionMailAsked)
    async def on_question_mail_asked(delivery: Delivery[QuestionMailAsked]) -> None:
        event = delivery.envelope
        await once(
            delivery,
            lambda work: handlers.take_question_mail(
                event.data, work, event_id=event.id, story=event.correlationid
            ),
        )
        send_soon()

    @passwords(NoticeMailAsked)
    async def on_notice_mail_asked(delivery: Delivery[NoticeMailAsked]) -> None:
        event = delivery.envelope
        await once(
            delivery,
            lambda work: handlers.take_notice_mail(
                event.data, work, event_id=event.id, story=event.correlationid
            ),
        )
        send_soon()
