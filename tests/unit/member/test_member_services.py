"""The HTTP adapter: tokens, outages, refusals page by page, documents that must be what was released."""

from collections.abc import Callable
from datetime import date
from hashlib import sha256
from pathlib import Path
from uuid import UUID

import httpx
import pytest
from mrx_member.adapters.http import Http
from mrx_member.adapters.services import HttpServices
from mrx_member.handlers.waiting import unseen
from mrx_shared.api.aggregation import Link, Release
from mrx_shared.kit import retries
from mrx_shared.messages.aggregation import ListReceived
from mrx_shared.refusals import Forbidden, Rejected, Unavailable, Unknown

from tests.unit.member.conftest import NOW

RELEASE = Release(
    release_id=UUID(int=1),
    round_id=UUID(int=2),
    as_of=date(2026, 6, 30),
    rows=1,
    held=None,
    documents={"list.csv": sha256(b"the list").hexdigest()},
    released_at=NOW,
)


class Scheme:
    """Registry, aggregation and object storage in one. `answers` are given first, in order."""

    def __init__(self) -> None:
        self.asked: list[httpx.Request] = []
        self.answers: list[httpx.Response | Exception] = []
        self.refused_rows = 0
        self.stored = b"the list"
        self.notices: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        known: dict[str, Callable[[httpx.Request], httpx.Response]] = {
            "/v1/token": lambda _: httpx.Response(200, json={"access_token": "t-1", "expires_in": 300}),
            "/v1/releases/latest": self._latest,
            f"/v1/releases/{RELEASE.release_id}/links": self._link,
            "/v1/lists/x/refusals": self._refusals,
            "/stored": lambda _: httpx.Response(200, content=self.stored),
        }
        if request.url.path in known:
            return known[request.url.path](request)
        return httpx.Response(404, json={"detail": "no such thing", "retryable": False})

    def _latest(self, _request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=RELEASE.model_dump_json())

    def _link(self, request: httpx.Request) -> httpx.Response:
        assert request.headers["Idempotency-Key"]
        return link("https://objects.example/stored", RELEASE.documents["list.csv"])

    def _refusals(self, request: httpx.Request) -> httpx.Response:
        after, limit = (int(request.url.params[name]) for name in ("after_row", "limit"))
        rows = range(after + 1, min(after + limit, self.refused_rows) + 1)
        part = {"row_ref": "", "field": "country", "reason": "r", "remedy": "r"}
        return httpx.Response(200, json={"refusals": [{"row": row, **part} for row in rows]})

    def services(self) -> HttpServices:
        return HttpServices(
            Http(
                {"registry": "https://registry.example", "aggregation": "https://aggregation.example/"},
                client_id="client",
                client_secret="hush",
                notice=self.notices.append,
                transport=httpx.MockTransport(self),
            )
        )

    def paths(self) -> list[str]:
        return [request.url.path for request in self.asked]


def link(url: str | None, sha256: str) -> httpx.Response:
    minted = Link(url=url, expires_at=NOW, sha256=sha256)
    return httpx.Response(201, content=minted.model_dump_json())


@pytest.fixture
def scheme(monkeypatch: pytest.MonkeyPatch) -> Scheme:
    monkeypatch.setattr(retries, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(retries, "JITTER_S", 0.0)
    return Scheme()


def receipt(refused: int, path: str = "/v1/lists/x/refusals") -> ListReceived:
    return ListReceived(
        list_id=UUID(int=2),
        revision=1,
        state="accepted",
        reason=None,
        remedy=None,
        rows=refused,
        accepted=0,
        refused=refused,
        waiting=0,
        round_id=None,
        refusals=[],
        details_path=path,
        received_at=NOW,
    )


async def test_one_token_for_the_right_audience_serves_several_calls(scheme: Scheme) -> None:
    services = scheme.services()
    await services.latest_release()
    await services.latest_release()
    assert scheme.paths() == ["/v1/token", "/v1/releases/latest", "/v1/releases/latest"]
    assert b"audience=mrx.aggregation" in scheme.asked[0].content
    assert {request.headers["Authorization"] for request in scheme.asked[1:]} == {"Bearer t-1"}


async def test_a_service_that_restarts_is_asked_again_and_said_once(scheme: Scheme) -> None:
    token = httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})
    retryable = httpx.Response(409, json={"detail": "not yet", "retryable": True})
    scheme.answers = [httpx.ConnectError("refused"), httpx.Response(503), token, retryable]
    found = await scheme.services().latest_release()
    assert found == RELEASE
    assert scheme.notices == ["aggregation does not answer"]


