"""`mrx local`: the bare-machine stack from the command line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from mrx_shared.refusals import Invalid, Unavailable
from rich.console import Console
from rich.table import Table

from mrx_local.demo.members import MEMBERS
from mrx_local.demo.play import DemoOptions, play
from mrx_local.demo.scenario import ROWS, Size
from mrx_local.links import DEMO, UP, show
from mrx_local.stack import running_stack
from mrx_local.supervisor import AlreadyRunning, Terminated, hold, read_stack

DONE, INFRASTRUCTURE = 0, 3
LOOK_EVERY = 0.1
STOPPED_WITHIN = 60.0

app = typer.Typer(
    help="Run MRX on this machine: servers and services as processes, with their data in one folder."
)
Folder = Annotated[Path, typer.Option(help="Where data, logs and credentials are kept.", file_okay=False)]
VAR = Path("var")


@app.command()
def up(
    folder: Folder = VAR,
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when everything is ready, and leave it running.")
    ] = False,
) -> None:
    """Start the stack. Without --detach, it stops on Ctrl-C or SIGTERM. Data is kept between starts."""
    if _runs(folder / UP):
        typer.echo(f"already running in {(folder / UP).resolve()}")
        show(folder, UP)
        _print_addresses(read_stack(folder / UP))
    elif detach:
        arguments = ("up", "--folder", str(folder.resolve()))
        _detached(folder / UP, arguments, until=lambda stack: DONE if stack["state"] == "ready" else None)
    else:
        try:
            asyncio.run(_run(folder))
        except (KeyboardInterrupt, Terminated):
            typer.echo("stopped")


@app.command()
def demo(  # noqa: PLR0913 - each is an option
    folder: Folder = VAR,
    seed: Annotated[int, typer.Option(help="The seed for all invented data.")] = 1,
    members: Annotated[
        int | None, typer.Option(help=f"How many members to invent; by default, {MEMBERS}.")
    ] = None,
    rows: Annotated[
        int | None, typer.Option(help=f"How many rows their lists have in total; by default, {ROWS:,}.")
    ] = None,
    sites: Annotated[
        int | None,
        typer.Option(help="About how many sites the rows are about; by default, longer lists share more."),
    ] = None,
    lists: Annotated[
        Path | None, typer.Option(help="A folder of CSV files, one per member, instead of invented lists.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to write lists, the release and figures; by default, var/demo.", file_okay=False
        ),
    ] = None,
    *,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack running afterwards.")] = False,
    stay: Annotated[bool, typer.Option("--stay", hidden=True)] = False,
) -> None:
    """Run the scheme once on its own empty servers. Exits with 0 only if every figure is what the lists imply."""
    servers = folder / DEMO
    if not stay and _runs(servers):
        typer.echo("stopping the stack that an earlier demo left running")
        _stop(servers)
    asked = {"members": members, "rows": rows, "sites": sites}
    size = {name: number for name, number in asked.items() if number is not None}
    if lists and size:
        raise Invalid(
            "the lists in a folder have a size of their own",
            field=next(iter(size)),
            remedy=f"leave out --{next(iter(size))} or --lists",
        )
    options = DemoOptions(
        seed=seed,
        size=Size(**size),
        given=lists.resolve() if lists else None,
        out=(out or folder / "demo").resolve(),
        keep=stay,
        servers=servers.resolve(),
    )
    if keep and not stay:
        arguments = ["demo", "--stay", "--folder", str(folder.resolve()), "--seed", str(seed)]
        arguments += ["--out", str(options.out), *(("--lists", str(options.given)) if options.given else ())]
        arguments += [word for name, number in size.items() for word in (f"--{name}", str(number))]
        _detached(servers, arguments, until=lambda stack: stack.get("demo_exit"))
        return
    show(folder, DEMO)
    try:
        code = asyncio.run(play(options))
    except (KeyboardInterrupt, Terminated):
        typer.echo("stopped")
        code = INFRASTRUCTURE
    finally:
        if not stay and _runs(folder / UP):
            show(folder, UP)
    raise typer.Exit(code)


@app.command()
def down(folder: Folder = VAR) -> None:
    """Stop the stack and wait until it has stopped. The data of `up` is kept."""
    running = [folder / stack for stack in (UP, DEMO) if _runs(folder / stack)]
    for stack in running:
        _stop(stack)
    if (folder / UP).is_dir():
        show(folder, UP)
    typer.echo("stopped" if running else f"nothing is running in {folder.resolve()}")


@app.command()
def status(
    folder: Folder = VAR,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print stack.json as it is.")] = False,
) -> None:
    """Show what is running."""
    stacks = [folder / stack for stack in (UP, DEMO) if _runs(folder / stack)]
    if not stacks:
        raise Unavailable(f"nothing is running in {folder.resolve()}; start it with `mrx local up --detach`")
    stack = read_stack(stacks[0])
    if as_json:
        typer.echo(json.dumps(stack, indent=2))
        return
    columns = ("name", "kind", "pid", "ready_s", "rss_mib", "url")
    table = Table(*columns, title=f"{stack['state']}, supervisor {stack['pid']}")
    for process in stack["processes"]:
        table.add_row(*("-" if process[column] is None else str(process[column]) for column in columns))
    Console().print(table)


async def _run(folder: Path) -> None:
    show(folder, UP)
    async with running_stack(folder / UP, say=_say):
        await asyncio.Event().wait()


def _stop(folder: Path) -> None:
    os.kill(read_stack(folder)["pid"], signal.SIGTERM)
    give_up = time.monotonic() + STOPPED_WITHIN
    while _runs(folder):
        if time.monotonic() > give_up:
            raise Unavailable(
                f"the stack in {folder.resolve()} has not stopped within {STOPPED_WITHIN:.0f} s"
            )
        time.sleep(LOOK_EVERY)


def _detached(
    folder: Path, arguments: Sequence[str], *, until: Callable[[dict[str, Any]], int | None]
) -> None:
    """Run ourselves in a session of its own and pass on what it says until `stack.json` is as `until` says."""
    log = folder.parent / "logs" / f"{folder.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - ourselves
            (sys.executable, "-m", "mrx_local", *arguments),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    code: int | None = None
    with log.open(encoding="utf-8", errors="replace") as said:
        try:
            while child.poll() is None and code is None:
                sys.stdout.write(said.read())
                sys.stdout.flush()
                stack = read_stack(folder)
                code = until(stack) if stack.get("pid") == child.pid else None
                time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
        sys.stdout.write(said.read())
    raise typer.Exit((child.returncode or INFRASTRUCTURE) if code is None else code)


def _runs(folder: Path) -> bool:
    if not folder.is_dir():
        return False
    try:
        hold(folder).close()
    except AlreadyRunning:
        return True
    return False


def _print_addresses(stack: dict[str, Any]) -> None:
    for service, address in stack.get("services", {}).items():
        _say(f"{service:12} {address}")
    for part, what in (("kafka", "bootstrap_servers"), ("s3", "url")):
        if part in stack:
            _say(f"{part:12} {stack[part][what]}")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
