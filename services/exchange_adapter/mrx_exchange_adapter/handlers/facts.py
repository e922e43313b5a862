"""What is learnt from other parts: how requests stand, and which tokens open their pages."""

from datetime import timedelta
from typing import Final
from uuid import UUID

from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.report_request import RequestChanged

from mrx_exchange_adapter.domain.tickets import CONTACT_REPLACED, Request, State
from mrx_exchange_adapter.handlers.tickets import close_ticket
from mrx_exchange_adapter.ports import Work

PAGE_LASTS: Final = timedelta(days=180)
TO_THE_MEMBER: Final = frozenset({"ready", "undelivered"})
"""mails that go to whoever asked: no link of theirs opens a supplier's page"""


async def note_request(fact: RequestChanged, work: Work, *, sequence: int) -> None:
    """Keep how a request stands, unless something newer is known; the links of revoked mails open nothing more."""
    request = Request(
        request_id=fact.request_id,
        member_id=fact.member_id,
        state=fact.state,
        reference=fact.reference,
        term_ends_at=fact.term_ends_at,
    )
    async with work.acting_for(fact.member_id):
        await work.requests.note(request, sequence=sequence)
        if await work.pages.revoke(fact.request_id, fact.revoked_mails):
            await _close_open_links(fact.request_id, work)


async def _close_open_links(request_id: UUID, work: Work) -> None:
    """Room that the replaced contact may have asked for takes no file any more."""
    await work.requests.get_to_change(request_id)
    for ticket in await work.tickets.of_request(request_id):
        if ticket.state is State.WAITING and ticket.channel == "upload":
            await close_ticket(ticket, work, CONTACT_REPLACED, due_at=ticket.lapses_at)


async def note_mail(fact: MailSent | MailFailed, work: Work) -> None:
    """Keep the tokens of the links in a mail to a supplier; a failed one may have arrived by an earlier try."""
    if fact.asked_by != "report_request" or fact.kind in TO_THE_MEMBER:
        return
    known_at = fact.sent_at if isinstance(fact, MailSent) else fact.failed_at
    for token_hash in fact.token_hashes:
        await work.pages.remember(
            bytes.fromhex(token_hash),
            fact.about,
            mail_id=fact.mail_id,
            valid_until=known_at + PAGE_LASTS,
        )
