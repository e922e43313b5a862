"""Two members ask for the same sites, and everything happens in any order: what must hold always holds."""

import asyncio
from collections.abc import Coroutine
from datetime import date, timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle as Drawn
from hypothesis.stateful import RuleBasedStateMachine, invariant, multiple, precondition, rule
from mrx_report_request.domain.decisions import Outcome
from mrx_report_request.domain.transitions import ENDS, TABLE, Actor, State
from mrx_report_request.handlers import facts, members, suppliers
from mrx_report_request.handlers.asking import ask
from mrx_report_request.handlers.clock import keep_time
from mrx_shared.messages.exchange_adapter import (
    AccessRenewed,
    AccessWithdrawn,
    ReportRead,
    ReportReceived,
    ReportRefused,
    ReportStored,
    UploadBegun,
    UploadLapsed,
)
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.refusals import Rejected

from tests.unit.report_request.in_memory import MemoryWork, asking

MEMBERS = (UUID(int=1), UUID(int=2))
WAITS_FOR_THE_SUPPLIER = {State.DRAFTED, State.SENT, State.OPENED, State.ACCEPTED, State.UPLOADING}
FINAL = ENDS - {State.EXPIRED}
LEADS_TO = {(before, move.to or before) for move in TABLE.values() for before in move.of} | {
    (State.CHECKING, State.UPLOADING),
    (State.EXPIRED, State.UPLOADING),
    (State.EXPIRED, State.CHECKING),
    (State.EXPIRED, State.AVAILABLE),
}


