"""The HTTP client of the services: whose token, how often, what a refusal becomes, and answers that do not fit."""

import asyncio
import json
from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from mrx_shared.api.bodies import Answer, RequestBody
from mrx_shared.kit import client as kit
from mrx_shared.kit import retries
from mrx_shared.kit.client import Client, Headers, Notice, Services, Tokens
from mrx_shared.kit.retries import Unreachable
from mrx_shared.refusals import Faulty, Forbidden, Invalid, RateLimited, Rejected, Unavailable, Unknown

NAMES = ("registry", "aggregation", "report_request")


class NewThing(RequestBody):
    name: str
    note: str | None = None


class Thing(Answer):
    thing_id: UUID
    name: str


class Things(Answer):
    things: tuple[Thing, ...]


THING = {"thing_id": "0192f0c1-0000-7000-8000-000000000001", "name": "one"}


class Line:
    """Answers calls in turn, the last for ever, and keeps what was asked; tokens are given out beside."""

    def __init__(self, *answers: httpx.Response | Exception, expires_in: int = 300) -> None:
        self._answers = list(answers)
        self._expires_in = expires_in
        self.asked: list[httpx.Request] = []
        self.tokens: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/v1/token":
            self.tokens.append(request)
            return httpx.Response(
                200, json={"access_token": f"token-{len(self.tokens)}", "expires_in": self._expires_in}
            )
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def services(self, *, patience_s: float | None = 5, notice: Notice | None = None) -> Services:
        urls = dict.fromkeys(NAMES, "http://services/")
        transport = httpx.MockTransport(self)
        return Services(urls, transport=transport, patience_s=patience_s, notice=notice)

    def client(self, *, patience_s: float | None = 5, notice: Notice | None = None) -> Client:
        services = self.services(patience_s=patience_s, notice=notice)
        return Client(services, Tokens.of_client(services, "an-id", "a-secret"))


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retries, "JITTER_S", 0.0)


def done() -> httpx.Response:
    return httpx.Response(200, json=THING | {"added_later": True})


def problem(status: int, **more: object) -> httpx.Response:
    return httpx.Response(status, json={"title": "No", "status": status, "detail": "no", **more})


async def test_an_answer_comes_in_its_class_without_what_the_reader_does_not_know() -> None:
    line = Line(done())
    found = await line.client().get("registry", "/v1/things/1", Thing, state="open", after=None)
    assert found == Thing(thing_id=UUID(THING["thing_id"]), name="one")
    assert line.asked[0].url.query == b"state=open"


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b'{"things": [{"thing_id": "secret", "name": 3}]}', "things.0.name, things.0.thing_id"),
        (b"<html>secret</html>", "the body"),
    ],
)
async def test_an_answer_that_does_not_fit_names_the_places_and_shows_no_value(
    content: bytes, names: str
) -> None:
    line = Line(httpx.Response(200, content=content))
    with pytest.raises(Unavailable, match=f"aggregation.* Things: {names}") as misfit:
        await line.client().get("aggregation", "/v1/things", Things)
    assert "secret" not in str(misfit.value)


async def test_a_token_is_had_once_for_each_service_with_the_clients_secret() -> None:
    line = Line(done())
    client = line.client()
    for service in ("registry", "aggregation", "registry"):
        await client.get(service, "/v1/things/1", Thing)
    assert [one.content.decode() for one in line.tokens] == [
        "grant_type=client_credentials&audience=mrx.registry",
        "grant_type=client_credentials&audience=mrx.aggregation",
    ]
    assert line.tokens[0].headers["authorization"] == httpx.BasicAuth("an-id", "a-secret")._auth_header
    assert [one.headers["authorization"] for one in line.asked] == [
        "Bearer token-1",
        "Bearer token-2",
        "Bearer token-1",
    ]


async def test_a_token_is_replaced_before_it_expires() -> None:
    line = Line(done(), expires_in=int(kit.FRESH_S) - 1)
    client = line.client()
    for _ in range(2):
        await client.get("registry", "/v1/things/1", Thing)
    assert line.asked[-1].headers["authorization"] == "Bearer token-2"


async def test_a_token_that_is_refused_before_its_time_is_renewed_once() -> None:
    line = Line(problem(401), done())
    await line.client().post("registry", "/v1/things", NewThing(name="one"), Thing)
    assert [one.headers["authorization"] for one in line.asked] == ["Bearer token-1", "Bearer token-2"]
    assert len({one.headers["idempotency-key"] for one in line.asked}) == 1

    line = Line(problem(401))
    with pytest.raises(Forbidden):
        await line.client().get("registry", "/v1/things/1", Thing)
    assert len(line.asked) == 2


