"""`mrx member request`, `requests`, `download`, `decide`, `contact`, `withdraw`, `numbers`: from the list to the report."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any
from uuid import UUID

import typer
from mrx_shared.limits import MAIL_LANGUAGES, TERM_DAYS
from mrx_shared.refusals import counted

from mrx_member.domain.requests import (
    OUTCOMES,
    Asking,
    Fault,
    Request,
    Requester,
    Terms,
    one_asking,
    verdict,
)
from mrx_member.entrypoints.showing import Json, Timeout, bar, notice, print_json, show_faults
from mrx_member.handlers import reports, requests
from mrx_member.handlers.requests import Asked
from mrx_member.ports import Backend

REFUSED, BAD_INPUT = 1, 2


class By(StrEnum):
    """How the scheme is told."""

    HTTP = "http"
    EVENT = "event"


_By = Annotated[By, typer.Option(help="Send it over HTTP, or as an event on Kafka.")]
_File = {"exists": True, "dir_okay": False, "readable": True}


def request(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    path: Annotated[Path | None, typer.Argument(metavar="[REQUESTS.csv|.xlsx]", **_File)] = None,
    check: Annotated[
        Path | None,
        typer.Option(metavar="CHECK.csv", help="Ask for what `check` found, with --suppliers.", **_File),
    ] = None,
    suppliers: Annotated[
        Path | None,
        typer.Option(metavar="SUPPLIERS.csv", help="Your own suppliers with their contacts.", **_File),
    ] = None,
    entry: Annotated[str | None, typer.Option(help="Ask for this entry of the released list.")] = None,
    site_number: Annotated[str | None, typer.Option(help="Your own number for the site.")] = None,
    supplier: Annotated[str | None, typer.Option(help="The supplier's name.")] = None,
    email: Annotated[str | None, typer.Option(help="The supplier's e-mail address.")] = None,
    contact_name: Annotated[str | None, typer.Option(help="The name to address the e-mail to.")] = None,
    scope: Annotated[
        str | None, typer.Option(help="Which audit you ask for, unless a column says it.")
    ] = None,
    purpose: Annotated[
        str | None, typer.Option(help="What you need it for, unless a column says it.")
    ] = None,
    language: Annotated[
        str,
        typer.Option(help=f"Language of the e-mails, {', '.join(MAIL_LANGUAGES)}, unless a column says it."),
    ] = "en",
    term_days: Annotated[
        int,
        typer.Option(min=TERM_DAYS[0], max=TERM_DAYS[-1], help="Days to answer, unless a column says it."),
    ] = 28,
    requester_email: Annotated[
        str | None, typer.Option(help="The address to e-mail when a report arrives.")
    ] = None,
    requester_language: Annotated[str | None, typer.Option(help="The language of that e-mail.")] = None,
    by: _By = By.HTTP,
    again: Annotated[
        bool, typer.Option("--again", help="Ask again if an earlier request has ended.")
    ] = False,
    refused: Annotated[
        Path | None, typer.Option(metavar="REFUSED.csv", help="Where to write rows that cannot be sent.")
    ] = None,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Ask suppliers for the audit reports of sites on the released list.

    Rows that cannot be asked are named, the others go out. The same command again asks nobody twice.
    """
    backend: Backend = context.obj
    terms = Terms(scope=scope, purpose=purpose, language=language, term_days=term_days)
    if (path is not None) + (check is not None) + (entry is not None) != 1:
        raise typer.BadParameter("give a file, --check with --suppliers, or --entry")
    if (check is None) != (suppliers is None):
        raise typer.BadParameter("--check and --suppliers go together")
    wanted: Sequence[Asking]
    faults: Sequence[Fault] = ()
    if path is not None:
        wanted, faults = requests.read_askings(path, terms, backend)
    elif check is not None and suppliers is not None:
        wanted, faults = requests.read_check(check, suppliers, terms, backend)
    else:
        said = {
            "entry_id": entry,
            "supplier_ref": site_number,
            "supplier_name": supplier,
            "contact_email": email,
            "contact_name": contact_name,
        }
        wanted = [one_asking({name: value for name, value in said.items() if value}, terms)]
    with bar("asking") as progress:
        asked = asyncio.run(
            requests.ask(
                wanted,
                backend,
                requester=Requester(email=requester_email, language=requester_language),
                by=by.value,
                again=again,
                patience=timeout,
                progress=progress,
            )
        )
    faults = (*faults, *asked.faults)
    if refused is not None:
        requests.write_faults(faults, refused, backend)
    if as_json:
        print_json(_asked_figures(asked) | {"refused": len(faults), "refusals": _fault_figures(faults)})
    else:
        typer.echo(f"asked    {len(asked.answers):>7,}")
        typer.echo(f"refused  {len(faults):>7,}")
        show_faults(faults, typer.echo)
        if asked.ended and not again:
            notice(
                f"{len(asked.ended):,} of them {'was' if len(asked.ended) == 1 else 'were'} asked before and {'is' if len(asked.ended) == 1 else 'are'} over; --again asks anew"
            )
    _end(asked.answers, faults)


