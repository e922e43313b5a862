"""Take up mails, send them, hear of those that came back."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from hashlib import sha256
from typing import Final
from uuid import UUID

from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.registry import NoticeMailAsked, PasswordMailAsked, QuestionMailAsked
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.refusals import Rejected, Unavailable, Unknown

from mrx_notification.domain.addresses import deliverable, one_line
from mrx_notification.domain.bounces import Bounce
from mrx_notification.domain.mails import Cause, Kind, Mail, State
from mrx_notification.ports import Letters, NotNow, Post, Refused, Transact, Work

AT_ONCE: Final = 4
ADDRESS_KEPT: Final = timedelta(days=7)
BAD_ADDRESS: Final = "5.1.3"
NO_ANSWER: Final = "4.4.1"


async def take_request_mail(asked: MailAsked, work: Work, *, event_id: UUID, story: str) -> None:
    """Keep a mail that report_request asks for."""
    words = {
        "to_name": asked.to_name,
        "asks": asked.asks,
        "site": asked.site,
        "site_number": asked.site_number,
        "scope": asked.scope,
        "purpose": asked.purpose,
        "reference": asked.reference,
        "detail": asked.detail,
    }
    mail = Mail(
        mail_id=asked.mail_id,
        event_id=event_id,
        story=story,
        kind=Kind(asked.kind),
        asked_by="report_request",
        about=asked.request_id,
        language=asked.language,
        with_link=asked.with_link,
        address=asked.to,
        words={**_on_one_line(words), "term_ends_on": asked.term_ends_at.date().isoformat()},
        asked_at=work.now,
        due_at=work.now,
    )
    await _take(mail, work)


async def take_password_mail(asked: PasswordMailAsked, work: Work, *, event_id: UUID, story: str) -> None:
    """Keep a mail that the registry asks for."""
    words = {"to_name": asked.to_name, "valid_minutes": str(asked.valid_minutes)}
    mail = Mail(
        mail_id=asked.mail_id,
        event_id=event_id,
        story=story,
        kind=Kind(asked.kind),
        asked_by="registry",
        about=asked.principal_id,
        language=asked.language,
        with_link=True,
        address=asked.to,
        words=_on_one_line(words),
        asked_at=work.now,
        due_at=work.now,
    )
    await _take(mail, work)


async def take_notice_mail(asked: NoticeMailAsked, work: Work, *, event_id: UUID, story: str) -> None:
    """Keep a mail about a date that concerns a member's protocols."""
    words = {
        name: str(value)
        for name in ("criteria_version", "protocol_version", "successor", "to_name")
        if (value := getattr(asked, name)) is not None
    }
    days = {
        "consultation_on": asked.consultation_until,
        "effective_on": asked.effective_on,
        "recognised_on": asked.recognised_until,
    }
    mail = Mail(
        mail_id=asked.mail_id,
        event_id=event_id,
        story=story,
        kind=Kind(asked.kind),
        asked_by="registry",
        about=asked.principal_id,
        language=asked.language,
        with_link=False,
        address=asked.to,
        words={
            **_on_one_line({"to_name": None, **words}),
            **{name: day.isoformat() for name, day in days.items() if day is not None},
        },
        asked_at=work.now,
        due_at=work.now,
    )
    await _take(mail, work)


async def take_question_mail(asked: QuestionMailAsked, work: Work, *, event_id: UUID, story: str) -> None:
    """Keep a mail about a reviewer's question, or its reply."""
    words = {
        "to_name": asked.to_name,
        "criteria_version": asked.criteria_version,
        "protocol_version": asked.protocol_version,
        "criterion": asked.criterion_id,
    }
    mail = Mail(
        mail_id=asked.mail_id,
        event_id=event_id,
        story=story,
        kind=Kind(asked.kind),
        asked_by="registry",
        about=asked.principal_id,
        language=asked.language,
        with_link=False,
        address=asked.to,
        words=_on_one_line(words),
        asked_at=work.now,
        due_at=work.now,
    )
    await _take(mail, work)


