"""The `mrx` command: sub-commands of whatever parts are installed, and what their exit codes mean."""

import sys
from importlib.metadata import EntryPoint, entry_points

import typer
from typer.exceptions import TyperException

from mrx_shared.refusals import Faulty, Rejected, TooEarly, Unavailable

DONE, REFUSED, BAD_INPUT, INFRASTRUCTURE = 0, 1, 2, 3


def main() -> None:
    """Run `mrx`. Exit codes: 0 done, 1 refused by a rule, 2 bad input, 3 infrastructure."""
    arguments = sys.argv[1:]
    parts = {point.name: point for point in entry_points(group="mrx.commands")}
    named = arguments[0] if arguments else ""
    # Only the part that is called is loaded, so that one part's libraries do not slow another.
    sys.exit(run(_tree([parts[named]] if named in parts else sorted(parts.values())), arguments))


def _tree(parts: list[EntryPoint]) -> typer.Typer:
    tree = typer.Typer(name="mrx", help="MRX, the mutual recognition exchange.", no_args_is_help=True)
    tree.callback()(lambda: None)
    for part in parts:
        tree.add_typer(part.load(), name=part.name)
    return tree


def run(app: typer.Typer, arguments: list[str]) -> int:
    """Run an app and give its exit code; a refusal goes to stderr, one sentence a fault with its remedy."""
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="mrx", standalone_mode=False)
    except (Exception, KeyboardInterrupt) as error:
        failure = _failure(error)
        if failure is None:
            raise
        line, code = failure
        sys.stderr.write(f"{line}\n")
    return code if isinstance(code, int) else DONE


def _failure(error: BaseException) -> tuple[str, int] | None:
    """What to say of an error, and the exit code; None for one that nobody foresaw."""
    # Importing httpx here would slow every command, also those that call nobody.
    away = (Unavailable, OSError, getattr(sys.modules.get("httpx"), "TransportError", OSError))
    if isinstance(error, TyperException):
        return f"error: {error.format_message()}", BAD_INPUT
    if isinstance(error, Rejected):
        lines = [told(one) for one in error.faults] if isinstance(error, Faulty) else [told(error)]
        if isinstance(error, Faulty) and error.more:
            lines.append(f"and {error.more} more")
        return "\n".join(lines), BAD_INPUT if error.kind == "invalid" else REFUSED
    if isinstance(error, TooEarly):
        return f"too early: {error.reason}; try again", REFUSED
    if isinstance(error, (typer.Abort, KeyboardInterrupt)):
        return "stopped", INFRASTRUCTURE
    if isinstance(error, away):
        return f"unavailable: {error}", INFRASTRUCTURE
    return None


def told(error: Rejected) -> str:
    """A refusal as one line: place, reason, remedy."""
    row = f"row {error.row}" if error.row is not None else ""
    field = f"field {error.field}" if error.field else ""
    place = ", ".join(part for part in (row, field) if part)
    return f"{place + ': ' if place else ''}{error.reason}{'; ' + error.remedy if error.remedy else ''}"
