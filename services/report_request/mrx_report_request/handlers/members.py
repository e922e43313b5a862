"""What the asking member does with its requests afterwards."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from mrx_shared.refusals import Rejected

from mrx_report_request.domain import wording
from mrx_report_request.domain.decisions import Outcome, avoids
from mrx_report_request.domain.decisions import decide as read_decision
from mrx_report_request.domain.requests import Request, Supplier, sharing
from mrx_report_request.domain.transitions import Action
from mrx_report_request.handlers.contacts import check_apart, name_contact, named_contacts
from mrx_report_request.handlers.publishing import close_to_supplier, settle
from mrx_report_request.ports import Numbers, Work

SITES_TOLD = 3


async def withdraw(request_id: UUID, reason: str | None, work: Work) -> Request:
    """Ask no longer."""
    request = await work.requests.get_to_change(request_id)
    why = wording.optional_line(reason, field="reason")
    withdrawn = request.take(Action.WITHDRAW, at=work.now, reason=why)
    return await settle(request, close_to_supplier(withdrawn, work), work)


async def readdress(
    request_id: UUID, *, contact_email: str, contact_name: str | None, language: str | None, work: Work
) -> Request:
    """Write to another contact of the supplier. Links that went to another address stop working."""
    request = await work.requests.get_to_change(request_id)
    spoken = request.supplier.language if language is None else language
    supplier = Supplier(
        name=request.supplier.name,
        language=wording.language(spoken, field="language"),
        contact_email=wording.email(contact_email, field="contact_email"),
        contact_name=wording.optional_to_supplier(contact_name, field="contact_name"),
    )
    check_apart(supplier.contact_email or "", request.requester_email, field="contact_email")
    again = request.readdress(
        supplier,
        await work.mails.of(request_id),
        at=work.now,
        leaves_at=work.slots.after(work.now),
    )
    site, address = request.site_token, supplier.contact_email or ""
    hashed = name_contact(site, address, await named_contacts([site], work), field="contact_email")
    await work.contacts.name([(site, hashed)])
    if again.revoked_mails != request.revoked_mails:
        await work.pages.close(request_id)
    return await settle(request, again, work)


async def decide(
    request_id: UUID,
    *,
    outcome: Outcome,
    reason: str | None,
    valid_until: date | None,
    same_file_confirmed: bool = False,
    work: Work,
) -> Request:
    """Record whether the report stands in for an audit, and whether that avoids one.

    Only a report that the member has opened is accepted, and a file that was also given for another site of its
    requests only with a confirmation.
    """
    request = await work.requests.get_to_change(request_id)
    request.take(Action.DECIDE, at=work.now)
    report, limits = request.report, request.validity
    if report is None or limits is None:
        raise Rejected("there is no report to decide on", field="state")
    decision = read_decision(outcome, reason, valid_until, limits=limits, now=work.now)
    if outcome is not Outcome.REFUSED:
        request.check_opened()
        if not same_file_confirmed:
            await _check_own_file(request, work)
    earlier = await work.requests.recognised(request.site_token, report.sha256)
    avoided = avoids(decision, earlier, sha256=report.sha256, audit_date=report.audit_date)
    return await settle(request, request.decide(decision, avoided=avoided), work)


async def sharing_files(requests: Sequence[Request], work: Work) -> Mapping[UUID, Sequence[Request]]:
    """For each request whose report is the same file as one for another site of the member: those requests."""
    files = {one.report.sha256 for one in requests if one.report}
    return sharing(requests, await work.requests.with_files(files)) if files else {}


async def _check_own_file(request: Request, work: Work) -> None:
    others = (await sharing_files([request], work)).get(request.request_id, ())
    if others:
        sites = ", ".join(f"{one.supplier.name} ({one.site_number})" for one in others[:SITES_TOLD])
        raise Rejected(
            f"you received the same file for another site: {sites}",
            field="same_file_confirmed",
            remedy="check that the report covers this site, then confirm it with same_file_confirmed; or refuse the report",
        )


async def totals(work: Work) -> list[Numbers]:
    """The numbers of all members together, by round, the newest first. They name no member."""
    together: dict[UUID, Numbers] = {}
    for member_id in await work.owners.all():
        async with work.acting_for(member_id):
            for one in await work.requests.numbers():
                known = together.get(one.round_id)
                together[one.round_id] = one if known is None else known + one
    return sorted(together.values(), key=lambda one: one.round_id, reverse=True)
