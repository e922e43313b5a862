"""One request: what a member asked of a supplier, and how that stands."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from mrx_shared.refusals import Rejected

from mrx_report_request.domain.decisions import Decision, Outcome, Validity, validity
from mrx_report_request.domain.transitions import (
    ENDS,
    EXPIRES,
    OPEN,
    REMINDED,
    TABLE,
    Action,
    Actor,
    State,
    possible,
)

UPLOAD_LASTS: Final = timedelta(minutes=30)
"""an upload that began in time is waited for so long, although the term ends meanwhile"""
ROOM_LASTS: Final = timedelta(minutes=70)
"""so long the exchange keeps the room of an upload for which no file comes"""
LAST_REMINDER: Final = timedelta(days=3)
MOST_CONTACTS: Final = 20
"""so often the contact of one request may be replaced: each time mails somebody"""
REPLACED: Final = "the contact was replaced"
CONTACTS_KEPT: Final = timedelta(days=90)
MOST_ADDRESSES: Final = 5
"""so many mailboxes a member may name for one site within `CONTACTS_KEPT`"""
AFTER_READDRESS: Final = timedelta(days=7)
"""a contact that is named late still has so long to answer"""


class DeclineReason(StrEnum):
    """Why a supplier does not share its report."""

    NO_AUDIT = "no-recent-audit"
    NOT_OUR_SITE = "not-our-site"
    NOT_A_CUSTOMER = "not-a-customer"
    SHARED_ALREADY = "shared-already"
    NOT_SHARED = "not-shared"
    OTHER = "other"


class MailState(StrEnum):
    """What became of the latest mail to the supplier."""

    UNSENT = "unsent"
    SENT = "sent"
    REFUSED = "refused"
    BOUNCED = "bounced"


class SlotMail(StrEnum):
    """A mail to the supplier that leaves in a slot."""

    INVITATION = "invitation"
    REMINDER = "reminder"
    CLOSED = "closed"


class Channel(StrEnum):
    """How a report comes."""

    UPLOAD = "upload"
    PLATFORM = "platform"


class NotPossible(Rejected):
    """The table of steps does not have this one; the remedy names those that it has."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """The request came to a state, or stayed in it for a reason."""

    state: State
    reason: str | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report that passed its checks."""

    report_id: UUID
    sha256: str
    size: int
    channel: Channel
    stored_at: datetime
    read_at: datetime | None = None
    """when the member was first given a link to it"""
    access_withdrawn_at: datetime | None = None
    audit_date: date | None = None
    """when the audit was, where a platform states it"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supplier:
    """The supplier as the member's own supplier base has it. The contact is erased some time after the end."""

    name: str
    language: str
    contact_email: str | None = field(repr=False)
    contact_name: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMail:
    """A mail to the supplier that is asked for when its slot comes, to the contact that is named then."""

    kind: SlotMail
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request. Each step gives the request after it."""

    request_id: UUID
    member_id: UUID
    reference: str
    round_id: UUID
    entry_id: str
    site_token: str
    site_number: str
    supplier: Supplier
    scope: str
    purpose: str
    requester_email: str | None = field(repr=False)
    requester_language: str
    asked_at: datetime
    term_begins_at: datetime
    """the slot of its first mail: the supplier has its days from then on"""
    term_ends_at: datetime
    state: State
    history: tuple[HistoryEntry, ...]
    mail: MailState = MailState.UNSENT
    mail_id: UUID | None = None
    """the latest mail to the supplier"""
    revoked_mails: tuple[UUID, ...] = ()
    """mails whose links hold no longer: they went to an address that was replaced"""
    due_mail: DueMail | None = None
    reminders: int = 0
    sent_at: datetime | None = None
    upload_begun_at: datetime | None = None
    """the latest that began within the term, while its file may still come"""
    earlier_uploads: tuple[datetime, ...] = ()
    """when those began before it whose files may still come, too; none without it"""
    report: Report | None = None
    decision: Decision | None = None
    half_year: str | None = None
    """of the site's audit, as the released list showed it when the member asked"""

    @property
    def ended(self) -> bool:
        """Whether nothing more is expected."""
        return self.state in ENDS

    @property
    def reason(self) -> str | None:
        """Why it stands as it does."""
        return self.history[-1].reason

    def may(self, step: Action) -> bool:
        """Whether the table has the step, or an upload that began within the term takes up an expired request."""
        late = step in (Action.BEGIN_UPLOAD, Action.RECEIVE) and self.upload_begun_at is not None
        return self.state in TABLE[step].of or (self.state is State.EXPIRED and late)

    def take(self, step: Action, *, at: datetime, reason: str | None = None) -> "Request":
        """The request after a step of the table. Raises `NotPossible`, which says what is possible instead."""
        if not self.may(step):
            raise self._not_possible(step)
        state = TABLE[step].to or self.state
        return replace(
            self, state=state, history=(*self.history, HistoryEntry(state=state, reason=reason, at=at))
        )

    def _not_possible(self, step: Action) -> NotPossible:
        by = TABLE[step].by
        others = ", ".join(possible(self.state, by)) or "nothing more"
        return NotPossible(
            f"the request is {self.state}: no {step} now", field="state", remedy=f"possible now: {others}"
        )

    # -- mail

    @property
    def mail_leaves_at(self) -> datetime | None:
        """When the next request or reminder to the supplier leaves."""
        due = self.due_mail
        return due.at if due and not self.ended and self.wants(due.kind) else None

    def with_mail_due(self, kind: SlotMail, *, at: datetime) -> "Request":
        """A mail leaves in a slot. There is one at most: the latest is what the supplier needs to know."""
        return replace(self, due_mail=DueMail(kind=kind, at=at))

    def without_mail_due(self) -> "Request":
        """Nothing leaves in a slot."""
        return replace(self, due_mail=None)

    @property
    def reached(self) -> bool:
        """Whether the contact was mailed of it, as far as is known."""
        return self.mail is MailState.SENT or (self.mail is MailState.UNSENT and self.mail_id is not None)

    def wants(self, kind: SlotMail) -> bool:
        """Whether a mail is still worth sending, now that its slot has come."""
        if kind is SlotMail.REMINDER:
            failed = self.mail in (MailState.REFUSED, MailState.BOUNCED)
            return self.state in REMINDED and not failed
        return self.ended if kind is SlotMail.CLOSED else self.state in EXPIRES

    def mailed(self, mail_id: UUID) -> "Request":
        """A mail to the supplier is asked for."""
        return replace(self, mail=MailState.UNSENT, mail_id=mail_id)

    def mail_sent(self, mail_id: UUID, *, at: datetime) -> "Request":
        """The mail server took a mail. Of a mail that another one followed, only that something was sent counts."""
        if mail_id in self.revoked_mails:
            return self
        after = replace(self, mail=MailState.SENT) if mail_id == self.mail_id else self
        after = replace(after, sent_at=self.sent_at or at)
        return after.take(Action.SEND, at=at) if after.may(Action.SEND) else after

    def mail_failed(self, mail_id: UUID, *, bounced: bool) -> "Request":
        """A mail came back or was refused. One that another mail followed counts no more."""
        if mail_id != self.mail_id:
            return self
        return replace(self, mail=MailState.BOUNCED if bounced else MailState.REFUSED)

    def readdress(
        self, supplier: Supplier, mails: Collection[UUID], *, at: datetime, leaves_at: datetime
    ) -> "Request":
        """Write to another contact, in a slot. The links of `mails` hold no longer where the address is another.

        Raises `NotPossible`, and `Rejected` where it was replaced too often.
        """
        after = self.take(Action.READDRESS, at=at, reason=REPLACED)
        if sum(one.reason == REPLACED for one in self.history) >= MOST_CONTACTS:
            raise Rejected(
                f"the contact was replaced {MOST_CONTACTS} times",
                field="contact_email",
                remedy="withdraw the request and ask again",
            )
        revoked = self.revoked_mails
        if supplier.contact_email != self.supplier.contact_email:
            revoked = tuple(sorted({*revoked, *mails}))
        return replace(
            after,
            supplier=supplier,
            revoked_mails=revoked,
            mail=MailState.UNSENT,
            mail_id=None,
            due_mail=DueMail(kind=SlotMail.INVITATION, at=leaves_at),
            term_ends_at=max(self.term_ends_at, leaves_at + AFTER_READDRESS),
        )

    # -- exchange

    def upload_begun(self, *, begun_at: datetime, now: datetime) -> "Request":
        """A supplier begins to hand over a report. What began after the term counts nothing."""
        if begun_at > self.term_ends_at:
            return self
        timely = self._with_uploads({*self._uploads, begun_at}, since=begun_at - ROOM_LASTS)
        if timely.may(Action.BEGIN_UPLOAD):
            return timely.take(Action.BEGIN_UPLOAD, at=now)
        return timely if self.state in (State.UPLOADING, State.CHECKING) else self

    def upload_lapsed(self, *, lapsed_at: datetime, now: datetime) -> "Request":
        """Nothing came of what had begun, and nothing is on its way. What began since then counts on."""
        after = self._with_uploads(self._uploads, since=lapsed_at)
        if self.upload_begun_at is None or after.upload_begun_at is not None:
            return after
        why = "nothing came of the upload that had begun"
        return after.take(Action.LAPSE_UPLOAD, at=now, reason=why) if self.may(Action.LAPSE_UPLOAD) else after

    def report_stored(self, report: Report, *, now: datetime) -> "Request":
        """A report is there. A second one counts nothing."""
        return replace(self.take(Action.STORE, at=now), report=report) if self.may(Action.STORE) else self

    def file_refused(self, why: str, *, now: datetime) -> "Request":
        """A file did not pass. The supplier may hand over another within the term, or is at it already."""
        after = self._with_uploads(self._uploads[1:], since=now - ROOM_LASTS)
        if not self.may(Action.REFUSE_FILE):
            return after
        after = after.take(Action.REFUSE_FILE, at=now, reason=why)
        if after.upload_begun_at is None:
            return after
        return after.take(Action.BEGIN_UPLOAD, at=now, reason="another upload had begun meanwhile")

    @property
    def _uploads(self) -> tuple[datetime, ...]:
        """When those began within the term whose files may still come; which of them ends is not known."""
        return (*self.earlier_uploads, self.upload_begun_at) if self.upload_begun_at else ()

    def _with_uploads(self, begun: Collection[datetime], *, since: datetime) -> "Request":
        kept = sorted(one for one in begun if one > since)
        return replace(self, upload_begun_at=kept[-1] if kept else None, earlier_uploads=tuple(kept[:-1]))

    def report_came_late(self, report: Report, *, now: datetime) -> "Request":
        """Its report came after its end, when the member had asked anew: it is told where the report lies."""
        where = f"its report came when you had asked anew; it lies at /v1/reports/{report.report_id}"
        if self.state is not State.EXPIRED or self.reason == where:
            return self
        return replace(self, history=(*self.history, HistoryEntry(state=self.state, reason=where, at=now)))

    def report_read(self, report_id: UUID, *, at: datetime) -> "Request":
        """The member was given a link to the report."""
        if self.report and self.report.report_id == report_id and not self.report.read_at:
            return replace(self, report=replace(self.report, read_at=at))
        return self

    def access_withdrawn(self, report_id: UUID | None, *, now: datetime) -> "Request":
        """The supplier withdrew access on its platform: what was fetched is not given out any more."""
        why = "the supplier withdrew access on its platform"
        if self.report and self.report.report_id == report_id and not self.report.access_withdrawn_at:
            return self._noted(why, at=now, report=replace(self.report, access_withdrawn_at=now))
        if report_id is None and self.may(Action.LOSE_ACCESS):
            after = replace(self, upload_begun_at=None, earlier_uploads=())
            return after.take(Action.LOSE_ACCESS, at=now, reason=why)
        return self

    def access_renewed(self, report_id: UUID, *, now: datetime) -> "Request":
        """The supplier granted access again: the report is given out as before."""
        if self.report and self.report.report_id == report_id and self.report.access_withdrawn_at:
            report = replace(self.report, access_withdrawn_at=None)
            return self._noted("the supplier granted access again", at=now, report=report)
        return self

    def _noted(self, reason: str, *, at: datetime, report: Report) -> "Request":
        happened = HistoryEntry(state=self.state, reason=reason, at=at)
        return replace(self, report=report, history=(*self.history, happened))

    # -- member and clock

    @property
    def validity(self) -> Validity | None:
        """How long its report may stand in for an audit; None while there is no report."""
        if self.report is None:
            return None
        came = self.report.stored_at.date()
        return validity(audit_date=self.report.audit_date, half_year=self.half_year, came=came)

    def check_opened(self) -> None:
        """Raise `Rejected` where nobody of the member has fetched the report: nobody accepts what nobody read."""
        if self.report is not None and self.report.read_at is None:
            raise Rejected(
                "the report has not been opened",
                field="outcome",
                remedy="download the report and read it, then accept it; a download counts within a few seconds",
            )

    def decide(self, decision: Decision, *, avoided: bool) -> "Request":
        """Record the member's decision."""
        after = self.take(Action.DECIDE, at=decision.decided_at, reason=decision.reason)
        return replace(after, decision=replace(decision, avoided=avoided))

    def expires_at(self) -> datetime | None:
        """When it ends by the clock, or None where the clock does not end it."""
        if self.state not in EXPIRES:
            return None
        if self.state is State.UPLOADING and self.upload_begun_at:
            return max(self.term_ends_at, self.upload_begun_at + UPLOAD_LASTS)
        return self.term_ends_at

    def reminder_at(self) -> datetime | None:
        """When the supplier is reminded next, or None. Nobody is in the midst of an upload."""
        if self.state not in REMINDED or self.mail in (MailState.REFUSED, MailState.BOUNCED):
            return None
        moments = self._reminders()
        if self.reminders == len(moments):
            return None
        moment = moments[self.reminders]
        if self.state is State.UPLOADING and self.upload_begun_at:
            return max(moment, self.upload_begun_at + UPLOAD_LASTS)
        return moment

    def reminded(self, *, at: datetime) -> "Request":
        """The reminder that is due is written; those due with it count as written too."""
        return replace(self, reminders=sum(moment <= at for moment in self._reminders()))

    def _reminders(self) -> tuple[datetime, datetime]:
        half = self.term_begins_at + (self.term_ends_at - self.term_begins_at) / 2
        return (half, max(half, self.term_ends_at - LAST_REMINDER))

    def erases_at(self) -> datetime | None:
        """When its contacts are erased, or None while they are needed or once they are gone."""
        if not self.has_contacts or (self.state in OPEN and self.state is not State.AVAILABLE):
            return None
        return self.history[-1].at + CONTACTS_KEPT

    @property
    def has_contacts(self) -> bool:
        """Whether it still holds an address."""
        return bool(self.supplier.contact_email or self.supplier.contact_name or self.requester_email)

    def without_contacts(self) -> "Request":
        """The request as it is kept for ever."""
        nobody = replace(self.supplier, contact_email=None, contact_name=None)
        return replace(self, supplier=nobody, requester_email=None)

    def due_at(self) -> datetime | None:
        """When the clock looks at it next."""
        leaves = self.due_mail.at if self.due_mail else None
        moments = [one for one in (self.expires_at(), leaves, self.reminder_at(), self.erases_at()) if one]
        return min(moments, default=None)

    def possible(self, by: Actor) -> tuple[Action, ...]:
        """The steps that somebody may take now."""
        return possible(self.state, by)

    @property
    def outcome(self) -> Outcome | None:
        """What was decided, if anything."""
        return self.decision.outcome if self.decision else None

    @property
    def valid_until(self) -> date | None:
        """Until when the report stands in for an audit, if it does."""
        return self.decision.valid_until if self.decision else None


def sharing(requests: Collection[Request], others: Collection[Request]) -> dict[UUID, list[Request]]:
    """For each of the requests those others, for another site, whose report is the same file; none without any."""
    by_file: dict[str, list[Request]] = defaultdict(list)
    for one in others:
        if one.report is not None:
            by_file[one.report.sha256].append(one)
    found = {
        request.request_id: [
            one for one in by_file[request.report.sha256] if one.site_token != request.site_token
        ]
        for request in requests
        if request.report is not None
    }
    return {request_id: same for request_id, same in found.items() if same}
