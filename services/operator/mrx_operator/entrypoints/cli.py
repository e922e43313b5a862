"""The commands of `mrx operator`."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Protocol, TypeVar
from uuid import UUID

import typer
from rich.console import Console
from rich.table import Table

from mrx_operator.domain.chain import Link, Walk
from mrx_operator.handlers import watch
from mrx_operator.handlers.verify import Pages, walk
from mrx_operator.ports import Service, Tell

T = TypeVar("T")

REFUSED, INFRASTRUCTURE = 1, 3


class Part(StrEnum):
    """What can be prepared by itself."""

    DATABASES = "databases"
    KAFKA = "kafka"
    OBJECTS = "objects"


class Evidence(Protocol):
    """Logs of services, in a file."""

    @property
    def services(self) -> Sequence[str]:
        """Whose logs there are."""

    def pages(self, service: str) -> Pages:
        """One service's log."""

    def milestones(self, service: str) -> Mapping[int, bytes]:
        """The hash at each position of one service's log."""


class Backend(Protocol):
    """Everything that the commands work with."""

    async def prepare(self, root: Path, parts: Collection[Part], *, wait_s: float, tell: Tell) -> None:
        """Prepare the servers of these parts."""

    def services(self, credentials: Path | None) -> AbstractAsyncContextManager[Mapping[str, Service]]:
        """The running services, by name."""

    def evidence(self, path: Path) -> Evidence:
        """Logs that were written to a file before."""

    def keeping(self, path: Path | None) -> AbstractContextManager[Callable[[str, Sequence[Link]], None]]:
        """Write logs to a new file, or nowhere."""


_Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]
_Only = Annotated[str | None, typer.Option("--service", help="One service instead of all.")]
_InFile = {"exists": True, "dir_okay": False, "readable": True}


def commands(backend: Backend) -> typer.Typer:
    """The commands, over a backend."""
    app = typer.Typer(help="The operator's side: prepare, watch, replay, verify.", no_args_is_help=True)

    @app.callback()
    def operator(
        context: typer.Context,
        credentials: Annotated[
            Path | None,
            typer.Option(envvar="MRX_OPERATOR_CREDENTIALS", help="A stack's credentials.json.", **_InFile),
        ] = None,
    ) -> None:
        """Prepare servers, watch services, replay dead letters and verify logs.

        Without --credentials: MRX_OPERATOR_CLIENT_ID and _CLIENT_SECRET and MRX_<SERVICE>_URL; without these,
        var/credentials.json of the local stack.
        """
        context.obj = At(backend, credentials)

    app.command()(prepare)
    app.command()(status)
    app.command()(verify)
    for name, group in (("dead-letters", _dead_letters()), ("outbox", _outbox())):
        app.add_typer(group, name=name)
    return app


class At:
    """A backend, and the credentials that this command was given."""

    def __init__(self, backend: Backend, credentials: Path | None) -> None:
        self.backend = backend
        self._credentials = credentials

    def run(self, work: Callable[[Mapping[str, Service]], Awaitable[T]]) -> T:
        """Do something with the running services."""

        async def connected() -> T:
            async with self.backend.services(self._credentials) as services:
                return await work(services)

        return asyncio.run(connected())


