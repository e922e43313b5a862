"""report_request on a real database, without Kafka: members, suppliers and the other services are played by the test."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_report_request.adapters.database import ReportRequestWork
from mrx_report_request.entrypoints.http.routes import build_router
from mrx_report_request.entrypoints.kafka import listen
from mrx_report_request.handlers.clock import keep_time
from mrx_report_request.ports import Work
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.once import Once
from mrx_shared.bus.requests import Requests
from mrx_shared.bus.subscriptions import Subscriptions
from mrx_shared.bus.waiting_room import WaitingRoom
from mrx_shared.kit.access import Access
from mrx_shared.kit.clock import system_clock
from mrx_shared.kit.http import build_api
from mrx_shared.kit.ids import uuid7
from mrx_shared.messages.aggregation import ReleasedEntry, ReleasePage
from mrx_shared.messages.envelope import Envelope, Message, decode, encode
from mrx_shared.messages.exchange_adapter import ReportRead, ReportReceived, ReportStored, UploadBegun
from mrx_shared.messages.notification import MailSent
from mrx_shared.messages.registry import ParticipationChanged, SigningKeyPublished
from mrx_shared.messages.report_request import MailAsked, RequestChanged, RequestStatus
from mrx_shared.messages.requests import AskedSupplier, ReportAsked
from mrx_shared.messages.topics import RELEASED_ENTRIES, Topic, requests_in
from mrx_shared.slots import Slots
from mrx_shared.store.database import Database

from tests.conftest import MakeDatabase, ServiceDatabase

TABLES = (
    "participation, release, release_page, released_entry, request_owner, page_token, request, mail, site_contact, "
    "outbox, outbox_version, inbox, dead_letter, waiting, idempotency, token_key"
)
KEY_ID = "key-1"
SLOTS = Slots(every=timedelta(milliseconds=1))
"""request mails are due at once, as soon as the clock comes by"""
MAKE_WORK = partial(ReportRequestWork, slots=SLOTS)
NOW = system_clock()
OFFSETS = count(1)
ROUND = uuid7(datetime(2026, 5, 1, tzinfo=UTC))


def entry(number: int, *, release: int = 1) -> str:
    """The id of a site's entry in a release."""
    return sha256(f"{release}:{number}".encode()).hexdigest()


def site(number: int) -> str:
    """A site's token in every release."""
    return sha256(f"site {number}".encode()).hexdigest()


def asked(number: int = 1, **changed: object) -> dict[str, Any]:
    """A good request by HTTP for a site."""
    return {
        "entry_id": entry(number),
        "site_number": f"S-{number}",
        "supplier": {
            "name": f"Works {number}",
            "contact_email": f"quality@works{number}.example",
            "contact_name": "Li Na",
            "language": "en",
        },
        "scope": "SMETA 4-pillar, latest full audit",
        "purpose": "Supplier approval",
        "requester_email": "sourcing@buyer.example",
        **changed,
    }


class Caller:
    """One principal that calls the API; every POST has a key of its own unless one is stated."""

    def __init__(self, http: httpx.AsyncClient, headers: dict[str, str]) -> None:
        self._http = http
        self._headers = headers

    async def get(self, path: str, **query: str | int) -> httpx.Response:
        return await self._http.get(path, params=query, headers=self._headers)

    async def post(
        self, path: str, body: dict[str, Any] | None = None, *, key: str | None = None
    ) -> httpx.Response:
        headers = {**self._headers, "Idempotency-Key": key or str(uuid4())}
        return await self._http.post(path, json=body if body is not None else {}, headers=headers)

    async def done(self, path: str, body: dict[str, Any] | None = None, status: int = 200) -> dict[str, Any]:
        answer = await self.post(path, body)
        assert answer.status_code == status, answer.text
        shown: dict[str, Any] = answer.json()
        return shown


