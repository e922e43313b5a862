"""Whatever another member asks of the same supplier, a member sees the same states, times, errors and mails."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_notification import handlers as post_office
from mrx_notification.domain.bounces import Bounce
from mrx_notification.domain.mails import Attempt, RenderedMail
from mrx_notification.ports import NotNow, Refused
from mrx_report_request.entrypoints.http import answers
from mrx_report_request.handlers import facts, members
from mrx_report_request.handlers.asking import ask
from mrx_report_request.handlers.clock import keep_time
from mrx_shared.messages.notification import MailFailed, MailSent
from mrx_shared.refusals import Rejected
from mrx_shared.slots import Slots
from typing_extensions import override

from tests.unit.notification.asked import event
from tests.unit.notification.in_memory import MemoryTransport, PlainRenderer
from tests.unit.notification.in_memory import MemoryWork as OfMails
from tests.unit.report_request.in_memory import START, MemoryWork, asking

A, B = UUID(int=1), UUID(int=2)
DAYS = 16
ADDRESSES = (
    "quality@works.example",
    "Quality+a@Works.example",
    "QUALITY+b@works.example",
    "unknown@works.example",
    "returns@works.example",
    "slow@works.example",
)


@dataclass(frozen=True)
class Act:
    """What a member does, and when: the so-many-th moment of the scenario."""

    at: int
    verb: str
    site: int
    address: str


class MailServer(MemoryTransport):
    """What it answers depends on the address alone."""

    def __init__(self) -> None:
        super().__init__()
        self.came: list[Attempt] = []
        self.returned: list[UUID] = []

    @override
    async def send(self, letter: RenderedMail, attempt: Attempt) -> None:
        if attempt.address.startswith("unknown"):
            raise Refused("5.1.1")
        if attempt.address.startswith("slow") and attempt.mails[0].tries < 3:
            raise NotNow("4.7.1", away=False)
        self.came.append(attempt)
        if attempt.address.startswith("returns"):
            self.returned.append(attempt.letter_id)


def moments() -> list[datetime]:
    """Twice a day, and around each slot."""
    slots = Slots()
    ticks = {START + timedelta(hours=12 * number) for number in range(1, 2 * DAYS)}
    slot = slots.after(START)
    while slot < START + timedelta(days=DAYS):
        ticks |= {slot + timedelta(minutes=minutes) for minutes in (0, 1, 15, 16)}
        slot = slots.after(slot)
    return sorted(ticks)


MOMENTS = moments()


class World:
    """report_request and notification in memory, and a mail server."""

    def __init__(self) -> None:
        self.work, self.mails, self.server = MemoryWork(A, B), OfMails(), MailServer()
        self.references = {member: count(1) for member in (A, B)}
        self.work.new_reference = self.new_reference  # type: ignore[method-assign]
        self.ids = {member: count(1) for member in (A, B)}
        self.work.new_id = self.new_id  # type: ignore[method-assign]
        self.taken = self.heard = 0
        self.seen: list[Any] = []

    def new_reference(self) -> str:
        assert self.work.tenant is not None
        return f"MRX-{self.work.tenant.int}-{next(self.references[self.work.tenant])}"

    def new_id(self) -> UUID:
        assert self.work.tenant is not None
        return UUID(int=self.work.tenant.int * 10_000 + next(self.ids[self.work.tenant]))

    async def act(self, member: UUID, act: Act) -> str:
        """Do it; what a refusal says."""
        own = [one for one in self.work.requests.kept.values() if one.member_id == member and not one.ended]
        request = next((one for one in own if one.site_number == f"S-{act.site}"), None)
        try:
            async with self.work.acting_for(member):
                if act.verb == "ask":
                    one = asking(
                        act.site,
                        request_id=self.new_id(),
                        contact_email=act.address,
                        term_days=7,
                    )
                    await ask(one, self.work, member_id=member)
                elif request is not None and act.verb == "withdraw":
                    await members.withdraw(request.request_id, None, self.work)
                elif request is not None:
                    await members.readdress(
                        request.request_id,
                        contact_email=act.address,
                        contact_name=None,
                        language=None,
                        work=self.work,
                    )
        except Rejected as refusal:
            return f"{refusal.field}: {refusal.reason} {refusal.remedy}"
        return ""

    async def tick(self) -> None:
        self.mails.moment = self.work.moment
        for _ in range(3):
            await keep_time(self.work.transact)
        for mail in self.work.mailed()[self.taken :]:
            self.taken += 1
            event_id = UUID(int=10**9 + self.taken)
            said = event(mail, event_id=event_id)
            await post_office.take_request_mail(said, self.mails, slots=self.work.slots)
        while await post_office.send_due(
            self.mails.transact, renderer=PlainRenderer(), transport=self.server, new_token=lambda: "token"
        ):
            pass
        for letter_id in self.server.returned[:]:
            self.server.returned.remove(letter_id)
            await post_office.take_bounce(
                Bounce(letter_ids=(letter_id,), failed=True, status="5.2.1"), self.mails
            )
        for fact in self.mails.said[self.heard :]:
            self.heard += 1
            if isinstance(fact, MailSent):
                await facts.note_mail_sent(fact, self.work)
            elif isinstance(fact, MailFailed):
                await facts.note_mail_failed(fact, self.work)

    def look(self) -> None:
        """All that the first member can see: its requests, its events, the mails to whoever asked there."""
        own = [one for one in self.work.requests.kept.values() if one.member_id == A]
        to_requester = [
            mail.model_dump(exclude={"mail_id"})
            for mail in self.work.mailed()
            if mail.kind in ("ready", "undelivered")
            if mail.request_id in {one.request_id for one in own}
        ]
        self.seen.append(
            (
                [answers.request(one, today=self.work.now.date(), contact=True).model_dump() for one in own],
                [told.model_dump() for told in self.work.told(A)][-5:],
                to_requester,
            )
        )


async def scenario(by_a: Sequence[Act], by_b: Sequence[Act]) -> World:
    world = World()
    for number, moment in enumerate(MOMENTS):
        world.work.moment = moment
        for act in by_b:
            if act.at == number:
                await world.act(B, act)
        for act in by_a:
            if act.at == number:
                world.seen.append(await world.act(A, act))
        await world.tick()
        world.look()
    return world


ACTS = st.lists(
    st.builds(
        Act,
        at=st.integers(0, len(MOMENTS) - 1),
        verb=st.sampled_from(["ask", "ask", "withdraw", "readdress"]),
        site=st.integers(1, 2),
        address=st.sampled_from(ADDRESSES),
    ),
    max_size=12,
)


@settings(max_examples=40, deadline=None)
@given(ACTS, ACTS)
def test_what_a_member_sees_is_the_same_whatever_another_does(by_a: list[Act], by_b: list[Act]) -> None:
    alone, beside = asyncio.run(scenario(by_a, [])), asyncio.run(scenario(by_a, by_b))
    assert beside.seen == alone.seen


@settings(max_examples=40, deadline=None)
@given(ACTS, ACTS)
def test_a_mailbox_gets_one_mail_a_slot_whatever_both_do(by_a: list[Act], by_b: list[Act]) -> None:
    world = asyncio.run(scenario(by_a, by_b))
    got = [
        (attempt.address, attempt.mails[0].slot_at)
        for attempt in world.server.came
        if attempt.mails[0].slot_at
    ]
    assert len(got) == len(set(got))
    asked = [
        (mail.to.lower(), mail.leaves_at, member)
        for mail in world.work.mailed()
        if mail.leaves_at
        for member in [world.work.requests.kept[mail.request_id].member_id]
    ]
    sites = [
        (world.work.requests.kept[mail.request_id].site_token, mail.leaves_at, member)
        for mail, (_, _, member) in zip(
            [mail for mail in world.work.mailed() if mail.leaves_at], asked, strict=True
        )
    ]
    assert len(sites) == len(set(sites)), "a member has a site mailed twice in a slot"


def test_the_story_is_one_in_which_mails_merge() -> None:
    first = Act(at=0, verb="ask", site=1, address=ADDRESSES[0])
    second = Act(at=0, verb="ask", site=1, address=ADDRESSES[1])
    world = asyncio.run(scenario([first], [second]))
    assert len(world.server.came[0].mails) == 2
    assert "sent" in str(world.seen[-1])
