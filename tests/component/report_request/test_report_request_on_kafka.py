"""report_request as a process of its own, on a real Kafka and a real PostgreSQL, killed in between."""

from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from mrx_local.testing import infrastructure
from mrx_shared.messages.envelope import decode
from mrx_shared.messages.exchange_adapter import ReportRead, ReportStored, UploadBegun
from mrx_shared.messages.notification import MailSent
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.messages.report_request import MailAsked, RequestStatus
from mrx_shared.messages.requests import AskedSupplier, RecognitionDecided, ReportAsked
from mrx_shared.messages.topics import REQUEST_MAILS, Topic, out, requests_in

from tests.component.kafka import heard, prepare, say, served, until
from tests.component.report_request.conftest import NOW, ReportRequests, entry
from tests.conftest import ServiceDatabase

pytestmark = [pytest.mark.live, pytest.mark.timeout(240)]

EVERY_SECOND = {"MRX_ENVIRONMENT": "demonstration", "MRX_REQUEST_MAIL_EVERY_S": "1"}
WHEN = datetime(2026, 6, 30, 12, tzinfo=UTC)


async def test_a_killed_process_goes_on_with_what_came_meanwhile_and_says_nothing_twice(
    tmp_path: Path, service: ReportRequests, report_request_database: ServiceDatabase
) -> None:
    member_id, request_id, report_id = uuid4(), uuid4(), uuid4()
    asked = ReportAsked(
        request_id=request_id,
        entry_id=entry(1),
        site_number="S-1",
        supplier=AskedSupplier(
            name="Works", contact_email="q@works.example", contact_name=None, language="en"
        ),
        scope="SMETA",
        purpose="Approval",
        term_days=28,
        requester_email=None,
        requester_language=None,
    )
    takes_part = ParticipationChanged.model_validate(
        {
            "member_id": member_id,
            "group_id": member_id,
            "tied_groups": [],
            "participates": True,
            "missing": [],
            "since": WHEN,
            "company_names": ["Acme"],
        }
    )
    async with infrastructure(tmp_path, parts={"kafka"}) as servers:
        server = servers.kafka.server
        await prepare(server, "report_request", requests_in(member_id), out(member_id))
        async with served("report_request", server, report_request_database, tmp_path, **EVERY_SECOND):
            await say(server, requests_in(member_id), asked)

            async def waits() -> bool:
                return bool(await service.sql.fetchval("SELECT count(*) FROM waiting"))

            await until(waits)
            await say(server, Topic.REGISTRY, takes_part)
            mail = decode((await heard(server, REQUEST_MAILS, 1))[0], MailAsked).data
            assert (mail.asks, mail.to, mail.reference[:4]) == ("Acme", "q@works.example", "MRX-")

            async def blanked() -> bool:
                kept = "SELECT count(*) FROM outbox WHERE topic = $1 AND payload IS NOT NULL"
                return not await service.sql.fetchval(kept, REQUEST_MAILS)

            await until(blanked)
        await say(server, Topic.EXCHANGE_ADAPTER, _begun(request_id, member_id))
        await say(server, Topic.NOTIFICATION, _sent(mail))
        async with served("report_request", server, report_request_database, tmp_path, **EVERY_SECOND):
            await say(server, Topic.EXCHANGE_ADAPTER, _stored(request_id, member_id, report_id))
        async with served("report_request", server, report_request_database, tmp_path, **EVERY_SECOND):

            async def there() -> bool:
                return bool(
                    await service.sql.fetchval("SELECT count(*) FROM request WHERE state = 'available'")
                )

            await until(there)
            decided = RecognitionDecided(
                request_id=request_id, outcome="accepted", reason=None, valid_until=None
            )
            # The decision overtakes the fact that the report was opened, and waits for it.
            await say(server, requests_in(member_id), decided)
            await until(waits)
            await say(server, Topic.EXCHANGE_ADAPTER, _read(request_id, member_id, report_id))

            async def done() -> bool:
                unsent = "SELECT count(*) FROM outbox WHERE sent_at IS NULL"
                decisions = "SELECT count(*) FROM request WHERE avoided"
                return await service.sql.fetchval(decisions) == 1 and not await service.sql.fetchval(unsent)

            await until(done)
            said = await service.sql.fetchval("SELECT count(*) FROM outbox WHERE topic = $1", out(member_id))
            told = [decode(one, RequestStatus).data for one in await heard(server, out(member_id), said)]
    states = [one.state for one in told]
    assert (states[0], states[-2:]) == ("drafted", ["available", "decided"])
    assert states.count("available") == states.count("decided") == 1
    assert told[-1].report_id == report_id
    page = await service.supplier("the token").get("/v1/pages")
    assert (page.status_code, page.json()["state"]) == (200, "decided")
    assert await service.dead() == []


def _sent(mail: MailAsked) -> MailSent:
    return MailSent(
        mail_id=mail.mail_id,
        kind=mail.kind,
        asked_by="report_request",
        about=mail.request_id,
        token_hashes=[sha256(b"the token").hexdigest()],
        sent_at=NOW(),
    )


def _begun(request_id: UUID, member_id: UUID) -> UploadBegun:
    return UploadBegun(request_id=request_id, member_id=member_id, channel="upload", begun_at=WHEN)


def _read(request_id: UUID, member_id: UUID, report_id: UUID) -> ReportRead:
    return ReportRead(report_id=report_id, request_id=request_id, member_id=member_id, read_at=NOW())


def _stored(request_id: UUID, member_id: UUID, report_id: UUID) -> ReportStored:
    return ReportStored(
        report_id=report_id,
        request_id=request_id,
        member_id=member_id,
        channel="upload",
        sha256="0" * 64,
        size=1,
        audit_date=None,
        protocol=None,
        protocol_version=None,
        stored_at=NOW(),
    )
