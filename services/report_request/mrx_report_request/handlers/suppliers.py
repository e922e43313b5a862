"""What a supplier does on the page that its mail leads to."""

from dataclasses import dataclass
from uuid import UUID

from mrx_shared.refusals import Invalid

from mrx_report_request.domain.requests import DeclineReason, Request
from mrx_report_request.domain.transitions import Action
from mrx_report_request.domain.wording import optional_line
from mrx_report_request.handlers.publishing import settle
from mrx_report_request.ports import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A request as its supplier sees it: who asks, for what, until when. Nothing of any other request."""

    request: Request
    asks: str


async def look(request_id: UUID, work: Work) -> Shown:
    """The supplier's page. Looking changes nothing."""
    return await _shown(await work.requests.get(request_id), work)


async def open_page(request_id: UUID, work: Work) -> Shown:
    """The supplier opens its page; once it did, opening again changes nothing."""
    request = await work.requests.get_to_change(request_id)
    opened = request.take(Action.OPEN, at=work.now) if request.may(Action.OPEN) else request
    return await _shown(await settle(request, opened, work), work)


async def accept(request_id: UUID, work: Work) -> Shown:
    """The supplier will share its report."""
    request = await work.requests.get_to_change(request_id)
    return await _shown(await settle(request, request.take(Action.ACCEPT, at=work.now), work), work)


async def refuse(request_id: UUID, reason: str, comment: str | None, work: Work) -> Shown:
    """The supplier does not share its report, and says why."""
    if reason not in set(DeclineReason):
        raise Invalid(
            "there is no such reason", field="reason", remedy=f"state one of {', '.join(DeclineReason)}"
        )
    said = optional_line(comment, field="comment", most=500)
    request = await work.requests.get_to_change(request_id)
    why = f"{reason}: {said}" if said else reason
    return await _shown(
        await settle(request, request.take(Action.REFUSE, at=work.now, reason=why), work), work
    )


async def sites_of_file(request_id: UUID, sha256: str, work: Work) -> list[str]:
    """Other sites for which the same contact gave this file to the same member; nobody else's requests are looked at."""
    request = await work.requests.get(request_id)
    contact = request.supplier.contact_email
    if contact is None:
        return []
    return sorted(
        {
            one.supplier.name
            for one in await work.requests.with_files([sha256])
            if one.site_token != request.site_token
            and (one.supplier.contact_email or "").casefold() == contact.casefold()
        }
    )


async def _shown(request: Request, work: Work) -> Shown:
    participant = await work.facts.participant(request.member_id)
    return Shown(request=request, asks=participant.name if participant else "MRX")