class Life(RuleBasedStateMachine):
    """Members, suppliers, mail, exchange and clock act as they please."""

    asked = Drawn("asked")

    def __init__(self) -> None:
        super().__init__()
        self.work = MemoryWork(*MEMBERS)
        self.seen: dict[UUID, State] = {}

    def done(self, doing: Coroutine[Any, Any, object], *, tenant: UUID | None = None) -> bool:
        """Whether it was done; a refusal by a rule is fine, any other error is not."""
        self.work.tenant = tenant
        try:
            asyncio.run(doing)
        except Rejected:
            return False
        finally:
            self.work.tenant = None
        return True

    def owner(self, request_id: UUID) -> UUID:
        return self.work.requests.kept[request_id].member_id

    @rule(target=asked, member=st.sampled_from(MEMBERS), number=st.integers(1, 2))
    def ask(self, member: UUID, number: int) -> Any:  # noqa: ANN401
        one = asking(number)
        free = not any(
            known.member_id == member and known.site_number == one.site_number and not known.ended
            for known in self.work.requests.kept.values()
        )
        assert self.done(ask(one, self.work, member_id=member), tenant=member) is free
        return one.request_id if free else multiple()

    @rule(request_id=asked, nth=st.integers(0, 3), token=st.integers(0, 3))
    def mail_sent(self, request_id: UUID, nth: int, token: int) -> None:
        mails = asyncio.run(self.work.mails.of(request_id))
        if not mails:
            return
        fact = MailSent(
            mail_id=mails[nth % len(mails)],
            kind="invitation",
            asked_by="report_request",
            about=request_id,
            token_hashes=[f"{request_id.hex}{token:032x}"],
            sent_at=self.work.now,
        )
        assert self.done(facts.note_mail_sent(fact, self.work))

    @rule(request_id=asked, nth=st.integers(0, 3), cause=st.sampled_from(["refused", "bounced", "given-up"]))
    def mail_failed(self, request_id: UUID, nth: int, cause: str) -> None:
        mails = asyncio.run(self.work.mails.of(request_id))
        if not mails:
            return
        fact = MailFailed.model_validate(
            {
                "mail_id": mails[nth % len(mails)],
                "kind": "invitation",
                "asked_by": "report_request",
                "about": request_id,
                "cause": cause,
                "status": "5.1.1",
                "failed_at": self.work.now,
            }
        )
        assert self.done(facts.note_mail_failed(fact, self.work))

    @rule(request_id=asked, verb=st.sampled_from([suppliers.open_page, suppliers.accept]))
    def supplier_answers(self, request_id: UUID, verb: Any) -> None:  # noqa: ANN401
        self.done(verb(request_id, self.work), tenant=self.owner(request_id))

    @rule(request_id=asked)
    def supplier_refuses(self, request_id: UUID) -> None:
        self.done(suppliers.refuse(request_id, "other", None, self.work), tenant=self.owner(request_id))

    @rule(request_id=asked, ago=st.integers(0, 40))
    def upload_begins(self, request_id: UUID, ago: int) -> None:
        fact = UploadBegun(
            request_id=request_id,
            member_id=self.owner(request_id),
            channel="upload",
            begun_at=self.work.now - timedelta(days=ago),
        )
        assert self.done(facts.note_upload_begun(fact, self.work))

    @rule(request_id=asked, ago=st.integers(0, 40))
    def upload_lapses(self, request_id: UUID, ago: int) -> None:
        before = self.work.requests.kept[request_id]
        lapsed_at = self.work.now - timedelta(days=ago)
        fact = UploadLapsed(
            request_id=request_id,
            member_id=self.owner(request_id),
            ticket_id=uuid4(),
            channel="upload",
            lapsed_at=lapsed_at,
        )
        assert self.done(facts.note_upload_lapsed(fact, self.work))
        after = self.work.requests.kept[request_id]
        begun_since = before.upload_begun_at is not None and before.upload_begun_at > lapsed_at
        if before.state is State.UPLOADING and not begun_since:
            assert after.state is State.ACCEPTED
        else:
            assert after.state is before.state

    @rule(request_id=asked)
    def report_received(self, request_id: UUID) -> None:
        fact = ReportReceived(
            request_id=request_id,
            member_id=self.owner(request_id),
            ticket_id=uuid4(),
            channel="upload",
            received_at=self.work.now,
        )
        assert self.done(facts.note_report_received(fact, self.work))

    @rule(
        request_id=asked,
        report=st.integers(1, 2),
        file=st.integers(1, 3),
        audited=st.none() | st.dates(date(2025, 1, 1), date(2025, 1, 3)),
    )
    def report_stored(
        self, request_id: UUID, report: int, file: int = 1, audited: date | None = None
    ) -> None:
        fact = ReportStored(
            report_id=UUID(int=report),
            request_id=request_id,
            member_id=self.owner(request_id),
            channel="platform",
            sha256=str(file) * 64,
            size=1,
            audit_date=audited,
            protocol=None,
            protocol_version=None,
            stored_at=self.work.now,
        )
        before = self.work.requests.kept[request_id]
        asked_anew = any(
            one.site_token == before.site_token and one.member_id == before.member_id and not one.ended
            for one in self.work.requests.kept.values()
        )
        assert self.done(facts.note_report_stored(fact, self.work))
        after = self.work.requests.kept[request_id]
        if before.state in WAITS_FOR_THE_SUPPLIER | {State.CHECKING} or (
            before.state is State.EXPIRED and not asked_anew
        ):
            assert after.state is State.AVAILABLE
        elif before.state is State.EXPIRED:
            assert str(fact.report_id) in (after.reason or "")

    @rule(request_id=asked)
    def file_refused(self, request_id: UUID) -> None:
        fact = ReportRefused(
            request_id=request_id,
            member_id=self.owner(request_id),
            ticket_id=uuid4(),
            channel="upload",
            reasons=["not-a-pdf"],
            remedy="send a PDF",
            refused_at=self.work.now,
        )
        assert self.done(facts.note_report_refused(fact, self.work))

    @rule(request_id=asked, report=st.sampled_from([None, UUID(int=1), UUID(int=2)]))
    def access_withdrawn(self, request_id: UUID, report: UUID | None) -> None:
        fact = AccessWithdrawn(
            report_id=report,
            request_id=request_id,
            member_id=self.owner(request_id),
            withdrawn_at=self.work.now,
        )
        assert self.done(facts.note_access_withdrawn(fact, self.work))

    @rule(request_id=asked, report=st.sampled_from([UUID(int=1), UUID(int=2)]))
    def access_renewed(self, request_id: UUID, report: UUID) -> None:
        fact = AccessRenewed(
            report_id=report,
            request_id=request_id,
            member_id=self.owner(request_id),
            renewed_at=self.work.now,
        )
        assert self.done(facts.note_access_renewed(fact, self.work))

    @rule(request_id=asked)
    def withdraw(self, request_id: UUID) -> None:
        self.done(members.withdraw(request_id, None, self.work), tenant=self.owner(request_id))

    @rule(request_id=asked, address=st.sampled_from(["quality@works.example", "other@works.example"]))
    def readdress(self, request_id: UUID, address: str) -> None:
        doing = members.readdress(
            request_id, contact_email=address, contact_name=None, language=None, work=self.work
        )
        waits = self.work.requests.kept[request_id].state in WAITS_FOR_THE_SUPPLIER
        assert self.done(doing, tenant=self.owner(request_id)) is waits

    @rule(request_id=asked, report=st.integers(1, 2))
    def report_read(self, request_id: UUID, report: int) -> None:
        fact = ReportRead(
            report_id=UUID(int=report),
            request_id=request_id,
            member_id=self.owner(request_id),
            read_at=self.work.now,
        )
        assert self.done(facts.note_report_read(fact, self.work))

    @rule(
        request_id=asked,
        outcome=st.sampled_from(Outcome),
        days=st.none() | st.integers(0, 400),
        confirmed=st.booleans(),
    )
    def decide(
        self, request_id: UUID, outcome: Outcome, days: int | None = None, *, confirmed: bool = True
    ) -> None:
        until = None if days is None else self.work.now.date() + timedelta(days=days)
        doing = members.decide(
            request_id,
            outcome=outcome,
            reason="seen",
            valid_until=until,
            same_file_confirmed=confirmed,
            work=self.work,
        )
        self.done(doing, tenant=self.owner(request_id))

    @rule(
        member=st.sampled_from(MEMBERS),
        number=st.integers(1, 2),
        outcome=st.sampled_from([Outcome.ACCEPTED, Outcome.TOP_UP]),
        file=st.integers(1, 3),
        audited=st.none() | st.dates(date(2025, 1, 1), date(2025, 1, 3)),
        days=st.none() | st.integers(0, 3),
    )
    def a_site_is_recognised(
        self,
        member: UUID,
        number: int,
        outcome: Outcome,
        file: int,
        audited: date | None,
        days: int | None,
    ) -> None:
        """A whole life at once, so that second acceptances of a site come up."""
        request_id = self.ask(member, number)
        if isinstance(request_id, UUID):
            self.report_stored(request_id, 1, file, audited)
            self.seen[request_id] = State.AVAILABLE
            self.report_read(request_id, 1)
            self.decide(request_id, outcome, days)

    @rule(target=asked, member=st.sampled_from(MEMBERS), number=st.integers(1, 2))
    def a_request_expires_while_its_upload_lies_there(self, member: UUID, number: int) -> Any:  # noqa: ANN401
        request_id = self.ask(member, number)
        if isinstance(request_id, UUID):
            self.upload_begins(request_id, 0)
            self.time_passes(29)
            self.seen = {one: known.state for one, known in self.work.requests.kept.items()}
        return request_id

    @precondition(lambda self: self.work.requests.kept)
    @rule(days=st.sampled_from([0, 1, 11, 14, 29, 91]))
    def time_passes(self, days: int) -> None:
        self.work.pass_time(timedelta(days=days))
        for _ in range(4):  # each comes by for one step of a request
            assert self.done(keep_time(self.work.transact))

    @invariant()
    def the_table_holds(self) -> None:
        """A handler takes two lines of the table in one transaction only where the first one is a late mail.

        Or a file that is refused when another upload has begun.
        """
        for request_id, request in self.work.requests.kept.items():
            before = self.seen.get(request_id, State.DRAFTED)
            assert before is request.state or (before, request.state) in LEADS_TO, (before, request.state)
            if before in FINAL:
                assert request.state is before
            self.seen[request_id] = request.state

    @invariant()
    def a_site_has_one_open_request_of_a_member(self) -> None:
        open_now = [
            (one.member_id, one.site_token) for one in self.work.requests.kept.values() if not one.ended
        ]
        assert len(open_now) == len(set(open_now))

    @invariant()
    def what_is_there_fits_the_state(self) -> None:
        for one in self.work.requests.kept.values():
            assert (one.report is not None) is (one.state in (State.AVAILABLE, State.DECIDED))
            assert (one.decision is not None) is (one.state is State.DECIDED)
            uploads = [*one.earlier_uploads, *([one.upload_begun_at] if one.upload_begun_at else [])]
            assert uploads == sorted(set(uploads))
            assert not uploads or uploads[-1] <= one.term_ends_at
            assert one.upload_begun_at or not one.earlier_uploads
            assert [step for actor in Actor for step in one.possible(actor) if not one.may(step)] == []

    @invariant()
    def nobody_is_waited_for_who_has_begun_nothing(self) -> None:
        for one in self.work.requests.kept.values():
            assert one.state is not State.UPLOADING or one.upload_begun_at is not None

    @invariant()
    def periods_that_avoided_an_audit_do_not_overlap(self) -> None:
        for member in MEMBERS:
            for site in {one.site_token for one in self.work.requests.kept.values()}:
                periods = sorted(
                    (one.decision.decided_at.date(), one.valid_until)
                    for one in self.work.requests.kept.values()
                    if one.member_id == member and one.site_token == site and one.decision
                    if one.decision.avoided and one.valid_until
                )
                for (_, last), (first, _) in pairwise(periods):
                    assert last < first

    @invariant()
    def no_file_and_no_audit_is_counted_twice(self) -> None:
        counted = [
            (one.member_id, one.site_token, one.report)
            for one in self.work.requests.kept.values()
            if one.decision and one.decision.avoided and one.report
        ]
        files = [(member, report.sha256) for member, _, report in counted]
        assert len(files) == len(set(files))
        audits = [(member, site, report.audit_date) for member, site, report in counted if report.audit_date]
        assert len(audits) == len(set(audits))

    @invariant()
    def nothing_is_accepted_unread(self) -> None:
        for one in self.work.requests.kept.values():
            if one.outcome in (Outcome.ACCEPTED, Outcome.TOP_UP):
                assert one.report
                assert one.report.read_at

    @invariant()
    def nobody_learns_of_anothers_requests(self) -> None:
        for member in MEMBERS:
            own = {one.request_id for one in self.work.requests.kept.values() if one.member_id == member}
            assert {one.request_id for one in self.work.told(member)} <= own
        for page, _ in self.work.pages.kept.values():
            assert self.owner(page.request_id) == page.member_id

    @invariant()
    def contacts_are_gone_when_their_time_is_over(self) -> None:
        for one in self.work.requests.kept.values():
            due = one.erases_at()
            assert due is None or due > self.work.now

    @invariant()
    def the_last_thing_said_is_how_it_stands(self) -> None:
        said = {one.request_id: one for one in self.work.changes()}
        told = {one.request_id: one for member in MEMBERS for one in self.work.told(member)}
        for request_id, one in self.work.requests.kept.items():
            assert (said[request_id].state, told[request_id].state) == (one.state, one.state)
            assert told[request_id].mail == one.mail
            assert list(one.revoked_mails) == said[request_id].revoked_mails


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)
