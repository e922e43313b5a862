"""The benchmark on a real database, called over HTTP with tokens of a registry that the test plays."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_benchmark.adapters.database import BenchmarkWork
from mrx_benchmark.adapters.documents import CriteriaDocuments
from mrx_benchmark.adapters.evidence import ObjectEvidence
from mrx_benchmark.app import EVIDENCE
from mrx_benchmark.entrypoints.http.evidence import LARGER
from mrx_benchmark.entrypoints.http.routes import build_router
from mrx_benchmark.entrypoints.kafka import listen
from mrx_benchmark.ports import Work
from mrx_criteria.files import shipped_catalogue, shipped_lineages, shipped_versions
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer
from mrx_local.testing import object_server as running_object_server
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.messages.envelope import Envelope, encode
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.store.database import Database
from mrx_shared.store.objects import S3Objects, ensure_bucket
from pydantic import SecretStr

from tests.conftest import MakeDatabase, ServiceDatabase

TABLES = (
    "evidence, draft, review, assessment_event, question, appeal, extension, member_group, reviewer_tie, waiver, "
    "consultation_comment, evolution, reminder, verdict, decision, answer, assessment, assessment_owner, protocol_version, protocol, protocol_owner, criteria, "
    "outbox, outbox_version, inbox, dead_letter, waiting, idempotency, token_key"
)
NOW = system_clock()


KEEPER = Identity(
    name="evidence-keeper",
    access_key="keeper",
    secret_key="keeper-secret-of-a-test",
    actions=(f"Read:{EVIDENCE}", f"Write:{EVIDENCE}"),
)


@pytest.fixture(scope="session")
def object_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    """A SeaweedFS with the bucket and the service's identity."""
    with running_object_server(tmp_path_factory.mktemp("objects"), [KEEPER]) as server:
        asyncio.run(
            ensure_bucket(
                endpoint=server.endpoint,
                access_key=server.access_key,
                secret_key=SecretStr(server.secret_key),
                bucket=EVIDENCE,
            )
        )
        yield server


@pytest.fixture
def objects(object_server: ObjectServer) -> S3Objects:
    """The bucket as the service's identity."""
    return S3Objects(
        endpoint=object_server.endpoint,
        public_url=object_server.endpoint,
        access_key=KEEPER.access_key,
        secret_key=SecretStr(KEEPER.secret_key),
        bucket=EVIDENCE,
    )


@pytest.fixture(scope="session")
def benchmark_database(make_database: MakeDatabase) -> ServiceDatabase:
    """The benchmark's database with its migrations."""
    return make_database("benchmark")


@pytest.fixture
async def as_superuser(benchmark_database: ServiceDatabase) -> AsyncIterator[asyncpg.Connection]:
    """A connection that sees everything, to an emptied database."""
    connection = await asyncpg.connect(benchmark_database.superuser_url)
    await connection.execute(f"TRUNCATE {TABLES}")
    yield connection
    await connection.close()


@pytest.fixture
async def database(
    benchmark_database: ServiceDatabase, as_superuser: asyncpg.Connection
) -> AsyncIterator[Database]:
    """The database as the service's own roles, emptied."""
    opened = Database(benchmark_database.app, benchmark_database.relay)
    yield opened
    await opened.close()


@pytest.fixture
def once(database: Database) -> Once[Work]:
    """Handlers run through this."""
    catalogues = {version: shipped_catalogue(version) for version in shipped_versions()}
    return Once(
        database,
        partial(BenchmarkWork, catalogues=catalogues, lineages=shipped_lineages()),
        service="benchmark",
    )


class Caller:
    """One principal that calls the API; every POST has a key of its own unless one is stated."""

    def __init__(self, http: httpx.AsyncClient, token: str, subject: str = "") -> None:
        self._http = http
        self._token = token
        self.subject = subject

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key or str(uuid4())}
        return await self._http.post(path, json=body or {}, headers=headers)

    async def send(
        self, path: str, content: bytes, *, key: str | None = None, **query: str
    ) -> httpx.Response:
        """Post bytes as they are."""
        headers = {"Authorization": f"Bearer {self._token}", "Idempotency-Key": key or str(uuid4())}
        return await self._http.post(path, content=content, params=query, headers=headers)

    async def get(self, path: str) -> httpx.Response:
        return await self._http.get(path, headers={"Authorization": f"Bearer {self._token}"})


As = Callable[..., Caller]


@pytest.fixture
async def call_as(once: Once[Work], database: Database, objects: S3Objects) -> AsyncIterator[As]:
    """Call the API as a principal: `call_as("member", member_id)`, `call_as("reviewer")`."""
    key = OKPKey.generate_key("Ed25519", {"kid": "k1"})
    subscriptions = Subscriptions(once)
    listen(subscriptions)
    registry = subscriptions.of("benchmark:mrx.registry.v1")
    await registry.take(Record(topic="mrx.registry.v1", partition=0, offset=0, payload=key_published(key)))
    api = build_api(service="benchmark", title="benchmark", description="under test", larger=LARGER)
    access = Access(service="benchmark", find_key=key_finder(database), clock=NOW)
    api.include_router(build_router(Requests(once), access, ObjectEvidence(objects), CriteriaDocuments()))
    async with _client(api) as http:

        def caller(role: str, member: UUID | None = None, *, audience: str = "mrx.benchmark") -> Caller:
            subject = str(uuid4())
            return Caller(http, token(key, role, member, audience=audience, subject=subject), subject)

        yield caller


@asynccontextmanager
async def _client(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://benchmark.test") as http:
        yield http


def key_published(key: OKPKey) -> bytes:
    """The registry's fact that tokens are signed with this key."""
    fact = SigningKeyPublished(key_id="k1", public_key=str(key.as_dict(private=False)["x"]), valid_from=NOW())
    return encode(
        Envelope(
            id=uuid4(),
            source="/registry",
            type=SigningKeyPublished.type,
            subject="k1",
            time=NOW(),
            data=fact,
            correlationid="a-correlation-id",
            sequence=1,
        )
    )


def token(
    key: OKPKey,
    role: str,
    member: UUID | None = None,
    *,
    audience: str = "mrx.benchmark",
    subject: str | None = None,
) -> str:
    """A token as the registry would sign it."""
    claims = {
        "sub": subject or str(uuid4()),
        "role": role,
        "aud": audience,
        "exp": int(NOW().timestamp()) + 300,
        **({"member": str(member)} if member else {}),
    }
    return jwt.encode({"alg": "Ed25519", "kid": "k1"}, claims, key, algorithms=["Ed25519"])
