"""The rules of one request, each by itself."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_report_request.domain import wording
from mrx_report_request.domain.decisions import (
    Decision,
    Outcome,
    Recognised,
    Validity,
    avoids,
    decide,
    later,
    validity,
)
from mrx_report_request.domain.references import new_reference
from mrx_report_request.domain.requests import (
    ROOM_LASTS,
    UPLOAD_LASTS,
    Channel,
    HistoryEntry,
    MailState,
    NotPossible,
    Report,
    Request,
    Supplier,
)
from mrx_report_request.domain.transitions import ENDS, TABLE, Action, Actor, State
from mrx_shared.refusals import Invalid, Rejected
from mrx_shared.wording import one_line

NOW = datetime(2026, 6, 1, 9, tzinfo=UTC)
END = NOW + timedelta(days=28)


def request(state: State = State.DRAFTED, **changed: object) -> Request:
    drafted = Request(
        request_id=UUID(int=1),
        member_id=UUID(int=2),
        reference="MRX-00000000",
        round_id=UUID(int=3),
        entry_id="a" * 64,
        site_token="b" * 64,
        site_number="S-1",
        supplier=Supplier(name="Works", language="en", contact_email="q@works.example", contact_name=None),
        scope="SMETA",
        purpose="Approval",
        requester_email=None,
        requester_language="en",
        asked_at=NOW,
        term_begins_at=NOW,
        term_ends_at=END,
        state=state,
        history=(HistoryEntry(state=state, reason=None, at=NOW),),
    )
    return replace(drafted, **changed)  # type: ignore[arg-type]


def report() -> Report:
    return Report(report_id=uuid4(), sha256="0" * 64, size=1, channel=Channel.UPLOAD, stored_at=NOW)


REPORT = report()


@pytest.mark.parametrize("step", Action)
@pytest.mark.parametrize("state", State)
def test_a_step_is_taken_where_the_table_has_it_and_refused_elsewhere_with_what_is_possible(
    state: State, step: Action
) -> None:
    stands = request(state)
    if state in TABLE[step].of:
        assert stands.take(step, at=NOW).state is (TABLE[step].to or state)
        return
    with pytest.raises(NotPossible) as refusal:
        stands.take(step, at=NOW)
    assert state in refusal.value.reason
    others = ", ".join(stands.possible(TABLE[step].by)) or "nothing more"
    assert refusal.value.remedy == f"possible now: {others}"


def test_nobody_takes_a_step_once_a_request_has_ended_but_a_report_takes_up_an_expired_one() -> None:
    for state in ENDS:
        transitions = [step for actor in Actor for step in request(state).possible(actor)]
        assert transitions == ([Action.STORE] if state is State.EXPIRED else [])


def test_what_is_being_checked_or_there_is_ended_by_no_clock() -> None:
    assert request(State.CHECKING).expires_at() is None
    assert request(State.AVAILABLE).expires_at() is None
    assert request(State.DRAFTED).expires_at() == END


def test_an_upload_that_began_in_time_is_waited_for() -> None:
    begun = request(State.ACCEPTED).upload_begun(begun_at=END - timedelta(minutes=1), now=END)
    assert begun.state is State.UPLOADING
    assert begun.expires_at() == END - timedelta(minutes=1) + UPLOAD_LASTS


def test_an_upload_that_began_too_late_counts_nothing() -> None:
    late = request(State.ACCEPTED).upload_begun(begun_at=END + timedelta(seconds=1), now=END)
    assert (late.state, late.upload_begun_at) == (State.ACCEPTED, None)


def test_an_upload_of_which_nothing_came_leads_back_to_waiting_for_the_supplier() -> None:
    begun = request(State.ACCEPTED).upload_begun(begun_at=NOW, now=NOW)
    lapsed = begun.upload_lapsed(lapsed_at=NOW + timedelta(hours=1), now=NOW + timedelta(hours=1))
    assert (lapsed.state, lapsed.upload_begun_at) == (State.ACCEPTED, None)
    assert lapsed.reminder_at() == NOW + timedelta(days=14)
    assert lapsed.may(Action.READDRESS)
    expired = begun.take(Action.EXPIRE, at=END).upload_lapsed(lapsed_at=END, now=END)
    assert (expired.state, expired.upload_begun_at) == (State.EXPIRED, None)


def test_a_lapse_from_before_the_latest_upload_began_changes_nothing() -> None:
    begun = request(State.ACCEPTED).upload_begun(begun_at=NOW + timedelta(hours=1), now=END)
    assert begun.upload_lapsed(lapsed_at=NOW, now=END) == begun


@pytest.mark.parametrize("state", [State.ACCEPTED, State.CHECKING, State.AVAILABLE, State.WITHDRAWN])
def test_a_lapse_moves_no_request_that_waits_for_no_upload(state: State) -> None:
    stands = request(state, upload_begun_at=NOW)
    assert stands.upload_lapsed(lapsed_at=NOW, now=NOW).state is state


def test_a_timely_upload_takes_up_an_expired_request_and_another_does_not() -> None:
    timely = request(State.ACCEPTED).upload_begun(begun_at=END, now=END).take(Action.EXPIRE, at=END)
    assert timely.take(Action.RECEIVE, at=END).state is State.CHECKING
    assert not request(State.ACCEPTED).take(Action.EXPIRE, at=END).may(Action.RECEIVE)


def test_after_a_refused_file_the_upload_before_it_takes_up_nothing() -> None:
    begun = request(State.ACCEPTED).upload_begun(begun_at=NOW, now=NOW)
    expired = begun.file_refused("not-a-pdf", now=NOW).take(Action.EXPIRE, at=END)
    assert not expired.may(Action.RECEIVE)


EXPIRY = END + timedelta(hours=1)
LIFE: dict[str, Callable[[Request], Request]] = {
    "upload begun": lambda one: one.upload_begun(begun_at=END - timedelta(minutes=1), now=EXPIRY),
    "upload begun too late": lambda one: one.upload_begun(begun_at=END + timedelta(seconds=1), now=EXPIRY),
    "received": lambda one: one.take(Action.RECEIVE, at=EXPIRY) if one.may(Action.RECEIVE) else one,
    "refused": lambda one: one.file_refused("encrypted", now=EXPIRY),
    "stored": lambda one: one.report_stored(REPORT, now=EXPIRY),
}
"""facts as they are told, however late"""


@pytest.mark.parametrize(
    "facts",
    [
        ("upload begun", "received", "stored"),
        ("upload begun too late", "received", "stored"),
        ("upload begun", "upload begun too late", "received", "refused", "received", "stored"),
        ("received", "refused", "received", "stored"),
        ("stored",),
    ],
)
def test_a_report_in_the_vault_is_available_whenever_the_clock_comes_by(facts: tuple[str, ...]) -> None:
    for place in range(len(facts) + 1):
        one = request(State.ACCEPTED)
        for number, fact in enumerate((*facts, "")):
            ends = one.expires_at()
            if number == place and ends and ends <= EXPIRY:
                one = one.take(Action.EXPIRE, at=EXPIRY)
            one = LIFE[fact](one) if fact else one
        assert (one.state, one.report) == (State.AVAILABLE, REPORT), place


@pytest.mark.parametrize("state", [State.DECLINED, State.WITHDRAWN])
def test_a_report_takes_up_nothing_that_supplier_or_member_ended(state: State) -> None:
    ended = request(state, upload_begun_at=NOW)
    assert ended.report_stored(report(), now=NOW) == ended
    assert ended.report_came_late(report(), now=NOW) == ended


def test_a_report_that_comes_when_its_member_asked_anew_is_told_once() -> None:
    expired, came = request(State.ACCEPTED).take(Action.EXPIRE, at=END), report()
    told = expired.report_came_late(came, now=END)
    assert told.state is State.EXPIRED
    assert f"/v1/reports/{came.report_id}" in (told.reason or "")
    assert told.report_came_late(came, now=END) == told


def test_a_refused_file_does_not_forget_another_upload_that_began_in_time() -> None:
    first, second = END - timedelta(minutes=20), END - timedelta(minutes=10)
    both = request(State.ACCEPTED).upload_begun(begun_at=first, now=first)
    both = both.upload_begun(begun_at=second, now=second).take(Action.RECEIVE, at=second)
    one = both.file_refused("encrypted", now=second)
    assert (one.state, one.upload_begun_at) == (State.UPLOADING, second)
    assert [step.state for step in one.history[-2:]] == [State.ACCEPTED, State.UPLOADING]
    assert one.expires_at() == second + UPLOAD_LASTS
    neither = one.file_refused("encrypted", now=second)
    assert (neither.state, neither.upload_begun_at) == (State.ACCEPTED, None)
    expired = both.take(Action.REFUSE_FILE, at=END).take(Action.EXPIRE, at=END)
    assert expired.file_refused("encrypted", now=END).take(Action.RECEIVE, at=END).state is State.CHECKING


def test_an_upload_whose_room_was_closed_meanwhile_is_not_waited_for() -> None:
    both = request(State.ACCEPTED).upload_begun(begun_at=NOW, now=NOW)
    both = both.upload_begun(begun_at=NOW + timedelta(minutes=1), now=NOW)
    refused = both.file_refused("encrypted", now=NOW + timedelta(minutes=1) + ROOM_LASTS)
    assert (refused.state, refused.upload_begun_at) == (State.ACCEPTED, None)


def test_an_upload_that_is_told_twice_is_one() -> None:
    once = request(State.ACCEPTED).upload_begun(begun_at=NOW, now=NOW)
    assert once.upload_begun(begun_at=NOW, now=NOW) == once


def test_reminders_are_due_at_half_of_the_term_and_three_days_before_its_end() -> None:
    sent = request(State.SENT)
    assert sent.reminder_at() == NOW + timedelta(days=14)
    once = sent.reminded(at=NOW + timedelta(days=14))
    assert once.reminder_at() == END - timedelta(days=3)
    assert once.reminded(at=END - timedelta(days=3)).reminder_at() is None


def test_reminders_that_are_due_together_are_one() -> None:
    assert request(State.SENT).reminded(at=END - timedelta(days=1)).reminder_at() is None
    short = request(State.SENT, term_ends_at=NOW + timedelta(days=4))
    assert short.reminded(at=NOW + timedelta(days=2)).reminder_at() is None


def test_who_began_an_upload_is_left_alone_for_a_while_and_then_reminded_as_before() -> None:
    at_it = request(State.ACCEPTED).upload_begun(begun_at=NOW + timedelta(days=14), now=NOW)
    assert at_it.reminder_at() == NOW + timedelta(days=14) + UPLOAD_LASTS
    long_since = request(State.ACCEPTED).upload_begun(begun_at=NOW, now=NOW)
    assert long_since.reminder_at() == NOW + timedelta(days=14)


@pytest.mark.parametrize(
    "state", sorted(set(State) - {State.SENT, State.OPENED, State.ACCEPTED, State.UPLOADING})
)
def test_nobody_is_reminded_who_has_no_mail_or_whose_report_is_there(state: State) -> None:
    assert request(state).reminder_at() is None
    assert request(State.SENT, mail=MailState.BOUNCED).reminder_at() is None


def test_contacts_are_kept_until_ninety_days_after_the_end_or_the_reports_arrival() -> None:
    for state in State:
        due = request(state).erases_at()
        kept = state not in ENDS | {State.AVAILABLE}
        assert due == (None if kept else NOW + timedelta(days=90))
    assert request(State.DECLINED).without_contacts().erases_at() is None


def test_a_contact_at_the_same_address_keeps_its_links() -> None:
    mail = uuid4()
    sent = request(State.SENT, mail_id=mail)
    same = replace(sent.supplier, contact_name="Li Na")
    assert sent.readdress(same, [mail], at=NOW, leaves_at=NOW).revoked_mails == ()
    other = replace(sent.supplier, contact_email="other@works.example")
    again = sent.readdress(other, [mail], at=NOW, leaves_at=NOW)
    assert again.revoked_mails == (mail,)
    assert request(revoked_mails=(mail,), mail_id=mail).mail_sent(mail, at=NOW).state is State.DRAFTED


def test_a_contact_is_replaced_twenty_times_at_most() -> None:
    one = request(State.SENT)
    for _ in range(20):
        one = one.readdress(one.supplier, [], at=NOW, leaves_at=NOW)
    with pytest.raises(Rejected) as refusal:
        one.readdress(one.supplier, [], at=NOW, leaves_at=NOW)
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("contact_email", True)


def test_a_late_bounce_of_an_older_mail_says_nothing_of_the_newer() -> None:
    sent = request(State.SENT, mail_id=uuid4(), mail=MailState.SENT)
    assert sent.mail_failed(uuid4(), bounced=True) == sent


def test_withdrawn_access_closes_the_report_and_access_granted_again_opens_it() -> None:
    there = request(State.ACCEPTED).report_stored(report(), now=NOW)
    assert there.report is not None
    closed = there.access_withdrawn(there.report.report_id, now=NOW)
    assert closed.report is not None
    assert closed.report.access_withdrawn_at == NOW
    assert there.access_withdrawn(uuid4(), now=NOW) == there
    assert there.report_stored(report(), now=NOW) == there
    assert closed.report_stored(report(), now=NOW) == closed
    assert closed.access_renewed(uuid4(), now=NOW) == closed
    opened = closed.access_renewed(there.report.report_id, now=NOW)
    assert (opened.report, opened.reason) == (there.report, "the supplier granted access again")
    assert opened.access_renewed(there.report.report_id, now=NOW) == opened


def accepted(on: date, until: date) -> Decision:
    moment = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    return Decision(outcome=Outcome.ACCEPTED, reason=None, valid_until=until, decided_at=moment)


def test_a_second_acceptance_within_the_validity_period_avoids_nothing_more() -> None:
    until = date(2027, 6, 1)
    assert avoided(date(2026, 6, 1))
    assert not avoided(until, counted(until))
    assert avoided(until + timedelta(days=1), counted(until))
    assert avoided(until, replace(counted(until), avoided=False))


def test_the_same_file_or_audit_never_avoids_a_second_one_however_short_its_period_was() -> None:
    ended = date(2026, 6, 1)
    later_on = ended + timedelta(days=1)
    assert not avoided(later_on, counted(ended, sha256="a"), sha256="a")
    assert not avoided(later_on, replace(counted(ended, sha256="a"), avoided=False), sha256="a")
    audit = date(2026, 3, 1)
    assert not avoided(later_on, counted(ended, audit_date=audit), audit_date=audit)
    assert not avoided(later_on, counted(ended, audit_date=audit), audit_date=audit - timedelta(days=1))
    assert avoided(later_on, counted(ended, audit_date=audit), audit_date=audit + timedelta(days=1))
    assert avoided(later_on, counted(ended, audit_date=audit))
    assert avoided(later_on, counted(ended), audit_date=audit)


def avoided(
    on: date, *earlier: Recognised, sha256: str = "of another file", audit_date: date | None = None
) -> bool:
    return avoids(accepted(on, date(2029, 1, 1)), earlier, sha256=sha256, audit_date=audit_date)


def counted(until: date, *, sha256: str = "of a file", audit_date: date | None = None) -> Recognised:
    return Recognised(sha256=sha256, audit_date=audit_date, valid_until=until, avoided=True)


@pytest.mark.parametrize("outcome", [Outcome.TOP_UP, Outcome.REFUSED])
def test_a_top_up_or_refusal_avoids_nothing(outcome: Outcome) -> None:
    decision = replace(accepted(NOW.date(), NOW.date()), outcome=outcome)
    assert not avoids(decision, [], sha256="a", audit_date=None)


def limits(
    *, half_year: str | None = None, audit_date: date | None = None, came: date = date(2026, 6, 1)
) -> Validity:
    return validity(audit_date=audit_date, half_year=half_year, came=came)


@pytest.mark.parametrize(
    ("half_year", "advised", "most"),
    [
        ("2024-H1", date(2026, 6, 30), date(2027, 6, 30)),
        ("2024-H2", date(2026, 12, 31), date(2027, 12, 31)),
        ("2025-H2", date(2027, 12, 31), date(2028, 12, 31)),
    ],
)
def test_a_report_stands_in_from_the_end_of_the_listed_half_year(
    half_year: str, advised: date, most: date
) -> None:
    def until(stated: date | None) -> date | None:
        return decide(Outcome.ACCEPTED, None, stated, limits=limits(half_year=half_year), now=NOW).valid_until

    assert until(None) == advised
    assert until(most) == most
    with pytest.raises(Invalid, match="not between") as refusal:
        until(most + timedelta(days=1))
    assert refusal.value.field == "valid_until"
    assert half_year in refusal.value.reason
    assert f"to {most}" in (refusal.value.remedy or "")
    with pytest.raises(Invalid, match="not between"):
        until(NOW.date() - timedelta(days=1))


def test_without_a_stated_day_a_report_never_stands_in_until_yesterday_nor_beyond_the_limit() -> None:
    old = limits(half_year="2023-H2")
    assert decide(Outcome.ACCEPTED, None, None, limits=old, now=NOW).valid_until == NOW.date()
    with pytest.raises(Invalid, match="more than 36 months ago") as refusal:
        decide(Outcome.TOP_UP, None, None, limits=limits(half_year="2022-H2"), now=NOW)
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("outcome", True)


def test_the_reports_own_audit_date_counts_before_the_half_year_and_that_before_the_arrival() -> None:
    assert limits(audit_date=date(2024, 1, 15), half_year="2025-H2").most == date(2027, 1, 15)
    assert limits(audit_date=date(2024, 1, 15)).advised == date(2026, 1, 15)
    assert limits(audit_date=date(2030, 1, 1), half_year="2025-H2").most == date(2028, 12, 31)
    assert limits(audit_date=date(2030, 1, 1)).most == date(2029, 6, 1)
    assert limits().most == date(2029, 6, 1)
    assert limits(half_year="of old").most == date(2029, 6, 1)


def test_a_refusal_has_a_reason_and_no_last_day() -> None:
    with pytest.raises(Invalid, match="needs a reason"):
        decide(Outcome.REFUSED, "  ", None, limits=limits(), now=NOW)
    with pytest.raises(Invalid, match="replaces no audit"):
        decide(Outcome.REFUSED, "too old", NOW.date(), limits=limits(), now=NOW)


@given(st.dates(date(2000, 1, 1), date(2100, 1, 1)), st.integers(0, 60))
def test_some_months_later_is_the_same_day_or_the_months_last(day: date, months: int) -> None:
    then = later(day, months=months)
    assert (then.year - day.year) * 12 + then.month - day.month == months
    assert then.day == day.day or (then + timedelta(days=1)).day == 1


def test_references_are_drawn_by_lot() -> None:
    drawn = {new_reference() for _ in range(1000)}
    assert len(drawn) == 1000
    assert all(len(one) == 12 and one.startswith("MRX-") for one in drawn)
    assert not set("".join(drawn).replace("MRX-", "")) & set("ILOU")


@pytest.mark.parametrize(
    "address",
    [
        "a@b",
        "a b@works.example",
        "@works.example",
        "a@-works.example",
        "a@works.example, b@works.example",
        "a@works..example",
        "ä@works.example",
        "a..b@works.example",
        "a@works.example\nBcc: b@x.example",
        "Li <a@works.example>",
        f"{'a' * 65}@works.example",
        "",
    ],
)
def test_what_is_no_mail_address_is_refused_by_its_field(address: str) -> None:
    with pytest.raises(Invalid) as refusal:
        wording.email(address, field="contact_email")
    assert refusal.value.field == "contact_email"
    assert refusal.value.remedy
    assert "works" not in refusal.value.reason


@pytest.mark.parametrize("address", ["a@works.example", "a.b+c@mail.works-2.example", "x@works.xn--p1ai"])
def test_usual_mail_addresses_are_taken(address: str) -> None:
    assert wording.email(f" {address} ", field="contact_email") == address


@pytest.mark.parametrize(
    "value", ["", "  ", "a\nb", "a\x00b", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb", "\ud800", "x" * 201]
)
def test_a_line_with_a_control_character_or_of_no_or_too_great_length_is_refused(value: str) -> None:
    with pytest.raises(Invalid) as refusal:
        one_line(value, field="scope")
    assert (refusal.value.field, bool(refusal.value.remedy)) == ("scope", True)


@pytest.mark.parametrize("value", ["Überprüfung", "质量审核", "Auditoría 4 pilares", "x" * 200])
def test_lines_in_any_script_are_taken(value: str) -> None:
    assert one_line(value, field="scope") == value
