"""What exchange_adapter listens to."""

from mrx_shared.bus.once import Delivery, Once
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.messages.report_request import RequestChanged
from mrx_shared.messages.topics import Topic

from mrx_exchange_adapter.handlers import facts
from mrx_exchange_adapter.ports import Work


def build_subscriptions(once: Once[Work], *, slot: str) -> Subscriptions[Work]:
    """How requests stand, which tokens open their pages, and the keys of bearer tokens."""
    subscriptions = Subscriptions(once, slot=slot)
    registry = subscriptions.subscribe(Topic.REGISTRY, description="Keys that tokens are signed with.")
    requests = subscriptions.subscribe(Topic.REPORT_REQUEST, description="How requests stand.")
    mails = subscriptions.subscribe(Topic.NOTIFICATION, description="Which tokens open suppliers' pages.")

    @registry(SigningKeyPublished)
    async def on_signing_key_published(delivery: Delivery[SigningKeyPublished]) -> None:
        await once(delivery, lambda work: work.remember_key(delivery.data))

    @requests(RequestChanged)
    async def on_request_changed(delivery: Delivery[RequestChanged]) -> None:
        sequence = delivery.envelope.sequence
        await once(delivery, lambda work: facts.note_request(delivery.data, work, sequence=sequence))

    @mails(MailSent)
    async def on_mail_sent(delivery: Delivery[MailSent]) -> None:
        await once(delivery, lambda work: facts.note_mail(delivery.data, work))

    @mails(MailFailed)
    async def on_mail_failed(delivery: Delivery[MailFailed]) -> None:
        await once(delivery, lambda work: facts.note_mail(delivery.data, work))

    return subscriptions
