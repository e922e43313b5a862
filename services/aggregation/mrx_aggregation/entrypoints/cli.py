"""`mrx aggregation rounds …`: the secretariat's commands, over HTTP with its own credentials."""

import json
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any
from uuid import UUID, uuid4

import httpx
import typer
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unavailable, Unknown, counted
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Rounds and releases, for the secretariat.", no_args_is_help=True)
rounds = typer.Typer(help="Open, close, release, approve and show rounds.", no_args_is_help=True)
app.add_typer(rounds, name="rounds")

PATIENCE_S = 30.0
"""a service that restarts is waited for so long"""
EVERY_S = 0.3
_REFUSALS: dict[int, type[Rejected]] = {403: Forbidden, 404: Unknown, 422: Invalid}

_Round = Annotated[UUID | None, typer.Argument(help="The round; by default, the newest.", show_default=False)]
_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until the service has finished.")]
_WaitS = Annotated[float, typer.Option("--wait-seconds", help="How long to wait.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """Where the services are, and who comes."""

    url: str
    registry_url: str
    client_id: str
    client_secret: str


@dataclass(slots=True, kw_only=True)
class Identities:
    """Who may come: one identity given by options, or the file of all of them."""

    given: dict[str, str | None]
    credentials: Path | None
    number: int | None

    def access(self, *, default_number: int = 1) -> Access:
        """The access of the chosen identity. Raises `Invalid` naming what is missing."""
        known: dict[str, str | None] = {}
        if self.credentials is not None:
            written = json.loads(self.credentials.read_text(encoding="utf-8"))
            people = written["secretariat"]
            number = self.number or default_number
            if not 1 <= number <= len(people):
                raise Invalid(
                    f"there are {len(people)} identities of the secretariat",
                    field="--as",
                    remedy="give a number from 1",
                )
            person = people[number - 1]
            known = {
                "url": written["aggregation_url"],
                "registry_url": written["registry_url"],
                "client_id": person["client_id"],
                "client_secret": person["client_secret"],
            }
        stated = {**known, **{name: value for name, value in self.given.items() if value}}
        for name in ("url", "registry_url", "client_id", "client_secret"):
            if not stated.get(name):
                raise Invalid(
                    "is not given",
                    field=f"--{name.replace('_', '-')}",
                    remedy="give it, or --credentials FILE with all of them",
                )
        return Access(**{name: str(value) for name, value in stated.items()})


@app.callback()
def aggregation(
    context: typer.Context,
    *,
    url: Annotated[
        str | None, typer.Option(envvar="MRX_AGGREGATION_URL", help="The address of aggregation.")
    ] = None,
    registry_url: Annotated[
        str | None,
        typer.Option(envvar="MRX_REGISTRY_URL", help="The address of the registry, which issues tokens."),
    ] = None,
    client_id: Annotated[str | None, typer.Option(envvar="MRX_CLIENT_ID", help="The client id.")] = None,
    client_secret: Annotated[
        str | None,
        typer.Option(envvar="MRX_CLIENT_SECRET", help="The client's secret; better set in the environment."),
    ] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(
            envvar="MRX_CREDENTIALS", help="credentials.json of a local stack.", exists=True, dir_okay=False
        ),
    ] = None,
    number: Annotated[
        int | None,
        typer.Option("--as", help="Which identity in that file, from 1; approve uses the second by default."),
    ] = None,
) -> None:
    """Rounds and releases, for the secretariat."""
    context.obj = Identities(
        given={
            "url": url,
            "registry_url": registry_url,
            "client_id": client_id,
            "client_secret": client_secret,
        },
        credentials=credentials,
        number=number,
    )


@rounds.command("open")
def open_round(
    context: typer.Context,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day from which windows are counted.")
    ] = None,
    as_json: _Json = False,
) -> None:
    """Open a round."""
    desk = _Desk(context.obj.access())
    _print(desk.post("/v1/rounds", {"as_of": str(as_of.date()) if as_of else None}), as_json)


@rounds.command("close")
def close_round(
    context: typer.Context,
    round_id: _Round = None,
    leave_waiting: Annotated[
        bool, typer.Option("--leave-waiting", help="Move waiting and incomplete lists to the next round.")
    ] = False,
    wait: _Wait = True,
    wait_seconds: _WaitS = 600,
    as_json: _Json = False,
) -> None:
    """Stop taking lists, judge every row again, and freeze the result."""
    desk = _Desk(context.obj.access())
    path = desk.path(round_id)
    current = desk.post(f"{path}/close", {"leave_waiting": leave_waiting})
    _print(desk.wait(path, {"closing"}, wait_seconds) if wait else current, as_json)


@rounds.command("release")
def release_round(context: typer.Context, round_id: _Round = None, as_json: _Json = False) -> None:
    """Propose to release a closed round's list."""
    desk = _Desk(context.obj.access())
    _print(desk.post(f"{desk.path(round_id)}/release"), as_json)


@rounds.command("withdraw")
def withdraw_release(context: typer.Context, round_id: _Round = None, as_json: _Json = False) -> None:
    """Withdraw a proposed release that nobody has approved."""
    desk = _Desk(context.obj.access())
    _print(desk.post(f"{desk.path(round_id)}/withdrawal"), as_json)


@rounds.command("approve")
def approve_release(
    context: typer.Context,
    round_id: _Round = None,
    wait: _Wait = True,
    wait_seconds: _WaitS = 600,
    as_json: _Json = False,
) -> None:
    """Approve the release that another identity proposed."""
    desk = _Desk(context.obj.access(default_number=2))
    path = desk.path(round_id)
    current = desk.post(f"{path}/approve")
    _print(desk.wait(path, {"releasing"}, wait_seconds) if wait else current, as_json)


@rounds.command("show")
def show_rounds(context: typer.Context, round_id: _Round = None, as_json: _Json = False) -> None:
    """Show a round with its numbers."""
    desk = _Desk(context.obj.access())
    _print(desk.get(desk.path(round_id)), as_json)


class _Desk:
    """The secretariat's side of the API. A service that is away for a moment is waited for."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._http = httpx.Client(timeout=httpx.Timeout(30, connect=5), trust_env=False)
        self._token, self._until = "", 0.0

    def path(self, round_id: UUID | None) -> str:
        """The path of a round, by default the newest."""
        if round_id is None:
            known = self.get("/v1/rounds")["rounds"]
            if not known:
                raise Unknown("there is no round yet", remedy="open one: mrx aggregation rounds open")
            round_id = known[0]["round_id"]
        return f"/v1/rounds/{round_id}"

    def get(self, path: str) -> dict[str, Any]:
        return self._riding_over(lambda: self._call("GET", path))

    def post(self, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        key = str(uuid4())
        return self._riding_over(lambda: self._call("POST", path, body=body or {}, key=key))

    def wait(self, path: str, states: Collection[str], seconds: float) -> dict[str, Any]:
        """The round once it has left the states in which a loop works on it."""
        give_up = time.monotonic() + seconds
        with Console(stderr=True).status("waiting") as status:
            while (current := self.get(path))["state"] in states:
                status.update(
                    f"{current['state']}: {counted(current['numbers']['lists'], 'list', 'lists')}, "
                    f"{counted(current['numbers']['sites'], 'site', 'sites')}"
                )
                if time.monotonic() > give_up:
                    trouble = current.get("trouble")
                    why = f" ({trouble['cause']}, {trouble['attempts']} times)" if trouble else ""
                    raise Unavailable(
                        f"the round is still {current['state']} after {seconds:.0f} s{why}; "
                        "look again with rounds show"
                    )
                time.sleep(EVERY_S)
        return current

    def _riding_over(self, attempt: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                return attempt()
            except (Unavailable, httpx.TransportError):
                if time.monotonic() > give_up:
                    raise
                time.sleep(EVERY_S)

    def _call(
        self, method: str, path: str, *, body: dict[str, Any] | None = None, key: str = ""
    ) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self._bearer()}", **({"Idempotency-Key": key} if key else {})}
        answer = self._http.request(
            method, f"{self._access.url.rstrip('/')}{path}", json=body, headers=headers
        )
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._until = 0.0
        return _understood(answer)

    def _bearer(self) -> str:
        if time.monotonic() >= self._until:
            access = self._access
            said = _understood(
                self._http.post(
                    f"{access.registry_url.rstrip('/')}/v1/token",
                    data={"grant_type": "client_credentials", "audience": "mrx.aggregation"},
                    auth=(access.client_id, access.client_secret),
                )
            )
            self._token, self._until = said["access_token"], time.monotonic() + said["expires_in"] - 20
        return self._token


def _understood(answer: httpx.Response) -> dict[str, Any]:
    try:
        said: dict[str, Any] = answer.json()
    except ValueError:
        said = {}
    if answer.is_success:
        return said
    detail = str(said.get("detail", f"status {answer.status_code}"))
    if answer.is_server_error or said.get("retryable"):
        raise Unavailable(detail)
    raise _REFUSALS.get(answer.status_code, Rejected)(
        detail, field=said.get("field"), row=said.get("row"), remedy=said.get("remedy")
    )


def _print(current: dict[str, Any], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(current, indent=2))
        return
    table = Table(show_header=False, box=None)
    for name in ("round_id", "as_of", "state", "release_id"):
        if current.get(name):
            table.add_row(name, str(current[name]))
    for name, value in current["numbers"].items():
        table.add_row(name.replace("_", " "), f"{value:,}")
    if trouble := current.get("trouble"):
        table.add_row("fails", f"{trouble['attempts']} times since {trouble['since']}: {trouble['cause']}")
        table.add_row("tried again", trouble["next_try_at"])
    Console().print(table)
