"""The three servers, spoken to as whoever administers them."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

import asyncpg
from mrx_shared.bus.administration import KafkaAdministration, Operation, Resource, Right
from mrx_shared.refusals import Invalid, Unavailable
from mrx_shared.store.migrations import upgrade
from mrx_shared.store.objects import admit_origin, ensure_bucket, refuses_strangers
from mrx_shared.store.roles import ensure_database
from pydantic import SecretStr

from mrx_operator.domain.plan import BucketPlan, Grant, TopicPlan

STARTING_UP = (
    asyncpg.PostgresConnectionError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
)
RESOURCES = {resource: resource for resource in get_args(Resource)}
OPERATIONS = {operation: operation for operation in get_args(Operation)}


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseLogins:
    """The URLs of one service's database: its owner's, and those of the roles that sign in to work."""

    owner: str = field(repr=False)
    others: tuple[str, ...] = field(repr=False)


class PostgresDatabases:
    """`Databases` on a PostgreSQL server."""

    def __init__(
        self, superuser_url: SecretStr, logins: Callable[[str], DatabaseLogins], *, services: Path
    ) -> None:
        self._superuser_url = superuser_url.get_secret_value()
        self._logins = logins
        self._services = services

    async def make(self, service: str) -> None:
        """See `Databases`."""
        logins = self._logins(service)
        try:
            await ensure_database(self._superuser_url, logins.owner, *logins.others)
        except STARTING_UP as error:
            raise Unavailable(f"PostgreSQL does not answer yet: {type(error).__name__}") from None
        except (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InsufficientPrivilegeError) as error:
            raise Invalid(
                f"PostgreSQL refuses: {type(error).__name__}",
                field="MRX_PREPARE_POSTGRES_URL",
                remedy="give the URL of a superuser",
            ) from None

    async def migrate(self, service: str) -> None:
        """See `Databases`."""
        await asyncio.to_thread(upgrade, self._services / service / "migrations", self._logins(service).owner)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaUser:
    """A service's name and password on Kafka."""

    name: str
    password: SecretStr


class KafkaBus:
    """`Bus` on a Kafka cluster."""

    def __init__(self, administration: KafkaAdministration, users: Callable[[str], KafkaUser]) -> None:
        self._administration = administration
        self._users = users

    async def ensure_topic(self, topic: TopicPlan) -> None:
        """See `Bus`."""
        await self._administration.ensure_topic(topic.name, topic.partitions, topic.config)

    async def ensure_user(self, service: str) -> None:
        """See `Bus`."""
        user = self._users(service)
        await self._administration.ensure_user(user.name, user.password.get_secret_value())

    async def grant(self, service: str, grants: Sequence[Grant]) -> None:
        """See `Bus`."""
        user = self._users(service).name
        await self._administration.ensure_acls([_right(user, grant) for grant in grants])


def _right(user: str, grant: Grant) -> Right:
    operation, resource = OPERATIONS[grant.operation], RESOURCES[grant.resource]
    if grant.name is None:
        return Right(user=user, operation=operation, resource=resource)
    return Right(user=user, operation=operation, resource=resource, name=grant.name, prefixed=grant.prefixed)


class S3Buckets:
    """`Buckets` on an S3 server."""

    def __init__(self, *, endpoint: str, access_key: str, secret_key: SecretStr) -> None:
        self._endpoint = endpoint
        self._access_key = access_key
        self._secret_key = secret_key

    async def ensure(self, bucket: BucketPlan) -> None:
        """See `Buckets`."""
        await ensure_bucket(
            endpoint=self._endpoint,
            access_key=self._access_key,
            secret_key=self._secret_key,
            bucket=bucket.name,
            locked_days=bucket.locked_days,
        )
        if bucket.uploads_from is not None:
            await admit_origin(
                endpoint=self._endpoint,
                access_key=self._access_key,
                secret_key=self._secret_key,
                bucket=bucket.name,
                origin=bucket.uploads_from,
                methods=("PUT",),
            )

    async def refuses_strangers(self, name: str) -> bool:
        """See `Buckets`."""
        return await refuses_strangers(self._endpoint, name)
