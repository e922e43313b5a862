"""What a supplier's page shows and does."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from mrx_shared.refusals import Forbidden, Rejected, Unavailable, Unknown

from mrx_portal.domain.supplying import STAGES, Stage
from mrx_portal.handlers.shapes import Shape, read
from mrx_portal.ports import Api, Service, SignedOut

MEDIA_TYPE = "application/pdf"


class AskedOf(Shape):
    """A request as report_request shows it to its supplier."""

    request_id: UUID
    state: str
    asks: str
    site: str
    scope: str
    purpose: str
    term_ends_at: datetime
    reference: str
    language: str
    possible: tuple[str, ...] = ()
    decline_reasons: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def stage(self) -> Stage:
        """How far it is."""
        return STAGES.get(self.state, Stage.OVER)


class Upload(Shape):
    """A ticket, and what became of it."""

    ticket_id: UUID
    state: str
    reasons: tuple[str, ...] = ()
    remedy: str | None = None


class Platform(Shape):
    """A site named on a data-sharing platform."""

    site_code: str
    state: str
    since: datetime | None = None
    reason: str | None = None


class Report(Shape):
    """A report in the vault."""

    report_id: UUID
    sha256: str
    size: int
    stored_at: datetime
    withdrawn_at: datetime | None = None
    """since when access on the platform is withdrawn, so that nobody may read it"""


class Access(Shape):
    """One reading of the report."""

    at: datetime


class Handover(Shape):
    """How the report comes, as exchange_adapter shows it."""

    max_bytes: int
    uploads: tuple[Upload, ...] = ()
    platform: Platform | None = None
    report: Report | None = None
    accesses: tuple[Access, ...] = ()


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
        return read(AskedOf, await api.get(Service.REPORT_REQUEST, "/v1/pages"))
    except (SignedOut, Forbidden):
        raise Unknown("this link opens no request") from None


async def look(api: Api) -> RequestPage:
    """The whole page."""
    asked = await request_of(api)
    handover = None
    # Its facts may come a moment later there; the request is shown without them.
    with suppress(Rejected, Unavailable, SignedOut):
        handover = read(Handover, await api.get(Service.EXCHANGE_ADAPTER, "/v1/pages"))
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
    told: dict[str, Any] = {"reason": reason}
    if comment:
        told["comment"] = comment
    await api.post(Service.REPORT_REQUEST, "/v1/pages/refusal", told, key=key)


class SameFile(Shape):
    """Other sites for which this supplier gave the same file."""

    sites: tuple[str, ...] = ()


async def sites_of_file(api: Api, *, sha256: str) -> tuple[str, ...]:
    """Other sites for which this supplier gave the same file; none where that cannot be told now."""
    with suppress(Rejected, Unavailable, SignedOut):
        answer = await api.get(Service.REPORT_REQUEST, "/v1/pages/same-file", sha256=sha256)
        return read(SameFile, answer).sites
    return ()


async def ticket(api: Api, *, sha256: str, size: int, key: str) -> Mapping[str, Any]:
    """A signed address that takes this one file, once."""
    asked = {"sha256": sha256, "size": size, "media_type": MEDIA_TYPE}
    said = await api.post(Service.EXCHANGE_ADAPTER, "/v1/pages/tickets", asked, key=key)
    return {name: said[name] for name in ("ticket_id", "url", "method", "headers")}


async def arrived(api: Api, ticket_id: UUID, *, key: str) -> None:
    """Say that the file was sent, so that it is looked for at once."""
    await api.post(Service.EXCHANGE_ADAPTER, f"/v1/pages/tickets/{ticket_id}/arrival", key=key)


async def share_on_platform(api: Api, site_code: str, *, key: str) -> None:
    """Name the site whose audit the supplier shares on its platform."""
    await api.post(Service.EXCHANGE_ADAPTER, "/v1/pages/platform", {"site_code": site_code}, key=key)