def standing(
    context: typer.Context,
    request_id: Annotated[
        UUID | None, typer.Argument(metavar="[ID]", help="Show one request with its history.")
    ] = None,
    state: Annotated[str | None, typer.Option(help="Only those in this state.")] = None,
    csv: Annotated[Path | None, typer.Option(metavar="OUT.csv", help="Write them as a table.")] = None,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Show your requests: state, term, e-mail status, report, decision."""
    backend: Backend = context.obj
    if request_id is not None:
        one = asyncio.run(requests.request(request_id, backend, patience=timeout))
        _show_one(one, as_json=as_json)
        return
    found = asyncio.run(requests.requests(backend, state=state, patience=timeout))
    if csv is not None:
        requests.write_requests(found, csv, backend)
    if as_json:
        print_json([requests.figures(one) for one in found])
        return
    for one in found:
        typer.echo(
            f"{one.request_id}  {one.state:<10} until {one.term_ends_at:%Y-%m-%d}  mail {one.mail:<8}"
            f" {one.site_number}  {one.supplier}{'  ' + one.outcome if one.outcome else ''}"
        )
    typer.echo(counted(len(found), "request", "requests"))


def download(
    context: typer.Context,
    request_ids: Annotated[list[UUID] | None, typer.Argument(metavar="[ID…]")] = None,
    all_available: Annotated[
        bool, typer.Option("--all-available", help="Every report that is waiting for your decision.")
    ] = False,
    out: Annotated[Path, typer.Option(file_okay=False, help="The folder to write them to.")] = Path(
        "reports"
    ),
    timeout: Annotated[float, typer.Option(min=1, help="Seconds for each report.")] = 600.0,
    as_json: Json = False,
) -> None:
    """Download reports, verify their size and SHA-256, and print where they are.

    A report that lies there already is not fetched again; no other file is overwritten. An interrupted download goes
    on when the same command runs again.
    """
    backend: Backend = context.obj
    if bool(request_ids) == all_available:
        raise typer.BadParameter("give request ids, or --all-available")
    with bar("downloading") as progress:
        done = asyncio.run(
            reports.download(request_ids or None, out, backend, patience=timeout, progress=progress)
        )
    if as_json:
        kept = [
            {
                "request_id": str(one.request_id),
                "path": str(one.path),
                "sha256": one.report.sha256,
                "size": one.report.size,
                "new": one.new,
            }
            for one in done.kept
        ]
        print_json({"reports": kept, "refused": len(done.faults), "refusals": _fault_figures(done.faults)})
    else:
        for one in done.kept:
            typer.echo(one.path)
        show_faults(done.faults)
    if done.faults:
        raise typer.Exit(REFUSED)


def decide(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    what: Annotated[str, typer.Argument(metavar="ID|DECISIONS.csv")],
    outcome: Annotated[str | None, typer.Option(help=f"{', '.join(OUTCOMES)}.")] = None,
    reason: Annotated[str | None, typer.Option(help="Required for a refusal.")] = None,
    valid_until: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The last day on which the report replaces an audit: at most 36 months after the audit, by default 24.",
        ),
    ] = None,
    same_file: Annotated[
        bool,
        typer.Option("--same-file", help="Accept a file that you also received for another site."),
    ] = False,
    by: _By = By.HTTP,
    refused: Annotated[
        Path | None, typer.Option(metavar="REFUSED.csv", help="Where to write refused rows.")
    ] = None,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Record whether a report replaces an audit of your own: one decision, or a file of them.

    The file has the columns request_id, outcome, reason, valid_until, same_file_confirmed.

    Download a report before you accept it.
    """
    backend: Backend = context.obj
    path = Path(what)
    faults: Sequence[Fault] = ()
    if outcome is not None:
        wanted = [
            verdict(what, outcome, reason=reason, valid_until=valid_until, same_file_confirmed=same_file)
        ]
    elif path.is_file():
        wanted, faults = requests.read_verdicts(path, backend)
    else:
        raise typer.BadParameter(f"{what} is not a file; a decision on one request needs --outcome")
    with bar("deciding") as progress:
        settled = asyncio.run(
            requests.decide(wanted, backend, by=by.value, patience=timeout, progress=progress)
        )
    faults = (*faults, *settled.faults)
    if refused is not None:
        requests.write_faults(faults, refused, backend)
    if as_json:
        decided = [{"request_id": str(one.request_id), "outcome": one.outcome} for one in settled.decided]
        print_json({"decided": decided, "refused": len(faults), "refusals": _fault_figures(faults)})
    else:
        typer.echo(f"decided  {len(settled.decided):>7,}")
        typer.echo(f"refused  {len(faults):>7,}")
        show_faults(faults, typer.echo)
    _end(settled.decided, faults)


def contact(
    context: typer.Context,
    request_id: Annotated[UUID, typer.Argument(metavar="ID")],
    email: Annotated[str, typer.Option(help="The new e-mail address.")],
    name: Annotated[str | None, typer.Option(help="The name to address the e-mail to.")] = None,
    language: Annotated[
        str | None, typer.Option(help="Language of the e-mails; by default, as before.")
    ] = None,
    timeout: Timeout = 120.0,
) -> None:
    """Write to another contact at the supplier, if the e-mail came back or went to the wrong person."""
    asyncio.run(
        requests.readdress(
            request_id, context.obj, email=email, name=name, language=language, patience=timeout
        )
    )
    typer.echo(f"request {request_id}: the next e-mail goes to the new contact")


def withdraw(
    context: typer.Context,
    request_id: Annotated[UUID, typer.Argument(metavar="ID")],
    reason: Annotated[str | None, typer.Option(help="Why, for your own records.")] = None,
    by: _By = By.HTTP,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Ask no longer for a report."""
    asyncio.run(requests.withdraw(request_id, context.obj, reason=reason, by=by.value, patience=timeout))
    if as_json:
        print_json({"request_id": str(request_id), "state": "withdrawn"})
    else:
        typer.echo(f"request {request_id}: withdrawn")


def numbers(context: typer.Context, timeout: Timeout = 30.0, as_json: Json = False) -> None:
    """Show your requests, decisions and avoided audits, by round."""
    said = asyncio.run(requests.numbers(context.obj, patience=timeout))
    if as_json:
        print_json(said)
        return
    rounds = said.get("rounds")
    for one in rounds if isinstance(rounds, list) else []:
        typer.echo("  ".join(f"{name} {value}" for name, value in one.items()))


COMMANDS: Mapping[str, Callable[..., None]] = MappingProxyType(
    {
        "request": request,
        "requests": standing,
        "download": download,
        "decide": decide,
        "contact": contact,
        "withdraw": withdraw,
        "numbers": numbers,
    }
)


def _asked_figures(asked: Asked) -> dict[str, Any]:
    return {
        "asked": len(asked.answers),
        "ended": len(asked.ended),
        "requests": [
            {
                "row": one.asking.row,
                "supplier_ref": one.asking.site_number,
                "entry_id": one.asking.entry_id,
                "request_id": str(one.request_id),
                "state": one.state,
                "mail": one.mail,
            }
            for one in asked.answers
        ],
    }


def _fault_figures(faults: Sequence[Fault]) -> list[Mapping[str, object]]:
    return [
        {
            "row": one.row,
            "supplier_ref": one.ref,
            "field": one.field,
            "reason": one.reason,
            "remedy": one.remedy,
        }
        for one in faults
    ]


def _show_one(one: Request, *, as_json: bool) -> None:
    figures = requests.figures(one)
    history = [
        {"state": step.state, "at": step.at.isoformat(), "reason": step.reason} for step in one.history
    ]
    if as_json:
        print_json({**figures, "possible": one.possible, "history": history})
        return
    for name, value in figures.items():
        if value is not None:
            typer.echo(f"{name:<14} {value}")
    if one.possible:
        typer.echo(f"{'possible':<14} {', '.join(one.possible)}")
    for step in one.history:
        typer.echo(f"  {step.at:%Y-%m-%d %H:%M}  {step.state}{': ' + step.reason if step.reason else ''}")


def _end(done: Sequence[object], faults: Sequence[Fault]) -> None:
    """End with a code of its own where nothing at all went through."""
    if faults and not done:
        raise typer.Exit(BAD_INPUT if all(one.kind == "invalid" for one in faults) else REFUSED)