def _on_one_line(words: dict[str, str | None]) -> dict[str, str | None]:
    return {name: one_line(value) or None if value else None for name, value in words.items()}


async def _take(mail: Mail, work: Work) -> None:
    address = deliverable(mail.address or "")
    if not await work.mails.add(replace(mail, address=address or mail.address)):
        raise Rejected(
            "a mail of this id was asked for before",
            field="mail_id",
            remedy="give every mail an id of its own",
        )
    if address is None:
        await _fail(mail, Cause.REFUSED, BAD_ADDRESS, work)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to send a mail, counted before it is made."""

    mail: Mail
    token: str | None = field(repr=False)


async def send_due(transact: Transact, *, letters: Letters, post: Post, new_token: Callable[[], str]) -> bool:
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
            *(_deliver(one, transact, letters, post) for one in begun if one is not None),
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
    for mail in await work.mails.due(AT_ONCE):
        if mail.exhausted:
            await _fail(mail, Cause.GIVEN_UP, mail.status or NO_ANSWER, work)
            begun.append(None)
            continue
        token = new_token() if mail.with_link else None
        trying = mail.try_at(work.now)
        await work.mails.keep(trying)
        if token is not None:
            await work.mails.expect(mail.mail_id, hash_of(token))
        begun.append(Attempt(mail=trying, token=token))
    return begun


def hash_of(token: str) -> str:
    """What is kept and said of a token."""
    return sha256(token.encode()).hexdigest()


async def _deliver(attempt: Attempt, transact: Transact, letters: Letters, post: Post) -> None:
    mail = attempt.mail
    try:
        await post.send(letters.write(mail, token=attempt.token), mail)
    except Refused as refusal:
        await transact(partial(note_refused, mail.mail_id, refusal.status), story=mail.story)
    except NotNow as delay:
        await transact(partial(note_delay, mail.mail_id, delay.status), story=mail.story)
        if delay.away:
            raise Unavailable("the mail server is away") from delay
    else:
        await transact(partial(note_sent, mail.mail_id), story=mail.story)


async def note_sent(mail_id: UUID, work: Work) -> None:
    """The mail server took the mail: say so, with every token that may have arrived."""
    mail = await work.mails.get(mail_id)
    if mail.state is not State.WAITING:  # it came back before we could note that it went
        return
    await work.mails.keep(mail.sent(work.now))
    work.say(
        MailSent(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by=mail.asked_by,
            about=mail.about,
            token_hashes=list(await work.mails.token_hashes(mail_id)),
            sent_at=work.now,
        ),
        about=str(mail.mail_id),
    )


async def note_refused(mail_id: UUID, status: str, work: Work) -> None:
    """The mail server will never take the mail."""
    mail = await work.mails.get(mail_id)
    if mail.state is State.WAITING:
        await _fail(mail, Cause.REFUSED, status, work)


async def note_delay(mail_id: UUID, status: str, work: Work) -> None:
    """Remember why the mail is not gone yet."""
    mail = await work.mails.get(mail_id)
    if mail.state is State.WAITING:
        await work.mails.keep(replace(mail, status=status))


async def take_bounce(bounce: Bounce, work: Work) -> Mail:
    """A notification came back for a mail: it failed, unless it speaks of a delay or a success.

    Raises `Unknown` where it is no mail of ours.
    """
    for event_id in bounce.event_ids:
        mail = await work.mails.of_event(event_id)
        if mail is None:
            continue
        if not bounce.failed or mail.state is State.FAILED:
            return mail
        return await _fail(mail, Cause.BOUNCED, bounce.status, work)
    raise Unknown(
        "this is about no mail that was sent from here",
        field="Message-ID",
        remedy="nothing is to be done; forward only what came back to the sender's address",
    )


async def _fail(mail: Mail, cause: Cause, status: str, work: Work) -> Mail:
    """Say that a mail failed, with every token that may have arrived nevertheless: by a try whose answer was lost."""
    failed = mail.failed(cause, status, work.now)
    await work.mails.keep(failed)
    work.say(
        MailFailed(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by=mail.asked_by,
            about=mail.about,
            cause=cause.value,
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
