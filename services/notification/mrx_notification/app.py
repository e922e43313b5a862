"""Notification, put together. The only module that knows every concrete part."""

import secrets
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.service import Loop, build_broker, build_relay, serve
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.store.database import Database

from mrx_notification import handlers
from mrx_notification.adapters.database import NotificationWork
from mrx_notification.adapters.letters import JinjaLetters
from mrx_notification.adapters.smtp import SmtpPost
from mrx_notification.entrypoints.http import build_router
from mrx_notification.entrypoints.kafka import listen
from mrx_notification.ports import Post, Work
from mrx_notification.settings import Settings

SERVICE = "notification"
TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """The parts of notification, joined to one another and not yet running."""

    api: FastAPI
    database: Database
    access: Access
    subscriptions: Subscriptions[Work]
    sending: Loop
    forgetting: Loop


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service's API with its consumers, relay and loops under one lifespan. Opens nothing yet."""
    parts = assemble(settings, build_post(settings))
    return serve(
        parts.api,
        broker=build_broker(settings, kafka, parts.subscriptions),
        relay=build_relay(settings, kafka, parts.subscriptions, parts.database),
        subscriptions=parts.subscriptions,
        database=parts.database,
        access=parts.access,
        loops=[parts.sending, parts.forgetting],
    )


def build_post(settings: Settings) -> SmtpPost:
    """The way to the mail server."""
    return SmtpPost(
        settings.smtp_host,
        settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.sender,
        clock=system_clock(settings.clock_offset),
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
    )


def assemble(settings: Settings, post: Post) -> Notification:
    """Everything but Kafka's consumers and relay."""
    database = Database(
        settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset
    )
    once: Once[Work] = Once(database, NotificationWork, service=SERVICE)
    transact = once.alone
    access = Access(service=SERVICE, find_key=key_finder(database), clock=system_clock(settings.clock_offset))
    send_due = partial(
        handlers.send_due,
        transact,
        letters=JinjaLetters(portal_url=settings.portal_url),
        post=post,
        new_token=partial(secrets.token_urlsafe, TOKEN_BYTES),
    )
    sending = Loop(name="sending", once=send_due, every_s=1)
    forgetting = Loop(name="forgetting", once=partial(handlers.forget_addresses, transact), every_s=60)
    subscriptions: Subscriptions[Work] = Subscriptions(once, slot=settings.slot)
    listen(subscriptions, once, send_soon=sending.bell.set, slots=settings.slots)
    api = build_api(
        service=SERVICE, title="MRX notification", description="E-mails: what is due, sent and came back."
    )
    api.include_router(
        build_router(
            Requests(once), access, transact, bounce_secret=settings.bounce_secret.get_secret_value()
        )
    )
    return Notification(
        api=api,
        database=database,
        access=access,
        subscriptions=subscriptions,
        sending=sending,
        forgetting=forgetting,
    )
