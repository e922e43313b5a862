"""`mrx aggregation rounds …`: the secretariat's commands, over HTTP with its own credentials."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer
from mrx_shared.api.aggregation import NewClosing, NewRound, Round, Rounds
from mrx_shared.api.bodies import RequestBody
from mrx_shared.kit.client import Client, Services, Tokens
from mrx_shared.refusals import Invalid, Unavailable, Unknown, counted
from rich.console import Console
from rich.table import Table

app = typer.Typer(help="Rounds and releases, for the secretariat.", no_args_is_help=True)
rounds = typer.Typer(help="Open, close, release, approve and show rounds.", no_args_is_help=True)
app.add_typer(rounds, name="rounds")

PATIENCE_S = 30.0
"""a service that restarts is waited for so long"""
EVERY_S = 0.3

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
    asked = NewRound(as_of=as_of.date() if as_of else None)
    _show(context.obj.access(), lambda backend: backend.post("/v1/rounds", asked), as_json)


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

    async def close(backend: _Backend) -> Round:
        path = await backend.path(round_id)
        current = await backend.post(f"{path}/close", NewClosing(leave_waiting=leave_waiting))
        return await backend.wait(path, "closing", wait_seconds) if wait else current

    _show(context.obj.access(), close, as_json)


@rounds.command("release")
def release_round(context: typer.Context, round_id: _Round = None, as_json: _Json = False) -> None:
    """Propose to release a closed round's list."""
    _show(context.obj.access(), lambda backend: backend.step(round_id, "release"), as_json)


@rounds.command("withdraw")
def withdraw_release(context: typer.Context, round_id: _Round = None, as_json: _Json = False) -> None:
    """Withdraw a proposed release that nobody has approved."""
    _show(context.obj.access(), lambda backend: backend.step(round_id, "withdrawal"), as_json)


@rounds.command("approve")
def approve_release(
    context: typer.Context,
    round_id: _Round = None,
    wait: _Wait = True,
    wait_seconds: _WaitS = 600,
    as_json: _Json = False,
) -> None:
    """Approve the release that another identity proposed."""

    async def approve(backend: _Backend) -> Round:
        path = await backend.path(round_id)
        current = await backend.post(f"{path}/approve")
        return await backend.wait(path, "releasing", wait_seconds) if wait else current

    _show(context.obj.access(default_number=2), approve, as_json)


@rounds.command("show")
def show_rounds(context: typer.Context, round_id: _Round = None, as_json: _Json = False) -> None:
    """Show a round with its numbers."""

    async def look(backend: _Backend) -> Round:
        return await backend.get(await backend.path(round_id))

    _show(context.obj.access(), look, as_json)


class _Backend:
    """The secretariat's side of the API."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def path(self, round_id: UUID | None) -> str:
        """The path of a round, by default the newest."""
        if round_id is None:
            known = (await self._client.get("aggregation", "/v1/rounds", Rounds)).rounds
            if not known:
                raise Unknown("there is no round yet", remedy="open one: mrx aggregation rounds open")
            round_id = known[0].round_id
        return f"/v1/rounds/{round_id}"

    async def get(self, path: str) -> Round:
        return await self._client.get("aggregation", path, Round)

    async def post(self, path: str, body: RequestBody | None = None) -> Round:
        return await self._client.post("aggregation", path, body, Round)

    async def step(self, round_id: UUID | None, name: str) -> Round:
        return await self.post(f"{await self.path(round_id)}/{name}")

    async def wait(self, path: str, state: str, seconds: float) -> Round:
        """The round once it has left the state in which a loop works on it."""
        give_up = time.monotonic() + seconds
        with Console(stderr=True).status("waiting") as status:
            while True:
                late = time.monotonic() > give_up
                try:
                    current = await self.get(path)
                except Unavailable:
                    # The loop goes on, whatever an answer says.
                    if late:
                        raise
                else:
                    if current.state != state:
                        return current
                    if late:
                        trouble = current.trouble
                        why = f" ({trouble.cause}, {trouble.attempts} times)" if trouble else ""
                        raise Unavailable(
                            f"the round is still {state} after {seconds:.0f} s{why}; look again with rounds show"
                        )
                    numbers = current.numbers
                    status.update(
                        f"{state}: {counted(numbers.lists, 'list', 'lists')}, "
                        f"{counted(numbers.sites, 'site', 'sites')}"
                    )
                await asyncio.sleep(EVERY_S)


def _show(access: Access, do: Callable[[_Backend], Awaitable[Round]], as_json: bool) -> None:
    """Do it, and print the round. A service that restarts is waited for."""

    async def done() -> Round:
        urls = {"aggregation": access.url, "registry": access.registry_url}
        async with Services(urls, patience_s=PATIENCE_S) as services:
            tokens = Tokens.of_client(services, access.client_id, access.client_secret)
            return await do(_Backend(Client(services, tokens)))

    current = asyncio.run(done())
    if as_json:
        typer.echo(current.model_dump_json(indent=2))
        return
    table = Table(show_header=False, box=None)
    for name in ("round_id", "as_of", "state", "release_id"):
        if value := getattr(current, name):
            table.add_row(name, str(value))
    for name, number in current.numbers:
        table.add_row(name.replace("_", " "), f"{number:,}")
    if trouble := current.trouble:
        since, next_try = trouble.since.isoformat(), trouble.next_try_at.isoformat()
        table.add_row("fails", f"{trouble.attempts} times since {since}: {trouble.cause}")
        table.add_row("tried again", next_try)
    Console().print(table)
