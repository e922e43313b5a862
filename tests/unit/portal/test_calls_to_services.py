"""Calls to the services for whoever looks at a page: whose token, and when somebody counts as signed out."""

import json
from uuid import UUID

import httpx
import pytest
from mrx_portal.adapters.services import Begun, HttpServices
from mrx_portal.ports import Service, SignedOut
from mrx_shared.api.registry import Done, Members
from mrx_shared.kit.client import Services
from mrx_shared.refusals import Unavailable

REGISTRY = Service.REGISTRY
SESSION = "session-0"
PERSON = {
    "principal_id": str(UUID(int=1)),
    "name": "Ada",
    "role": "member",
    "member_id": str(UUID(int=2)),
    "member_name": "N",
    "expires_at": "2026-01-02T03:04:05Z",
}


class Line:
    """Answers calls in turn, the last for ever, and keeps what was asked; tokens are given out beside."""

    def __init__(self, *answers: httpx.Response | Exception, ended: bool = False) -> None:
        self._answers = list(answers)
        self._ended = ended
        self.asked: list[httpx.Request] = []
        self.tokens: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/token":
            self.tokens.append(request.content.decode())
            if self._ended:
                return httpx.Response(400, json={"error": "invalid_grant", "error_description": "ended"})
            return httpx.Response(200, json={"access_token": f"token-{len(self.tokens)}", "expires_in": 300})
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


def services(line: Line) -> HttpServices:
    urls = dict.fromkeys(map(str, Service), "http://services")
    return HttpServices(Services(urls, transport=httpx.MockTransport(line), patience_s=0.3))


def done() -> httpx.Response:
    return httpx.Response(200, json={"done": True})


def problem(status: int) -> httpx.Response:
    return httpx.Response(status, json={"title": "No", "status": status, "detail": "no"})


async def test_a_person_has_one_token_for_each_service_over_all_pages() -> None:
    line = Line(done())
    both = services(line)
    for service in (Service.BENCHMARK, Service.AGGREGATION, Service.BENCHMARK):
        await both.as_person(SESSION).get(service, "/v1/anything", Done)
    assert len(line.tokens) == 2
    assert [one.headers["authorization"] for one in line.asked] == [
        "Bearer token-1",
        "Bearer token-2",
        "Bearer token-1",
    ]


async def test_two_people_never_share_a_token() -> None:
    line = Line(done())
    both = services(line)
    await both.as_person(SESSION).get(REGISTRY, "/v1/anything", Done)
    await both.as_person("session-1").get(REGISTRY, "/v1/anything", Done)
    assert len(line.tokens) == 2
    assert "session-1" in line.tokens[1]


async def test_a_token_that_is_refused_before_its_time_is_replaced_once() -> None:
    line = Line(problem(401), done())
    await services(line).as_person(SESSION).get(REGISTRY, "/v1/anything", Done)
    assert len(line.tokens) == 2
    line = Line(problem(401))
    with pytest.raises(SignedOut):
        await services(line).as_person(SESSION).get(REGISTRY, "/v1/anything", Done)
    assert len(line.asked) == 2


async def test_a_session_that_gets_no_token_has_ended() -> None:
    line = Line(done(), ended=True)
    with pytest.raises(SignedOut):
        await services(line).as_person(SESSION).get(REGISTRY, "/v1/anything", Done)
    assert line.asked == []


async def test_patience_ends_with_the_name_of_the_service() -> None:
    with pytest.raises(Unavailable, match="report_request"):
        await (
            services(Line(problem(503))).as_supplier("a-token").get(Service.REPORT_REQUEST, "/v1/pages", Done)
        )


async def test_a_page_token_travels_in_its_header_alone() -> None:
    line = Line(done())
    await (
        services(line)
        .as_supplier("the-page-token")
        .post(Service.REPORT_REQUEST, "/v1/pages/opening", key="k")
    )
    [asked] = line.asked
    assert asked.headers["mrx-page-token"] == "the-page-token"
    assert "authorization" not in asked.headers
    assert "the-page-token" not in str(asked.url)


async def test_a_session_is_asked_for_once_in_a_while_and_forgotten_at_sign_out() -> None:
    line = Line(httpx.Response(200, json=PERSON))
    one = services(line)
    for _ in range(3):
        assert (await one.person(SESSION)).home == "/member"
    assert len(line.asked) == 1
    await one.sign_out(SESSION)
    await one.person(SESSION)
    assert [asked.method for asked in line.asked] == ["GET", "POST", "GET"]


async def test_a_registry_that_knows_no_marks_is_sent_none_and_need_give_none() -> None:
    line = Line(httpx.Response(201, json={"session": SESSION} | PERSON), done())
    one = services(line)
    assert (await one.sign_in("ada@acme.example", "a password")).browser is None
    assert json.loads(line.asked[0].content) == {"email": "ada@acme.example", "password": "a password"}
    assert await one.set_password("a token", "a password") is None


async def test_an_answer_that_a_page_cannot_read_is_an_outage_and_shows_no_value() -> None:
    line = Line(httpx.Response(200, json={"members": [{"name": "secret"}]}))
    with pytest.raises(Unavailable, match=r"registry.*members") as misfit:
        await services(line).as_person(SESSION).get(REGISTRY, "/v1/members", Members)
    assert "secret" not in str(misfit.value)


def test_no_secret_is_shown_where_an_api_is_printed() -> None:
    one = services(Line(done()))
    assert "a-secret" not in repr(one.as_person("a-secret")) + repr(one.as_supplier("a-secret"))


async def test_a_session_shows_in_no_repr() -> None:
    begun = Begun.model_validate({**PERSON, "session": "hush", "browser": "hush-too"})
    assert begun.session == "hush"
    assert "hush" not in repr(begun)
