"""A member asks a supplier for a report."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from mrx_shared.api.report_request import NewRequest
from mrx_shared.limits import DEFAULT_MAIL_LANGUAGE
from mrx_shared.refusals import Forbidden, Rejected, TooEarly, Unknown
from mrx_shared.wording import one_line

from mrx_report_request.domain import wording
from mrx_report_request.domain.requests import DueMail, HistoryEntry, Request, SlotMail, Supplier
from mrx_report_request.domain.transitions import State
from mrx_report_request.handlers.contacts import check_apart, name_contact, named_contacts
from mrx_report_request.handlers.publishing import emit_changed, emit_status, settle
from mrx_report_request.ports import Listed, NotListed, Participant, Work

Answer = Request | Rejected | TooEarly
_Fresh = tuple[UUID, NewRequest]


async def ask(asked: NewRequest, work: Work, *, member_id: UUID, patient: bool = False) -> Request:
    """Take a request up and have the supplier mailed; the same id asks once. Raises `Rejected` or `TooEarly`.

    `patient` waits for an entry that no release has: its release may be on the way.
    """
    [answer] = await ask_all([asked], work, member_id=member_id, patient=patient)
    if isinstance(answer, Request):
        return answer
    raise answer


async def ask_all(
    several: Sequence[NewRequest],
    work: Work,
    *,
    member_id: UUID,
    patient: bool = False,
    once: bool = False,
) -> list[Answer]:
    """Ask for each of them, and answer each; with few statements, however many they are.

    With `once`, a row that repeats a request which is over is refused unless it says `again`: a file is easily sent twice.
    Raises `TooEarly` where nothing new can be asked at all yet.
    """
    try:
        async with work.attempt():
            return await _ask_together(several, work, member_id=member_id, patient=patient, once=once)
    except Rejected as refusal:
        # Somebody asked at the same moment: one by one it shows for which of them.
        if len(several) == 1:
            return [refusal]
    return [
        answer
        for asked in several
        for answer in await ask_all([asked], work, member_id=member_id, patient=patient, once=once)
    ]


async def _ask_together(
    several: Sequence[NewRequest], work: Work, *, member_id: UUID, patient: bool, once: bool
) -> list[Answer]:
    with_ids = [(asked.request_id or work.new_id(), asked) for asked in several]
    known = await work.requests.find_all({request_id for request_id, _ in with_ids})
    answers: dict[int, Answer] = {}
    fresh: dict[int, _Fresh] = {}
    for number, (request_id, asked) in enumerate(with_ids):
        try:
            read = _read(asked)
            if request_id in known:
                answers[number] = _same(known[request_id], read)
            else:
                fresh[number] = request_id, read
        except Rejected as refusal:
            answers[number] = refusal
    if fresh:
        answers |= await _ask_anew(fresh, work, member_id=member_id, patient=patient, once=once)
    return [answers[number] for number in range(len(several))]


async def _ask_anew(
    fresh: Mapping[int, _Fresh], work: Work, *, member_id: UUID, patient: bool, once: bool
) -> dict[int, Answer]:
    try:
        _taking_part(await work.facts.participant(member_id), member_id)
    except Forbidden as refusal:
        return dict.fromkeys(fresh, refusal)
    listed = await work.facts.listed({read.entry_id for _, read in fresh.values()})
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
    for number, (request_id, read) in fresh.items():
        try:
            if request_id in drafted:
                answers[number] = _same(drafted[request_id], read)
                continue
            place = _place(listed[read.entry_id], read.entry_id, patient=patient)
            _check_free(place, open_for)
            if not read.again:
                _check_first(over.get((place.site_token, *_words(read))))
            hashed = name_contact(
                place.site_token, read.supplier.contact_email, named, field="supplier.contact_email"
            )
        except (Rejected, TooEarly) as refusal:
            answers[number] = refusal
            continue
        contacts.append((place.site_token, hashed))
        answers[number] = drafted[request_id] = _drafted(request_id, read, place, work, member_id=member_id)
        open_for[place.site_token] = request_id
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
        emit_changed(request, work)
        emit_status(request, work)


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
            f"you asked for this before: your request {before.request_id} for this site has ended ({before.state})",
            field="again",
            remedy="leave it out, or set again to ask the supplier once more",
        )


def _words(one: Request | NewRequest) -> tuple[str, ...]:
    """What tells a request that is sent twice from another one for the same site."""
    return (one.site_number, one.supplier.name, one.scope, one.purpose)


def _read(asked: NewRequest) -> NewRequest:
    """The same with every field read by its rule. Raises `Invalid`."""
    email, supplier = asked.requester_email, asked.supplier
    contact = wording.email(supplier.contact_email, field="supplier.contact_email")
    if email:
        check_apart(contact, wording.email(email, field="requester_email"), field="requester_email")
    return asked.model_copy(
        update={
            "entry_id": wording.entry_id(asked.entry_id),
            "site_number": one_line(asked.site_number, field="site_number"),
            "supplier": supplier.model_copy(
                update={
                    "name": wording.to_supplier(supplier.name, field="supplier.name", name=True),
                    "contact_email": contact,
                    "contact_name": wording.optional_to_supplier(
                        supplier.contact_name, field="supplier.contact_name"
                    ),
                    "language": wording.language(supplier.language, field="supplier.language"),
                }
            ),
            "scope": wording.to_supplier(asked.scope, field="scope"),
            "purpose": wording.to_supplier(asked.purpose, field="purpose"),
            "term_days": wording.term(asked.term_days),
            "requester_email": wording.email(email, field="requester_email") if email else None,
            "requester_language": wording.language(
                asked.requester_language or DEFAULT_MAIL_LANGUAGE, field="requester_language"
            ),
        }
    )


def _same(known: Request, read: NewRequest) -> Request:
    if _words(known) != _words(read):
        raise Rejected(
            "this request_id was used for another request",
            field="request_id",
            remedy="use a new id for every new request",
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


def _drafted(request_id: UUID, read: NewRequest, listed: Listed, work: Work, *, member_id: UUID) -> Request:
    leaves_at = work.slots.after(work.now)
    return Request(
        request_id=request_id,
        member_id=member_id,
        reference=work.new_reference(),
        round_id=listed.round_id,
        entry_id=listed.entry_id,
        site_token=listed.site_token,
        site_number=read.site_number,
        supplier=Supplier(**dict(read.supplier)),
        scope=read.scope,
        purpose=read.purpose,
        requester_email=read.requester_email,
        requester_language=read.requester_language or DEFAULT_MAIL_LANGUAGE,
        asked_at=work.now,
        term_begins_at=leaves_at,
        term_ends_at=leaves_at + timedelta(days=read.term_days),
        state=State.DRAFTED,
        history=(HistoryEntry(state=State.DRAFTED, reason=None, at=work.now),),
        half_year=listed.half_year,
        due_mail=DueMail(kind=SlotMail.INVITATION, at=leaves_at),
    )
