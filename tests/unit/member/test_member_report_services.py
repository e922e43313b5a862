"""The HTTP adapter for requests and reports, against answers in the services' own shapes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from mrx_member.adapters import requests as adapter
from mrx_member.adapters.http import Http
from mrx_member.adapters.requests import HttpRequests
from mrx_member.domain.requests import Asking, Fault, Report, Requester, Verdict
from mrx_member.handlers.waiting import unseen
from mrx_member.ports import Taken
from mrx_member.settings import MemberSettings
from mrx_shared.api import exchange_adapter
from mrx_shared.api import report_request as api
from mrx_shared.kit import retries
from mrx_shared.refusals import Invalid, Rejected

from tests.unit.member.conftest import NOW

CONTENT = bytes(range(256)) * 40_000
REPORT = Report(report_id=UUID(int=77), sha256=sha256(CONTENT).hexdigest(), size=len(CONTENT))


def asking(number: int) -> Asking:
    return Asking(
        row=number + 1,
        entry_id=f"{number:064x}",
        site_number=f"S-{number}",
        supplier_name="Halden Works",
        contact_email="quality@halden.example",
        contact_name=None,
        language="es",
        scope="SMETA 4-pillar",
        purpose="recognition",
        term_days=21,
    )


def shown(request_id: UUID, *, state: str = "drafted") -> api.Request:
    there = state in {"available", "decided"}
    return api.Request.model_validate(
        {
            "request_id": request_id,
            "state": state,
            "reason": None,
            "mail": "sent",
            "entry_id": "e1",
            "site_number": "S-1",
            "round_id": UUID(int=3),
            "supplier": {
                "name": "Halden Works",
                "language": "es",
                "contact_email": None,
                "contact_name": None,
            },
            "scope": "SMETA 4-pillar",
            "purpose": "recognition",
            "reference": "MRX-7K2M9QX4",
            "asked_at": NOW,
            "term_ends_at": NOW + timedelta(days=21),
            "report": {
                "report_id": REPORT.report_id,
                "sha256": REPORT.sha256,
                "size": REPORT.size,
                "channel": "upload",
                "stored_at": NOW,
                "read_at": None,
                "access_withdrawn_at": None,
                "audit_date": None,
            }
            if there
            else None,
            "decision": {
                "outcome": "accepted",
                "reason": None,
                "valid_until": date(2027, 6, 30),
                "decided_at": NOW,
                "avoided": True,
            }
            if state == "decided"
            else None,
            "possible": ["withdrawal"],
            "history": [{"state": "drafted", "at": NOW, "reason": None}],
        }
    )


@dataclass
class Put:
    """One POST as the service reads it."""

    path: str
    key: str
    body: object

    @property
    def rows(self) -> list[api.RequestResult]:
        """What a bulk was answered with."""
        assert isinstance(self.body, list)
        return self.body


class Scheme:
    """Registry, report_request, exchange_adapter and object storage in one. `answers` are given first, in order."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.put: list[Put] = []
        self.answers: list[httpx.Response | Exception] = []
        self.notices: list[str] = []
        self.kept: list[UUID] = []
        self.stored = CONTENT
        self.breaks_at: list[int] = []
        self.linked = REPORT
        self.knows_ranges = True
        self.early: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        path = request.url.path
        if path == "/v1/token":
            return httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if path == "/v1/requests":
            return self._list(request)
        if path == "/stored":
            return self._stored(request)
        if path == f"/v1/reports/{REPORT.report_id}/links":
            return self._link(request)
        known: dict[str, Callable[[httpx.Request], httpx.Response]] = {
            "bulk": self._bulk,
            "decision": lambda one: self._step(one, api.NewDecision, "decided"),
            "withdrawal": lambda one: self._step(one, api.NewWithdrawal, "withdrawn"),
            "contact": lambda one: self._step(one, api.NewContact, "drafted"),
        }
        return known[path.rsplit("/", 1)[-1]](request)

    def _bulk(self, request: httpx.Request) -> httpx.Response:
        rows = []
        for number, row in enumerate(api.NewRequests.model_validate_json(request.content).requests, 1):
            one = api.NewRequest.model_validate(row)
            assert one.request_id is not None
            refused = api.Refusal(
                field="entry_id", reason="no longer listed", remedy="look again", retryable=False
            )
            good = one.entry_id != asking(2).entry_id
            if one.entry_id in self.early:
                self.early.remove(one.entry_id)
                good, refused = False, refused.model_copy(update={"retryable": True})
            rows.append(
                api.RequestResult(
                    row=number,
                    request=shown(one.request_id) if good else None,
                    refused=None if good else refused,
                )
            )
        self.put.append(Put(request.url.path, request.headers["Idempotency-Key"], rows))
        return _answer(api.RequestResults(taken=len(rows), refused=0, rows=tuple(rows)))

    def _list(self, request: httpx.Request) -> httpx.Response:
        after = request.url.params.get("after")
        begin = self.kept.index(UUID(after)) + 1 if after else 0
        found = self.kept[begin : begin + int(request.url.params["limit"])]
        return _answer(api.Requests(requests=tuple(shown(one, state="decided") for one in found)))

    def _step(self, request: httpx.Request, body: type, state: str) -> httpx.Response:
        read = body.model_validate_json(request.content)  # type: ignore[attr-defined]
        self.put.append(Put(request.url.path, request.headers["Idempotency-Key"], read))
        return _answer(shown(UUID(request.url.path.split("/")[3]), state=state))

    def _link(self, request: httpx.Request) -> httpx.Response:
        self.put.append(Put(request.url.path, request.headers["Idempotency-Key"], None))
        minted = exchange_adapter.Link(
            url="https://objects.example/stored",
            expires_at=NOW,
            sha256=self.linked.sha256,
            size=self.linked.size,
            file_name="report.pdf",
        )
        return httpx.Response(201, content=minted.model_dump_json())

    def _stored(self, request: httpx.Request) -> httpx.Response:
        assert "Authorization" not in request.headers
        begin = int(request.headers.get("Range", "bytes=0-")[6:-1]) if self.knows_ranges else 0
        end = self.breaks_at.pop(0) if self.breaks_at else len(self.stored)
        return httpx.Response(206 if begin else 200, content=self.stored[begin:end])

    def requests(self) -> HttpRequests:
        addresses = {
            "registry": "https://registry.example",
            "report_request": "https://requests.example/",
            "exchange_adapter": "https://exchange.example",
        }
        return HttpRequests(
            Http(
                addresses,
                client_id="client",
                client_secret="hush",
                notice=self.notices.append,
                transport=httpx.MockTransport(self),
            )
        )

    def links(self) -> int:
        return sum(one.path.endswith("/links") for one in self.put)


