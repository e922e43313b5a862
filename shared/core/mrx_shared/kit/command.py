"""The `mrx` command: sub-commands of whatever parts are installed, and what their exit codes mean."""

import sys
from importlib.metadata import EntryPoint, entry_points

import typer
from typer.exceptions import TyperException

from mrx_shared.refusals import Rejected, TooEarly, Unavailable

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
    """Run an app and give its exit code; a refusal goes to stderr as one sentence with its remedy."""
    try:
        code = typer.main.get_command(app).main(arguments, prog_name="mrx", standalone_mode=False)
    except TyperException as error:
        return _say(f"error: {error.format_message()}", BAD_INPUT)
    except (typer.Abort, KeyboardInterrupt):
        return _say("stopped", INFRASTRUCTURE)
    except Rejected as error:
        return _say(told(error), BAD_INPUT if error.kind == "invalid" else REFUSED)
    except TooEarly as error:
        return _say(f"too early: {error.reason}; try again", REFUSED)
    except (Unavailable, OSError) as error:
        return _say(f"unavailable: {error}", INFRASTRUCTURE)
    except Exception as error:
        # Importing httpx here would slow every command, also those that call nobody.
        httpx = sys.modules.get("httpx")
        if httpx is None or not isinstance(error, httpx.TransportError):
            raise
        return _say(f"unavailable: {type(error).__name__} {error}", INFRASTRUCTURE)
    return code if isinstance(code, int) else DONE


def _say(line: str, code: int) -> int:
    sys.stderr.write(f"{line}\n")
    return code


def told(error: Rejected) -> str:
    """A refusal as one line: place, reason, remedy."""
    row = f"row {error.row}" if error.row is not None else ""
    field = f"field {error.field}" if error.field else ""
    place = ", ".join(part for part in (row, field) if part)
    return f"{place + ': ' if place else ''}{error.reason}{'; ' + error.remedy if error.remedy else ''}"
