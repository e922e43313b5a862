"""Ask suppliers for reports, look how requests stand, decide on reports, ask no longer; by HTTP or by event."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Literal
from uuid import UUID, uuid5

from mrx_lists import tables
from mrx_shared.messages.envelope import Envelope, M, canonical_json, encode
from mrx_shared.messages.report_request import RequestStatus
from mrx_shared.messages.requests import AskedSupplier, RecognitionDecided, ReportAsked, RequestWithdrawn
from mrx_shared.refusals import Rejected

from mrx_member.domain.requests import (
    ASKED_COLUMNS,
    CHECK_COLUMNS,
    DECIDED_COLUMNS,
    ENDED,
    SUPPLIER_COLUMNS,
    Asking,
    Fault,
    Request,
    Requester,
    Submission,
    Terms,
    Verdict,
    askings,
    chosen,
    verdicts,
)
from mrx_member.handlers.waiting import heard, understood, unseen, within
from mrx_member.ports import Backend, Event, Progress, Taken

By = Literal["http", "event"]
_Said = ReportAsked | RecognitionDecided | RequestWithdrawn
CHUNK = 100
"""So many are asked at once, and remembered before: a busy service answers them well within a call's time."""
NOBODY = Requester()
FAULT_COLUMNS = ("row", "supplier_ref", "field", "reason", "remedy")
REQUEST_COLUMNS = (
    *("request_id", "reference", "site_number", "supplier", "entry_id", "state", "mail", "asked_at"),
    *("term_ends_at", "report_id", "sha256", "size", "outcome", "valid_until"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came of asking for one site."""

    asking: Asking
    request_id: UUID
    state: str
    mail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What came of asking: every row is an answer or a fault."""

    answers: tuple[Answer, ...]
    faults: tuple[Fault, ...]

    @property
    def ended(self) -> tuple[Answer, ...]:
        """Asked before, and over: these are asked anew only by `again`."""
        return tuple(answer for answer in self.answers if answer.state in ENDED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What came of decisions: every row is a request that has its decision, or a fault."""

    decided: tuple[Verdict, ...]
    faults: tuple[Fault, ...]


def read_askings(path: Path, terms: Terms, backend: Backend) -> tuple[list[Asking], list[Fault]]:
    """Read what is to be asked from a file. Nothing is sent yet."""
    return askings(_lines(path, ASKED_COLUMNS, backend), terms)


def read_check(
    findings: Path, suppliers: Path, terms: Terms, backend: Backend
) -> tuple[list[Asking], list[Fault]]:
    """Read what is to be asked from the result of a check and the own contacts. Nothing is sent yet."""
    return chosen(
        _lines(findings, CHECK_COLUMNS, backend), _lines(suppliers, SUPPLIER_COLUMNS, backend), terms
    )


def read_verdicts(path: Path, backend: Backend) -> tuple[list[Verdict], list[Fault]]:
    """Read decisions from a file. Nothing is sent yet."""
    return verdicts(_lines(path, DECIDED_COLUMNS, backend))


def _lines(path: Path, needed: Sequence[str], backend: Backend) -> Sequence[tables.Line]:
    return tables.lines(backend.files.sheet(path, known=tables.known), needed=needed)


async def ask(
    wanted: Sequence[Asking],
    backend: Backend,
    *,
    requester: Requester = NOBODY,
    by: By = "http",
    again: bool = False,
    patience: float,
    progress: Progress = unseen,
) -> Asked:
    """Ask for reports. Calling it again asks nobody twice: what was asked before answers how it stands.

    With `again`, a request of the same content that is over is followed by a new one.
    """
    put = _ask_by_http if by == "http" else _ask_by_event
    answers: list[Answer] = []
    faults: list[Fault] = []
    async with within(patience, f"{len(wanted):,} requests are not all taken"):
        for at in range(0, len(wanted), CHUNK):
            chunk = {_key(backend, one.content): one for one in wanted[at : at + CHUNK]}
            left = chunk
            while left:
                taken = await put(left, requester, backend, again)
                over = [key for key, one in taken.items() if isinstance(one, Taken) and one.state in ENDED]
                left = {key: left[key] for key in over} if again else {}
                backend.home.keep_submissions({key: _next_edition(key, backend) for key in left})
                faults += [one for one in taken.values() if isinstance(one, Fault)]
                answers += [
                    Answer(asking=chunk[key], request_id=one.request_id, state=one.state, mail=one.mail)
                    for key, one in taken.items()
                    if key not in left and isinstance(one, Taken)
                ]
                progress(len(answers) + len(faults), len(wanted))
    return Asked(answers=tuple(answers), faults=tuple(faults))


async def _ask_by_http(
    wanted: Mapping[UUID, Asking], requester: Requester, backend: Backend, again: bool
) -> Mapping[UUID, Taken | Fault]:
    kept = backend.home.submissions()
    ids = [_request_id(key, kept.get(key)) for key in wanted]
    answers = await backend.requests.ask(list(zip(ids, wanted.values(), strict=True)), requester, again=again)
    return dict(zip(wanted, answers, strict=True))


async def _ask_by_event(
    wanted: Mapping[UUID, Asking], requester: Requester, backend: Backend, _again: bool
) -> Mapping[UUID, Taken | Fault]:
    kept = backend.home.submissions()
    asked = {
        key: _report_asked(_request_id(key, kept.get(key)), one, requester) for key, one in wanted.items()
    }
    said = await _say(asked, backend)
    return {
        key: _fault(status, row=wanted[key].row, ref=wanted[key].site_number)
        if status.state == "refused"
        else Taken(request_id=status.request_id, state=status.state, mail=status.mail)
        for key, status in said.items()
    }


def _key(backend: Backend, content: Mapping[str, object]) -> UUID:
    return uuid5(backend.member_id, canonical_json(content).decode())


def _request_id(key: UUID, submission: Submission | None) -> UUID:
    return key if submission is None or submission.edition == 1 else uuid5(key, str(submission.edition))


def _next_edition(key: UUID, backend: Backend) -> Submission:
    kept = backend.home.submissions().get(key)
    return Submission(edition=kept.edition + 1 if kept else 2)


def _report_asked(request_id: UUID, asking: Asking, requester: Requester) -> ReportAsked:
    return ReportAsked(
        request_id=request_id,
        entry_id=asking.entry_id,
        site_number=asking.site_number,
        supplier=AskedSupplier(
            name=asking.supplier_name,
            contact_email=asking.contact_email,
            contact_name=asking.contact_name,
            language=asking.language,
        ),
        scope=asking.scope,
        purpose=asking.purpose,
        term_days=asking.term_days,
        requester_email=requester.email,
        requester_language=requester.language,
    )


async def decide(
    wanted: Sequence[Verdict],
    backend: Backend,
    *,
    by: By = "http",
    patience: float,
    progress: Progress = unseen,
) -> Settled:
    """Record decisions. The same decision again changes nothing; another one is refused by the scheme."""
    decided: list[Verdict] = []
    faults: list[Fault] = []
    async with within(patience, f"{len(wanted):,} decisions are not all taken"):
        if by == "event":
            keys = {_key(backend, _decision(one).model_dump(mode="json")): one for one in wanted}
            said = await _say({key: _decision(one) for key, one in keys.items()}, backend, progress)
            for key, one in keys.items():
                if said[key].outcome == one.outcome:
                    decided.append(one)
                else:
                    faults.append(_fault(said[key], row=one.row, ref=str(one.request_id)))
        else:
            for done, one in enumerate(wanted, 1):
                try:
                    await backend.requests.decide(one)
                    decided.append(one)
                except Rejected as error:
                    faults.append(Fault.of(error, row=one.row, ref=str(one.request_id)))
                progress(done, len(wanted))
    return Settled(decided=tuple(decided), faults=tuple(faults))


def _decision(verdict: Verdict) -> RecognitionDecided:
    stated = ("request_id", "outcome", "reason", "valid_until", "same_file_confirmed")
    return RecognitionDecided.model_validate({name: getattr(verdict, name) for name in stated})


async def readdress(
    request_id: UUID, backend: Backend, *, email: str, name: str | None, language: str | None, patience: float
) -> None:
    """Have the supplier written to at another contact. Raises `Rejected`."""
    async with within(patience, "the contact is not replaced"):
        await backend.requests.readdress(request_id, email=email, name=name, language=language)


async def withdraw(
    request_id: UUID, backend: Backend, *, reason: str | None = None, by: By = "http", patience: float
) -> None:
    """Ask no longer. Again changes nothing. Raises `Rejected`."""
    async with within(patience, "the request is not withdrawn"):
        if by == "http":
            await backend.requests.withdraw(request_id, reason)
            return
        fact = RequestWithdrawn(request_id=request_id, reason=reason)
        [status] = (await _say({_key(backend, fact.model_dump(mode="json")): fact}, backend)).values()
    if status.state != "withdrawn":
        raise Rejected(status.reason or "the scheme refused it", field=status.field, remedy=status.remedy)


async def _say(
    facts: Mapping[UUID, _Said], backend: Backend, progress: Progress = unseen
) -> Mapping[UUID, RequestStatus]:
    """Say facts about requests, by key of their content, and hear how each request stands after it.

    After a crash the same events go out again, and answers that came meanwhile are found. Once it was answered, a
    fact is said anew the next time.
    """
    submissions = await _submissions(facts, backend)
    events = {
        key: _envelope(fact, fact.request_id, submissions[key], backend.member_id)
        for key, fact in facts.items()
    }
    await backend.topics.send(
        [Event(key=one.subject, body=encode(one)) for one in events.values()], unseen, to="requests"
    )
    asked = {one.correlationid: key for key, one in events.items()}
    answers: dict[UUID, RequestStatus] = {}

    def read_event(body: bytes, more: bool) -> bool | None:
        status = heard(body, RequestStatus)
        if status and status.correlationid in asked:
            answers[asked[status.correlationid]] = status.data
            progress(len(answers), len(asked))
        return None if more or len(answers) < len(asked) else True

    await backend.topics.listen(min(one.heard_from for one in submissions.values()), read_event)
    backend.home.keep_submissions({key: Submission(edition=one.edition) for key, one in submissions.items()})
    return answers


async def _submissions(keys: Iterable[UUID], backend: Backend) -> Mapping[UUID, Submission]:
    """When each content was said first, or now; remembered either way."""
    kept = backend.home.submissions()
    new = [key for key in keys if key not in kept or kept[key].said_at is None]
    if new:
        now = Submission(said_at=backend.now, heard_from=await backend.topics.position())
        fresh = {key: replace(now, edition=kept[key].edition if key in kept else 1) for key in new}
        backend.home.keep_submissions(fresh)
        kept = {**kept, **fresh}
    return {key: kept[key] for key in keys}


def _envelope(fact: M, request_id: UUID, submission: Submission, member_id: UUID) -> Envelope[M]:
    """Wrap a fact. The same fact of the same saying is the same bytes; the answer carries its id as correlation."""
    assert submission.said_at is not None
    content = sha256(canonical_json(fact.model_dump(mode="json"))).hexdigest()
    event_id = uuid5(
        request_id, f"{fact.type}/{submission.said_at.isoformat()}/{submission.heard_from}/{content}"
    )
    return Envelope[M](
        id=event_id,
        source=f"/member/{member_id}",
        type=fact.type,
        subject=str(request_id),
        time=submission.said_at,
        data=fact,
        correlationid=str(event_id),
        sequence=submission.edition,
    )


def _fault(status: RequestStatus, *, row: int | None, ref: str) -> Fault:
    return Fault(
        row=row,
        ref=ref,
        field=status.field,
        reason=status.reason or f"the request is {status.state}",
        remedy=status.remedy,
        kind="conflict",
    )


async def requests(backend: Backend, *, state: str | None = None, patience: float) -> Sequence[Request]:
    """How this member's requests stand, all or those in one state."""
    async with within(patience, "the requests did not come"):
        return await backend.requests.requests(state)


async def request(request_id: UUID, backend: Backend, *, patience: float) -> Request:
    """How one request stands, and how it came there."""
    async with within(patience, "the request did not come"):
        return await backend.requests.request(request_id)


async def numbers(backend: Backend, *, patience: float) -> Mapping[str, object]:
    """This member's requests, decisions and avoided audits, by round."""
    async with within(patience, "the numbers did not come"):
        return await backend.requests.numbers()


async def statuses(backend: Backend, *, from_the_beginning: bool = False) -> AsyncIterator[RequestStatus]:
    """Hear how requests come to stand, without end, from where the last listening stopped.

    A status counts as heard once the next one is asked for: after a crash in between it comes again.
    """
    async for event in backend.topics.follow(0 if from_the_beginning else backend.home.heard_until()):
        if status := understood(event.body, RequestStatus):
            yield status
        backend.home.keep_heard(event.after)


def write_faults(faults: Sequence[Fault], path: Path, backend: Backend) -> None:
    """Write the rows that did not go through as a table."""
    backend.files.write(
        path, FAULT_COLUMNS, ([one.row, one.ref, one.field, one.reason, one.remedy] for one in faults)
    )


def write_requests(found: Sequence[Request], path: Path, backend: Backend) -> None:
    """Write requests as a table."""
    backend.files.write(
        path, REQUEST_COLUMNS, ([figures(one)[name] for name in REQUEST_COLUMNS] for one in found)
    )


def figures(one: Request) -> dict[str, str | int | None]:
    """A request as one flat row."""
    report = one.report
    return {
        "request_id": str(one.request_id),
        "reference": one.reference,
        "site_number": one.site_number,
        "supplier": one.supplier,
        "entry_id": one.entry_id,
        "state": one.state,
        "mail": one.mail,
        "asked_at": one.asked_at.isoformat(),
        "term_ends_at": one.term_ends_at.isoformat(),
        "report_id": str(report.report_id) if report else None,
        "sha256": report.sha256 if report else None,
        "size": report.size if report else None,
        "outcome": one.outcome,
        "valid_until": one.valid_until.isoformat() if one.valid_until else None,
    }
