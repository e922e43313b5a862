"""What a supplier's page shows and does."""

from contextlib import suppress
from dataclasses import dataclass
from uuid import UUID

from mrx_shared.api.bodies import fill
from mrx_shared.api.exchange_adapter import NewShare, NewTicket, Ticket, Upload
from mrx_shared.api.exchange_adapter import SupplierPage as Handover
from mrx_shared.api.report_request import NewRefusal, SameFileSites
from mrx_shared.api.report_request import SupplierPage as AskedOf
from mrx_shared.refusals import Forbidden, Rejected, Unavailable, Unknown

from mrx_portal.ports import Api, Service, SignedOut

MEDIA_TYPE = "application/pdf"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPage:
    """All that a supplier's page shows; `handover` is None while exchange_adapter does not know the request."""

    asked: AskedOf
    handover: Handover | None

    @property
    def refused_file(self) -> Upload | None:
        """The latest file, if it did not pass and no other has come since."""
        tickets = self.handover.uploads if self.handover else ()
        done = [one for one in tickets if one.state not in {"waiting", "lapsed"}]
        return done[-1] if done and done[-1].state == "refused" else None

    @property
    def in_check(self) -> bool:
        """Whether a file has arrived and its check is not over."""
        tickets = self.handover.uploads if self.handover else ()
        return any(one.state in {"received", "checking"} for one in tickets)


async def request_of(api: Api) -> AskedOf:
    """The request behind a link. Raises `Unknown`, whatever is wrong with the link."""
    try:
        return await api.get(Service.REPORT_REQUEST, "/v1/pages", AskedOf)
    except (SignedOut, Forbidden):
        raise Unknown("this link does not open a request") from None


async def look(api: Api) -> RequestPage:
    """The whole page."""
    asked = await request_of(api)
    handover = None
    # Its facts may come a moment later there; the request is shown without them.
    with suppress(Rejected, Unavailable, SignedOut):
        handover = await api.get(Service.EXCHANGE_ADAPTER, "/v1/pages", Handover)
    return RequestPage(asked=asked, handover=handover)


async def open_request(api: Api, *, key: str) -> AskedOf:
    """Note that the supplier has seen the request, the first time."""
    asked = await request_of(api)
    if "opening" in asked.possible:
        try:
            await api.post(Service.REPORT_REQUEST, "/v1/pages/opening", key=key)
        except Unknown:
            raise
        except Rejected:
            # It has gone on since it was read; the page shows how it stands.
            return await request_of(api)
    return asked


async def accept(api: Api, *, key: str) -> None:
    """Say that the report will come."""
    await api.post(Service.REPORT_REQUEST, "/v1/pages/acceptance", key=key)


async def decline(api: Api, reason: str, comment: str, *, key: str) -> None:
    """Say that it will not, and why."""
    refusal = fill(NewRefusal, reason=reason, comment=comment or None)
    await api.post(Service.REPORT_REQUEST, "/v1/pages/refusal", refusal, key=key)


async def sites_of_file(api: Api, *, sha256: str) -> tuple[str, ...]:
    """Other sites for which this supplier gave the same file; none where that cannot be told now."""
    with suppress(Rejected, Unavailable, SignedOut):
        path = "/v1/pages/same-file"
        return (await api.get(Service.REPORT_REQUEST, path, SameFileSites, sha256=sha256)).sites
    return ()


async def ticket(api: Api, *, sha256: str, size: int, key: str) -> Ticket:
    """A signed address that takes this one file, once."""
    file = fill(NewTicket, sha256=sha256, size=size, media_type=MEDIA_TYPE)
    return await api.post(Service.EXCHANGE_ADAPTER, "/v1/pages/tickets", file, Ticket, key=key)


async def arrived(api: Api, ticket_id: UUID, *, key: str) -> None:
    """Say that the file was sent, so that it is looked for at once."""
    await api.post(Service.EXCHANGE_ADAPTER, f"/v1/pages/tickets/{ticket_id}/arrival", key=key)


async def share_on_platform(api: Api, site_code: str, *, key: str) -> None:
    """Name the site whose audit the supplier shares on its platform."""
    await api.post(
        Service.EXCHANGE_ADAPTER, "/v1/pages/platform", fill(NewShare, site_code=site_code), key=key
    )
