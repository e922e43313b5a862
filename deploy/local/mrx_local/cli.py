"""`mrx local`: the bare-machine stack from the command line."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from mrx_local.stack import running_stack
from mrx_local.supervisor import AlreadyRunning, Terminated, hold, read_stack

DONE, INFRASTRUCTURE = 0, 3
LOOK_EVERY = 0.1
STOPPED_WITHIN = 60.0

app = typer.Typer(help="MRX on this machine: servers and services as processes, their data in one folder.")
Folder = Annotated[Path, typer.Option(help="Where data, logs and credentials are kept.", file_okay=False)]
VAR = Path("var")


@app.command()
def up(
    folder: Folder = VAR,
    *,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when all is ready, and leave it running.")
    ] = False,
) -> None:
    """Start the stack; without --detach it stops at Ctrl-C or SIGTERM."""
    if _runs(folder):
        typer.echo(f"already running in {folder.resolve()}")
        _print_addresses(read_stack(folder))
    elif detach:
        _start_detached(folder)
    else:
        try:
            asyncio.run(_run(folder))
        except (KeyboardInterrupt, Terminated):
            typer.echo("stopped")


@app.command()
def down(folder: Folder = VAR) -> None:
    """Stop the stack and wait until it has stopped. Its data stays."""
    if not _runs(folder):
        typer.echo(f"nothing runs in {folder.resolve()}")
        return
    os.kill(read_stack(folder)["pid"], signal.SIGTERM)
    give_up = time.monotonic() + STOPPED_WITHIN
    while _runs(folder):
        if time.monotonic() > give_up:
            raise OSError(f"the stack in {folder.resolve()} has not stopped within {STOPPED_WITHIN:.0f} s")
        time.sleep(LOOK_EVERY)
    typer.echo("stopped")


@app.command()
def status(
    folder: Folder = VAR,
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print stack.json as it is.")] = False,
) -> None:
    """Show what runs."""
    stack = read_stack(folder)
    if not _runs(folder):
        raise OSError(f"nothing runs in {folder.resolve()}; start it with `mrx local up --detach`")
    if as_json:
        typer.echo(json.dumps(stack, indent=2))
        return
    columns = ("name", "kind", "pid", "ready_s", "rss_mib", "url")
    table = Table(*columns, title=f"{stack['state']}, supervisor {stack['pid']}")
    for process in stack["processes"]:
        table.add_row(*("-" if process[column] is None else str(process[column]) for column in columns))
    Console().print(table)


async def _run(folder: Path) -> None:
    async with running_stack(folder, say=_say):
        await asyncio.Event().wait()


def _start_detached(folder: Path) -> None:
    """Run `up` in a session of its own and pass on what it says until all is ready."""
    log = folder / "logs" / "stack.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        child = subprocess.Popen(  # noqa: S603 - ourselves
            (sys.executable, "-m", "mrx_local", "up", "--folder", str(folder.resolve())),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    with log.open(encoding="utf-8", errors="replace") as said:
        try:
            while child.poll() is None:
                sys.stdout.write(said.read())
                stack = read_stack(folder)
                if stack.get("pid") == child.pid and stack["state"] == "ready":
                    break
                time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            child.terminate()
            child.wait()
            raise
        sys.stdout.write(said.read())
    if child.returncode is not None:
        raise typer.Exit(child.returncode or INFRASTRUCTURE)


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
