"""A member asks a supplier for a report."""

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from mrx_shared.refusals import Forbidden, Rejected, TooEarly, Unknown

from mrx_report_request.domain import wording
from mrx_report_request.domain.requests import Happened, Request, Supplier
from mrx_report_request.domain.steps import State
from mrx_report_request.handlers.telling import say_changed, say_mail, say_status
from mrx_report_request.ports import Listed, NotListed, Participant, Work

DEFAULT_TERM = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """A request as a member states it, unread."""

    request_id: UUID
    entry_id: str
    site_number: str
    supplier_name: str
    contact_email: str = field(repr=False)
    contact_name: str | None = field(repr=False)
    language: str
    scope: str
    purpose: str
    term_days: int = DEFAULT_TERM
    requester_email: str | None = field(default=None, repr=False)
    requester_language: str | None = None


async def ask(asking: Asking, work: Work, *, member_id: UUID, patient: bool = False) -> Request:
    """Take a request up and have the supplier mailed; the same id asks once. Raises `Rejected` or `TooEarly`.

    `patient` waits for an entry that no release has: its release may be on the way.
    """
    read = _read(asking)
    known = await work.requests.find(asking.request_id)
    if known is not None:
        return _same(known, read)
    participant = _taking_part(await work.facts.participant(member_id), member_id)
    listed = await _listed(read.entry_id, work, patient=patient)
    already = await work.requests.open_for(listed.site_token)
    if already is not None:
        raise Rejected(
            f"your request {already} for this site is open",
            field="entry_id",
            remedy="wait until it ends, or withdraw it first",
        )
    request = _drafted(read, listed, work, member_id=member_id).mailed(work.new_id())
    await work.requests.add(request)
    await say_mail("invitation", request, work, asks=participant.name)
    say_changed(request, work)
    say_status(request, work)
    return request


def _read(asking: Asking) -> Asking:
    email = asking.requester_email
    return Asking(
        request_id=asking.request_id,
        entry_id=wording.entry_id(asking.entry_id),
        site_number=wording.one_line(asking.site_number, field="site_number"),
        supplier_name=wording.one_line(asking.supplier_name, field="supplier.name"),
        contact_email=wording.email(asking.contact_email, field="supplier.contact_email"),
        contact_name=wording.optional_line(asking.contact_name, field="supplier.contact_name"),
        language=wording.language(asking.language, field="supplier.language"),
        scope=wording.one_line(asking.scope, field="scope"),
        purpose=wording.one_line(asking.purpose, field="purpose"),
        term_days=wording.term(asking.term_days),
        requester_email=wording.email(email, field="requester_email") if email else None,
        requester_language=wording.language(
            asking.requester_language or wording.LANGUAGES[0], field="requester_language"
        ),
    )


def _same(known: Request, asked: Asking) -> Request:
    before = (known.site_number, known.supplier.name, known.scope, known.purpose)
    if before != (asked.site_number, asked.supplier_name, asked.scope, asked.purpose):
        raise Rejected(
            "this request_id came with another request before",
            field="request_id",
            remedy="make a new id for every new request",
        )
    return known


def _taking_part(participant: Participant | None, member_id: UUID) -> Participant:
    if participant is None:
        raise TooEarly(
            "it is not known here yet whether you take part", waiting_for=f"participation:{member_id}"
        )
    if not participant.participates:
        raise Forbidden(
            f"only participants ask for reports; missing: {', '.join(participant.missing)}",
            remedy="see GET /v1/participation of the registry",
        )
    return participant


async def _listed(entry_id: str, work: Work, *, patient: bool) -> Listed:
    listed = await work.facts.listed(entry_id)
    if listed is NotListed.NO_RELEASE:
        raise TooEarly("no released list has come here yet", waiting_for="release")
    if listed is NotListed.COMING or (listed is NotListed.UNKNOWN and patient):
        raise TooEarly("the entry's release has not come here yet", waiting_for=f"entry:{entry_id}")
    if listed is NotListed.UNKNOWN:
        raise Unknown(
            "no released list has this entry",
            field="entry_id",
            remedy="take it from the latest list; if that was released a moment ago, ask again",
        )
    if isinstance(listed, NotListed):
        raise Rejected(
            "the site is no longer listed",
            field="entry_id",
            remedy="look for it in the latest released list",
        )
    return listed


def _drafted(read: Asking, listed: Listed, work: Work, *, member_id: UUID) -> Request:
    return Request(
        request_id=read.request_id,
        member_id=member_id,
        reference=work.new_reference(),
        round_id=listed.round_id,
        entry_id=listed.entry_id,
        site_token=listed.site_token,
        site_number=read.site_number,
        supplier=Supplier(
            name=read.supplier_name,
            language=read.language,
            contact_email=read.contact_email,
            contact_name=read.contact_name,
        ),
        scope=read.scope,
        purpose=read.purpose,
        requester_email=read.requester_email,
        requester_language=read.requester_language or wording.LANGUAGES[0],
        asked_at=work.now,
        term_ends_at=work.now + timedelta(days=read.term_days),
        state=State.DRAFTED,
        history=(Happened(state=State.DRAFTED, reason=None, at=work.now),),
    )
