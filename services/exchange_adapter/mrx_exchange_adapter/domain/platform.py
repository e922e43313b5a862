"""Sharing on a data-sharing platform: what is read there, and which of it counts."""

import hmac
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

from mrx_shared.refusals import Invalid

from mrx_exchange_adapter.domain.reports import Report
from mrx_exchange_adapter.domain.tickets import State, Ticket

EVENT_LASTS = timedelta(minutes=5)
"""an event that was signed longer ago is a replay"""

NO_REPORT_YET = "no-report-yet"
UNAVAILABLE = "platform-unavailable"
UNKNOWN_SITE = "unknown-site"
ACCESS_WITHDRAWN = "access-withdrawn"
TOO_LARGE = "too-large"
SIZE_DIFFERS = "size-differs"

_SITE_CODE = re.compile(r"ZS[0-9]{5,15}")
_SPACING = re.compile(r"[\s.\-/]+")


def read_site_code(text: str) -> str:
    """A site's code in its one written form. Raises `Invalid`."""
    code = _SPACING.sub("", text).upper()
    if not _SITE_CODE.fullmatch(code):
        raise Invalid(
            "this is not a site code: it is ZS and 5 to 15 digits",
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

    def promised(self, audit: PlatformAudit) -> str:
        """The checksum that the platform answers for: of two that differ, one that the bytes do not have."""
        assert audit.sha256 is not None
        if self.stated_sha256 not in (None, self.sha256):
            return self.stated_sha256
        return audit.sha256


def latest_report(audits: Iterable[PlatformAudit]) -> PlatformAudit | None:
    """The latest audit, by its date, that has a protocol, a version and a report."""
    whole = [one for one in audits if one.protocol and one.protocol_version and one.sha256 and one.size]
    return max(whole, key=lambda one: (one.audit_date, one.updated_at, one.audit_id), default=None)


def is_genuine(*, secret: str, stamp: str, body: bytes, signature: str, now: datetime) -> bool:
    """Whether an event was signed with the secret, over this moment and body, within the last minutes."""
    expected = "v1=" + hmac.new(secret.encode(), stamp.encode() + b"." + body, "sha256").hexdigest()
    genuine = hmac.compare_digest(expected.encode(), signature.encode())
    return genuine and stamp.isdigit() and abs(now.timestamp() - int(stamp)) <= EVENT_LASTS.total_seconds()


class ShareState(StrEnum):
    """Where a sharing stands."""

    WAITING = "waiting-for-access"
    CHECKING = "checking"
    STORED = "stored"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One request's sharing on the platform. `grant_id` is the grant that was seen active, `taken` the file in hand.

    `attempt` counts how often the supplier named a site: on its word a refused file is tried anew.
    """

    request_id: UUID
    member_id: UUID
    site_code: str
    reference: str
    verified: bool
    state: ShareState
    since: datetime
    attempt: int = 1
    reason: str | None = None
    grant_id: str | None = None
    taken: str | None = None
    ticket_id: UUID | None = None

    def grant_among(self, grants: Iterable[Grant]) -> Grant | None:
        """The active grant that is meant for this request, the newest of several."""
        meant = [
            one
            for one in grants
            if one.active and one.site_code == self.site_code and one.names(self.reference)
        ]
        return max(meant, key=lambda one: (one.granted_at, one.grant_id), default=None)

    def seen(self, grant: Grant | None) -> "Share":
        """The platform answered: access was granted, or not yet."""
        reason = None if self.reason == UNAVAILABLE else self.reason
        if grant is None:
            return replace(self, reason=reason)
        reason = None if reason == ACCESS_WITHDRAWN else reason
        return replace(self, grant_id=grant.grant_id, verified=True, reason=reason)

    def takes(self, audit: PlatformAudit) -> bool:
        """Whether this report is to be fetched: not one that was taken and has not changed since."""
        return self.taken != mark(audit)

    def took(self, audit: PlatformAudit, ticket_id: UUID, *, now: datetime) -> "Share":
        """A report is on its way through the checks."""
        return replace(
            self,
            state=ShareState.CHECKING,
            since=now,
            reason=None,
            taken=mark(audit),
            ticket_id=ticket_id,
        )

    def followed(self, ticket: Ticket | None, report: Report | None) -> "Share":
        """The sharing as its file stands."""
        if ticket is None or self.state is not ShareState.CHECKING:
            return self
        if report is not None and report.ticket_id == ticket.ticket_id:
            return replace(self, state=ShareState.STORED, since=report.stored_at)
        if ticket.state is State.REFUSED:
            assert ticket.settled_at is not None
            reason = ticket.reasons[0] if ticket.reasons else None
            return replace(self, state=ShareState.REFUSED, since=ticket.settled_at, reason=reason)
        if ticket.state is State.LAPSED:
            assert ticket.settled_at is not None
            return replace(
                self,
                state=ShareState.WAITING,
                since=ticket.settled_at,
                reason=ticket.reasons[0] if ticket.reasons else None,
                taken=None,
                ticket_id=None,
            )
        return self

    def refused(self, reason: str, *, now: datetime) -> "Share":
        """Nothing comes of it as it is."""
        return replace(self, state=ShareState.REFUSED, since=now, reason=reason)

    def losing_access(self) -> "Share":
        """The supplier took its access back while the file is being checked: the check is not to store it."""
        return replace(self, reason=ACCESS_WITHDRAWN)

    @property
    def is_losing_access(self) -> bool:
        """Whether the file in hand was withdrawn."""
        return self.state is ShareState.CHECKING and self.reason == ACCESS_WITHDRAWN

    def regained_access(self, grant: Grant, *, now: datetime) -> "Share":
        """The supplier granted access again to the report that is here."""
        return replace(self, state=ShareState.STORED, since=now, reason=None, grant_id=grant.grant_id)

    def lost_access(self, *, stored: bool, now: datetime) -> "Share":
        """The supplier took its access back, until it is given again; what is here stays here, unread."""
        if stored:
            return replace(self, state=ShareState.WITHDRAWN, since=now, reason=ACCESS_WITHDRAWN)
        return replace(
            self,
            state=ShareState.WAITING,
            since=now,
            reason=ACCESS_WITHDRAWN,
            grant_id=None,
            taken=None,
            ticket_id=None,
        )


def mark(audit: PlatformAudit) -> str:
    """What tells one report from another, and from itself once the platform changed it."""
    return f"{audit.audit_id} {audit.sha256} {audit.updated_at.isoformat()}"
