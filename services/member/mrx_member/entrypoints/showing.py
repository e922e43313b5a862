"""What the commands show, and the options that they share."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import typer

from mrx_member.domain.requests import Fault
from mrx_member.handlers.waiting import unseen
from mrx_member.ports import Progress

SHOWN = 10
"""So many rows that did not go through are printed."""

Timeout = Annotated[float, typer.Option(min=1, help="Seconds to wait, including through outages.")]
Json = Annotated[bool, typer.Option("--json", help="Print figures as JSON.")]


def print_json(value: object) -> None:
    """Print a value for a program."""
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))


def notice(text: str) -> None:
    """Say something beside the result."""
    typer.echo(text, err=True)


def show_faults(faults: Sequence[Fault], say: Callable[[str], None] = notice) -> None:
    """Name the first rows that did not go through, with field and remedy, and how many more there are."""
    for one in faults[:SHOWN]:
        place = " ".join(filter(None, ("" if one.row is None else f"row {one.row}", one.ref, one.field)))
        say(f"  {place}: {one.reason}{'; ' + one.remedy if one.remedy else ''}")
    if len(faults) > SHOWN:
        say(f"  … and {len(faults) - SHOWN:,} more")


@contextmanager
def bar(what: str) -> Iterator[Progress]:
    """Show a progress bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield unseen
        return
    from rich.console import Console  # noqa: PLC0415 - only where somebody looks
    from rich.progress import Progress as Bar  # noqa: PLC0415

    with Bar(console=Console(stderr=True), transient=True) as shown:
        task = shown.add_task(what, total=None)
        yield lambda done, of: shown.update(task, completed=done, total=of)
