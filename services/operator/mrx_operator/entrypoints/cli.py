"""The commands of `mrx operator`."""

import asyncio
import time
from pathlib import Path
from typing import Annotated

import typer

from mrx_operator import app as operator

app = typer.Typer(help="The operator's side: prepare servers, watch, replay, verify.", no_args_is_help=True)


@app.callback()
def _operator() -> None:
    """Keep `prepare` a sub-command, however few there are."""


@app.command()
def prepare(
    root: Annotated[
        Path, typer.Option(help="The project's folder, with services/ and deploy/kafka/.", file_okay=False)
    ] = Path(),
    only: Annotated[
        list[str] | None, typer.Option(help="databases, kafka or objects; give it several times for several.")
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for servers that do not answer yet.")] = 120,
) -> None:
    """Make databases, roles, tables, topics, Kafka users, rights and buckets. May be run again at any time."""
    unknown = set(only or ()) - set(operator.PARTS)
    if unknown:
        raise typer.BadParameter(f"{', '.join(sorted(unknown))}: write one of {', '.join(operator.PARTS)}")
    parts = {part for part in operator.PARTS if not only or part in only}
    began = time.monotonic()

    def tell(line: str) -> None:
        typer.echo(f"{time.monotonic() - began:6.1f} s  {line}")

    asyncio.run(operator.prepare(root.resolve(), parts, wait_s=wait, tell=tell))
    tell("ready")
