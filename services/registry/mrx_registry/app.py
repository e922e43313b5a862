"""The registry, put together. The only module that knows every concrete part."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from fastapi import FastAPI
from mrx_shared.bus.administration import KafkaAdministration
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.service import Loop, build_broker, build_relay, serve
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.settings import KafkaSettings
from mrx_shared.store.database import Database

from mrx_registry.adapters.database import RegistryWork
from mrx_registry.adapters.kafka import KafkaMemberTopics
from mrx_registry.adapters.sealing import AesSeal, ArgonSecrets
from mrx_registry.adapters.tokens import JoseTokens
from mrx_registry.domain.sign_in import Browsers
from mrx_registry.entrypoints.http import build_http
from mrx_registry.entrypoints.http.desk import Desk
from mrx_registry.entrypoints.kafka import listen
from mrx_registry.handlers.access import current_key
from mrx_registry.handlers.admission import provision
from mrx_registry.handlers.participation import judge_due
from mrx_registry.handlers.sign_in import send_wished_links
from mrx_registry.ports import MemberTopics, Work
from mrx_registry.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """The parts of the registry, joined to one another and not yet running."""

    api: FastAPI
    database: Database
    access: Access
    subscriptions: Subscriptions[Work]
    provisioning: Loop
    judging: Loop
    sending_links: Loop
    have_a_key: Callable[[], Awaitable[None]]


def build_app(settings: Settings, kafka: KafkaSettings) -> FastAPI:
    """The service's API with its consumers, relay and loops under one lifespan. Opens nothing yet."""
    administration = KafkaAdministration(
        kafka.bootstrap_servers,
        security_protocol=kafka.security_protocol,
        username=settings.kafka_username,
        password=settings.kafka_password.get_secret_value(),
        ca_file=kafka.ca_file,
    )
    registry = assemble(settings, KafkaMemberTopics(administration))
    return serve(
        registry.api,
        broker=build_broker(settings, kafka, registry.subscriptions),
        relay=build_relay(settings, kafka, registry.subscriptions, registry.database),
        subscriptions=registry.subscriptions,
        database=registry.database,
        access=registry.access,
        loops=[registry.provisioning, registry.judging, registry.sending_links],
        on_start=registry.have_a_key,
    )


def assemble(settings: Settings, topics: MemberTopics) -> Registry:
    """Everything but Kafka's consumers and relay."""
    database = Database(
        settings.database_url, settings.relay_database_url, clock_offset=settings.clock_offset
    )
    once: Once[Work] = Once(database, RegistryWork, service="registry")
    transact = once.alone
    seal = AesSeal(settings.sealing_key)
    tokens = JoseTokens(settings.issuer, seal=seal)
    access = Access(
        service="registry", find_key=key_finder(database), clock=system_clock(settings.clock_offset)
    )
    provisioning = Loop(name="provisioning", once=partial(provision, transact, topics, seal), every_s=1)
    judging = Loop(name="participation", once=partial(judge_due, transact), every_s=2)
    sending_links = Loop(name="password-links", once=partial(send_wished_links, transact), every_s=2)
    subscriptions: Subscriptions[Work] = Subscriptions(once, slot=settings.slot)
    listen(subscriptions, once, judge_soon=judging.bell.set)
    desk = Desk(
        access=access,
        requests=Requests(once, secret=settings.sealing_key),
        transact=transact,
        secrets=ArgonSecrets(),
        tokens=tokens,
        seal=seal,
        browsers=Browsers(settings.key_of_marks),
        bootstrap_secret=settings.bootstrap_secret.get_secret_value(),
        provision_soon=provisioning.bell.set,
        send_links_soon=sending_links.bell.set,
    )

    async def have_a_key() -> None:
        await transact(lambda work: current_key(work, tokens=tokens))

    return Registry(
        api=build_http(desk),
        database=database,
        access=access,
        subscriptions=subscriptions,
        provisioning=provisioning,
        judging=judging,
        sending_links=sending_links,
        have_a_key=have_a_key,
    )