def prepare(
    context: typer.Context,
    root: Annotated[
        Path, typer.Option(help="The project's folder, with services/ and deploy/kafka/.", file_okay=False)
    ] = Path(),
    only: Annotated[
        list[Part] | None, typer.Option(help="Only this part; repeat the option for several.")
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for servers to answer.")] = 120,
) -> None:
    """Create databases, roles, tables, topics, Kafka users, rights and buckets. Safe to run again at any time."""
    began = time.monotonic()

    def tell(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {line}")

    at: At = context.obj
    asyncio.run(at.backend.prepare(root.resolve(), set(only or Part), wait_s=wait, tell=tell))
    tell("ready")


def status(context: typer.Context, as_json: _Json = False) -> None:
    """Show the state of every service. Exits with 3 if one is away, has a fault, or keeps failing at a step."""
    answers = context.obj.run(lambda services: watch.status(list(services.values())))
    if as_json:
        _print_json({one.service: one.answer or {"away": one.away} for one in answers})
    else:
        _print_status(answers)
    if any(one.answer is None or _ails(one.answer) for one in answers):
        raise typer.Exit(INFRASTRUCTURE)


def verify(
    context: typer.Context,
    service: _Only = None,
    as_json: _Json = False,
    dump: Annotated[
        Path | None,
        typer.Option(help="Write the logs to a new file, for --from and --since.", dir_okay=False),
    ] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", help="Verify such a file, without asking any service.", **_InFile)
    ] = None,
    since: Annotated[
        Path | None,
        typer.Option(help="An earlier file: everything in it must still be there unchanged.", **_InFile),
    ] = None,
) -> None:
    """Recompute every service's hash chain and report where it breaks. Exits with 1 if one does."""
    at: At = context.obj
    before = at.backend.evidence(since) if since else None

    async def walk_all(logs: Mapping[str, Pages]) -> list[Walk]:
        gone = set(before.services) - set(logs) if before and service is None else set()
        with at.backend.keeping(dump) as keep:
            return [
                await walk(name, pages, milestones=before.milestones(name) if before else {}, keep=keep)
                for name, pages in {**logs, **dict.fromkeys(sorted(gone), _nothing)}.items()
            ]

    if from_file:
        evidence = at.backend.evidence(from_file)
        names = [name for name in evidence.services if service in {None, name}]
        if not names:
            raise typer.BadParameter(
                f"{from_file} holds the logs of {', '.join(evidence.services)}", param_hint="--service"
            )
        walks = asyncio.run(walk_all({name: evidence.pages(name) for name in names}))
    else:
        walks = at.run(
            lambda services: walk_all({one.name: one.links for one in watch.chosen(services, service)})
        )
    _print_walks(walks, as_json=as_json)
    if any(one.breaks for one in walks):
        raise typer.Exit(REFUSED)


async def _nothing(_after: int) -> Sequence[Link]:
    return []


def _dead_letters() -> typer.Typer:
    group = typer.Typer(help="What a service could not handle.", no_args_is_help=True)

    @group.command("list")
    def list_letters(
        context: typer.Context,
        service: _Only = None,
        every: Annotated[
            bool, typer.Option("--all", help="Include those that were replayed or erased.")
        ] = False,
        as_json: _Json = False,
    ) -> None:
        """List dead letters, without their payloads."""
        answers = context.obj.run(
            lambda services: watch.ask_all(
                watch.chosen(services, service), lambda one: one.dead_letters(every=every)
            )
        )
        columns = ("id", "type", "topic", "cause", "reason", "tries", "died_at", "replayed_at", "erased_at")
        _print_rows(answers, columns, as_json=as_json, none="no dead letters")

    @group.command()
    def show(context: typer.Context, letter: UUID, service: _Only = None) -> None:
        """Show one dead letter as JSON, every value of its payload masked."""
        found = context.obj.run(
            lambda services: watch.find_dead_letter(watch.chosen(services, service), letter)
        )
        _print_json({"service": found[0].name, **found[1]})

    @group.command()
    def replay(
        context: typer.Context,
        letters: Annotated[list[UUID] | None, typer.Argument(metavar="[ID]...")] = None,
        service: _Only = None,
        every: Annotated[bool, typer.Option("--all", help="All listed ones, oldest first.")] = False,
    ) -> None:
        """Handle dead letters again, once the cause is fixed. Exits with 1 if one is refused again."""
        if bool(letters) == every:
            raise typer.BadParameter("give the ids to replay, or --all")

        outcomes = context.obj.run(lambda services: _replayed(watch.chosen(services, service), letters))
        for one in outcomes:
            typer.echo(f"{one.service}  {one.letter}  {one.outcome}")
        if not outcomes:
            typer.echo("no dead letters")
        if not all(one.handled for one in outcomes):
            raise typer.Exit(REFUSED)

    return group


async def _replayed(services: Sequence[Service], letters: Sequence[UUID] | None) -> list[watch.Replayed]:
    """Replay these dead letters, or all."""
    outcomes = []
    if letters:
        for letter in letters:
            keeper, _ = await watch.find_dead_letter(services, letter)
            outcomes += await watch.replay(keeper, [letter])
    else:
        for one in services:
            listed = [UUID(str(shown["id"])) for shown in await one.dead_letters(every=False)]
            outcomes += await watch.replay(one, listed)
    return outcomes


def _outbox() -> typer.Typer:
    group = typer.Typer(help="Facts that have not been sent to Kafka.", no_args_is_help=True)

    @group.command("list")
    def list_unsent(context: typer.Context, service: _Only = None, as_json: _Json = False) -> None:
        """List facts that have not been sent; those with parked_at wait for a cause to be fixed."""
        answers = context.obj.run(
            lambda services: watch.ask_all(watch.chosen(services, service), lambda one: one.unsent())
        )
        columns = ("position", "topic", "key", "type", "said_at", "parked_at", "tries", "error")
        _print_rows(answers, columns, as_json=as_json, none="everything has been sent")

    @group.command()
    def retry(context: typer.Context, service: _Only = None) -> None:
        """Try parked facts again at once instead of within a minute."""
        answers = context.obj.run(
            lambda services: watch.ask_all(watch.chosen(services, service), lambda one: one.retry())
        )
        for one in answers:
            typer.echo(f"{one.service}  {one.answer or f'away: {one.away}'}")
        _exit_if_away(answers)

    return group


def _console() -> Console:
    # Lines for a pipe are not folded: ids stay whole.
    return Console(soft_wrap=not sys.stdout.isatty(), width=None if sys.stdout.isatty() else 400)


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _print_status(answers: Sequence[watch.ServiceAnswer[Mapping[str, Any]]]) -> None:
    table = Table(
        "service", "state", "said", "unsent", "parked", "dead letters", "waiting", "since", box=None
    )
    for one in answers:
        if one.answer is None:
            table.add_row(one.service, f"away: {one.away}")
            continue
        shown, outbox = one.answer, one.answer["outbox"]
        counts = (outbox["said"], outbox["unsent"], outbox["parked"], shown["dead_letters"], shown["waiting"])
        table.add_row(
            one.service,
            "; ".join(shown["faults"]) or ("degraded" if shown.get("troubles") else "ready"),
            *map(str, counts),
            str(shown["waiting_since"] or ""),
        )
    _console().print(table)
    for one in answers:
        for trouble in (one.answer or {}).get("troubles", ()):
            _console().print(_told(one.service, trouble), markup=False, highlight=False)


def _ails(answer: Mapping[str, Any]) -> bool:
    return bool(answer["faults"] or answer.get("troubles"))


def _told(service: str, trouble: Mapping[str, Any]) -> str:
    often = "once, at" if trouble["attempts"] == 1 else f"{trouble['attempts']} times since"
    lasting = "; this does not pass by itself" if trouble["permanent"] else ""
    return (
        f"{service}: {trouble['step']} failed {often} {trouble['since']}: {trouble['cause']}{lasting}. "
        f"Next try at {trouble['next_try_at']}."
    )


def _print_rows(
    answers: Sequence[watch.ServiceAnswer[Sequence[Mapping[str, Any]]]],
    columns: Sequence[str],
    *,
    as_json: bool,
    none: str,
) -> None:
    rows = [{"service": one.service, **row} for one in answers for row in one.answer or []]
    if as_json:
        _print_json(rows)
    elif rows:
        table = Table("service", *columns, box=None)
        for row in rows:
            table.add_row(
                *(str("" if row.get(name) is None else row[name]) for name in ("service", *columns))
            )
        _console().print(table)
    else:
        typer.echo(none)
    _exit_if_away(answers)


def _exit_if_away(answers: Sequence[watch.ServiceAnswer[Any]]) -> None:
    for one in answers:
        if one.away is not None:
            typer.echo(f"{one.service} is away: {one.away}", err=True)
    if any(one.away is not None for one in answers):
        raise typer.Exit(INFRASTRUCTURE)


def _print_walks(walks: Sequence[Walk], *, as_json: bool) -> None:
    if as_json:
        _print_json(
            [
                {
                    "service": one.service,
                    "holds": not one.breaks,
                    "links": one.links,
                    "erased": one.erased,
                    "head": {"position": one.position, "chain": one.head.hex()},
                    "breaks": [{"position": each.position, "reason": each.reason} for each in one.breaks],
                }
                for one in walks
            ]
        )
        return
    for one in walks:
        outcome = "BROKEN" if one.breaks else "holds"
        erased = f", {one.erased} erased" if one.erased else ""
        typer.echo(
            f"{one.service}: {outcome}, {one.links} facts{erased}, head {one.position} {one.head.hex()}"
        )
        for each in one.breaks:
            typer.echo(f"  at {each.position}: {each.reason}")
