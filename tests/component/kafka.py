"""A service on a broker of its own: the rights that it is granted there, facts that arrive, the service as a process."""

import asyncio
import contextlib
import sys
import tomllib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.state_files import Ports
from mrx_shared.bus.administration import KafkaAdministration, Right
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.envelope import Envelope, Message, encode

from tests.conftest import ROOT, ServiceDatabase

NOW = system_clock()
PASSWORD = "the password of the service's own user"
CORRELATION_ID = "a-correlation-id"
"""the correlation id of what `say` says"""


async def until(claim: Callable[[], Awaitable[bool]]) -> None:
    """Return when the claim holds."""
    async with asyncio.timeout(60):
        while not await claim():  # noqa: ASYNC110  (another process's state has no event to wait on)
            await asyncio.sleep(0.1)


def administration(server: KafkaServer) -> KafkaAdministration:
    """The broker's administration, as its super-user."""
    return KafkaAdministration(
        server.bootstrap_servers,
        security_protocol=server.security_protocol,
        username=server.username,
        password=server.password,
    )


def access(server: KafkaServer, username: str | None = None, password: str | None = None) -> dict[str, Any]:
    """How a user signs in: the super-user, unless another is named."""
    return {
        "bootstrap_servers": server.bootstrap_servers,
        "security_protocol": server.security_protocol,
        "sasl_mechanism": server.sasl_mechanism,
        "sasl_plain_username": username or server.username,
        "sasl_plain_password": password or server.password,
    }


def user_of(service: str) -> str:
    """The broker's user that a service is."""
    return f"svc-{service}"


async def prepare(server: KafkaServer, service: str, *more: str) -> None:
    """A service's user with the rights that `deploy/kafka/principals.toml` grants it; the topics named there, and more."""
    stated = tomllib.loads((ROOT / "deploy/kafka/principals.toml").read_text("utf-8"))[service]
    user, broker = user_of(service), administration(server)
    named = {name for names in stated["topic"].values() for name in names if not name.endswith("*")}
    for topic in (*sorted(named), *more):
        await broker.ensure_topic(topic, 3, {"retention.ms": "-1"})
    await broker.ensure_user(user, PASSWORD)
    await broker.ensure_acls(
        [
            *(Right(user=user, operation=one, resource="cluster") for one in stated.get("cluster", ())),
            *(
                Right(
                    user=user,
                    operation=operation,
                    resource=resource,
                    name=name.removesuffix("*"),
                    prefixed=name.endswith("*"),
                )
                for resource in ("topic", "group")
                for operation, names in stated[resource].items()
                for name in names
            ),
        ]
    )


@contextlib.asynccontextmanager
async def served(
    service: str, server: KafkaServer, database: ServiceDatabase, folder: Path, **more: str
) -> AsyncIterator[httpx.AsyncClient]:
    """A service as a process of its own that is ready, killed without a word at the end; and a client of it.

    `more` settings go before those that every service has.
    """
    port, prefix = Ports(folder / "service-ports.json").get(service), f"MRX_{service.upper()}"
    environment = {
        f"{prefix}_HTTP_PORT": str(port),
        f"{prefix}_DATABASE_URL": database.app,
        f"{prefix}_RELAY_DATABASE_URL": database.relay,
        f"{prefix}_KAFKA_USERNAME": user_of(service),
        f"{prefix}_KAFKA_PASSWORD": PASSWORD,
        "MRX_KAFKA_BOOTSTRAP_SERVERS": server.bootstrap_servers,
        "MRX_KAFKA_SECURITY_PROTOCOL": server.security_protocol,
        **more,
    }
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", f"mrx_{service}", env=environment)
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            await until(lambda: ready(http))
            yield http
    finally:
        process.kill()
        await process.wait()


async def ready(http: httpx.AsyncClient) -> bool:
    """Whether a service says that it is ready."""
    with contextlib.suppress(httpx.TransportError):
        return (await http.get("/health/ready")).status_code == 200
    return False


async def say(server: KafkaServer, topic: str, *facts: Message, source: str = "/test") -> None:
    """Somebody writes facts to a topic."""
    producer = AIOKafkaProducer(**access(server), acks="all")
    await producer.start()
    try:
        for fact in facts:
            event = Envelope[Any](
                id=uuid4(),
                source=source,
                type=fact.type,
                subject="x",
                time=NOW(),
                data=fact,
                correlationid=CORRELATION_ID,
                sequence=1,
            )
            await producer.send_and_wait(topic, encode(event), key=b"one key")
    finally:
        await producer.stop()


async def heard(server: KafkaServer, topic: str, enough: int) -> list[bytes]:
    """The first facts on a topic."""
    consumer = AIOKafkaConsumer(topic, **access(server), auto_offset_reset="earliest")
    await consumer.start()
    try:
        async with asyncio.timeout(60):
            return [(await consumer.getone()).value or b"" for _ in range(enough)]
    finally:
        await consumer.stop()
