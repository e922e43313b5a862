"""A member asks: which of its suppliers are listed, one request, several at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected
from starlette.datastructures import UploadFile

from mrx_portal.domain.findings import Before, Candidate, overlap
from mrx_portal.domain.released import Entry
from mrx_portal.domain.requests import said
from mrx_portal.entrypoints.forms import (
    COMMON,
    OF_SUPPLIER,
    AskingForm,
    Words,
    beside,
    fresh,
    read_asking,
)
from mrx_portal.entrypoints.frontend import Filled, Frontend, Visitor, see
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import member as handlers
from mrx_portal.handlers.files import read_check
from mrx_portal.handlers.released import ReleasedListCache

ASKED_BEFORE = "You requested this site before. Tick it to ask its supplier again."
NAMED = 5
MOST_ROWS = 250
"""of one form: a browser sends every field of every row"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One site of the form for many."""

    entry: Entry
    form: AskingForm
    ticked: bool
    refused: str | None = None
    before: Before | None = None
    """a request for it that is over"""

    @property
    def failed(self) -> bool:
        """Whether it could not be sent as it is."""
        return bool(self.form.faults or self.refused)


def new_key() -> str:
    """A key for something that is done at each press."""
    return str(uuid4())


def add_asking(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    """The routes that lead to a request."""
    _add_check(routes, web, released_lists)
    _add_bulk(routes, web, released_lists)
    _add_asking(routes, web, released_lists)


def _add_check(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    @routes.get("/list/check")
    async def choose(request: Request, visitor: visiting) -> Response:
        """Ask for the findings' file."""
        return web.page(request, "member/check.html", visitor=visitor, found=None, error=None, most=MOST_ROWS)

    @routes.post("/list/check")
    async def check(request: Request, visitor: visiting, form: signed) -> Response:
        """Show what is used and not audited. The files serve this page and are kept nowhere."""
        checked, known = await _files(form, "findings", "contacts")
        latest = await released_lists.latest(visitor.api, new_key=new_key)
        if latest is None:
            raise Rejected("no list has been released yet", remedy="come back after the first release")
        try:
            findings, contacts = await read_check(checked, known)
        except Invalid as error:
            return web.page(
                request,
                "member/check.html",
                visitor=visitor,
                status=422,
                found=None,
                most=MOST_ROWS,
                error=_with_row(error),
            )
        asked, over = await handlers.asked_for(visitor.api)
        found = await asyncio.to_thread(
            overlap, findings, latest.listed, asked=asked, contacts=contacts, over=over
        )
        rows = [_offered(one) for one in found.candidates[:MOST_ROWS]]
        return web.page(
            request,
            "member/check.html",
            visitor=visitor,
            found=found,
            rows=rows,
            common=fresh(),
            done=(),
            error=None,
            most=MOST_ROWS,
            said=said,
        )


def _add_bulk(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    @routes.post("/requests/bulk")
    async def ask_many(request: Request, visitor: visiting, form: signed) -> Response:
        """Ask all that were ticked; what could not be taken comes back with its reason."""
        latest = await released_lists.latest(visitor.api, new_key=new_key)
        listed = latest.listed.by_id if latest else {}
        common = read_asking(form, names=COMMON)
        entries = [listed[entry] for entry in form.all("entry") if entry in listed]
        gone = [form.text(f"name-{entry}") or "a site" for entry in form.all("ask") if entry not in listed]
        ticked, again = set(form.all("ask")), set(form.all("again"))
        _, over = await handlers.asked_for(visitor.api)
        before = {one.entry_id: _before(one, form, over) for one in entries}
        unsure = {entry for entry in ticked - again if before.get(entry)}
        filled = [(one, read_asking(form, row=f"-{one.entry_id}", names=OF_SUPPLIER)) for one in entries]
        sending = (
            [
                (
                    one,
                    AskingForm(
                        values={**each.values, **common.values},
                        faults=Words(),
                        again=one.entry_id in again,
                    ),
                )
                for one, each in filled
                if one.entry_id in ticked - unsure and not each.faults
            ]
            if not common.faults
            else []
        )
        done, refused = await _send(sending, visitor, key=form.key)
        refused |= dict.fromkeys(unsure, ASKED_BEFORE)
        sent = {entry.entry_id for entry, _ in done}
        rows = [
            Row(
                entry=one,
                form=each if one.entry_id in ticked else replace(each, faults=Words()),
                ticked=one.entry_id in ticked and one.entry_id not in unsure,
                refused=refused.get(one.entry_id),
                before=before[one.entry_id],
            )
            for one, each in filled
            if one.entry_id not in sent
        ]
        faulty = bool(common.faults or refused or gone) or any(row.form.faults for row in rows)
        return web.page(
            request,
            "member/check.html",
            visitor=visitor,
            status=422 if faulty and not done else 200,
            found=None,
            rows=rows,
            common=common,
            done=done,
            error=" ".join(filter(None, (_what_failed(ticked, common, rows), _what_is_gone(gone)))) or None,
            most=MOST_ROWS,
            said=said,
        )


def _add_asking(routes: APIRouter, web: Frontend, released_lists: ReleasedListCache) -> None:
    visiting = Annotated[Visitor, Depends(web.signed_in("member"))]
    signed = Annotated[Filled, Depends(web.form("session"))]

    async def form_page(
        request: Request,
        visitor: Visitor,
        entry_id: str,
        form: AskingForm,
        *,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        latest = await released_lists.latest(visitor.api, new_key=new_key)
        entry = latest.listed.by_id.get(entry_id) if latest else None
        return web.page(
            request,
            "member/new.html",
            visitor=visitor,
            status=status,
            entry=entry,
            entry_id=entry_id,
            form=form,
            error=error,
        )

    @routes.get("/requests/new")
    async def new(request: Request, visitor: visiting, entry: str, site_number: str = "") -> Response:
        """The form for one request."""
        return await form_page(request, visitor, entry, fresh(site_number=site_number[:200]))

    @routes.post("/requests/new")
    async def ask(request: Request, visitor: visiting, form: signed) -> Response:
        """Ask; a refusal stands beside its field."""
        entry_id, filled = form.text("entry"), read_asking(form)
        if filled.faults:
            return await form_page(request, visitor, entry_id, filled, status=422)
        try:
            made = await handlers.ask(filled.asked(entry_id), visitor.api, key=form.key)
        except Rejected as error:
            faults = beside(error, (*OF_SUPPLIER, *COMMON))
            return await form_page(
                request,
                visitor,
                entry_id,
                replace(filled, faults=faults),
                error=None if faults else words(error),
                status=409 if error.kind == "conflict" else 422,
            )
        return see(f"/member/requests/{made.request_id}", back=form.back)


async def _files(form: Filled, *names: str) -> list[bytes]:
    """What the chosen files hold, empty where none was chosen; nothing of them stays."""
    chosen = [form.fields.get(name) for name in names]
    contents = [await one.read() if isinstance(one, UploadFile) else b"" for one in chosen]
    await form.fields.close()
    return contents


async def _send(
    sending: Sequence[tuple[Entry, AskingForm]], visitor: Visitor, *, key: str
) -> tuple[list[tuple[Entry, str]], dict[str, str]]:
    """Send what is whole: the entries that were taken with their request, and the others with the reason."""
    if not sending:
        return [], {}
    asked = [form.asked(entry.entry_id) for entry, form in sending]
    answered = {one.row: one for one in await handlers.ask_many(asked, visitor.api, key=key)}
    done, refused = [], {}
    for row, (entry, _) in enumerate(sending, 1):
        result = answered.get(row)
        if result and result.request:
            done.append((entry, str(result.request.request_id)))
        elif result and result.refused:
            why = result.refused
            refused[entry.entry_id] = words(Rejected(why.reason, remedy=why.remedy))
        else:
            refused[entry.entry_id] = "The service did not answer for this row. Send it again."
    return done, refused


def _offered(one: Candidate) -> Row:
    contact = one.contact
    blank = "" if contact.fault else "en"
    return Row(
        entry=one.entry,
        form=fresh(
            site_number=one.supplier_ref,
            name=contact.name or one.entry.site_name,
            contact_email=contact.contact_email,
            contact_name=contact.contact_name,
            language=contact.language or blank,
        ),
        ticked=bool(contact.contact_email) and contact.fault is None and one.before is None,
        refused=_with_row(contact.fault) if contact.fault else None,
        before=one.before,
    )


def _before(entry: Entry, form: Filled, over: Mapping[str, Before]) -> Before | None:
    return over.get(entry.entry_id) or over.get(form.text(f"site_number-{entry.entry_id}"))


def _with_row(error: Rejected) -> str:
    return words(error) + (f" (row {error.row})" if error.row else "")


def _what_failed(ticked: set[str], common: AskingForm, rows: Sequence[Row]) -> str | None:
    if not ticked:
        return "Nothing is ticked. Tick the sites that you want to request."
    if common.faults:
        return "Nothing was sent. Correct the fields for every request first."
    left = [row.form.values["name"] or row.entry.site_name for row in rows if row.failed]
    if not left:
        return None
    could = "1 of your requests" if len(left) == 1 else f"{len(left)} of your requests"
    return f"{could} could not be sent: {_named(left)}. The reason is shown beside each one below."


def _what_is_gone(gone: Sequence[str]) -> str | None:
    """Sites of a form that was drawn before the latest release: their entries are not on that list."""
    if not gone:
        return None
    return (
        f"Not requested: {_named(gone)}. A new list has been released since. Run mrx member fetch and check again, "
        "then choose the new check.csv."
    )


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {len(names) - NAMED} more" if len(names) > NAMED else "")
