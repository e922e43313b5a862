"""What is learnt from other parts: how requests stand, and which tokens open their pages."""

from datetime import timedelta
from typing import Final

from mrx_shared.messages.notification import MailSent
from mrx_shared.messages.report_request import RequestChanged

from mrx_exchange_adapter.domain.tickets import Request
from mrx_exchange_adapter.ports import Work

PAGE_LASTS: Final = timedelta(days=180)
TO_THE_MEMBER: Final = frozenset({"ready", "undelivered"})
"""mails that go to whoever asked: no link of theirs opens a supplier's page"""


async def note_request(fact: RequestChanged, work: Work, *, sequence: int) -> None:
    """Keep how a request stands, unless something newer is known."""
    request = Request(
        request_id=fact.request_id,
        member_id=fact.member_id,
        state=fact.state,
        reference=fact.reference,
        term_ends_at=fact.term_ends_at,
    )
    async with work.acting_for(fact.member_id):
        await work.requests.note(request, sequence=sequence)


async def note_mail(fact: MailSent, work: Work) -> None:
    """Keep the tokens of the links in a mail to a supplier."""
    if fact.asked_by != "report_request" or fact.kind in TO_THE_MEMBER:
        return
    for token_hash in fact.token_hashes:
        await work.pages.remember(
            bytes.fromhex(token_hash), fact.about, valid_until=fact.sent_at + PAGE_LASTS
        )
