"""A supplier shares its report on the platform: from the page to the vault, whatever the platform does meanwhile."""

import asyncio
import hashlib
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import count
from types import SimpleNamespace
from typing import Any, BinaryIO
from uuid import UUID, uuid4

import asyncpg
import httpx
import pikepdf
import pytest
import uvicorn
from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_exchange_adapter.app import Buckets, build_service, check_ports
from mrx_exchange_adapter.handlers.checking import CheckPorts, settle_due
from mrx_exchange_adapter.ports import PlatformUnavailable, Work
from mrx_exchange_adapter.settings import Settings
from mrx_platform.webhooks import sign
from mrx_shared.bus.dead_letters import Record
from mrx_shared.bus.service import Service
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.envelope import Envelope, Message, encode
from mrx_shared.messages.notification import MailSent
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.messages.report_request import RequestChanged
from mrx_shared.refusals import Unavailable
from mrx_shared.testing.objects import MemoryObjects
from typing_extensions import override

from tests.component.platform.conftest import OTHER_SITE, SITE, WEBHOOK_SECRET, Place, Stage
from tests.component.platform.connecting import BRISK, PASSING, called, connect
from tests.conftest import MakeDatabase, ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(120)]

TABLES = (
    "share, share_watch, access, report, ticket, ticket_schedule, request, request_owner, page_token, "
    "revoked_mail, "
    "outbox, outbox_version, inbox, dead_letter, waiting, idempotency, token_key"
)
OFFSETS = count(1)
ALICE, BOB = UUID(int=0xA11CE), UUID(int=0xB0B)


def pdf(text: str) -> bytes:
    """A small report."""
    made, body = pikepdf.new(), io.BytesIO()
    made.add_blank_page()
    made.docinfo["/Title"] = text
    made.save(body)
    return body.getvalue()


REPORT = pdf("the report")


class Quarantine(MemoryObjects):
    """Quarantine that may fail once to take a file."""

    def __init__(self) -> None:
        super().__init__()
        self.away = 0

    @override
    async def put_once(
        self, key: str, body: BinaryIO, *, size: int, sha256: bytes, content_type: str
    ) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("storage is away")
        await super().put_once(key, body, size=size, sha256=sha256, content_type=content_type)


class Supplier:
    """Whoever holds the token of a request's page."""

    def __init__(self, exchange: "Exchange", request_id: UUID, reference: str, token: str) -> None:
        self._exchange = exchange
        self.request_id = request_id
        self.reference = reference
        self._token = token

    async def name(self, site_code: str) -> httpx.Response:
        """Name the site on the page."""
        return await self._exchange.http.post(
            "/v1/pages/platform",
            json={"site_code": site_code},
            headers={"MRX-Page-Token": self._token, "Idempotency-Key": str(uuid4())},
        )

    async def page(self) -> dict[str, Any]:
        """What its page shows."""
        answer = await self._exchange.http.get("/v1/pages", headers={"MRX-Page-Token": self._token})
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    async def sharing(self) -> tuple[str, str | None]:
        """State and reason of its sharing."""
        shown = (await self.page())["platform"]
        return shown["state"], shown["reason"]


