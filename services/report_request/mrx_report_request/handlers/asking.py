"""A member asks a supplier for a report."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from mrx_shared.refusals import Forbidden, Rejected, TooEarly, Unknown
from mrx_shared.wording import one_line

from mrx_report_request.domain import wording
from mrx_report_request.domain.requests import DueMail, Happened, Request, SlotMail, Supplier
from mrx_report_request.domain.steps import State
from mrx_report_request.handlers.contacts import check_apart, name_contact, named_contacts
from mrx_report_request.handlers.telling import say_changed, say_status, settle
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
    again: bool = False
    """where each supplier is asked once: ask once more although a request of the same words is over"""


Answer = Request | Rejected | TooEarly


async def ask(asking: Asking, work: Work, *, member_id: UUID, patient: bool = False) -> Request:
    """Take a request up and have the supplier mailed; the same id asks once. Raises `Rejected` or `TooEarly`.

    `patient` waits for an entry that no release has: its release may be on the way.
    """
    [answer] = await ask_all([asking], work, member_id=member_id, patient=patient)
    if isinstance(answer, Request):
        return answer
    raise answer


async def ask_all(
    askings: Sequence[Asking], work: Work, *, member_id: UUID, patient: bool = False, once: bool = False
) -> list[Answer]:
    """Ask for each of them, and answer each; with few statements, however many they are.

    With `once`, a row that repeats a request which is over is refused unless it says `again`: a file is easily sent twice.
    Raises `TooEarly` where nothing new can be asked at all yet.
    """
    try:
        async with work.attempt():
            return await _ask_together(askings, work, member_id=member_id, patient=patient, once=once)
    except Rejected as refusal:
        # Somebody asked at the same moment: one by one it shows for which of them.
        if len(askings) == 1:
            return [refusal]
    return [
        answer
        for asking in askings
        for answer in await ask_all([asking], work, member_id=member_id, patient=patient, once=once)
    ]


async def _ask_together(
    askings: Sequence[Asking], work: Work, *, member_id: UUID, patient: bool, once: bool
) -> list[Answer]:
    known = await work.requests.find_all({one.request_id for one in askings})
    answers: dict[int, Answer] = {}
    fresh: dict[int, Asking] = {}
    for number, asking in enumerate(askings):
        try:
            read = _read(asking)
            if read.request_id in known:
                answers[number] = _same(known[read.request_id], read)
            else:
                fresh[number] = read
        except Rejected as refusal:
            answers[number] = refusal
    if fresh:
        answers |= await _ask_anew(fresh, work, member_id=member_id, patient=patient, once=once)
    return [answers[number] for number in range(len(askings))]


async def _ask_anew(
    fresh: Mapping[int, Asking], work: Work, *, member_id: UUID, patient: bool, once: bool
) -> dict[int, Answer]:
    try:
        _taking_part(await work.facts.participant(member_id), member_id)
    except Forbidden as refusal:
        return dict.fromkeys(fresh, refusal)
    listed = await work.facts.listed({one.entry_id for one in fresh.values()})
    if NotListed.NO_RELEASE in listed.values():
        raise TooEarly("no released list has come here yet", waiting_for="release")
    sites = {one.site_token for one in listed.values() if isinstance(one, Listed)}
    open_for = dict(await work.requests.open_for(sites))
    over = {
        (one.site_token, *_words(one)): one for one in (await work.requests.over_for(sites) if once else ())
    }
    named = await named_contacts(sites, work)
    answers: dict[int, Answer] = {}
    drafted: dict[UUID, Request] = {}
    contacts: list[tuple[str, str]] = []
    for number, read in fresh.items():
        try:
            if read.request_id in drafted:
                answers[number] = _same(drafted[read.request_id], read)
                continue
            place = _place(listed[read.entry_id], read.entry_id, patient=patient)
            _check_free(place, open_for)
            if not read.again:
                _check_first(over.get((place.site_token, *_words(read))))
            hashed = name_contact(place.site_token, read.contact_email, named, field="supplier.contact_email")
        except (Rejected, TooEarly) as refusal:
            answers[number] = refusal
            continue
        request = _drafted(read, place, work, member_id=member_id)
        contacts.append((place.site_token, hashed))
        answers[number] = drafted[request.request_id] = request
        open_for[place.site_token] = request.request_id
    await _take_up(list(drafted.values()), work, contacts=contacts)
    return answers


async def _take_up(requests: Sequence[Request], work: Work, *, contacts: Collection[tuple[str, str]]) -> None:
    if not requests:
        return
    # Whoever is asked anew is not told beside it that the request before has ended.
    for ending in await work.requests.closing([one.site_token for one in requests]):
        await settle(ending, ending.without_mail_due(), work)
    await work.requests.add(requests)
    await work.contacts.name(contacts)
    for request in requests:
        say_changed(request, work)
        say_status(request, work)


def _check_free(place: Listed, open_for: Mapping[str, UUID]) -> None:
    already = open_for.get(place.site_token)
    if already is not None:
        raise Rejected(
            f"your request {already} for this site is open",
            field="entry_id",
            remedy="wait until it ends, or withdraw it first",
        )


def _check_first(before: Request | None) -> None:
    if before is not None:
        raise Rejected(
            f"you asked the same before: your request {before.request_id} for this site is over ({before.state})",
            field="again",
            remedy="leave it out, or say again to ask the supplier once more",
        )


def _words(one: Request | Asking) -> tuple[str, ...]:
    """What tells a request that is sent twice from another one for the same site."""
    name = one.supplier.name if isinstance(one, Request) else one.supplier_name
    return (one.site_number, name, one.scope, one.purpose)


def _read(asking: Asking) -> Asking:
    email = asking.requester_email
    contact = wording.email(asking.contact_email, field="supplier.contact_email")
    if email:
        check_apart(contact, wording.email(email, field="requester_email"), field="requester_email")
    return Asking(
        request_id=asking.request_id,
        entry_id=wording.entry_id(asking.entry_id),
        site_number=one_line(asking.site_number, field="site_number"),
        supplier_name=wording.to_supplier(asking.supplier_name, field="supplier.name", name=True),
        contact_email=contact,
        contact_name=wording.optional_to_supplier(asking.contact_name, field="supplier.contact_name"),
        language=wording.language(asking.language, field="supplier.language"),
        scope=wording.to_supplier(asking.scope, field="scope"),
        purpose=wording.to_supplier(asking.purpose, field="purpose"),
        term_days=wording.term(asking.term_days),
        requester_email=wording.email(email, field="requester_email") if email else None,
        requester_language=wording.language(
            asking.requester_language or wording.LANGUAGES[0], field="requester_language"
        ),
        again=asking.again,
    )


def _same(known: Request, asked: Asking) -> Request:
    if _words(known) != _words(asked):
        raise Rejected(
            "this request_id came with another request before",
            field="request_id",
            remedy="make a new id for every new request",
        )
    return known


def _taking_part(participant: Participant | None, member_id: UUID) -> None:
    if participant is None:
        raise TooEarly(
            "it is not known here yet whether you take part", waiting_for=f"participation:{member_id}"
        )
    if not participant.participates:
        raise Forbidden(
            f"only participants ask for reports; missing: {', '.join(participant.missing)}",
            remedy="see GET /v1/participation of the registry",
        )


def _place(listed: Listed | NotListed, entry_id: str, *, patient: bool) -> Listed:
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
    leaves_at = work.slots.after(work.now)
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
        term_begins_at=leaves_at,
        term_ends_at=leaves_at + timedelta(days=read.term_days),
        state=State.DRAFTED,
        history=(Happened(state=State.DRAFTED, reason=None, at=work.now),),
        half_year=listed.half_year,
        due_mail=DueMail(kind=SlotMail.INVITATION, at=leaves_at),
    )