async def test_refused_credentials_are_not_tried_again(scheme: Scheme) -> None:
    scheme.answers = [
        httpx.Response(401, json={"error": "invalid_client", "error_description": "unknown client"})
    ]
    with pytest.raises(Forbidden, match="unknown client") as refused:
        await scheme.services().latest_release()
    assert "hush" not in str(refused.value)
    assert len(scheme.asked) == 1


async def test_before_the_first_release_there_is_none(scheme: Scheme) -> None:
    token = httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})
    scheme.answers = [token, httpx.Response(404, json={"detail": "none yet"})]
    assert await scheme.services().latest_release() is None


async def test_all_refusals_are_read_page_by_page(scheme: Scheme) -> None:
    scheme.refused_rows = 4_321
    found = await scheme.services().refusals(receipt(4_321))
    assert [refusal.row for refusal in found] == list(range(1, 4_322))
    assert len(scheme.asked) == 4


async def test_a_path_that_leaves_the_service_does_not_get_the_token(scheme: Scheme) -> None:
    with pytest.raises(Unavailable):
        await scheme.services().refusals(receipt(1, path="https://elsewhere.example/v1/"))
    assert scheme.asked == []


async def test_a_problem_keeps_its_field_row_and_remedy(scheme: Scheme) -> None:
    problem = {"detail": "no such list", "field": "list_id", "row": 3, "remedy": "look again"}
    scheme.answers = [
        httpx.Response(200, json={"access_token": "t", "expires_in": 300}),
        httpx.Response(404, json=problem),
    ]
    with pytest.raises(Unknown) as refused:
        await scheme.services().refusals(receipt(1))
    assert (refused.value.field, refused.value.row, refused.value.remedy) == ("list_id", 3, "look again")


async def test_a_document_is_kept_once_it_is_what_was_released(scheme: Scheme, tmp_path: Path) -> None:
    services = scheme.services()
    await services.documents(RELEASE, ["list.csv"], tmp_path / "release", unseen)
    assert (tmp_path / "release" / "list.csv").read_bytes() == b"the list"
    assert "Authorization" not in scheme.asked[-1].headers
    asked = len(scheme.asked)
    await services.documents(RELEASE, ["list.csv"], tmp_path / "release", unseen)
    assert len(scheme.asked) == asked


async def test_an_altered_document_is_refused_and_not_kept(scheme: Scheme, tmp_path: Path) -> None:
    scheme.stored = b"another list"
    with pytest.raises(Rejected, match="altered"):
        await scheme.services().documents(RELEASE, ["list.csv"], tmp_path, unseen)
    assert not (tmp_path / "list.csv").exists()


async def test_a_link_that_has_run_out_is_minted_again(scheme: Scheme, tmp_path: Path) -> None:
    services = scheme.services()
    token = httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})
    scheme.answers = [token, link("https://objects.example/old", "x"), httpx.Response(403)]
    await services.documents(RELEASE, ["list.csv"], tmp_path, unseen)
    assert scheme.paths().count(f"/v1/releases/{RELEASE.release_id}/links") == 2


async def test_a_link_that_was_lost_on_its_way_is_minted_again(scheme: Scheme, tmp_path: Path) -> None:
    token = httpx.Response(200, json={"access_token": "t-1", "expires_in": 300})
    scheme.answers = [token, link(None, RELEASE.documents["list.csv"])]
    await scheme.services().documents(RELEASE, ["list.csv"], tmp_path, unseen)
    links = [one for one in scheme.asked if one.url.path.endswith("/links")]
    assert len({one.headers["Idempotency-Key"] for one in links}) == len(links) == 2
