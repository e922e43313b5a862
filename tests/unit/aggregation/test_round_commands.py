"""The secretariat's commands against services on loopback that answer as they are told to."""

import json
import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from mrx_aggregation.entrypoints.cli import app
from mrx_shared.api.aggregation import Numbers, Round, Rounds, Trouble
from mrx_shared.kit.command import run
from typing_extensions import override

NEWEST, OLDER = UUID(int=2), UUID(int=1)
MOMENT = datetime(2026, 7, 1, 12, tzinfo=UTC)


def a_round(state: str, round_id: UUID = NEWEST, *, trouble: Trouble | None = None) -> Round:
    return Round(
        round_id=round_id,
        as_of=date(2026, 6, 30),
        state=state,
        proposed_by=None,
        approved_by=None,
        release_id=None,
        numbers=Numbers(**(dict.fromkeys(Numbers.model_fields, 0) | {"sites": 1234})),
        trouble=trouble,
    )


class Scheme(ThreadingHTTPServer):
    """The registry and aggregation on one port."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.rounds = Rounds(rounds=(a_round("open"), a_round("released", OLDER)))
        self.answers: list[tuple[int, dict[str, Any]]] = []
        """given before anything else, in order"""
        self.asked: list[tuple[str, str, str, bytes]] = []
        """method and path, who comes, the idempotency key, the body"""

    def answer(self, method: str, path: str) -> tuple[int, str]:
        if self.answers:
            status, said = self.answers.pop(0)
            return status, json.dumps(said)
        if path == "/v1/rounds" and method == "GET":
            return 200, self.rounds.model_dump_json()
        return 200, self.rounds.rounds[0].model_dump_json()


class _Handler(BaseHTTPRequestHandler):
    server: Scheme

    def _do(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        if self.path == "/v1/token":
            basic = self.headers["authorization"]
            self._say(200, json.dumps({"access_token": basic.removeprefix("Basic "), "expires_in": 300}))
            return
        who, key = self.headers["authorization"], self.headers.get("idempotency-key", "")
        self.server.asked.append((f"{self.command} {self.path}", who, key, body))
        self._say(*self.server.answer(self.command, self.path))

    do_GET = do_POST = _do  # noqa: N815 - as the library calls them

    def _say(self, status: int, said: str) -> None:
        self.send_response(status)
        self.send_header("content-length", str(len(said)))
        self.end_headers()
        self.wfile.write(said.encode())

    @override
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def scheme() -> Iterator[Scheme]:
    with Scheme() as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        yield server
        server.shutdown()
        serving.join()


@pytest.fixture
def credentials(scheme: Scheme, tmp_path: Path) -> Path:
    people = [{"client_id": name, "client_secret": "s"} for name in ("first", "second")]
    path = tmp_path / "credentials.json"
    known = {"registry_url": scheme.url, "aggregation_url": scheme.url, "secretariat": people}
    path.write_text(json.dumps(known), encoding="utf-8")
    return path


def rounds(credentials: Path, *arguments: str) -> int:
    return run(app, ["--credentials", str(credentials), "rounds", *arguments])


def test_the_newest_round_is_shown_as_the_service_has_it(
    scheme: Scheme, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert rounds(credentials, "show", "--json") == 0
    assert Round.model_validate_json(capsys.readouterr().out) == a_round("open")
    assert rounds(credentials, "show", str(OLDER)) == 0
    assert "1,234" in capsys.readouterr().out
    assert scheme.asked[-1][0] == f"GET /v1/rounds/{OLDER}"


def test_a_round_is_opened_as_of_a_day(scheme: Scheme, credentials: Path) -> None:
    assert rounds(credentials, "open", "--as-of", "2026-06-30") == 0
    [(what, _, key, body)] = scheme.asked
    assert (what, json.loads(body)) == ("POST /v1/rounds", {"as_of": "2026-06-30"})
    assert key


def test_closing_waits_until_the_round_is_closed(
    scheme: Scheme, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closing, closed = (json.loads(a_round(state).model_dump_json()) for state in ("closing", "closed"))
    scheme.answers = [(202, closing), (200, closing), (200, closed)]
    assert rounds(credentials, "close", str(NEWEST), "--leave-waiting", "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "closed"
    assert [what for what, *_ in scheme.asked] == [
        f"POST /v1/rounds/{NEWEST}/close",
        *[f"GET /v1/rounds/{NEWEST}"] * 2,
    ]
    assert json.loads(scheme.asked[0][3]) == {"leave_waiting": True}


def test_an_answer_that_fails_while_waiting_ends_nothing(
    scheme: Scheme, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closing, closed = (json.loads(a_round(state).model_dump_json()) for state in ("closing", "closed"))
    scheme.answers = [(200, closing), (500, {"detail": "this failed here"}), (200, closed)]
    assert rounds(credentials, "close", str(NEWEST), "--json") == 0
    assert json.loads(capsys.readouterr().out)["state"] == "closed"


def test_a_wait_that_is_over_names_what_fails(
    scheme: Scheme, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trouble = Trouble(
        step="closing",
        cause="the storage refuses",
        permanent=False,
        since=MOMENT,
        attempts=7,
        next_try_at=MOMENT,
    )
    scheme.rounds = Rounds(rounds=(a_round("closing", trouble=trouble),))
    assert rounds(credentials, "close", "--wait-seconds", "0") == 3
    assert "still closing after 0 s (the storage refuses, 7 times)" in capsys.readouterr().err


def test_another_identity_approves_than_proposed(scheme: Scheme, credentials: Path) -> None:
    assert rounds(credentials, "release") == 0
    assert rounds(credentials, "withdraw") == 0
    assert rounds(credentials, "approve") == 0
    who = {what.rpartition("/")[2]: name for what, name, *_ in scheme.asked if what.startswith("POST")}
    assert list(who) == ["release", "withdrawal", "approve"]
    assert who["release"] == who["withdrawal"] != who["approve"]


def test_a_service_that_restarts_is_waited_for_with_one_key(scheme: Scheme, credentials: Path) -> None:
    scheme.answers = [(503, {"detail": "restarting"})]
    assert rounds(credentials, "open") == 0
    first, second = scheme.asked
    assert first == second


@pytest.mark.parametrize(("status", "code"), [(409, 1), (404, 1), (403, 1), (422, 2)])
def test_a_refusal_is_told_with_its_field_and_remedy(
    scheme: Scheme, credentials: Path, capsys: pytest.CaptureFixture[str], status: int, code: int
) -> None:
    scheme.answers = [(status, {"detail": "a round is open", "field": "as_of", "remedy": "close it"})]
    assert rounds(credentials, "open") == code
    assert capsys.readouterr().err == "field as_of: a round is open; close it\n"
    assert len(scheme.asked) == 1


def test_where_there_is_no_round_the_remedy_says_how_to_open_one(
    scheme: Scheme, credentials: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    scheme.rounds = Rounds(rounds=())
    assert rounds(credentials, "show") == 1
    assert "mrx aggregation rounds open" in capsys.readouterr().err


def test_what_is_missing_is_named(scheme: Scheme, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["--url", scheme.url, "rounds", "show"]) == 2
    assert "--registry-url" in capsys.readouterr().err
