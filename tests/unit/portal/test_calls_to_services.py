"""Calls to the services: whose token, how often, and what a refusal becomes."""

import json
from collections.abc import Callable

import httpx
import pytest
from mrx_portal.adapters.services import HttpServices, Kept
from mrx_portal.ports import Service, SignedOut, TooOften
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unavailable, Unknown

REGISTRY = Service.REGISTRY
SESSION = "session-0"


class Line:
    """Answers calls in turn, the last for ever, and keeps what was asked; tokens are given out beside."""

    def __init__(self, *answers: httpx.Response | Exception) -> None:
        self._answers = list(answers)
        self.asked: list[httpx.Request] = []
        self.tokens: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/token":
            self.tokens.append(request.content.decode())
            return httpx.Response(200, json={"access_token": f"token-{len(self.tokens)}", "expires_in": 300})
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


Services = Callable[..., HttpServices]


@pytest.fixture
def services() -> Services:
    return lambda line, patience_s=0.3: HttpServices(
        dict.fromkeys(Service, "http://services"), transport=httpx.MockTransport(line), patience_s=patience_s
    )


def done() -> httpx.Response:
    return httpx.Response(200, json={"done": True})


def problem(status: int, **more: object) -> httpx.Response:
    return httpx.Response(status, json={"title": "No", "status": status, "detail": "no", **more})


async def test_a_token_is_had_once_for_each_service(services: Services) -> None:
    line = Line(done())
    api = services(line).as_person(SESSION)
    for service in (Service.BENCHMARK, Service.AGGREGATION, Service.BENCHMARK):
        await api.get(service, "/v1/anything", state="open", after=None)
    assert len(line.tokens) == 2
    assert [one.headers["authorization"] for one in line.asked] == [
        "Bearer token-1",
        "Bearer token-2",
        "Bearer token-1",
    ]
    assert {one.url.query for one in line.asked} == {b"state=open"}


async def test_two_people_never_share_a_token(services: Services) -> None:
    line = Line(done())
    both = services(line)
    await both.as_person(SESSION).get(REGISTRY, "/v1/members")
    await both.as_person("session-1").get(REGISTRY, "/v1/members")
    assert len(line.tokens) == 2
    assert "session-1" in line.tokens[1]


async def test_a_token_that_is_refused_before_its_time_is_replaced_once(services: Services) -> None:
    line = Line(problem(401), done())
    assert await services(line).as_person(SESSION).get(REGISTRY, "/v1/members") == {"done": True}
    assert len(line.tokens) == 2
    line = Line(problem(401))
    with pytest.raises(SignedOut):
        await services(line).as_person(SESSION).get(REGISTRY, "/v1/members")
    assert len(line.asked) == 2


async def test_a_call_is_tried_again_with_its_key_while_a_service_is_away(services: Services) -> None:
    line = Line(problem(503), problem(409, retryable=True), done())
    await (
        services(line, patience_s=20)
        .as_person(SESSION)
        .post(REGISTRY, "/v1/members", {"name": "x"}, key="the-key")
    )
    assert [one.headers["idempotency-key"] for one in line.asked] == ["the-key"] * 3


@pytest.mark.parametrize("fault", [problem(503), httpx.ConnectError("no"), httpx.ReadTimeout("late")])
async def test_patience_ends_with_the_name_of_the_service(
    services: Services, fault: httpx.Response | Exception
) -> None:
    with pytest.raises(Unavailable, match="report_request"):
        await services(Line(fault)).as_supplier("a-token").get(Service.REPORT_REQUEST, "/v1/pages")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Invalid), (403, Forbidden), (404, Unknown), (409, Rejected), (422, Invalid), (429, TooOften)],
)
async def test_a_refusal_keeps_its_words_field_and_remedy(
    services: Services, status: int, kind: type[Rejected]
) -> None:
    line = Line(problem(status, detail="not so", field="name", remedy="do otherwise"))
    with pytest.raises(kind, match="not so") as refused:
        await services(line).as_person(SESSION).get(REGISTRY, "/v1/members")
    assert refused.value.remedy == "do otherwise"
    assert len(line.asked) == 1


async def test_a_page_token_travels_in_its_header_alone(services: Services) -> None:
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


async def test_a_session_is_asked_for_once_in_a_while_and_forgotten_at_sign_out(services: Services) -> None:
    person = {"principal_id": "p", "name": "Ada", "role": "member", "member_id": "m", "member_name": "N"}
    line = Line(httpx.Response(200, json=person))
    one = services(line)
    for _ in range(3):
        assert (await one.person(SESSION)).home == "/member"
    assert len(line.asked) == 1
    await one.sign_out(SESSION)
    await one.person(SESSION)
    assert [asked.method for asked in line.asked] == ["GET", "POST", "GET"]


async def test_a_registry_that_knows_no_marks_is_sent_none_and_need_give_none(services: Services) -> None:
    begun = {"session": SESSION, "expires_at": "2026-01-02T03:04:05Z"}
    person = {"principal_id": "p", "name": "Ada", "role": "member", "member_id": "m", "member_name": "N"}
    line = Line(httpx.Response(201, json=begun | person), done())
    one = services(line)
    assert (await one.sign_in("ada@acme.example", "a password")).browser is None
    assert json.loads(line.asked[0].content) == {"email": "ada@acme.example", "password": "a password"}
    assert await one.set_password("a token", "a password") is None


def test_what_is_kept_stays_bounded_and_the_oldest_goes_first() -> None:
    kept: Kept[int] = Kept(most=2)
    for number in range(3):
        kept.put(f"key-{number}", number, 60)
    assert [kept.get(f"key-{number}") for number in range(3)] == [None, 1, 2]
    kept.put("key-2", 2, -1)
    assert kept.get("key-2") is None


def test_no_secret_is_shown_where_an_api_is_printed(services: Services) -> None:
    one = services(Line(done()))
    assert "a-secret" not in repr(one.as_person("a-secret")) + repr(one.as_supplier("a-secret"))
