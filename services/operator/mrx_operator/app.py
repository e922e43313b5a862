"""Which handler works with which server: the only module that knows every concrete part."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from pathlib import Path

from mrx_shared.bus.administration import KafkaAdministration
from mrx_shared.kit.settings import load

from mrx_operator.adapters import tree
from mrx_operator.adapters.evidence import Evidence, written
from mrx_operator.adapters.retrier import BoundedRetrier
from mrx_operator.adapters.servers import DatabaseLogins, KafkaBus, KafkaUser, PostgresDatabases, S3Buckets
from mrx_operator.adapters.services import connected
from mrx_operator.domain.chain import Link
from mrx_operator.domain.plan import BucketPlan
from mrx_operator.entrypoints.cli import Part, commands
from mrx_operator.handlers.prepare import prepare_buckets, prepare_bus, prepare_databases
from mrx_operator.ports import Retrier, Service, Tell
from mrx_operator.settings import (
    KafkaAdministrationSettings,
    ObjectAdministration,
    PostgresAdministration,
    database_settings,
    kafka_settings,
    operator_settings,
)

LOCKED_DAYS = 365
"""so long nobody, not even the administrator, can remove a report from the vault"""


class Backend:
    """Everything in its real form, opened when it is used."""

    async def prepare(self, root: Path, parts: Collection[Part], *, wait_s: float, tell: Tell) -> None:
        """Prepare the servers of these parts, all at once. Reads the environment before it touches any."""
        retrier = BoundedRetrier(wait_s, tell)
        builders = {Part.DATABASES: _databases, Part.KAFKA: _kafka, Part.OBJECTS: _objects}
        steps = [builders[part](root, retrier, tell) for part in parts]
        await asyncio.gather(*(step() for step in steps))

    def services(self, credentials: Path | None) -> AbstractAsyncContextManager[Mapping[str, Service]]:
        """The running services, by name, with the operator's own credentials."""
        settings = operator_settings(credentials)
        return connected(settings.urls, client_id=settings.client_id, client_secret=settings.client_secret)

    def evidence(self, path: Path) -> Evidence:
        """Logs that were written to a file before."""
        return Evidence(path)

    def keeping(self, path: Path | None) -> AbstractContextManager[Callable[[str, Sequence[Link]], None]]:
        """Write logs to a new file, or nowhere."""
        return written(path)


def _databases(root: Path, retrier: Retrier, tell: Tell) -> Callable[[], Awaitable[None]]:
    services = tree.services_with_databases(root)
    known = {service: load(database_settings(service)) for service in services}
    logins = {
        service: DatabaseLogins(owner=urls.owner_database_url.get_secret_value(), others=urls.logins)
        for service, urls in known.items()
    }
    databases = PostgresDatabases(
        load(PostgresAdministration).postgres_url, logins.__getitem__, services=root / "services"
    )
    return lambda: prepare_databases(services, databases, retrier=retrier, tell=tell)


def _kafka(root: Path, retrier: Retrier, tell: Tell) -> Callable[[], Awaitable[None]]:
    settings = load(KafkaAdministrationSettings)
    topics, principals = tree.topics(root), tree.principals(root)
    users = {
        principal.service: KafkaUser(name=user.kafka_username, password=user.kafka_password)
        for principal in principals
        for user in [load(kafka_settings(principal.service))]
    }
    administration = KafkaAdministration(
        settings.bootstrap_servers,
        security_protocol=settings.security_protocol,
        username=settings.username,
        password=settings.password.get_secret_value(),
        ca_file=settings.ca_file,
    )
    bus = KafkaBus(administration, users.__getitem__)
    return lambda: prepare_bus(topics, principals, bus, retrier=retrier, tell=tell)


def _objects(_root: Path, retrier: Retrier, tell: Tell) -> Callable[[], Awaitable[None]]:
    settings = load(ObjectAdministration)
    buckets = S3Buckets(
        endpoint=settings.endpoint, access_key=settings.s3_access_key, secret_key=settings.s3_secret_key
    )
    plans = (
        BucketPlan(name="releases"),
        BucketPlan(name="evidence"),
        BucketPlan(name="quarantine", uploads_from=settings.portal_origin),
        BucketPlan(name="vault", locked_days=LOCKED_DAYS),
    )
    return lambda: prepare_buckets(plans, buckets, retrier=retrier, tell=tell)


app = commands(Backend())
