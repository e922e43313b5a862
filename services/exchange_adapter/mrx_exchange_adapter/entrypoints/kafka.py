"""What exchange_adapter listens to."""

from mrx_shared.bus.keys import take_keys
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.report_request import RequestChanged
from mrx_shared.messages.topics import Topic

from mrx_exchange_adapter.handlers import facts
from mrx_exchange_adapter.ports import Work


def listen(subscriptions: Subscriptions[Work]) -> None:
    """Subscribe to how requests stand, to which tokens open their pages, and to the keys of bearer tokens."""
    take_keys(subscriptions.subscribe(Topic.REGISTRY, description="Keys that tokens are signed with."))
    requests = subscriptions.subscribe(Topic.REPORT_REQUEST, description="How requests stand.")
    mails = subscriptions.subscribe(Topic.NOTIFICATION, description="Which tokens open suppliers' pages.")
    requests.handle_event(
        RequestChanged, lambda event, work: facts.note_request(event.data, work, sequence=event.sequence)
    )
    mails.handle(MailSent, facts.note_mail)
    mails.handle(MailFailed, facts.note_mail)
