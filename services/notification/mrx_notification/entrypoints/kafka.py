"""What notification listens to."""

from collections.abc import Callable
from functools import partial

from mrx_shared.bus.keys import take_keys
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.messages.registry import NoticeMailAsked, PasswordMailAsked, QuestionMailAsked
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.messages.topics import REGISTRY_MAILS, REQUEST_MAILS, Topic
from mrx_shared.slots import Slots

from mrx_notification import handlers
from mrx_notification.ports import Work


def listen(subscriptions: Subscriptions[Work], *, send_soon: Callable[[], None], slots: Slots) -> None:
    """Subscribe to the mails that are due, and to the keys of tokens."""
    take_keys(subscriptions.subscribe(Topic.REGISTRY, description="Keys that tokens are signed with."))
    requests = subscriptions.subscribe(REQUEST_MAILS, description="Mails of requests that are due.")
    people = subscriptions.subscribe(REGISTRY_MAILS, description="Mails to people who sign in.")
    requests.handle_event(MailAsked, partial(handlers.take_request_mail, slots=slots), then=send_soon)
    people.handle_event(PasswordMailAsked, handlers.take_registry_mail, then=send_soon)
    people.handle_event(QuestionMailAsked, handlers.take_registry_mail, then=send_soon)
    people.handle_event(NoticeMailAsked, handlers.take_registry_mail, then=send_soon)