class ReportRequests:
    """The service under test, and everybody who speaks to it."""

    def __init__(
        self,
        database: Database,
        http: httpx.AsyncClient,
        key: OKPKey,
        sql: asyncpg.Connection,
        urls: ServiceDatabase,
    ) -> None:
        self.once: Once[Work] = Once(database, MAKE_WORK, service="report_request")
        self.subscriptions = Subscriptions(self.once)
        listen(self.subscriptions)
        self.database = database
        self.http = http
        self.sql = sql
        self.urls = urls
        self._key = key

    async def hear(
        self,
        topic: str,
        fact: Message,
        *,
        event_id: UUID | None = None,
        sequence: int = 1,
        at: datetime | None = None,
        **changed: object,
    ) -> None:
        """Deliver an event as Kafka would; `changed` replaces what its data say."""
        data: Any = fact.model_copy(update=changed)
        envelope = Envelope[Any].model_construct(
            id=event_id or uuid4(),
            source="/test",
            type=fact.type,
            subject="x",
            time=at or NOW(),
            data=data,
            correlationid="test",
            sequence=sequence,
        )
        consumer = "mrx.in.requests" if topic.startswith("mrx.in.requests") else str(topic)
        record = Record(topic=str(topic), partition=0, offset=next(OFFSETS), payload=encode(envelope))
        await self.subscriptions.of(f"report_request:{consumer}").take(record)

    async def look_into_waiting_room(self) -> int:
        """The waiting room is looked into once."""
        return await WaitingRoom(self.subscriptions).look()

    async def participate(
        self, member_id: UUID, name: str = "Acme Brands", *, missing: Sequence[str] = (), sequence: int = 1
    ) -> None:
        """The registry says whether a member takes part."""
        fact = ParticipationChanged.model_validate(
            {
                "member_id": member_id,
                "group_id": member_id,
                "tied_groups": [],
                "participates": not missing,
                "missing": list(missing),
                "since": NOW(),
                "company_names": [name, f"{name} Holding"],
            }
        )
        await self.hear(Topic.REGISTRY, fact, sequence=sequence)

    async def release(
        self,
        numbers: Sequence[int],
        *,
        release: int = 1,
        pages: Sequence[int] = (1,),
        of: int = 1,
        half_year: str | None = None,
    ) -> None:
        """Aggregation says some pages of a release."""
        made = uuid7(datetime(2026, 6, release, tzinfo=UTC))
        release_id = UUID(int=made.int & ~((1 << 80) - 1) | release)
        for page in pages:
            fact = ReleasePage(
                release_id=release_id,
                round_id=ROUND if release == 1 else UUID(int=ROUND.int + release),
                as_of=date(2026, 4, 30) + timedelta(days=release),
                page=page,
                pages=of,
                entries=[
                    ReleasedEntry(
                        entry_id=entry(one, release=release),
                        previous_entry_id=None,
                        site_token=site(one),
                        audit_half_year=half_year,
                    )
                    for one in numbers
                ],
            )
            await self.hear(RELEASED_ENTRIES, fact)

    def member(self, member_id: UUID) -> Caller:
        """A member's system."""
        return self.caller("member", member_id)

    def caller(self, role: str, member: UUID | None = None) -> Caller:
        """Somebody with a token of the registry."""
        claims = {
            "sub": str(uuid4()),
            "role": role,
            "aud": "mrx.report_request",
            "exp": int(NOW().timestamp()) + 300,
            **({"member": str(member)} if member else {}),
        }
        bearer = jwt.encode({"alg": "Ed25519", "kid": KEY_ID}, claims, self._key, algorithms=["Ed25519"])
        return Caller(self.http, {"Authorization": f"Bearer {bearer}"})

    def supplier(self, token: str) -> Caller:
        """Whoever holds a link."""
        return Caller(self.http, {"MRX-Page-Token": token})

    async def said(self, message: type[Message], topic: str | None = None) -> list[Any]:
        """What was said, in order."""
        rows = await self.sql.fetch(
            "SELECT payload FROM outbox WHERE type = $1 AND ($2::text IS NULL OR topic = $2) ORDER BY entry",
            message.type,
            topic,
        )
        return [decode(row["payload"], message).data for row in rows]

    async def mails(self, kind: str | None = None) -> list[MailAsked]:
        """The mails that were asked for, once the clock has come by."""
        await self.clock(timedelta(0))
        return [one for one in await self.said(MailAsked) if kind in (None, one.kind)]

    async def statuses(self, member_id: UUID) -> list[RequestStatus]:
        return await self.said(RequestStatus, f"mrx.out.{member_id}")

    async def states(self, request_id: str | UUID) -> list[str]:
        """The states that were said to the services about a request."""
        said = await self.said(RequestChanged)
        return [one.state for one in said if one.request_id == UUID(str(request_id))]

    async def dead(self) -> list[str]:
        """Reasons of dead letters."""
        return [row["reason"] for row in await self.sql.fetch("SELECT reason FROM dead_letter ORDER BY id")]

    async def deliver_mail(self, mail: MailAsked, *tokens: str) -> None:
        """Notification sent a mail; `tokens` are in its links."""
        fact = MailSent(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by="report_request",
            about=mail.request_id,
            token_hashes=[sha256(one.encode()).hexdigest() for one in tokens],
            sent_at=NOW(),
        )
        await self.hear(Topic.NOTIFICATION, fact)

    async def sent(self, member_id: UUID, number: int = 1, **changed: object) -> tuple[dict[str, Any], str]:
        """A request whose mail was sent, and the token of its link."""
        shown = await self.member(member_id).done("/v1/requests", asked(number, **changed), 201)
        mail = next(
            one for one in await self.mails("invitation") if str(one.request_id) == shown["request_id"]
        )
        token = f"token of {shown['request_id']}"
        await self.deliver_mail(mail, token)
        return shown, token

    async def begin_upload(
        self, shown: dict[str, Any], member_id: UUID, *, at: datetime | None = None
    ) -> None:
        fact = UploadBegun(
            request_id=UUID(shown["request_id"]), member_id=member_id, channel="upload", begun_at=at or NOW()
        )
        await self.hear(Topic.EXCHANGE_ADAPTER, fact)

    async def receive(self, shown: dict[str, Any], member_id: UUID) -> None:
        fact = ReportReceived(
            request_id=UUID(shown["request_id"]),
            member_id=member_id,
            ticket_id=uuid4(),
            channel="upload",
            received_at=NOW(),
        )
        await self.hear(Topic.EXCHANGE_ADAPTER, fact)

    async def store(
        self,
        shown: dict[str, Any],
        member_id: UUID,
        *,
        report_id: UUID | None = None,
        at: datetime | None = None,
        sha256: str = "ab" * 32,
        audit_date: date | None = None,
        opened: bool = True,
    ) -> None:
        """A report is in the vault, and its member has opened it."""
        report_id = report_id or uuid4()
        fact = ReportStored(
            report_id=report_id,
            request_id=UUID(shown["request_id"]),
            member_id=member_id,
            channel="upload",
            sha256=sha256,
            size=1234,
            audit_date=audit_date,
            protocol=None,
            protocol_version=None,
            stored_at=at or NOW(),
        )
        await self.hear(Topic.EXCHANGE_ADAPTER, fact)
        if opened:
            await self.open(shown, member_id, report_id)

    async def open(self, shown: dict[str, Any], member_id: UUID, report_id: UUID) -> None:
        """The member was given a link to the report."""
        fact = ReportRead(
            report_id=report_id, request_id=UUID(shown["request_id"]), member_id=member_id, read_at=NOW()
        )
        await self.hear(Topic.EXCHANGE_ADAPTER, fact)

    async def available(self, member_id: UUID, number: int = 1, **changed: object) -> dict[str, Any]:
        """A request whose report is there and was opened."""
        shown, token = await self.sent(member_id, number, **changed)
        await self.supplier(token).done("/v1/pages/opening")
        await self.supplier(token).done("/v1/pages/acceptance")
        await self.begin_upload(shown, member_id)
        await self.receive(shown, member_id)
        await self.store(shown, member_id)
        return shown

    async def report_asked(
        self,
        member_id: UUID,
        number: int = 1,
        *,
        at: datetime | None = None,
        **changed: Any,  # noqa: ANN401
    ) -> UUID:
        """A member asks by event; `changed` replaces fields, good or bad. Returns the request's id."""
        good = asked(number)
        fact = ReportAsked(
            request_id=uuid4(),
            entry_id=good["entry_id"],
            site_number=good["site_number"],
            supplier=AskedSupplier(**good["supplier"]),
            scope=good["scope"],
            purpose=good["purpose"],
            term_days=28,
            requester_email=None,
            requester_language=None,
        )
        await self.hear(requests_in(member_id), fact, at=at, **changed)
        return fact.request_id

    async def clock(self, later: timedelta) -> None:
        """The clock's loop comes by, some time later."""
        moved = Database(self.urls.app, self.urls.relay, clock_offset=later)
        once: Once[Work] = Once(moved, MAKE_WORK, service="report_request")
        try:
            for _ in range(3):  # each takes one step of a request
                while await keep_time(once.transact):
                    pass
        finally:
            await moved.close()

    async def state(self, shown: dict[str, Any], member_id: UUID) -> dict[str, Any]:
        """A request as its member sees it."""
        answer = await self.member(member_id).get(f"/v1/requests/{shown['request_id']}")
        assert answer.status_code == 200, answer.text
        seen: dict[str, Any] = answer.json()
        return seen


