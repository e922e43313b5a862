"""A member's request mails wait for their slot; asking, withdrawing and changing addresses sends no more of them."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from mrx_report_request.domain.requests import MOST_ADDRESSES, MailState, Request
from mrx_report_request.domain.transitions import State
from mrx_report_request.handlers import facts, members, suppliers
from mrx_report_request.handlers.asking import ask
from mrx_report_request.handlers.clock import keep_time
from mrx_shared.api.report_request import NewRequest
from mrx_shared.messages.exchange_adapter import ReportReceived, UploadBegun
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.messages.report_request import MailAsked
from mrx_shared.refusals import Invalid, Rejected

from tests.unit.report_request.in_memory import MemoryWork, asking
from tests.unit.shared.smuggled import SMUGGLED

MEMBER, OTHER = UUID(int=1), UUID(int=2)
MONDAY = datetime(2026, 6, 1, 7, tzinfo=UTC)
WEDNESDAY, FRIDAY, NEXT_MONDAY = (MONDAY + timedelta(days=days) for days in (2, 4, 7))


class Desk:
    """A member at report_request in memory: it is Monday, nine o'clock."""

    def __init__(self) -> None:
        self.work = MemoryWork(MEMBER, OTHER)

    async def ask(self, one: NewRequest | None = None, *, member: UUID = MEMBER) -> Request:
        async with self.work.acting_for(member):
            return await ask(one or asking(), self.work, member_id=member)

    async def withdraw(self, request: Request) -> Request:
        async with self.work.acting_for(request.member_id):
            return await members.withdraw(request.request_id, None, self.work)

    async def readdress(self, request: Request, address: str) -> Request:
        async with self.work.acting_for(request.member_id):
            return await members.readdress(
                request.request_id,
                contact_email=address,
                contact_name=None,
                language=None,
                work=self.work,
            )

    async def until(self, moment: datetime) -> None:
        """The clock comes by often, and what it asks to be mailed is sent in its slot."""
        while self.work.moment < moment:
            self.work.moment = min(self.work.moment + timedelta(hours=6), moment)
            for _ in range(4):
                await keep_time(self.work.transact)
            for mail in self.work.mailed():
                if mail.kind not in ("ready", "undelivered") and mail.mail_id not in self.delivered:
                    self.delivered.add(mail.mail_id)
                    await self.sent(mail)

    delivered: set[UUID]

    async def sent(self, mail: MailAsked) -> None:
        fact = MailSent(
            mail_id=mail.mail_id,
            kind=mail.kind,
            asked_by="report_request",
            about=mail.request_id,
            token_hashes=[mail.mail_id.hex * 2],
            sent_at=self.work.now,
            slot_at=mail.leaves_at,
        )
        await facts.note_mail_sent(fact, self.work)

    def now(self, request: Request) -> Request:
        return self.work.requests.kept[request.request_id]

    def mails(self) -> list[tuple[str, datetime | None, str]]:
        return [(mail.kind, mail.leaves_at, mail.to) for mail in self.work.mailed()]


@pytest.fixture
def desk() -> Desk:
    made = Desk()
    made.delivered = set()
    return made


AT = "quality@works.example"


async def test_a_request_is_mailed_in_the_next_slot_and_its_days_are_counted_from_there(desk: Desk) -> None:
    request = await desk.ask(asking(term_days=7))
    assert (request.mail_leaves_at, desk.mails()) == (WEDNESDAY, [])
    assert request.term_ends_at == WEDNESDAY + timedelta(days=7)
    (told,) = desk.work.told(MEMBER)
    assert told.mail_leaves_at == WEDNESDAY
    await desk.until(WEDNESDAY - timedelta(seconds=1))
    assert desk.mails() == []
    await desk.until(WEDNESDAY + timedelta(hours=1))
    assert desk.mails() == [("invitation", WEDNESDAY, AT)]
    stands = desk.now(request)
    assert (stands.state, stands.mail, stands.mail_leaves_at) == (State.SENT, MailState.SENT, None)
    assert (stands.sent_at, stands.history[-1].at) == (WEDNESDAY, WEDNESDAY)


async def test_a_request_that_is_withdrawn_before_its_slot_is_never_mailed(desk: Desk) -> None:
    await desk.withdraw(await desk.ask())
    await desk.until(NEXT_MONDAY)
    assert desk.mails() == []