async def test_fixed_credentials_are_not_renewed_and_the_caller_says_what_a_refusal_means() -> None:
    line = Line(problem(401))
    client = Client(
        line.services(), Headers({"MRX-Session": "a-session"}), unauthorized=lambda _: LookupError()
    )
    with pytest.raises(LookupError):
        await client.get("registry", "/v1/sign-ins/current", Thing)
    [asked] = line.asked
    assert asked.headers["mrx-session"] == "a-session"
    assert "authorization" not in asked.headers


async def test_a_call_is_tried_again_under_its_key_while_a_service_is_away() -> None:
    away: list[httpx.Response | Exception] = [
        problem(503),
        httpx.ConnectError("no"),
        problem(409, retryable=True),
        httpx.Response(502),
    ]
    line = Line(*away, done())
    heard: list[str] = []
    await line.client(notice=heard.append).post("registry", "/v1/things", NewThing(name="one"), Thing)
    assert len(line.asked) == 5
    assert len({one.headers["idempotency-key"] for one in line.asked}) == 1
    assert heard == ["registry"]


async def test_each_post_has_a_key_of_its_own_unless_the_caller_states_it() -> None:
    line = Line(done())
    client = line.client()
    for key in (None, None, "a-key-of-a-page"):
        await client.post("registry", "/v1/things", key=key)
    first, second, stated = (one.headers["idempotency-key"] for one in line.asked)
    assert first != second
    assert stated == "a-key-of-a-page"


async def test_a_field_that_was_not_set_is_not_sent_to_a_service_that_may_be_older() -> None:
    line = Line(done())
    await line.client().post("registry", "/v1/things", NewThing(name="one"))
    assert json.loads(line.asked[0].content) == {"name": "one"}


@pytest.mark.parametrize("fault", [problem(503), httpx.ConnectError("no"), httpx.ReadTimeout("late")])
async def test_patience_ends_with_the_name_of_the_service(fault: httpx.Response | Exception) -> None:
    line = Line(fault)
    with pytest.raises(Unavailable, match="report_request"):
        await line.client(patience_s=0.1).get("report_request", "/v1/things", Things)
    assert len(line.asked) > 1


async def test_a_server_that_asks_to_come_again_after_the_patience_is_not_waited_for() -> None:
    line = Line(httpx.Response(503, headers={"Retry-After": "30"}))
    with pytest.raises(Unavailable):
        await line.client(patience_s=20).get("registry", "/v1/things", Things)
    assert len(line.asked) == 1


async def test_retry_after_is_waited_for_within_the_patience() -> None:
    line = Line(httpx.Response(503, headers={"Retry-After": "1"}), done())
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await line.client(patience_s=20).get("registry", "/v1/things/1", Thing)
    assert len(line.asked) == 1


async def test_a_failure_within_the_service_is_not_tried_again() -> None:
    line = Line(problem(500))
    with pytest.raises(Unavailable, match="registry: no"):
        await line.client().get("registry", "/v1/things", Things)
    assert len(line.asked) == 1


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Invalid), (403, Forbidden), (404, Unknown), (409, Rejected), (413, Invalid), (422, Invalid)],
)
async def test_a_refusal_keeps_its_words_field_row_and_remedy(status: int, kind: type[Rejected]) -> None:
    line = Line(problem(status, detail="not so", field="name", row=3, remedy="do otherwise"))
    with pytest.raises(kind, match="not so") as refused:
        await line.client().get("registry", "/v1/things", Things)
    assert (refused.value.field, refused.value.row, refused.value.remedy) == ("name", 3, "do otherwise")
    assert len(line.asked) == 1


async def test_every_fault_of_an_input_comes_through() -> None:
    faults = [{"detail": "not so", "field": "relation", "row": 2}, {"detail": "nor so", "row": 9}]
    line = Line(problem(422, detail="not so", field="relation", row=2, faults=faults, more=7))
    with pytest.raises(Faulty) as refused:
        await line.client().get("registry", "/v1/things", Things)
    assert [(one.reason, one.field, one.row) for one in refused.value.faults] == [
        ("not so", "relation", 2),
        ("nor so", None, 9),
    ]
    assert refused.value.more == 7


async def test_a_rate_limit_says_when_to_come_again() -> None:
    line = Line(httpx.Response(429, json={"detail": "slower"}, headers={"Retry-After": "7"}))
    with pytest.raises(RateLimited, match="slower") as limited:
        await line.client().get("registry", "/v1/things", Things)
    assert limited.value.seconds == 7


