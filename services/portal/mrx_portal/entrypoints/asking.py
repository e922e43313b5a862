"""A member asks: which of its suppliers are listed, one request, several at once."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import uuid4

from fastapi import APIRouter, Depends, Request, Response
from mrx_shared.refusals import Invalid, Rejected
from starlette.datastructures import UploadFile

from mrx_portal.domain.findings import overlap, read_contacts, read_findings
from mrx_portal.domain.released import Entry
from mrx_portal.domain.requests import LANGUAGES
from mrx_portal.entrypoints.desk import Desk, Filled, Visitor, see
from mrx_portal.entrypoints.forms import (
    COMMON,
    OF_SUPPLIER,
    AskingForm,
    Words,
    beside,
    fresh,
    read_asking,
)
from mrx_portal.entrypoints.words import words
from mrx_portal.handlers import member as handlers
from mrx_portal.handlers.released import Shelf

MOST_ROWS = 250
"""of one form: a browser sends every field of every row"""


def new_key() -> str:
    """A key for something that is done at each press."""
    return str(uuid4())


def add_asking(routes: APIRouter, desk: Desk, shelf: Shelf) -> None:
    """The routes that lead to a request."""
    _add_check(routes, desk, shelf)
    _add_bulk(routes, desk, shelf)
    _add_asking(routes, desk, shelf)


def _add_check(routes: APIRouter, desk: Desk, shelf: Shelf) -> None:
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    @routes.get("/list/check")
    async def choose(request: Request, visitor: visiting) -> Response:
        """Ask for the findings' file."""
        return desk.page(
            request, "member/check.html", visitor=visitor, found=None, error=None, most=MOST_ROWS
        )

    @routes.post("/list/check")
    async def check(request: Request, visitor: visiting, form: signed) -> Response:
        """Show what is used and not audited. The files serve this page and are kept nowhere."""
        checked, known = await _files(form, "findings", "contacts")
        latest = await shelf.latest(visitor.api, new_key=new_key)
        if latest is None:
            raise Rejected("no list has been released yet", remedy="come back after the first release")
        try:
            findings = read_findings(checked)
            contacts = read_contacts(known) if known else {}
        except Invalid as error:
            place = f" (row {error.row})" if error.row else ""
            return desk.page(
                request,
                "member/check.html",
                visitor=visitor,
                status=422,
                found=None,
                most=MOST_ROWS,
                error=words(error) + place,
            )
        asked = await handlers.entries_asked_for(visitor.api)
        found = overlap(findings, latest.listed, asked=asked, contacts=contacts)
        rows = [
            (
                one.entry,
                fresh(
                    site_number=one.supplier_ref,
                    name=one.contact.name or one.entry.site_name,
                    contact_email=one.contact.contact_email,
                    contact_name=one.contact.contact_name,
                    language=one.contact.language if one.contact.language in LANGUAGES else "en",
                ),
                bool(one.contact.contact_email),
                None,
            )
            for one in found.candidates[:MOST_ROWS]
        ]
        return desk.page(
            request,
            "member/check.html",
            visitor=visitor,
            found=found,
            rows=rows,
            common=fresh(),
            done=(),
            error=None,
            most=MOST_ROWS,
            languages_of_mails=LANGUAGES,
        )


def _add_bulk(routes: APIRouter, desk: Desk, shelf: Shelf) -> None:
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    @routes.post("/requests/bulk")
    async def ask_many(request: Request, visitor: visiting, form: signed) -> Response:
        """Ask all that were ticked; what could not be taken comes back with its reason."""
        latest = await shelf.latest(visitor.api, new_key=new_key)
        listed = latest.listed.by_id if latest else {}
        common = read_asking(form, names=COMMON)
        entries = [listed[entry] for entry in form.all("entry") if entry in listed]
        ticked = set(form.all("ask"))
        filled = [(one, read_asking(form, row=f"-{one.entry_id}", names=OF_SUPPLIER)) for one in entries]
        sending = (
            [
                (one, AskingForm(values={**each.values, **common.values}, faults=Words()))
                for one, each in filled
                if one.entry_id in ticked and not each.faults
            ]
            if not common.faults
            else []
        )
        done, refused = await _send(sending, visitor, key=form.key)
        rows = [
            (
                one,
                each if one.entry_id in ticked else replace(each, faults=Words()),
                one.entry_id in ticked,
                refused.get(one.entry_id),
            )
            for one, each in filled
            if one.entry_id not in {entry.entry_id for entry, _ in done}
        ]
        faulty = bool(common.faults or refused) or any(each.faults for _, each, _, _ in rows)
        return desk.page(
            request,
            "member/check.html",
            visitor=visitor,
            status=422 if faulty and not done else 200,
            found=None,
            rows=rows,
            common=common,
            done=done,
            error=_what_failed(ticked, common, rows),
            most=MOST_ROWS,
            languages_of_mails=LANGUAGES,
        )


def _add_asking(routes: APIRouter, desk: Desk, shelf: Shelf) -> None:
    visiting = Annotated[Visitor, Depends(desk.signed_in("member"))]
    signed = Annotated[Filled, Depends(desk.form("session"))]

    async def form_page(
        request: Request,
        visitor: Visitor,
        entry_id: str,
        form: AskingForm,
        *,
        error: str | None = None,
        status: int = 200,
    ) -> Response:
        latest = await shelf.latest(visitor.api, new_key=new_key)
        entry = latest.listed.by_id.get(entry_id) if latest else None
        return desk.page(
            request,
            "member/new.html",
            visitor=visitor,
            status=status,
            entry=entry,
            entry_id=entry_id,
            form=form,
            error=error,
            languages_of_mails=LANGUAGES,
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
    answered = {one.row: one for one in (await handlers.ask_many(asked, visitor.api, key=key)).rows}
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


def _what_failed(ticked: set[str], common: AskingForm, rows: Sequence[tuple[Any, ...]]) -> str | None:
    if not ticked:
        return "Nothing is ticked yet. Tick the sites that you want to ask for."
    if common.faults:
        return "Nothing was sent: something above is not right yet."
    left = sum(1 for _, form, chosen, refused in rows if chosen and (form.faults or refused))
    return f"{left} of your requests could not be sent; each says why." if left else None