@pytest.fixture(scope="session")
def report_request_database(make_database: MakeDatabase) -> ServiceDatabase:
    """report_request's database with its migrations."""
    return make_database("report_request")


@pytest.fixture
async def service(report_request_database: ServiceDatabase) -> AsyncIterator[ReportRequests]:
    """The service on an emptied database: sites 1 to 9 are released."""
    sql = await asyncpg.connect(report_request_database.superuser_url)
    await sql.execute(f"TRUNCATE {TABLES} CASCADE")
    database = Database(report_request_database.app, report_request_database.relay)
    key = OKPKey.generate_key("Ed25519")
    access = Access(service="report_request", find_key=key_finder(database), clock=NOW)
    once: Once[Work] = Once(database, MAKE_WORK, service="report_request")
    api = build_api(service="report_request", title="report_request", description="under test")
    api.include_router(build_router(Requests(once), access))
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://report-request.test") as http:
        made = ReportRequests(database, http, key, sql, report_request_database)
        await made.hear(
            Topic.REGISTRY,
            SigningKeyPublished(
                key_id=KEY_ID, public_key=str(key.as_dict(private=False)["x"]), valid_from=NOW()
            ),
        )
        await made.release(range(1, 10))
        yield made
    await sql.close()
    await database.close()


@pytest.fixture
async def member(service: ReportRequests) -> UUID:
    """A participant."""
    member_id = uuid4()
    await service.participate(member_id)
    return member_id