async def test_what_the_token_endpoint_refuses_is_told_in_its_own_field() -> None:
    refusal = {"error": "invalid_client", "error_description": "this client id and secret do not fit"}
    services = Services(
        {"registry": "http://registry"},
        transport=httpx.MockTransport(lambda _: httpx.Response(401, json=refusal)),
    )
    with pytest.raises(Forbidden, match="do not fit"):
        await Client(services, Tokens.of_client(services, "an-id", "wrong")).get(
            "registry", "/v1/things", Things
        )


async def test_a_service_without_an_address_is_named() -> None:
    with pytest.raises(Invalid) as refused:
        await Line(done()).client().get("notification", "/v1/mails", Things)
    assert refused.value.field == "notification_url"


CONTENT = bytes(range(256)) * 10


def ranged(request: httpx.Request) -> httpx.Response:
    start = int(request.headers.get("range", "bytes=0-")[6:-1])
    return httpx.Response(206 if start else 200, content=CONTENT[start:])


@pytest.mark.parametrize("storage", [ranged, lambda _: httpx.Response(200, content=CONTENT)])
@pytest.mark.parametrize("start", [0, 700])
async def test_a_download_goes_on_from_where_it_stopped_without_credentials(
    storage: Callable[[httpx.Request], httpx.Response], start: int
) -> None:
    asked: list[httpx.Request] = []

    def kept(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return storage(request)

    got = bytearray(CONTENT[:start])
    await Services({}, transport=httpx.MockTransport(kept)).download(
        "http://storage/signed", got.extend, start=start
    )
    assert bytes(got) == CONTENT
    assert "authorization" not in asked[0].headers


async def test_a_link_that_leads_nowhere_is_away_and_shows_itself_to_nobody() -> None:
    services = Line(httpx.Response(403)).services()
    with pytest.raises(Unreachable) as away:
        await services.download("http://storage/signed?X-Signature=secret", bytearray().extend)
    assert "secret" not in str(away.value)


def test_no_secret_is_shown_where_credentials_are_printed() -> None:
    services = Line(done()).services()
    shown = repr(Headers({"MRX-Page-Token": "secret"})) + repr(Tokens.of_session(services, "secret"))
    assert "secret" not in shown


class SlowRegistry:
    """Gives out tokens once it is let go, at once for other services than report_request; the services answer at once."""

    def __init__(self) -> None:
        self.begun, self.let_go = asyncio.Event(), asyncio.Event()
        self.asked: list[bytes] = []
        services = Services(dict.fromkeys(NAMES, "http://services"), transport=httpx.MockTransport(self))
        self.client = Client(services, Tokens.of_client(services, "an-id", "a-secret"))

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v1/token":
            return done()
        self.asked.append(request.content)
        if b"report_request" in request.content:
            self.begun.set()
            await self.let_go.wait()
        await asyncio.sleep(0)
        return httpx.Response(200, json={"access_token": "a-token", "expires_in": 300})

    async def call(self, service: str) -> str:
        return (await self.client.get(service, "/v1/things", Thing)).name


async def test_one_slow_token_does_not_hold_up_the_calls_to_other_services() -> None:
    registry = SlowRegistry()
    async with asyncio.timeout(5), asyncio.TaskGroup() as calls:
        slow = [calls.create_task(registry.call("report_request")) for _ in range(3)]
        await registry.begun.wait()
        await registry.call("aggregation")
        assert not any(one.done() for one in slow)
        registry.let_go.set()
    assert len(registry.asked) == 2


async def test_who_gives_up_waiting_for_a_token_does_not_take_it_from_the_others() -> None:
    registry = SlowRegistry()
    first, second = (asyncio.ensure_future(registry.call("report_request")) for _ in range(2))
    await registry.begun.wait()
    first.cancel()
    registry.let_go.set()
    async with asyncio.timeout(5):
        assert await second == "one"
    assert len(registry.asked) == 1


def test_a_program_may_call_from_one_event_loop_after_the_other() -> None:
    registry = SlowRegistry()

    async def together(service: str) -> list[str]:
        return await asyncio.gather(*[registry.call(service) for _ in range(2)])

    assert asyncio.run(together("aggregation")) == ["one", "one"]
    assert asyncio.run(together("registry")) == ["one", "one"]


async def test_a_problem_with_one_odd_part_keeps_the_others() -> None:
    odd = httpx.Response(409, json={"detail": None, "title": 7, "field": "name", "remedy": "choose another"})
    client = Line(odd).client()
    with pytest.raises(Rejected) as refused:
        await client.get("aggregation", "/v1/things", Thing)
    assert (refused.value.field, refused.value.remedy) == ("name", "choose another")
    assert refused.value.reason == "aggregation answered 409"