async def test_asking_and_withdrawing_again_and_again_mails_a_site_once_a_slot(desk: Desk) -> None:
    for _ in range(10):
        await desk.withdraw(await desk.ask())
    await desk.ask()
    await desk.until(WEDNESDAY + timedelta(hours=1))
    assert desk.mails() == [("invitation", WEDNESDAY, AT)]
    for _ in range(10):
        (open_now,) = [one for one in desk.work.requests.kept.values() if not one.ended]
        await desk.withdraw(open_now)
        await desk.ask()
    await desk.until(FRIDAY + timedelta(hours=1))
    assert desk.mails()[1:] == [("invitation", FRIDAY, AT)]


async def test_who_was_mailed_is_told_of_a_withdrawal_in_the_next_slot(desk: Desk) -> None:
    request = await desk.ask()
    await desk.until(WEDNESDAY + timedelta(hours=1))
    assert (await desk.withdraw(request)).mail_leaves_at is None
    await desk.until(NEXT_MONDAY)
    assert desk.mails()[1:] == [("closed", FRIDAY, AT)]


async def test_changing_addresses_mails_the_last_one_in_the_next_slot_and_leaves_it_a_week(
    desk: Desk,
) -> None:
    request = await desk.ask(asking(term_days=7))
    await desk.until(WEDNESDAY + timedelta(hours=1))
    for number in (1, 2):
        await desk.readdress(request, f"li{number}@works.example")
    again = await desk.readdress(request, "li3@works.example")
    assert (again.mail_leaves_at, again.mail) == (FRIDAY, MailState.UNSENT)
    assert again.term_ends_at == FRIDAY + timedelta(days=7)
    assert desk.work.changes()[-1].term_ends_at == again.term_ends_at
    await desk.until(FRIDAY + timedelta(hours=1))
    assert desk.mails()[1:] == [("invitation", FRIDAY, "li3@works.example")]


async def test_a_member_names_five_mailboxes_for_a_site_at_most_however_it_writes_them(desk: Desk) -> None:
    for number in range(MOST_ADDRESSES):
        request = await desk.ask(asking(contact_email=f"a{number}@works.example"))
        await desk.withdraw(request)
    request = await desk.ask(asking(contact_email="A0+tag@Works.example"))
    with pytest.raises(Rejected) as refused:
        await desk.readdress(request, "one.more@works.example")
    assert (refused.value.field, bool(refused.value.remedy)) == ("contact_email", True)
    await desk.withdraw(request)
    with pytest.raises(Rejected) as refused:
        await desk.ask(asking(contact_email="one.more@works.example"))
    assert (refused.value.field, bool(refused.value.remedy)) == ("supplier.contact_email", True)
    await desk.ask(asking(contact_email="one.more@works.example"), member=OTHER)
    await desk.ask(asking(2, contact_email="one.more@works.example"))
    desk.work.pass_time(timedelta(days=91))
    await desk.ask(asking(contact_email="one.more@works.example"))


async def test_reminders_leave_in_slots_and_none_to_a_contact_that_is_not_mailed_yet(desk: Desk) -> None:
    request = await desk.ask(asking(term_days=10))  # Wednesday the 3rd to Saturday the 13th
    await desk.until(WEDNESDAY + timedelta(days=20))
    reminders = [leaves for kind, leaves, _ in desk.mails() if kind == "reminder"]
    assert reminders == [NEXT_MONDAY, WEDNESDAY + timedelta(days=7)]
    assert [leaves for kind, leaves, _ in desk.mails() if kind == "closed"] == [
        NEXT_MONDAY + timedelta(days=7)
    ]
    assert desk.now(request).state is State.EXPIRED


async def test_a_reminder_whose_day_has_a_slot_leaves_on_that_day(desk: Desk) -> None:
    await desk.ask(asking(term_days=28))
    await desk.until(WEDNESDAY + timedelta(days=28, hours=-1))
    reminders = [leaves for kind, leaves, _ in desk.mails() if kind == "reminder"]
    # Half of the term ends on a Wednesday at seven; three days before its end is a Sunday.
    assert reminders == [WEDNESDAY + timedelta(days=14), NEXT_MONDAY + timedelta(days=21)]


async def test_a_reminder_that_waits_for_its_slot_is_dropped_when_the_supplier_declines(desk: Desk) -> None:
    request = await desk.ask(asking(term_days=9))
    await desk.until(NEXT_MONDAY - timedelta(hours=2))
    assert desk.now(request).mail_leaves_at == NEXT_MONDAY
    async with desk.work.acting_for(MEMBER):
        await suppliers.refuse(request.request_id, "other", None, desk.work)
    assert desk.now(request).mail_leaves_at is None
    await desk.until(NEXT_MONDAY + timedelta(days=7))
    assert [kind for kind, _, _ in desk.mails()] == ["invitation"]


