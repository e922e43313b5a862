"""`mrx member`: publish a list, fetch the released one, check suppliers, ask for reports and decide on them."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Protocol
from uuid import UUID

import typer
from mrx_shared.messages.aggregation import ListReceived
from mrx_shared.refusals import counted

from mrx_member.domain.dates import DateOrder
from mrx_member.domain.editions import MAX_PAGE_ROWS, PublishOptions
from mrx_member.entrypoints import requests
from mrx_member.entrypoints.showing import SHOWN, Json, Timeout, bar, notice, print_json
from mrx_member.handlers import lists
from mrx_member.handlers.lists import Publication
from mrx_member.ports import Backend

REFUSED = 1


class OpenBackend(Protocol):
    """Opens the backend that the options name."""

    def __call__(
        self,
        *,
        profile: Path | None,
        credentials: Path | None,
        member: str | None,
        notice: Callable[[str], None],
    ) -> Backend: ...


def commands(open_backend: OpenBackend) -> typer.Typer:
    """The commands, over a backend."""
    app = typer.Typer(name="member", help="The member's side of the scheme.", no_args_is_help=True)

    @app.callback()
    def member(
        context: typer.Context,
        profile: Annotated[Path | None, typer.Option(help="The member's profile, a JSON file.")] = None,
        credentials: Annotated[
            Path | None, typer.Option(help="A stack's credentials.json; choose the member with --member.")
        ] = None,
        member: Annotated[str | None, typer.Option(help="The member's name in --credentials.")] = None,
    ) -> None:
        """Publish a list, check suppliers, ask for reports and decide on them, with the member's own credentials.

        Without --profile or --credentials the settings come from MRX_MEMBER_PROFILE or MRX_MEMBER_….
        """
        if (credentials is None) != (member is None):
            raise typer.BadParameter("--credentials and --member go together")
        # A client of Kafka tells of every attempt; what matters of it, the backend says once.
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        context.obj = open_backend(profile=profile, credentials=credentials, member=member, notice=notice)

    for command in (publish, fetch, check, receipts, status):
        app.command()(command)
    for name, command in requests.COMMANDS.items():
        app.command(name)(command)
    return app


def publish(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    path: Annotated[
        Path, typer.Argument(metavar="LIST.csv|LIST.xlsx", exists=True, dir_okay=False, readable=True)
    ],
    list_id: Annotated[
        UUID | None,
        typer.Option(help="By default, the id under which a file of this name was published before."),
    ] = None,
    revision: Annotated[int | None, typer.Option(min=1, help="By default, the next one.")] = None,
    page_rows: Annotated[int, typer.Option(min=1, max=MAX_PAGE_ROWS)] = MAX_PAGE_ROWS,
    receipt: Annotated[
        Path | None,
        typer.Option(
            metavar="REFUSED.csv", help="Where to write refused rows; by default, the member's home folder."
        ),
    ] = None,
    date_order: Annotated[
        DateOrder | None,
        typer.Option(help="Needed if no row tells whether the day or the month comes first."),
    ] = None,
    encoding: Annotated[
        str | None, typer.Option(help="The file's encoding, if it cannot be detected.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for the receipt.")] = True,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Send the list of audited sites and print its receipt. Exits with 1 if no row is accepted.

    Nothing is sent of a file that cannot be read as a list. Contacts never leave this machine. After a failure
    run the same command again: it carries on, and nothing counts twice.
    """
    backend: Backend = context.obj
    reading = lists.read_list(path, backend, order=date_order, encoding=encoding)
    for note in reading.notes:
        notice(note)
    options = PublishOptions(list_id=list_id, revision=revision, page_rows=page_rows)
    with bar("sending") as progress:
        published = asyncio.run(
            lists.publish(
                path.stem, reading.entries, options, backend, wait=wait, patience=timeout, progress=progress
            )
        )
    refused = lists.write_refusals(published, receipt, backend)
    if as_json:
        print_json(
            _publication_figures(published)
            | {"notes": reading.notes, "refused_rows": refused and str(refused)}
        )
    else:
        _show(published, refused)
    if published.nothing_accepted:
        raise typer.Exit(REFUSED)


def fetch(
    context: typer.Context,
    out: Annotated[
        Path | None, typer.Option(help="A folder for the documents; the home folder keeps them too.")
    ] = None,
    wait: Annotated[bool, typer.Option(help="Wait for a release that has not been fetched yet.")] = False,
    timeout: Timeout = 120.0,
    as_json: Json = False,
) -> None:
    """Download the latest released list and its certificate, and verify them."""
    backend: Backend = context.obj
    with bar("fetching") as progress:
        fetched = asyncio.run(lists.fetch(backend, out=out, wait=wait, patience=timeout, progress=progress))
    if as_json:
        print_json(
            {
                "release_id": str(fetched.release_id),
                "as_of": fetched.as_of,
                "rows": fetched.rows,
                "folder": str(fetched.folder),
            }
        )
    else:
        typer.echo(
            f"release {fetched.release_id} as of {fetched.as_of}: {counted(fetched.rows, 'site', 'sites')}, in {fetched.folder}"
        )