def _answer(body: api.RequestResults | api.Request | api.Requests) -> httpx.Response:
    return httpx.Response(200, content=body.model_dump_json())


@pytest.fixture
def scheme(monkeypatch: pytest.MonkeyPatch) -> Scheme:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retries, "JITTER_S", 0.0)
    return Scheme()


async def test_rows_are_asked_at_once_and_each_has_its_answer(scheme: Scheme) -> None:
    ids = [uuid4() for _ in range(3)]
    wanted = [(request_id, asking(number)) for number, request_id in enumerate(ids, 1)]
    first, second, third = await scheme.requests().ask(wanted, Requester(email="me@alpha.example"))
    assert (first, third) == tuple(
        Taken(request_id=request_id, state="drafted", mail="sent") for request_id in (ids[0], ids[2])
    )
    assert not isinstance(second, Taken)
    assert (second.row, second.ref, second.field) == (3, "S-2", "entry_id")
    assert len(scheme.put) == 1
    assert b"audience=mrx.report_request" in scheme.asked[0].content


async def test_what_is_too_early_and_an_outage_are_ridden_over_with_the_same_key(scheme: Scheme) -> None:
    early = httpx.Response(409, json={"detail": "no released list has come here yet", "retryable": True})
    scheme.answers = [early, httpx.ConnectError("refused"), httpx.Response(503)]
    [answer] = await scheme.requests().ask([(uuid4(), asking(1))], Requester())
    assert isinstance(answer, Taken)
    posts = [one for one in scheme.asked if one.url.path.endswith("/bulk")]
    assert len(posts) == 4
    assert len({one.headers["Idempotency-Key"] for one in posts}) == 1
    assert scheme.notices == ["report_request does not answer"]