async def test_a_supplier_whose_late_upload_takes_the_request_up_again_is_not_told_that_it_ended(
    desk: Desk,
) -> None:
    request = await desk.ask(asking(term_days=7))
    await desk.until(WEDNESDAY + timedelta(days=7, hours=1))
    assert desk.now(request).state is State.EXPIRED
    ids: dict[str, Any] = {"request_id": request.request_id, "member_id": MEMBER}
    begun_at = WEDNESDAY + timedelta(days=6)
    await facts.note_upload_begun(UploadBegun(**ids, channel="upload", begun_at=begun_at), desk.work)
    arrived = ReportReceived(**ids, ticket_id=uuid4(), channel="upload", received_at=desk.work.now)
    await facts.note_report_received(arrived, desk.work)
    assert desk.now(request).state is State.CHECKING
    await desk.until(WEDNESDAY + timedelta(days=14))
    assert "closed" not in [kind for kind, _, _ in desk.mails()]


async def test_a_member_that_does_not_take_part_at_its_slot_asks_in_a_later_one(desk: Desk) -> None:
    request = await desk.ask()
    taking_part = desk.work.facts.participants.pop(MEMBER)
    await desk.until(WEDNESDAY + timedelta(hours=1))
    assert (desk.mails(), desk.now(request).mail_leaves_at) == ([], FRIDAY)
    desk.work.facts.participants[MEMBER] = taking_part
    await desk.until(FRIDAY + timedelta(hours=1))
    assert desk.mails() == [("invitation", FRIDAY, AT)]


async def test_a_failed_mail_is_told_and_a_new_contact_is_mailed_in_a_slot(desk: Desk) -> None:
    request = await desk.ask()
    await desk.until(WEDNESDAY)
    mail = desk.work.mailed()[0]
    failed = {
        "mail_id": mail.mail_id,
        "kind": mail.kind,
        "asked_by": "report_request",
        "about": mail.request_id,
    }
    await facts.note_mail_failed(
        MailFailed.model_validate(
            {**failed, "cause": "bounced", "status": "5.1.1", "failed_at": desk.work.now}
        ),
        desk.work,
    )
    assert desk.now(request).mail is MailState.BOUNCED
    again = await desk.readdress(request, "li@works.example")
    assert (again.mail, again.mail_leaves_at) == (MailState.UNSENT, FRIDAY)
    assert [mail.kind for mail in desk.work.mailed()] == ["invitation", "undelivered"]


@pytest.mark.parametrize(
    ("field", "told"),
    [
        ("supplier_name", "supplier.name"),
        ("contact_name", "supplier.contact_name"),
        ("scope", "scope"),
        ("purpose", "purpose"),
        ("site_number", "site_number"),
    ],
)
@pytest.mark.parametrize("text", [SMUGGLED, "one\u2028two", "one\x85two", "one\u202etwo"])
async def test_what_a_mail_may_not_hold_is_refused_where_it_comes_in(
    desk: Desk, field: str, told: str, text: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.ask(asking(1, **{field: text}))
    assert (refused.value.field, bool(refused.value.remedy)) == (told, True)


@pytest.mark.parametrize("field", ["supplier_name", "contact_name", "scope", "purpose"])
async def test_links_in_what_a_supplier_reads_are_refused(desk: Desk, field: str) -> None:
    with pytest.raises(Invalid, match="link"):
        await desk.ask(asking(1, **{field: "log in at www.evil.example"}))


async def test_an_address_with_an_encoded_word_is_refused(desk: Desk) -> None:
    with pytest.raises(Invalid):
        await desk.ask(asking(contact_email="=?utf-8?q?x?=@works.example", request_id=uuid4()))


async def test_mails_to_the_requester_which_wait_for_no_slot_never_go_to_the_suppliers_mailbox(
    desk: Desk,
) -> None:
    with pytest.raises(Invalid) as refused:
        await desk.ask(asking(contact_email="li@works.example", requester_email="Li+told@Works.example"))
    assert (refused.value.field, bool(refused.value.remedy)) == ("requester_email", True)
    request = await desk.ask(asking(contact_email="li@works.example", requester_email="me@buyer.example"))
    with pytest.raises(Invalid) as refused:
        await desk.readdress(request, "ME@buyer.example")
    assert refused.value.field == "contact_email"
