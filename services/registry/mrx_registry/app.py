"""The registry, put together. The only module that knows every concrete part."""

from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.administration import KafkaAdministration
from mrx_shared.bus.service import Loop, Service, assemble, serve
from mrx_shared.kit.settings import KafkaSettings

from mrx_registry.adapters.database import RegistryWork
from mrx_registry.adapters.kafka import KafkaMemberTopics
from mrx_registry.adapters.sealing import AesSeal, ArgonSecrets
from mrx_registry.adapters.tables import SCHEMA
from mrx_registry.adapters.tokens import JoseTokens
from mrx_registry.domain.sign_in import Browsers
from mrx_registry.entrypoints.http import add_routes, build_http
from mrx_registry.entrypoints.http.dependencies import Dependencies
from mrx_registry.entrypoints.kafka import listen
from mrx_registry.handlers.access import current_key
from mrx_registry.handlers.admission import provision
from mrx_registry.handlers.participation import judge_due
from mrx_registry.handlers.password_links import send_requested_links
from mrx_registry.ports import MemberTopics, Work
from mrx_registry.settings import Settings


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service with everything that runs in it; nothing is opened before it is started."""
    administration = KafkaAdministration(
        kafka.bootstrap_servers,
        security_protocol=kafka.security_protocol,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ca_file=kafka.ca_file,
    )
    return serve(build_service(settings, KafkaMemberTopics(administration)), settings, kafka)


def build_service(settings: Settings, topics: MemberTopics) -> Service[Work]:
    """Everything but Kafka."""
    service: Service[Work] = assemble(
        settings, RegistryWork, api=build_http(), schema=SCHEMA, secret=settings.sealing_key
    )
    transact = service.transact
    seal = AesSeal(settings.sealing_key)
    tokens = JoseTokens(settings.issuer, seal=seal)
    provisioning = Loop(name="provisioning", once=partial(provision, transact, topics, seal), every_s=1)
    judging = Loop(name="participation", once=partial(judge_due, transact), every_s=2)
    sending_links = Loop(name="password-links", once=partial(send_requested_links, transact), every_s=2)
    service.loops += [provisioning, judging, sending_links]
    listen(service.subscriptions, judge_soon=judging.wake_up.set)
    add_routes(
        service.api,
        Dependencies(
            access=service.access,
            requests=service.requests,
            transact=transact,
            secrets=ArgonSecrets(),
            tokens=tokens,
            seal=seal,
            browsers=Browsers(settings.key_of_marks),
            bootstrap_secret=settings.bootstrap_secret.get_secret_value(),
            provision_soon=provisioning.wake_up.set,
            send_links_soon=sending_links.wake_up.set,
        ),
    )

    async def have_a_key() -> None:
        await transact(lambda work: current_key(work, tokens=tokens))

    service.on_start = have_a_key
    return service