async def test_of_many_only_what_is_too_early_is_asked_again_under_another_key(scheme: Scheme) -> None:
    scheme.early = [asking(1).entry_id] * 2
    wanted = [(uuid4(), asking(number)) for number in (1, 2, 3)]
    first, second, third = await scheme.requests().ask(wanted, Requester())
    assert [type(one) for one in (first, second, third)] == [Taken, Fault, Taken]
    assert isinstance(first, Taken)
    assert first.request_id == wanted[0][0]
    assert [len(one.rows) for one in scheme.put] == [3, 1, 1]
    assert len({one.key for one in scheme.put}) == 3


async def test_requests_are_read_page_by_page(scheme: Scheme) -> None:
    scheme.kept = [uuid4() for _ in range(401)]
    found = await scheme.requests().requests("decided")
    assert [one.request_id for one in found] == scheme.kept
    assert (found[0].outcome, found[0].valid_until) == ("accepted", date(2027, 6, 30))
    assert found[0].report == REPORT
    assert {one.url.params["state"] for one in scheme.asked[1:]} == {"decided"}


async def test_the_same_step_again_has_the_same_key_and_another_step_another(scheme: Scheme) -> None:
    requests, request_id = scheme.requests(), uuid4()
    accepted = Verdict(request_id=request_id, outcome="accepted", valid_until=date(2027, 1, 31))
    for _ in range(2):
        await requests.decide(accepted)
    await requests.decide(Verdict(request_id=request_id, outcome="refused", reason="too old"))
    await requests.withdraw(request_id, None)
    await requests.readdress(request_id, email="new@halden.example", name=None, language=None)
    keys = [one.key for one in scheme.put]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert isinstance(scheme.put[0].body, api.NewDecision)
    assert scheme.put[0].body.valid_until == date(2027, 1, 31)


async def test_a_downloaded_report_is_waited_for_until_it_is_known_to_be_opened(
    scheme: Scheme, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "LOOK_AGAIN", 0)
    request_id = UUID(int=5)
    unread = shown(request_id, state="available")
    assert unread.report is not None
    read = unread.model_copy(update={"report": unread.report.model_copy(update={"read_at": NOW})})
    scheme.answers = [_answer(unread), _answer(unread), _answer(read)]
    await scheme.requests().until_opened([request_id])
    assert scheme.answers == []


async def test_a_confirmation_and_asking_again_are_said_only_where_they_are_meant(scheme: Scheme) -> None:
    requests = scheme.requests()
    await requests.decide(Verdict(request_id=UUID(int=5), outcome="accepted"))
    await requests.decide(Verdict(request_id=UUID(int=5), outcome="accepted", same_file_confirmed=True))
    await requests.ask([(UUID(int=6), asking(1))], Requester())
    await requests.ask([(UUID(int=6), asking(1))], Requester(), again=True)
    bodies = [one.content for one in scheme.asked if one.url.path != "/v1/token"]
    assert [b"same_file_confirmed" in one for one in bodies] == [False, True, False, False]
    assert [b'"again"' in one for one in bodies] == [False, False, False, True]


async def test_an_impossible_step_says_what_is_possible(scheme: Scheme) -> None:
    problem = {
        "detail": "the request is sent: no decision now",
        "field": "state",
        "remedy": "possible now: x",
    }
    scheme.answers = [httpx.Response(409, json=problem)]
    with pytest.raises(Rejected, match="no decision now") as refused:
        await scheme.requests().decide(Verdict(request_id=uuid4(), outcome="accepted"))
    assert (refused.value.field, refused.value.remedy) == ("state", "possible now: x")


