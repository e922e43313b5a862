"""The commands over the services' HTTP APIs, which answer in memory."""

import json
from base64 import b64encode
from collections.abc import Collection, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import pytest
from mrx_operator import app as composition
from mrx_operator.adapters.services import connected
from mrx_operator.domain.chain import Link
from mrx_operator.entrypoints.cli import Part, commands
from mrx_operator.ports import Service, Tell
from mrx_shared.bus import relay
from mrx_shared.kit.command import run
from pydantic import SecretStr
from typing_extensions import override

LETTER = "01990000-0000-7000-8000-000000000001"
ANOTHER = "01990000-0000-7000-8000-000000000002"


def chain(length: int) -> list[dict[str, Any]]:
    links, before = [], b""
    for position in range(1, length + 1):
        row = Link(
            position=position,
            id=f"{position:032x}",
            topic="mrx.registry.v1",
            key="k",
            sequence=position,
            type="mrx.registry.member-admitted.v1",
            digest=bytes([position]) * 32,
            chain=b"",
        )
        before = relay.link(before, position=position, row=row)
        links.append(
            {
                "position": position,
                "id": row.id,
                "topic": row.topic,
                "key": row.key,
                "sequence": row.sequence,
                "type": row.type,
                "digest": b64encode(row.digest).decode(),
                "chain": b64encode(before).decode(),
                "erased": False,
                "digest_holds": True,
            }
        )
    return links