class Exchange:
    """The service under test, and everybody who speaks to it."""

    def __init__(
        self,
        service: Service[Work],
        buckets: Buckets,
        bench: CheckPorts,
        http: httpx.AsyncClient,
        sql: asyncpg.Connection,
        key: OKPKey,
    ) -> None:
        self.service = service
        self.buckets = buckets
        self.bench = bench
        self.http = http
        self.sql = sql
        self._key = key

    async def hear(self, topic: str, fact: Message, *, sequence: int = 1) -> None:
        """Deliver a fact as Kafka would."""
        envelope = Envelope[Any](
            id=uuid4(),
            source="/test",
            type=fact.type,
            subject="x",
            time=datetime.now(UTC),  # noqa: TID251
            data=fact,
            correlationid="test",
            sequence=sequence,
        )
        record = Record(topic=topic, partition=0, offset=next(OFFSETS), payload=encode(envelope))
        await self.service.subscriptions.of(f"exchange_adapter:{topic}").take(record)

    async def request(self, member_id: UUID = ALICE, *, reference: str = "MRX-ABCD1234") -> Supplier:
        """A member asks; the supplier opened the link of its mail, and accepted."""
        request_id, token, now = uuid4(), str(uuid4()), datetime.now(UTC)  # noqa: TID251
        await self.state(request_id, member_id, "accepted", reference=reference)
        await self.hear(
            "mrx.notification.v1",
            MailSent(
                mail_id=uuid4(),
                kind="invitation",
                asked_by="report_request",
                about=request_id,
                token_hashes=[hashlib.sha256(token.encode()).hexdigest()],
                sent_at=now,
            ),
        )
        return Supplier(self, request_id, reference, token)

    async def state(
        self,
        request_id: UUID,
        member_id: UUID,
        state: str,
        *,
        reference: str = "MRX-ABCD1234",
        sequence: int = 1,
    ) -> None:
        """The request came to a state."""
        now = datetime.now(UTC)  # noqa: TID251
        fact = RequestChanged.model_validate(
            {
                "request_id": request_id,
                "member_id": member_id,
                "state": state,
                "reference": reference,
                "site_token": "token",
                "round_id": uuid4(),
                "asked_at": now,
                "term_ends_at": now + timedelta(days=28),
                "report_id": None,
                "outcome": None,
                "changed_at": now,
            }
        )
        await self.hear("mrx.report_request.v1", fact, sequence=sequence)

    async def look(self) -> None:
        """The platform is looked at once, then what came is checked."""
        await self.service.loops[-1].once()
        await self.settle()

    async def look_in_vain(self) -> None:
        """A look that may fail."""
        with suppress(PlatformUnavailable, Unavailable):
            await self.service.loops[-1].once()

    async def settle(self) -> None:
        """What lies in quarantine is checked, and found to be stored or refused."""
        while await self.service.loops[0].once():
            pass

    async def said(self, supplier: Supplier) -> list[str]:
        """The facts about a request, in order and by their short names."""
        rows = await self.sql.fetch(
            "SELECT type FROM outbox WHERE key = $1 ORDER BY sequence", str(supplier.request_id)
        )
        return [row["type"].removeprefix("mrx.exchange_adapter.").removesuffix(".v1") for row in rows]

    async def fact(self, supplier: Supplier, name: str) -> dict[str, Any]:
        """What the latest fact of a type says."""
        row = await self.sql.fetchval(
            "SELECT convert_from(payload, 'UTF8')::jsonb -> 'data' #>> '{}' FROM outbox "
            "WHERE key = $1 AND type = $2 ORDER BY sequence DESC LIMIT 1",
            str(supplier.request_id),
            f"mrx.exchange_adapter.{name}.v1",
        )
        found: dict[str, Any] = httpx.Response(200, text=row).json()
        return found

    async def vault(self) -> list[bytes]:
        """The files in the vault."""
        vault = self.buckets.vault
        assert isinstance(vault, MemoryObjects)
        return list(vault.kept.values())

    @property
    def quarantine(self) -> Quarantine:
        """The files in quarantine."""
        scanner = self.buckets.scanner
        assert isinstance(scanner, Quarantine)
        return scanner

    async def link(self, report_id: str, member_id: UUID = ALICE) -> httpx.Response:
        """The member asks for a link to a report."""
        now = int(system_clock()().timestamp())
        claims = {
            "sub": "somebody",
            "role": "member",
            "member": str(member_id),
            "aud": "mrx.exchange_adapter",
            "iat": now,
            "exp": now + 300,
        }
        token = jwt.encode({"alg": "Ed25519", "kid": "k1"}, claims, self._key, algorithms=["Ed25519"])
        return await self.http.post(
            f"/v1/reports/{report_id}/links",
            headers={"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())},
        )


class Passes:
    """An inspector that finds nothing, soon."""

    async def inspect(self, body: BinaryIO) -> tuple[str, ...]:
        del body
        return ()


@pytest.fixture(scope="session")
def exchange_database(make_database: MakeDatabase) -> ServiceDatabase:
    """The service's database with its migrations."""
    return make_database("exchange_adapter")


OpenExchange = Callable[..., Any]


@pytest.fixture
def open_exchange(exchange_database: ServiceDatabase, platform_place: Place) -> OpenExchange:
    """Make a service on an emptied database, connected to the platform unless told not to."""

    @asynccontextmanager
    async def opened(*, connected: bool = True, really_checks: bool = False) -> AsyncIterator[Exchange]:
        sql = await asyncpg.connect(exchange_database.superuser_url)
        await sql.execute(f"TRUNCATE {TABLES} CASCADE")
        unused = dict.fromkeys(
            f"{who}_{what}"
            for who in ("presigner", "scanner", "reader")
            for what in ("access_key", "secret_key")
        )
        settings = Settings.model_validate(
            {
                "MRX_ENVIRONMENT": "demonstration",
                "http_port": 1,
                "database_url": exchange_database.app,
                "relay_database_url": exchange_database.relay,
                "kafka_username": "unused",
                "kafka_password": "unused",
                "s3_endpoint": "http://127.0.0.1:9",
                "s3_public_url": "http://127.0.0.1:9",
                **dict.fromkeys(unused, "unused"),
                "max_bytes": 100_000,
                "platform_poll_s": 3600,
                **(
                    {
                        "platform_url": platform_place.url,
                        "platform_client_id": "unused",
                        "platform_client_secret": "unused",
                        "platform_webhook_secret": WEBHOOK_SECRET,
                    }
                    if connected
                    else {}
                ),
            }
        )
        quarantine, vault = Quarantine(), MemoryObjects()
        platform = connect(platform_place, patience=BRISK) if connected else None
        buckets = Buckets(presigner=quarantine, scanner=quarantine, vault=vault, reader=vault)
        inspector = None if really_checks else Passes()
        service = build_service(settings, buckets, inspector=inspector, platform=platform)
        bench = check_ports(settings, service.transact, buckets, inspector)
        key = OKPKey.generate_key("Ed25519")
        transport = httpx.ASGITransport(app=service.api)
        async with httpx.AsyncClient(transport=transport, base_url="http://exchange") as http:
            exchange = Exchange(service, buckets, bench, http, sql, key)
            await exchange.hear(
                "mrx.registry.v1",
                SigningKeyPublished(
                    key_id="k1",
                    public_key=str(key.as_dict(private=False)["x"]),
                    valid_from=datetime.now(UTC),  # noqa: TID251
                ),
            )
            yield exchange
        await sql.close()
        await service.database.close()
        if platform:
            await platform.close()

    return opened


@pytest.fixture
async def exchange(open_exchange: OpenExchange, stage: Stage) -> AsyncIterator[Exchange]:
    """The service, connected to the platform."""
    del stage
    async with open_exchange() as opened:
        yield opened


async def test_a_report_comes_from_the_platform_into_the_vault(
    open_exchange: OpenExchange, stage: Stage
) -> None:
    async with open_exchange(really_checks=True) as exchange:
        supplier = await exchange.request()
        named = await supplier.name("zs 1000001")
        assert (named.status_code, named.json()["state"]) == (202, "waiting-for-access")
        assert named.json()["site_code"] == SITE
        await exchange.look()
        assert await supplier.sharing() == ("waiting-for-access", None)
        assert await exchange.said(supplier) == []  # a site that was named is nothing on its way

        await stage.audit(pdf("older"), audit_date="2025-01-01", protocol_version="6.0")
        await stage.audit(REPORT, audit_date="2026-03-04", protocol_version="6.1")
        await stage.audit(None, audit_date="2026-05-05")
        await stage.grant(f"for request {supplier.reference.lower()}, thank you")
        await exchange.look()
        await exchange.look()

        assert await supplier.sharing() == ("stored", None)
        assert await exchange.vault() == [REPORT]
        assert await exchange.said(supplier) == ["upload-begun", "report-received", "report-stored"]
        stored = await exchange.fact(supplier, "report-stored")
        assert (stored["channel"], stored["audit_date"]) == ("platform", "2026-03-04")
        assert (stored["protocol"], stored["protocol_version"]) == ("SMETA", "6.1")
        assert stored["sha256"] == hashlib.sha256(REPORT).hexdigest()
        assert (await exchange.link(stored["report_id"])).status_code == 201


@pytest.mark.parametrize("code", ["ZC1000001", "1000001", "ZS12", "ZS1000001; drop", ""])
async def test_what_is_no_site_code_is_refused_with_what_to_do(code: str, exchange: Exchange) -> None:
    answer = await (await exchange.request()).name(code)
    assert (answer.status_code, answer.json()["field"]) == (422, "site_code")
    assert "ZS" in answer.json()["remedy"]


async def test_a_site_that_the_platform_does_not_know_is_refused(exchange: Exchange) -> None:
    supplier = await exchange.request()
    answer = await supplier.name("ZS7777777")
    assert (answer.status_code, answer.json()["field"]) == (422, "site_code")
    assert (await supplier.page())["platform"] is None
    assert await exchange.said(supplier) == []


async def test_a_site_named_while_the_platform_is_away_is_asked_for_later(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.fault({"kind": "server-error"})
    assert (await supplier.name("ZS7777777")).status_code == 202
    await exchange.look_in_vain()
    assert await supplier.sharing() == ("waiting-for-access", "platform-unavailable")
    await stage.fault()
    await exchange.look()
    assert await supplier.sharing() == ("refused", "unknown-site")
    assert (await supplier.name(SITE)).status_code == 202
    assert await supplier.sharing() == ("waiting-for-access", None)


async def test_without_a_platform_the_supplier_is_told_to_upload(open_exchange: OpenExchange) -> None:
    async with open_exchange(connected=False) as exchange:
        answer = await (await exchange.request()).name(SITE)
        assert (answer.status_code, answer.json()["remedy"]) == (409, "upload the file")
        assert (await exchange.http.post("/v1/platform/events")).status_code == 404


async def test_a_granted_site_without_a_report_waits_for_one(exchange: Exchange, stage: Stage) -> None:
    supplier = await exchange.request()
    await supplier.name(SITE)
    await stage.grant(supplier.reference)
    await stage.audit(None)
    await exchange.look()
    assert await supplier.sharing() == ("waiting-for-access", "no-report-yet")
    await stage.audit(REPORT)
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)


async def test_two_members_ask_the_same_site_and_neither_shows_to_the_other(
    exchange: Exchange, stage: Stage
) -> None:
    alice = await exchange.request(ALICE, reference="MRX-AAAA1111")
    bob = await exchange.request(BOB, reference="MRX-BBBB2222")
    await stage.audit(REPORT)
    assert (await alice.name(SITE)).json().keys() == (await bob.name(SITE)).json().keys()
    grant_id = await stage.grant(alice.reference)
    await exchange.look()
    assert await alice.sharing() == ("stored", None)
    assert await bob.sharing() == ("waiting-for-access", None)
    assert await exchange.said(bob) == []
    of_alice = (await exchange.fact(alice, "report-stored"))["report_id"]
    assert (await exchange.link(of_alice, BOB)).status_code == 404

    await stage.grant(bob.reference)
    await exchange.look()
    await stage.withdraw(grant_id)
    await exchange.look()
    assert await alice.sharing() == ("withdrawn", "access-withdrawn")
    assert await bob.sharing() == ("stored", None)
    of_bob = (await exchange.fact(bob, "report-stored"))["report_id"]
    assert (await exchange.link(of_bob, BOB)).status_code == 201


async def test_nothing_that_the_platform_is_asked_names_a_member_or_a_request(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    await stage.grant(supplier.reference)
    await exchange.look()
    asked = str(await stage.calls())
    assert SITE in asked
    for secret in (ALICE, supplier.request_id, supplier.reference, ALICE.hex, supplier.request_id.hex):
        assert str(secret) not in asked


async def test_withdrawn_access_is_said_and_no_link_is_given_any_more(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    grant_id = await stage.grant(supplier.reference)
    await exchange.look()
    report_id = (await exchange.fact(supplier, "report-stored"))["report_id"]
    assert (await exchange.link(report_id)).status_code == 201
    await exchange.look()
    await stage.withdraw(grant_id)
    await exchange.look()
    await exchange.look()
    refused = await exchange.link(report_id)
    assert (refused.status_code, "withdrew" in refused.json()["detail"]) == (409, True)
    assert (await exchange.said(supplier)).count("access-withdrawn") == 1
    assert (await exchange.fact(supplier, "access-withdrawn"))["report_id"] == report_id


async def test_access_that_is_granted_again_opens_the_links_again(exchange: Exchange, stage: Stage) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    first = await stage.grant(supplier.reference)
    await exchange.look()
    report_id = (await exchange.fact(supplier, "report-stored"))["report_id"]
    await stage.withdraw(first)
    await exchange.look()
    refused = await exchange.link(report_id)
    assert (refused.status_code, "grant access again" in refused.json()["remedy"]) == (409, True)

    second = await stage.grant(supplier.reference)
    await exchange.look()
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)
    assert (await exchange.link(report_id)).status_code == 201
    assert (await exchange.fact(supplier, "access-renewed"))["report_id"] == report_id
    await stage.withdraw(second)
    await exchange.look()
    assert (await exchange.link(report_id)).status_code == 409
    said = [one for one in await exchange.said(supplier) if one.startswith("access")]
    assert said == ["access-withdrawn", "access-renewed", "access-withdrawn"]


async def test_access_withdrawn_during_the_check_keeps_the_report_out_until_it_is_granted_again(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    grant_id = await stage.grant(supplier.reference)
    await exchange.look_in_vain()

    async def withdrawn_meanwhile(body: BinaryIO) -> tuple[str, ...]:
        del body
        await stage.withdraw(grant_id)
        await exchange.look_in_vain()
        return ()

    bench = exchange.bench
    inspector = SimpleNamespace(inspect=withdrawn_meanwhile)
    await settle_due(replace(bench, inspector=inspector))
    assert "report-stored" not in await exchange.said(supplier)
    await exchange.settle()
    await exchange.look()
    assert await supplier.sharing() == ("waiting-for-access", "access-withdrawn")
    assert (await exchange.fact(supplier, "access-withdrawn"))["report_id"] is None
    assert exchange.quarantine.kept == {}
    await stage.grant(supplier.reference)
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)


async def test_access_withdrawn_before_a_report_came_can_be_given_again(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await supplier.name(SITE)
    grant_id = await stage.grant(supplier.reference)
    await exchange.look()
    await stage.withdraw(grant_id)
    await exchange.look()
    assert await supplier.sharing() == ("waiting-for-access", "access-withdrawn")
    assert (await exchange.fact(supplier, "access-withdrawn"))["report_id"] is None
    await stage.audit(REPORT)
    await stage.grant(supplier.reference)
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)


async def test_access_withdrawn_while_the_file_is_not_checked_yet_leaves_nothing_behind(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    grant_id = await stage.grant(supplier.reference)
    await exchange.look_in_vain()
    assert len(exchange.quarantine.kept) == 1
    await stage.withdraw(grant_id)
    await exchange.look()
    assert await supplier.sharing() == ("waiting-for-access", "access-withdrawn")
    assert exchange.quarantine.kept == {}
    assert await exchange.vault() == []
    assert await exchange.said(supplier) == ["upload-begun", "access-withdrawn"]
    await stage.grant(supplier.reference)
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)


@pytest.mark.parametrize("lie", ["wrong-checksum", "wrong-bytes"])
async def test_a_lie_about_a_checksum_is_refused_kept_in_quarantine_and_not_fetched_again(
    lie: str, exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    audit = await stage.audit(REPORT)
    await supplier.name(SITE)
    await stage.grant(supplier.reference)
    await stage.fault({"kind": lie, "on": "report"})
    await exchange.look()
    fetched = len(await stage.calls())
    assert await supplier.sharing() == ("refused", "checksum-differs")
    assert (await exchange.fact(supplier, "report-refused"))["reasons"] == ["checksum-differs"]
    assert len(exchange.quarantine.kept) == 1
    assert await exchange.vault() == []

    await stage.fault()
    await exchange.look()
    paths = [one["path"] for one in (await stage.calls())[fetched:]]
    assert not any(path.endswith("/report") for path in paths)
    await stage.audit(REPORT, audit_id=audit["audit_id"])
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)
    assert await exchange.vault() == [REPORT]


async def test_a_refused_report_is_tried_anew_when_the_supplier_names_its_site_again(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    await stage.grant(supplier.reference)
    await stage.fault({"kind": "wrong-bytes", "on": "report", "times": 1})
    await exchange.look()
    assert await supplier.sharing() == ("refused", "checksum-differs")
    assert (await supplier.name(SITE)).status_code == 202
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)


async def test_a_report_that_is_too_large_or_without_end_is_refused(exchange: Exchange, stage: Stage) -> None:
    supplier = await exchange.request()
    await stage.audit(bytes(100_001))
    await supplier.name(SITE)
    await stage.grant(supplier.reference)
    await exchange.look()
    assert await supplier.sharing() == ("refused", "too-large")
    assert exchange.quarantine.kept == {}
    await stage.audit(REPORT, audit_date="2026-06-06")
    await stage.fault({"kind": "endless", "on": "report", "times": 1})
    await exchange.look()
    assert await supplier.sharing() == ("refused", "size-differs")
    assert await exchange.vault() == []


@pytest.mark.parametrize("fault", [*PASSING, {"kind": "shifting-pages", "times": 2}], ids=called)
async def test_whatever_fails_meanwhile_the_report_is_stored_once(
    fault: dict[str, Any], exchange: Exchange, stage: Stage
) -> None:
    if fault["kind"] == "endless":
        fault = {**fault, "on": "grants"}
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    for number in range(6):
        await stage.grant(f"MRX-ZZZZ000{number}", OTHER_SITE)
    await stage.grant(supplier.reference)
    await stage.fault(fault)
    for _ in range(4):
        await exchange.look_in_vain()
        await exchange.settle()
    assert await supplier.sharing() == ("stored", None)
    assert await exchange.vault() == [REPORT]
    assert await exchange.said(supplier) == ["upload-begun", "report-received", "report-stored"]


async def test_storage_that_was_away_gets_the_file_under_the_same_ticket(
    exchange: Exchange, stage: Stage
) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    await stage.grant(supplier.reference)
    exchange.quarantine.away = 1
    await exchange.look_in_vain()
    assert await supplier.sharing() == ("checking", None)
    await exchange.look()
    assert await supplier.sharing() == ("stored", None)
    assert len((await supplier.page())["uploads"]) == 1


async def test_a_request_that_ended_is_looked_after_no_more(exchange: Exchange, stage: Stage) -> None:
    supplier = await exchange.request()
    await stage.audit(REPORT)
    await supplier.name(SITE)
    await exchange.state(supplier.request_id, ALICE, "expired", sequence=2)
    await stage.grant(supplier.reference)
    await exchange.look()
    calls = len(await stage.calls())
    await exchange.look()
    assert len(await stage.calls()) == calls
    assert await exchange.vault() == []


@asynccontextmanager
async def listening(exchange: Exchange, where: Place) -> AsyncIterator[None]:
    """The service takes events, and looks at the platform when it hears of one; polling is far away."""
    port = int(where.events.split(":")[2].split("/")[0])
    app = exchange.http._transport.app  # type: ignore[attr-defined]
    server = uvicorn.Server(
        uvicorn.Config(app, port=port, log_config=None, lifespan="off", access_log=False, ws="none")
    )
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(server.serve())
        looking = tasks.create_task(exchange.service.loops[-1].run())
        while not server.started:  # noqa: ASYNC110  (it has no event)
            await asyncio.sleep(0.01)
        yield
        looking.cancel()
        server.should_exit = True
        await serving


async def until_stored(exchange: Exchange, supplier: Supplier) -> None:
    """Return once the report is in the vault."""
    async with asyncio.timeout(20):
        while await supplier.sharing() != ("stored", None):
            await exchange.settle()
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("fault", ["none", "event-twice", "event-reordered", "event-late", "event-forged"])
async def test_an_event_has_the_platform_looked_at_and_a_second_one_changes_nothing(
    fault: str, exchange: Exchange, stage: Stage, platform_place: Place
) -> None:
    supplier = await exchange.request()
    async with listening(exchange, platform_place):
        await supplier.name(SITE)
        if fault != "none":
            # What is late or forged is refused; the platform sends it again, and then rightly.
            times = 1 if fault in {"event-late", "event-forged"} else None
            await stage.fault({"kind": fault, "on": "event", "times": times})
        await stage.audit(REPORT)
        await stage.grant(supplier.reference)
        await until_stored(exchange, supplier)
        await stage.events_are_sent()
    await exchange.look()
    assert await exchange.said(supplier) == ["upload-begun", "report-received", "report-stored"]
    assert len(exchange.buckets.vault.kept) == 1  # type: ignore[attr-defined]


async def test_when_every_event_is_lost_polling_alone_suffices(
    exchange: Exchange, stage: Stage, platform_place: Place
) -> None:
    supplier = await exchange.request()
    await stage.fault({"kind": "event-lost", "on": "event"})
    exchange.service.loops[-1].every_s = 0.05
    async with listening(exchange, platform_place):
        await supplier.name(SITE)
        await stage.audit(REPORT)
        await stage.grant(supplier.reference)
        await until_stored(exchange, supplier)


BODY = b'{"event_id": "1", "type": "grant.given"}'


def tampered() -> dict[str, tuple[dict[str, str], bytes]]:
    """Events that were altered on their way, or made up."""
    now = int(system_clock()().timestamp())

    def headers(stamp: int | str, secret: str = WEBHOOK_SECRET, body: bytes = BODY) -> dict[str, str]:
        signature = sign(secret, str(stamp), body)
        return {"Platform-Timestamp": str(stamp), "Platform-Signature": signature}

    right = headers(now)
    return {
        "without signature": ({"Platform-Timestamp": str(now)}, BODY),
        "without headers": ({}, BODY),
        "another's secret": (headers(now, "guessed"), BODY),
        "another body": (right, BODY + b" "),
        "an empty body": (right, b""),
        "another moment": (right | {"Platform-Timestamp": str(now + 1)}, BODY),
        "a replay": (headers(now - 301), BODY),
        "from the future": (headers(now + 301), BODY),
        "no moment": (headers("yesterday"), BODY),
        "a negative moment": (headers(-1), BODY),
        "a cut signature": (right | {"Platform-Signature": right["Platform-Signature"][:-2]}, BODY),
        "another version": (right | {"Platform-Signature": "v0=" + right["Platform-Signature"][3:]}, BODY),
        "a signature in capitals": (
            right | {"Platform-Signature": "v1=" + right["Platform-Signature"][3:].upper()},
            BODY,
        ),
    }


@pytest.mark.parametrize("how", list(tampered()))
async def test_an_event_that_was_tampered_with_is_refused_and_nothing_is_looked_at(
    how: str, exchange: Exchange
) -> None:
    headers, body = tampered()[how]
    answer = await exchange.http.post("/v1/platform/events", content=body, headers=headers)
    assert answer.status_code == 401
    assert not exchange.service.loops[-1].wake_up.is_set()


async def test_an_event_as_it_should_be_wakes_the_look_and_a_flood_is_cut_off(exchange: Exchange) -> None:
    stamp = str(int(system_clock()().timestamp()))
    headers = {"Platform-Timestamp": stamp, "Platform-Signature": sign(WEBHOOK_SECRET, stamp, BODY)}
    flood = await exchange.http.post("/v1/platform/events", content=bytes(70_000), headers=headers)
    assert (flood.status_code, exchange.service.loops[-1].wake_up.is_set()) == (413, False)
    taken = await exchange.http.post("/v1/platform/events", content=BODY, headers=headers)
    assert (taken.status_code, exchange.service.loops[-1].wake_up.is_set()) == (204, True)
