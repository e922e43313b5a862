"""Take up mails, send them, hear of those that came back."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from hashlib import blake2b, sha256
from typing import Final, TypeVar
from uuid import UUID

from mrx_shared.messages.envelope import Envelope
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import NoticeMailAsked, PasswordMailAsked, QuestionMailAsked
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.refusals import Invalid, Rejected, Unavailable, Unknown
from mrx_shared.slots import Slots
from mrx_shared.wording import check_plain, mailbox_of

from mrx_notification.domain.addresses import deliverable, one_line
from mrx_notification.domain.bounces import Bounce
from mrx_notification.domain.mails import SLOTTED, Attempt, Cause, Kind, Mail, State, language_of, together
from mrx_notification.ports import NotNow, Refused, Renderer, Transact, Transport, Unsafe, Work

RegistryMail = PasswordMailAsked | QuestionMailAsked | NoticeMailAsked
R = TypeVar("R", bound=RegistryMail)
A = TypeVar("A", bound=MailAsked | RegistryMail)
AT_ONCE: Final = 4
ADDRESS_KEPT: Final = timedelta(days=7)
BAD_ADDRESS: Final = "5.1.3"
BAD_WORDS: Final = "5.6.0"
NO_ANSWER: Final = "4.4.1"
_ORDER: Final = secrets.token_bytes(16)
_ORDERED_WITHIN: Final = 100_000
"""microseconds"""


async def take_request_mail(event: Envelope[MailAsked], work: Work, *, slots: Slots) -> None:
    """Keep a mail that report_request asks for. What a member asks of a supplier leaves in a slot, to the mailbox."""
    asked = event.data
    words = {
        "to_name": asked.to_name,
        "asks": asked.asks,
        "site": asked.site,
        "site_number": asked.site_number,
        "scope": asked.scope,
        "purpose": asked.purpose,
        "reference": asked.reference,
        "detail": asked.detail,
        "term_ends_on": asked.term_ends_at.date().isoformat(),
    }
    mail = _mail(event, work, words=words, about=asked.request_id, with_link=asked.with_link)
    if mail.kind in SLOTTED:
        mailbox = mailbox_of(asked.to)
        slot = slots.joined(asked.leaves_at or work.now, now=work.now)
        due = slots.leaves_at(slot) - _before_others(mailbox)
        mail = replace(mail, address=mailbox, slot_at=slot, due_at=due)
    await _take(mail, work)


async def take_registry_mail(event: Envelope[R], work: Work) -> None:
    """Keep a mail that the registry asks for."""
    asked = event.data
    words, with_link = _words(asked)
    await _take(_mail(event, work, words=words, about=asked.principal_id, with_link=with_link), work)


def _words(asked: RegistryMail) -> tuple[dict[str, str | None], bool]:
    """What a mail of the registry says, and whether it carries a link."""
    if isinstance(asked, PasswordMailAsked):
        return {"to_name": asked.to_name, "valid_minutes": str(asked.valid_minutes)}, True
    if isinstance(asked, QuestionMailAsked):
        return {
            "to_name": asked.to_name,
            "criteria_version": asked.criteria_version,
            "protocol_version": asked.protocol_version,
            "criterion": asked.criterion_id,
        }, False
    said = {
        "criteria_version": asked.criteria_version,
        "protocol_version": asked.protocol_version,
        "successor": asked.successor,
        "consultation_on": asked.consultation_until,
        "effective_on": asked.effective_on,
        "recognised_on": asked.recognised_until,
    }
    return {
        "to_name": asked.to_name,
        **{name: str(value) for name, value in said.items() if value is not None},
    }, False


def _mail(
    event: Envelope[A],
    work: Work,
    *,
    words: Mapping[str, str | None],
    about: UUID,
    with_link: bool,
) -> Mail:
    asked = event.data
    return Mail(
        mail_id=asked.mail_id,
        event_id=event.id,
        letter_id=event.id,
        correlation_id=event.correlationid,
        kind=Kind(asked.kind),
        asked_by="report_request" if isinstance(asked, MailAsked) else "registry",
        about=about,
        language=asked.language,
        with_link=with_link,
        address=asked.to,
        words=words,
        asked_at=work.now,
        due_at=work.now,
    )


def _before_others(mailbox: str) -> timedelta:
    """By how little a mailbox comes before others of its slot: in an order that nobody can foresee.

    In the order of addresses, a member with an address on either side of another one could tell from the times of its
    own mails whether something left between them.
    """
    drawn = blake2b(mailbox.encode(), key=_ORDER, digest_size=8).digest()
    return timedelta(microseconds=int.from_bytes(drawn) % _ORDERED_WITHIN)


async def _take(mail: Mail, work: Work) -> None:
    address = deliverable(mail.address or "")
    words = {name: one_line(value) or None if value else None for name, value in mail.words.items()}
    if not await work.mails.add(replace(mail, address=address or mail.address, words=words)):
        raise Rejected(
            "a mail with this id was requested before",
            field="mail_id",
            remedy="give every mail its own id",
        )
    if address is None:
        await _fail(mail, Cause.REFUSED, BAD_ADDRESS, work)
    elif not _plain(mail.words):
        await _fail(mail, Cause.UNSAFE, BAD_WORDS, work)


def _plain(words: Mapping[str, str | None]) -> bool:
    """Whether every word may stand in a mail; those who take words from people refuse others before."""
    try:
        for name, word in words.items():
            check_plain(word or "", field=name)
    except Invalid:
        return False
    return True


async def send_due(
    transact: Transact, *, renderer: Renderer, transport: Transport, new_token: Callable[[], str]
) -> bool:
    """Send some of the mails that are due, one process at a time. Says whether any was.

    A try is counted, and its token's hash stands, before the mail server hears of the mail. Whatever happens then, a
    link that arrived is known, and the mail is tried again later under the same Message-ID until its end is stored.
    Raises `Unavailable` while the mail server is away.
    """

    async def alone(work: Work) -> bool:
        if not await work.mails.alone():
            return False
        begun = await transact(partial(begin, new_token=new_token))
        outcomes = await asyncio.gather(
            *(_deliver(one, transact, renderer, transport) for one in begun if one is not None),
            return_exceptions=True,
        )
        for error in outcomes:
            if error is not None:
                raise error
        return bool(begun)

    return await transact(alone)


async def begin(work: Work, *, new_token: Callable[[], str]) -> list[Attempt | None]:
    """Count a try of some due mails, each with a token of its own; give up those tried often enough (None)."""
    begun: list[Attempt | None] = []
    taken: set[UUID] = set()
    for due in await work.mails.due(AT_ONCE):
        if due.mail_id in taken:
            continue
        letter_id, mails = together([due] if due.slot_at is None else await work.mails.with_it(due))
        taken |= {mail.mail_id for mail in mails}
        if any(mail.exhausted for mail in mails):
            for mail in mails:
                await _fail(mail, Cause.GIVEN_UP, mail.status or NO_ANSWER, work)
            begun.append(None)
            continue
        begun.append(await _try(letter_id, mails, work, new_token=new_token))
    return begun


async def _try(
    letter_id: UUID, mails: Sequence[Mail], work: Work, *, new_token: Callable[[], str]
) -> Attempt:
    trying = tuple(replace(mail.try_at(work.now), letter_id=letter_id) for mail in mails)
    tokens = tuple(new_token() if mail.with_link else None for mail in trying)
    for mail, token in zip(trying, tokens, strict=True):
        await work.mails.keep(mail)
        if token is not None:
            await work.mails.expect(mail.mail_id, hash_of(token))
    return Attempt(
        letter_id=letter_id,
        address=trying[0].address or "",
        language=language_of(trying),
        mails=trying,
        tokens=tokens,
    )


def hash_of(token: str) -> str:
    """What is kept and said of a token."""
    return sha256(token.encode()).hexdigest()


async def _deliver(attempt: Attempt, transact: Transact, renderer: Renderer, transport: Transport) -> None:
    try:
        await transport.send(renderer.render(attempt), attempt)
    except Unsafe:
        await _note_each(attempt, transact, partial(note_refused, cause=Cause.UNSAFE, status=BAD_WORDS))
    except Refused as refusal:
        await _note_each(attempt, transact, partial(note_refused, cause=Cause.REFUSED, status=refusal.status))
    except NotNow as delay:
        await _note_each(attempt, transact, partial(note_delay, status=delay.status))
        if delay.away:
            raise Unavailable("the mail server is away") from delay
    else:
        await _note_each(attempt, transact, note_sent)


async def _note_each(
    attempt: Attempt, transact: Transact, note: Callable[[UUID, Work], Awaitable[None]]
) -> None:
    for mail in attempt.mails:
        await transact(partial(note, mail.mail_id), correlation_id=mail.correlation_id)


async def note_sent(mail_id: UUID, work: Work) -> None:
    """The mail server took the mail: say so, with every token that may have arrived."""
    mail = await work.mails.get(mail_id)
    if mail.state is not State.WAITING:  # it came back before we could note that it went
        return
    await work.mails.keep(mail.sent(work.now))
    work.emit(
        MailSent(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by=mail.asked_by,
            about=mail.about,
            token_hashes=list(await work.mails.token_hashes(mail_id)),
            sent_at=work.now,
            slot_at=mail.slot_at,
        ),
        about=str(mail.mail_id),
    )


async def note_refused(mail_id: UUID, work: Work, *, cause: Cause, status: str) -> None:
    """The mail will never go."""
    mail = await work.mails.get(mail_id)
    if mail.state is State.WAITING:
        await _fail(mail, cause, status, work)


async def note_delay(mail_id: UUID, work: Work, *, status: str) -> None:
    """Remember why the mail is not gone yet."""
    mail = await work.mails.get(mail_id)
    if mail.state is State.WAITING:
        await work.mails.keep(replace(mail, status=status))


async def take_bounce(bounce: Bounce, work: Work) -> Mail:
    """A notification came back for a mail: it failed, with all that left as one with it, unless it speaks of a delay.

    Raises `Unknown` where it is no mail of ours.
    """
    for letter_id in bounce.letter_ids:
        mails = await work.mails.of_letter(letter_id)
        if not mails:
            continue
        if bounce.failed:
            mails = [
                mail if mail.state is State.FAILED else await _fail(mail, Cause.BOUNCED, bounce.status, work)
                for mail in mails
            ]
        return mails[0]
    raise Unknown(
        "this is not about a mail that was sent from here",
        field="Message-ID",
        remedy="do nothing; forward only what came back to the sender's address",
    )


async def _fail(mail: Mail, cause: Cause, status: str, work: Work) -> Mail:
    """Say that a mail failed, with every token that may have arrived nevertheless: by a try whose answer was lost."""
    failed = mail.failed(cause, status, work.now)
    await work.mails.keep(failed)
    work.emit(
        MailFailed(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by=mail.asked_by,
            about=mail.about,
            cause="refused" if cause is Cause.UNSAFE else cause.value,
            status=status,
            token_hashes=list(await work.mails.token_hashes(mail.mail_id)),
            failed_at=work.now,
        ),
        about=str(mail.mail_id),
    )
    return failed


async def forget_addresses(transact: Transact) -> bool:
    """Drop the addresses of mails that ended a week ago. Says whether there were any."""
    return await transact(_forget)


async def _forget(work: Work) -> bool:
    return await work.mails.forget(ended_before=work.now - ADDRESS_KEPT) > 0


async def list_mails(work: Work, *, state: State | None, before: UUID | None, limit: int) -> Sequence[Mail]:
    """Mails for an operator, the newest first."""
    return await work.mails.some(state=state, before=before, limit=limit)