def check(
    context: typer.Context,
    suppliers: Annotated[
        Path, typer.Argument(metavar="SUPPLIERS.csv", exists=True, dir_okay=False, readable=True)
    ],
    own: Annotated[
        Path | None, typer.Option(exists=True, help="Your own list; by default, the last one published.")
    ] = None,
    released: Annotated[
        Path | None,
        typer.Option(exists=True, help="The released list or its folder; by default, the last one fetched."),
    ] = None,
    out: Annotated[Path, typer.Option(dir_okay=False, help="Where to write the findings.")] = Path(
        "check.csv"
    ),
    as_json: Json = False,
) -> None:
    """Match suppliers against the released list. Everything happens on this machine, nothing leaves it."""
    backend: Backend = context.obj
    findings = lists.check(suppliers, backend, own=own, released=released)
    lists.write_findings(findings, out, backend)
    if as_json:
        figures = ("listed", "audited_by_us", "to_request", "to_review")
        print_json(
            {"suppliers": len(findings.findings), **{name: getattr(findings, name) for name in figures}}
        )
        return
    typer.echo(f"suppliers      {len(findings.findings):>7,}")
    typer.echo(f"listed         {findings.listed:>7,}")
    typer.echo(f"audited by us  {findings.audited_by_us:>7,}")
    typer.echo(f"to request     {findings.to_request:>7,}")
    typer.echo(
        f"to review      {findings.to_review:>7,}   (someone has to compare them: decision `review` in {out})"
    )


def receipts(context: typer.Context, as_json: Json = False) -> None:
    """Print the receipts stored on this machine, oldest first."""
    backend: Backend = context.obj
    kept = backend.home.receipts()
    if as_json:
        print_json([receipt.model_dump(mode="json") for receipt in kept])
        return
    for one in kept:
        typer.echo(
            f"{one.received_at:%Y-%m-%d %H:%M}  {one.list_id} revision {one.revision}: {one.state}, "
            f"{one.accepted:,} accepted, {one.refused:,} refused, {one.waiting:,} waiting{_stands(one)}"
        )


def status(context: typer.Context, timeout: Timeout = 30.0, as_json: Json = False) -> None:
    """Print whether this member takes part and what is missing."""
    standing = asyncio.run(lists.participation(context.obj, patience=timeout))
    if as_json:
        print_json(standing)
        return
    typer.echo("takes part" if standing.get("participates") else "does not take part")
    missing = standing.get("missing")
    if isinstance(missing, list) and missing:
        typer.echo(f"missing: {', '.join(map(str, missing))}")


def _publication_figures(published: Publication) -> dict[str, Any]:
    edition, receipt = published.edition, published.receipt
    return {
        "list_id": str(edition.list_id),
        "revision": edition.revision,
        "rows": published.rows,
        "pages": published.pages,
        "state": receipt.state if receipt else "sent",
        "stands": receipt and receipt.stands,
        "reason": receipt and receipt.reason,
        "accepted": receipt and receipt.accepted,
        "refused": receipt and receipt.refused,
        "waiting": receipt and receipt.waiting,
    }


def _stands(receipt: ListReceived) -> str:
    """What stays of the revision, where something more that came for it was refused."""
    return f"; the previous revision stays {receipt.stands}" if receipt.stands else ""


def _show(published: Publication, refused: Path | None) -> None:
    edition, receipt = published.edition, published.receipt
    typer.echo(
        f"list {edition.list_id} revision {edition.revision}: "
        f"{counted(published.rows, 'row', 'rows')} in {counted(published.pages, 'page', 'pages')} sent"
    )
    if receipt is None:
        return
    typer.echo(
        f"{receipt.state}: {receipt.accepted:,} accepted, {receipt.refused:,} refused, "
        f"{receipt.waiting:,} waiting{_stands(receipt)}"
    )
    if receipt.reason:
        typer.echo(f"{receipt.reason}{'; ' + receipt.remedy if receipt.remedy else ''}")
    if published.nothing_accepted:
        waits = " yet: do not send the waiting rows again" if receipt.waiting else ""
        typer.echo(f"no row is accepted{waits}")
    for row in published.refusals[:SHOWN]:
        typer.echo(f"  row {row.row} {row.row_ref} {row.field}: {row.reason}; {row.remedy}")
    if len(published.refusals) > SHOWN:
        typer.echo(f"  … and {len(published.refusals) - SHOWN:,} more")
    if refused and published.refusals:
        typer.echo(f"refused rows: {refused}")
    if len(published.refusals) < receipt.refused and receipt.state != "refused":
        notice(
            f"only the first {counted(len(published.refusals), 'refused row', 'refused rows')}: the service did not return the others"
        )
