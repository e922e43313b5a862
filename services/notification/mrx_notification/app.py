"""Notification, put together. The only module that knows every concrete part."""

import secrets
from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.service import Loop, Service, assemble, serve
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings

from mrx_notification import handlers
from mrx_notification.adapters.database import NotificationWork
from mrx_notification.adapters.rendering import JinjaRenderer
from mrx_notification.adapters.smtp import SmtpTransport
from mrx_notification.adapters.tables import SCHEMA
from mrx_notification.entrypoints.http import build_router
from mrx_notification.entrypoints.kafka import listen
from mrx_notification.ports import Transport, Work
from mrx_notification.settings import Settings

SERVICE = "notification"
TOKEN_BYTES = 32


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    return serve(build_service(settings, build_transport(settings)), settings, kafka)


def build_transport(settings: Settings) -> SmtpTransport:
    """The way to the mail server."""
    return SmtpTransport(
        settings.smtp_host,
        settings.smtp_port,
        security=settings.smtp_security,
        sender=settings.sender,
        clock=system_clock(settings.clock_offset),
        username=settings.smtp_username,
        password=settings.smtp_password.get_secret_value() if settings.smtp_password else None,
    )


def build_service(settings: Settings, transport: Transport) -> Service[Work]:
    """Everything but Kafka."""
    service: Service[Work] = assemble(
        settings,
        NotificationWork,
        schema=SCHEMA,
        api=build_api(
            service=SERVICE, title="MRX notification", description="E-mails: what is due, sent and came back."
        ),
    )
    send_due = partial(
        handlers.send_due,
        service.transact,
        renderer=JinjaRenderer(portal_url=settings.portal_url),
        transport=transport,
        new_token=partial(secrets.token_urlsafe, TOKEN_BYTES),
    )
    sending = Loop(name="sending", once=send_due, every_s=1)
    forget = partial(handlers.forget_addresses, service.transact)
    service.loops += [sending, Loop(name="forgetting", once=forget, every_s=60)]
    listen(service.subscriptions, send_soon=sending.wake_up.set, slots=settings.slots)
    service.api.include_router(
        build_router(
            service.requests,
            service.access,
            service.transact,
            bounce_secret=settings.bounce_secret.get_secret_value(),
        )
    )
    return service