async def test_a_report_is_kept_whole_and_for_its_owner_alone(scheme: Scheme, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    path = tmp_path / "reports" / "one.pdf"
    await scheme.requests().download(REPORT, path, lambda done, of: told.append((done, of)))
    assert path.read_bytes() == CONTENT
    assert path.stat().st_mode & 0o077 == 0
    assert told[-1] == (REPORT.size, REPORT.size)
    assert list(path.parent.iterdir()) == [path]
    assert b"audience=mrx.exchange_adapter" in scheme.asked[0].content


async def test_an_interrupted_download_goes_on_where_it_stopped_with_a_new_link(
    scheme: Scheme, tmp_path: Path
) -> None:
    scheme.breaks_at = [3_000_000, 5_000_000]
    await scheme.requests().download(REPORT, tmp_path / "one.pdf", unseen)
    assert (tmp_path / "one.pdf").read_bytes() == CONTENT
    ranges = [one.headers.get("Range") for one in scheme.asked if one.url.path == "/stored"]
    assert ranges == [None, "bytes=3000000-", "bytes=5000000-"]
    assert len({one.key for one in scheme.put}) == scheme.links() == 3


async def test_a_download_goes_on_though_the_program_was_ended(scheme: Scheme, tmp_path: Path) -> None:
    (tmp_path / f".{REPORT.sha256}.partial").write_bytes(CONTENT[:7_000_000])
    await scheme.requests().download(REPORT, tmp_path / "one.pdf", unseen)
    assert (tmp_path / "one.pdf").read_bytes() == CONTENT
    assert scheme.asked[-1].headers["Range"] == "bytes=7000000-"


async def test_a_store_that_cannot_go_on_in_the_middle_is_read_from_the_beginning(
    scheme: Scheme, tmp_path: Path
) -> None:
    scheme.knows_ranges = False
    (tmp_path / f".{REPORT.sha256}.partial").write_bytes(CONTENT[:7_000_000])
    await scheme.requests().download(REPORT, tmp_path / "one.pdf", unseen)
    assert (tmp_path / "one.pdf").read_bytes() == CONTENT


@pytest.mark.parametrize("stored", [CONTENT[:-1] + b"x", CONTENT + b"x"], ids=["other bytes", "more bytes"])
async def test_an_altered_report_is_refused_and_not_kept(
    stored: bytes, scheme: Scheme, tmp_path: Path
) -> None:
    scheme.stored = stored
    with pytest.raises(Rejected, match="altered"):
        await scheme.requests().download(REPORT, tmp_path / "one.pdf", unseen)
    assert not any(tmp_path.iterdir())  # noqa: ASYNC240
    scheme.stored = CONTENT
    await scheme.requests().download(REPORT, tmp_path / "one.pdf", unseen)


async def test_a_link_to_another_report_is_refused_and_not_followed(scheme: Scheme, tmp_path: Path) -> None:
    scheme.linked = Report(report_id=REPORT.report_id, sha256="0" * 64, size=REPORT.size)
    with pytest.raises(Rejected, match="altered"):
        await scheme.requests().download(REPORT, tmp_path / "one.pdf", unseen)
    assert [one.url.path for one in scheme.asked if one.url.host == "objects.example"] == []


async def test_an_address_that_an_older_profile_lacks_is_named(scheme: Scheme) -> None:
    settings = MemberSettings(registry_url="https://registry.example")
    requests = HttpRequests(
        Http(settings.addresses, client_id="c", client_secret="s", notice=scheme.notices.append)
    )
    with pytest.raises(Invalid, match="report_request_url is not set") as refused:
        await requests.numbers()
    assert "MRX_MEMBER_REPORT_REQUEST_URL" in str(refused.value.remedy)
    with pytest.raises(Invalid, match="exchange_adapter_url is not set"):
        await requests.download(REPORT, Path("nowhere.pdf"), unseen)


async def test_a_contact_that_no_service_would_read_is_refused_with_its_field(scheme: Scheme) -> None:
    with pytest.raises(Invalid) as refused:
        await scheme.requests().readdress(uuid4(), email="x" * 1001, name=None, language=None)
    assert refused.value.field == "contact_email"
    assert scheme.asked == []


async def test_what_is_wrong_with_a_row_goes_to_the_service_that_judges_it() -> None:
    scheme, odd = Scheme(), replace(asking(1), supplier_name="x" * 2000, term_days=2**40)
    scheme.answers = [
        httpx.Response(
            200,
            json={
                "taken": 0,
                "refused": 1,
                "rows": [
                    {
                        "row": 1,
                        "request": None,
                        "refused": {
                            "field": "supplier.name",
                            "reason": "is too long",
                            "remedy": "shorten it",
                            "retryable": False,
                        },
                    }
                ],
            },
        )
    ]
    (fault,) = await scheme.requests().ask([(uuid4(), odd)], Requester())
    assert isinstance(fault, Fault)
    assert (fault.row, fault.field, fault.remedy) == (2, "supplier.name", "shorten it")


async def test_an_outcome_that_nobody_knows_is_refused_by_its_field() -> None:
    with pytest.raises(Invalid) as refused:
        await Scheme().requests().decide(Verdict(request_id=uuid4(), outcome="perhaps"))
    assert refused.value.field == "outcome"