class Services:
    """Three services behind one transport; `asked` is every request, in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.away: set[str] = set()
        self.garbled: set[str] = set()
        self.faults: list[str] = []
        self.troubles: list[dict[str, Any]] = []
        self.letters: dict[str, dict[str, str]] = {"registry": {}, "benchmark": {}, "aggregation": {}}
        self.refused: set[str] = set()
        self.links = {"registry": chain(7), "benchmark": chain(2), "aggregation": []}

    def __call__(self, request: httpx.Request) -> httpx.Response:
        service, path = request.url.host, request.url.path
        if service in self.away:
            raise httpx.ConnectError("refused")
        if service in self.garbled:
            return httpx.Response(200, text="<html>a proxy's page</html>")
        if path == "/v1/token":
            form = parse_qs(request.content.decode())
            assert request.headers["authorization"].startswith("Basic ")
            return httpx.Response(200, json={"access_token": form["audience"][0], "expires_in": 300})
        if request.headers.get("authorization") != f"Bearer mrx.{service}":
            return httpx.Response(401, json={"title": "Unauthorized", "detail": "no such token"})
        self.asked.append(f"{request.method} {service} {path.removeprefix('/v1/operations')}")
        return self._answer(service, path.removeprefix("/v1/operations"), request)

    def _answer(self, service: str, path: str, request: httpx.Request) -> httpx.Response:
        letters = self.letters[service]
        known = path.split("/")[2] if path.startswith("/dead-letters/") else None
        if known is not None and known not in letters:
            return httpx.Response(404, json={"detail": "no such dead letter", "field": "id"})
        if path.endswith("/replay"):
            assert request.headers["idempotency-key"]
            if known in self.refused:
                return httpx.Response(409, json={"detail": "the list is closed"})
            del letters[str(known)]
            return httpx.Response(200, json={"id": known, "outcome": "handled"})
        after = int(request.url.params.get("after", 0))
        answers: dict[str, Any] = {
            "/status": {
                "service": service,
                "faults": self.faults,
                "troubles": self.troubles if service == "aggregation" else [],
                "outbox": {"said": 7, "unsent": 1, "parked": 0},
                "dead_letters": len(letters),
                "waiting": 0,
                "waiting_since": None,
            },
            "/dead-letters": {"dead_letters": [{"id": each, "reason": why} for each, why in letters.items()]},
            f"/dead-letters/{known}": {"id": known, "payload": {"data": {"site_name": "str"}}},
            "/outbox": {"unsent": [{"position": 3, "topic": "mrx.out.x", "error": "TopicAuthorization"}]},
            "/outbox/retry": {"outcome": "parked keys are tried again"},
            "/chain": {"links": [each for each in self.links[service] if each["position"] > after][:3]},
        }
        return httpx.Response(200, json=answers[path])


class Backend(composition.Backend):
    """The real backend, but for the network."""

    def __init__(self, answer: Services) -> None:
        self._answer = answer

    @override
    def services(self, credentials: Path | None) -> AbstractAsyncContextManager[Mapping[str, Service]]:
        return connected(
            {name: f"http://{name}" for name in ("registry", "benchmark", "aggregation")},
            client_id="operator",
            client_secret=SecretStr("secret"),
            transport=httpx.MockTransport(self._answer),
        )


@pytest.fixture
def services() -> Services:
    return Services()


def mrx(services: Services, *arguments: str) -> int:
    return run(commands(Backend(services)), list(arguments))


def test_status_shows_every_service(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    assert mrx(services, "status") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("registry", "benchmark", "aggregation", "ready"))


def test_a_step_that_fails_again_and_again_is_told_with_its_cause(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.troubles = [
        {
            "step": "releasing the round as of 2026-06-30",
            "cause": "object storage refused: InvalidRequest",
            "permanent": True,
            "since": "2026-07-01T14:05:00+00:00",
            "attempts": 12,
            "next_try_at": "2026-07-01T14:17:00+00:00",
        }
    ]
    assert mrx(services, "status") == 3
    shown = capsys.readouterr().out
    assert "degraded" in shown
    assert (
        "aggregation: releasing the round as of 2026-06-30 failed 12 times since 2026-07-01T14:05:00+00:00: "
        "object storage refused: InvalidRequest; this does not pass by itself. "
        "Next try at 2026-07-01T14:17:00+00:00."
    ) in shown
    services.troubles = []
    assert mrx(services, "status") == 0


def test_a_service_that_is_away_is_named_and_the_others_are_shown(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.away = {"benchmark"}
    assert mrx(services, "status", "--json") == 3
    shown = json.loads(capsys.readouterr().out)
    assert shown["benchmark"] == {"away": "benchmark: it does not answer"}
    assert shown["registry"]["outbox"]["said"] == 7


def test_a_service_that_answers_with_a_page_is_named_and_the_others_are_shown(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.garbled = {"benchmark"}
    assert mrx(services, "status", "--json") == 3
    shown = json.loads(capsys.readouterr().out)
    assert shown["benchmark"] == {"away": "benchmark answers without JSON"}
    assert shown["registry"]["outbox"]["said"] == 7


def test_a_fault_is_no_success(services: Services, capsys: pytest.CaptureFixture[str]) -> None:
    services.faults = ["the relay cannot send"]
    assert mrx(services, "status") == 3
    assert "the relay cannot send" in capsys.readouterr().out


def test_one_service_may_be_named_and_a_wrong_name_is_refused(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(services, "dead-letters", "list", "--service", "registry") == 0
    assert services.asked == ["GET registry /dead-letters"]
    assert mrx(services, "dead-letters", "list", "--service", "regstry") == 2
    assert "write one of registry, benchmark, aggregation" in capsys.readouterr().err


def test_a_dead_letter_is_found_wherever_it_lies(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.letters["aggregation"] = {LETTER: "no such country"}
    assert mrx(services, "dead-letters", "show", LETTER) == 0
    assert json.loads(capsys.readouterr().out)["service"] == "aggregation"
    assert mrx(services, "dead-letters", "show", ANOTHER) == 1


def test_a_dead_letter_that_may_lie_where_nobody_answers_is_not_called_unknown(services: Services) -> None:
    services.away = {"aggregation"}
    assert mrx(services, "dead-letters", "show", LETTER) == 3


def test_a_replayed_letter_is_handled_where_it_lies(services: Services) -> None:
    services.letters["benchmark"] = {LETTER: "x"}
    assert mrx(services, "dead-letters", "replay", LETTER) == 0
    assert services.letters["benchmark"] == {}


def test_all_dead_letters_are_replayed_also_behind_one_that_is_refused_again(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.letters["aggregation"] = {LETTER: "x", ANOTHER: "y"}
    services.refused = {LETTER}
    assert mrx(services, "dead-letters", "replay", "--all") == 1
    assert services.letters["aggregation"] == {LETTER: "x"}
    assert "refused: the list is closed" in capsys.readouterr().out


def test_replaying_nothing_in_particular_is_refused(services: Services) -> None:
    assert mrx(services, "dead-letters", "replay") == 2
    assert services.asked == []


def test_unsent_facts_are_listed_and_tried_again(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(services, "outbox", "list") == 0
    assert "TopicAuthorization" in capsys.readouterr().out
    assert mrx(services, "outbox", "retry") == 0
    assert "POST aggregation /outbox/retry" in services.asked


def test_logs_that_hold_are_walked_page_by_page_to_their_end(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    assert mrx(services, "verify", "--json") == 0
    walked = {each["service"]: each for each in json.loads(capsys.readouterr().out)}
    assert [walked[name]["links"] for name in ("registry", "benchmark", "aggregation")] == [7, 2, 0]


def test_a_log_that_was_altered_is_refused_with_its_place(
    services: Services, capsys: pytest.CaptureFixture[str]
) -> None:
    services.links["registry"][4]["key"] = "another"
    assert mrx(services, "verify") == 1
    shown = capsys.readouterr().out
    assert "registry: BROKEN" in shown
    assert "at 5:" in shown
    assert "benchmark: holds" in shown


def test_logs_are_verified_from_a_file_without_any_service(services: Services, tmp_path: Path) -> None:
    kept = tmp_path / "logs.jsonl"
    assert mrx(services, "verify", "--dump", str(kept)) == 0
    services.away = set(services.links)
    assert mrx(services, "verify", "--from", str(kept)) == 0
    kept.write_text(kept.read_text().replace('"sequence": 3', '"sequence": 4', 1))
    assert mrx(services, "verify", "--from", str(kept)) == 1


def test_a_log_that_lost_its_end_is_refused_with_an_earlier_file(services: Services, tmp_path: Path) -> None:
    kept = tmp_path / "logs.jsonl"
    mrx(services, "verify", "--dump", str(kept))
    del services.links["registry"][5:]
    assert mrx(services, "verify") == 0
    assert mrx(services, "verify", "--since", str(kept)) == 1


def test_a_file_that_holds_no_log_is_bad_input(services: Services, tmp_path: Path) -> None:
    kept = tmp_path / "logs.jsonl"
    kept.write_text("{}\n")
    assert mrx(services, "verify", "--from", str(kept)) == 2


def test_verifying_is_no_success_while_a_service_is_away(services: Services, tmp_path: Path) -> None:
    services.away = {"benchmark"}
    kept = tmp_path / "logs.jsonl"
    assert mrx(services, "verify", "--dump", str(kept)) == 3
    assert not kept.exists()


def test_preparing_may_be_bounded_to_a_part(tmp_path: Path) -> None:
    class Preparing(Backend):
        parts: Collection[Part] = ()

        @override
        async def prepare(self, root: Path, parts: Collection[Part], *, wait_s: float, tell: Tell) -> None:
            self.parts = parts

    backend = Preparing(Services())
    assert run(commands(backend), ["prepare", "--only", "databases"]) == 0
    assert backend.parts == {Part.DATABASES}
    assert run(commands(backend), ["prepare"]) == 0
    assert backend.parts == set(Part)
    assert run(commands(backend), ["prepare", "--only", "databses"]) == 2
