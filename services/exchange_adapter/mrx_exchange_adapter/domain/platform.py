"""Sharing on a data-sharing platform: what is read there, and which of it counts."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected

_SITE_CODE = re.compile(r"ZS[0-9]{5,15}")
_SPACING = re.compile(r"[\s.\-/]+")


def read_site_code(text: str) -> str:
    """A site's code in its one written form. Raises `Invalid`."""
    code = _SPACING.sub("", text).upper()
    if not _SITE_CODE.fullmatch(code):
        raise Invalid(
            "this is no site code: it is ZS and 5 to 15 digits",
            field="site_code",
            remedy="copy the code that begins with ZS from the site's profile on the platform; ZC names a company",
        )
    return code


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A supplier lets the exchange see a site; `reference` is what it wrote with it, free text."""

    grant_id: str
    site_code: str
    reference: str
    active: bool
    granted_at: datetime

    def names(self, reference: str) -> bool:
        """Whether the text holds a request's reference, whatever its case and spacing, as a word of its own."""
        spelt = r"[\s\-]*".join(re.escape(part) for part in reference.upper().split("-"))
        return bool(re.search(rf"(?<![A-Z0-9]){spelt}(?![A-Z0-9])", self.reference.upper()))


@dataclass(frozen=True, slots=True, kw_only=True)
class NonConformity:
    """A finding, as the platform lists it."""

    area: str
    severity: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlatformAudit:
    """An audit that can be seen, with its report as the platform states it; None where there is no file."""

    audit_id: str
    protocol: str
    protocol_version: str
    audit_date: date
    audit_type: str
    updated_at: datetime
    sha256: str | None
    size: int | None
    non_conformities: tuple[NonConformity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedReport:
    """A report as it really came: what was recomputed, and what its answer stated."""

    sha256: str
    size: int
    stated_sha256: str | None

    def is_as_stated(self, audit: PlatformAudit) -> bool:
        """Whether the bytes are those that the platform lists and those that its answer stated."""
        stated = {audit.sha256} if self.stated_sha256 is None else {audit.sha256, self.stated_sha256}
        return stated == {self.sha256}


def latest_report(audits: Iterable[PlatformAudit]) -> PlatformAudit | None:
    """The latest audit, by its date, that has a protocol, a version and a report."""
    whole = [one for one in audits if one.protocol and one.protocol_version and one.sha256 and one.size]
    return max(whole, key=lambda one: (one.audit_date, one.updated_at, one.audit_id), default=None)


class ShareState(StrEnum):
    """Where a sharing stands."""

    WAITING = "waiting-for-access"
    CHECKING = "checking"
    STORED = "stored"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


NO_REPORT_YET = "no-report-yet"
UNAVAILABLE = "platform-unavailable"
UNKNOWN_SITE = "unknown-site"
ACCESS_WITHDRAWN = "access-withdrawn"
CHECKSUM_DIFFERS = "checksum-differs"
TOO_LARGE = "too-large"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One request's sharing on the platform. `grant_id` is the grant that was seen active, `taken` the file in hand.

    `attempt` counts how often the supplier named a site, so that a refused file can be tried anew on its word.
    """

    request_id: UUID
    member_id: UUID
    site_code: str
    reference: str
    state: ShareState
    since: datetime
    attempt: int = 1
    reason: str | None = None
    grant_id: str | None = None
    taken: str | None = None
    ticket_id: UUID | None = None

    def named_again(self, site_code: str, *, now: datetime) -> "Share":
        """The supplier names a site, again or another. Raises `Rejected` where a report is already on its way."""
        if self.state in {ShareState.CHECKING, ShareState.STORED}:
            raise Rejected(
                f"the platform's report is {self.state} already", remedy="nothing more is to be done here"
            )
        if site_code == self.site_code and self.state is ShareState.WAITING:
            return self
        return replace(
            self,
            site_code=site_code,
            state=ShareState.WAITING,
            since=now,
            attempt=self.attempt + 1,
            reason=None,
            grant_id=None,
            taken=None,
            ticket_id=None,
        )

    def moved(self, state: ShareState, *, now: datetime, reason: str | None = None) -> "Share":
        """The sharing in another state."""
        return replace(self, state=state, since=now, reason=reason)

    def grant_among(self, grants: Iterable[Grant]) -> Grant | None:
        """The grant that is meant for this request: an active one before a withdrawn one, the newest of those."""
        meant = [one for one in grants if one.site_code == self.site_code and one.names(self.reference)]
        return max(meant, key=lambda one: (one.active, one.granted_at, one.grant_id), default=None)

    def has_taken(self, audit: PlatformAudit) -> bool:
        """Whether this very report, unchanged since, was taken before; then it is not taken again."""
        return self.taken == mark(audit)


def mark(audit: PlatformAudit) -> str:
    """What tells one report from another, and from itself once the platform changed it."""
    return f"{audit.audit_id} {audit.sha256} {audit.updated_at.isoformat()}"
