"""The member's own HTTP adapter and events against report_request itself, on a real database."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from mrx_member.adapters.http import Http
from mrx_member.adapters.requests import HttpRequests
from mrx_member.domain.requests import Asking, Fault, Requester, Submission, Terms, Verdict, one_asking
from mrx_member.handlers.requests import _envelope, _report_asked
from mrx_member.ports import Taken
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.topics import requests_in
from mrx_shared.refusals import Rejected

from tests.component.report_request.conftest import (
    ReportRequests,
    entry,
    member,
    report_request_database,
    service,
)

__all__ = ["member", "report_request_database", "service"]  # fixtures
pytestmark = pytest.mark.live
TERMS = Terms(scope="SMETA 4-pillar", purpose="Recognition", term_days=21)


def asking(number: int, **changes: str) -> Asking:
    values = {
        "entry_id": entry(number),
        "supplier_ref": f"S-{number}",
        "supplier_name": f"Works {number}",
        "contact_email": f"quality@works{number}.example",
    }
    return one_asking(values | changes, TERMS)


def requests_of(service: ReportRequests, member: UUID) -> HttpRequests:
    bearer = service.member(member)._headers["Authorization"].removeprefix("Bearer ")

    async def answer(request: httpx.Request) -> httpx.Response:
        """Give tokens as the registry does, and pass everything else on to report_request."""
        if request.url.path == "/v1/token":
            return httpx.Response(200, json={"access_token": bearer, "expires_in": 300})
        return await service.http.send(request)

    return HttpRequests(
        Http(
            {"registry": "http://registry.test", "report_request": "http://report-request.test"},
            client_id="c",
            client_secret="s",
            notice=lambda _: None,
            transport=httpx.MockTransport(answer),
        )
    )


async def test_what_is_asked_listed_decided_and_counted(service: ReportRequests, member: UUID) -> None:
    requests = requests_of(service, member)
    ids = [uuid4(), uuid4(), uuid4()]
    wanted = [(ids[0], asking(1)), (ids[1], asking(2, entry_id="f" * 64)), (ids[2], asking(1))]
    first, second, third = await requests.ask(wanted, Requester(email="me@alpha.example", language="es"))
    assert first == Taken(request_id=ids[0], state="drafted", mail="unsent")
    assert isinstance(second, Fault)
    assert second.field == "entry_id"
    assert isinstance(third, Fault)
    assert str(ids[0]) in third.reason
    assert (await requests.ask(wanted[:1], Requester()))[0] == first
    shown: dict[str, Any] = {"request_id": str(ids[0])}
    with pytest.raises(Rejected, match="no decision now") as refused:
        await requests.decide(Verdict(request_id=ids[0], outcome="accepted"))
    assert refused.value.field == "state"
    report_id = uuid4()
    await service.store(shown, member, report_id=report_id, opened=False)
    one = await requests.request(ids[0])
    assert one.report is not None
    assert not one.report.opened
    with pytest.raises(Rejected, match="not been opened"):
        await requests.decide(Verdict(request_id=ids[0], outcome="accepted"))
    await service.open(shown, member, report_id)
    await requests.until_opened([ids[0]])
    assert (one.state, one.report.size) == ("available", 1234)
    decided = await requests.decide(Verdict(request_id=ids[0], outcome="accepted"))
    assert await requests.decide(Verdict(request_id=ids[0], outcome="accepted")) == decided
    assert [listed.outcome for listed in await requests.requests("decided")] == ["accepted"]
    assert await requests.requests("withdrawn") == []
    numbers = await requests.numbers()
    assert isinstance(numbers["rounds"], list)
    assert numbers["rounds"][0]["avoided"] == 1


async def test_a_contact_is_replaced_and_a_request_withdrawn(service: ReportRequests, member: UUID) -> None:
    requests, request_id = requests_of(service, member), uuid4()
    await requests.ask([(request_id, asking(1))], Requester())
    await requests.readdress(request_id, email="new@works1.example", name=None, language="zh")
    assert [mail.to for mail in await service.mails("invitation")][-1] == "new@works1.example"
    assert (await requests.withdraw(request_id, None)).state == "withdrawn"
    assert (await requests.withdraw(request_id, None)).state == "withdrawn"


async def test_an_event_of_ours_is_understood(service: ReportRequests, member: UUID) -> None:
    request_id = uuid4()
    fact = _report_asked(request_id, asking(1), Requester())
    envelope = _envelope(fact, request_id, Submission(said_at=system_clock()()), member)
    await service.hear(requests_in(member), envelope.data, event_id=envelope.id, at=envelope.time)
    assert [status.state for status in await service.statuses(member)] == ["drafted"]
    assert await service.dead() == []
