"""What takes long runs beside the event loop: others are answered in the meantime."""

import time
from collections.abc import Coroutine, Sequence
from dataclasses import replace
from datetime import date
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from mrx_aggregation.domain.disclosure import Attributed, Decisions, Entry
from mrx_aggregation.domain.lists import ListState, ReceivedList, ReceivedPage
from mrx_aggregation.domain.pool import Audited, PoolSite
from mrx_aggregation.domain.rounds import Round, RoundState
from mrx_aggregation.handlers.advancing import resolve
from mrx_aggregation.handlers.intake import take_page
from mrx_aggregation.ports import Owned
from mrx_matching import SiteRecord
from mrx_shared.messages.lists import ListPage, ListRow
from mrx_shared.testing.work import NOON

MEMBERS = [UUID(int=number) for number in range(1, 7)]
SITE = PoolSite(
    site_name="",
    address="",
    city="",
    region="",
    country="BD",
    os_id="",
    lei="",
    scheme_family="SMETA",
    audit_half_year="2025-H1",
)


async def share_on_the_loop(work: Coroutine[Any, Any, None]) -> float:
    """The share of the work's CPU time that the loop's own thread spent, during which it answers nobody."""
    on_loop, in_all = time.thread_time(), time.process_time()
    await work
    return (time.thread_time() - on_loop) / (time.process_time() - in_all)


class MemoryRound:
    """The parts of a resolver and a writer that resolving needs."""

    def __init__(self, owned: list[Owned], names: tuple[str, ...] = ()) -> None:
        self.owned = owned
        self.names = names
        self.released: list[Attributed] = []
        self.staying: set[PoolSite] = set()
        self.held: frozenset[bytes] = frozenset()
        self.kept: list[Any] = []

    async def entries(self, round_id: UUID) -> list[Owned]:
        return self.owned

    async def groups(self) -> dict[UUID, UUID]:
        return {member: member for member in MEMBERS}

    async def company_names(self) -> tuple[str, ...]:
        return self.names

    async def released_in(self, release_id: UUID) -> list[Attributed]:
        return self.released

    async def choice_key(self) -> bytes:
        return b"k" * 32

    async def keep_links(self, round_id: UUID, links: object) -> None:
        pass

    async def keep_decisions(
        self, round_id: UUID, decisions: Decisions, staying: Sequence[PoolSite], **_: object
    ) -> None:
        self.held, self.staying = decisions.held, set(staying)

    async def keep_pool(self, round_id: UUID, sites: list[Any]) -> None:
        self.kept = sites


def owned(number: int, name: str, **said: str) -> Owned:
    record = SiteRecord(key=number, name=name, address=f"{number} Lake Road", country="BD", **said)
    return Owned(
        member_id=MEMBERS[number % 6],
        list_id=UUID(int=99),
        revision=1,
        row=number + 1,
        audited=Audited(record=record, audit_date=date(2025, 3, 1), scheme_family="SMETA"),
    )


def closing() -> Round:
    return Round(round_id=UUID(int=1), as_of=date(2026, 6, 30), state=RoundState.CLOSING)


async def test_the_loop_answers_while_a_round_is_resolved() -> None:
    kept: Any = MemoryRound(
        [owned(number, f"Mill {number:x} of {number * 7919:x}") for number in range(3000)]
    )
    assert await share_on_the_loop(resolve(closing(), None, resolver=kept, writer=kept)) < 0.2
    assert len(kept.kept) > 2000


async def test_a_row_of_the_pool_that_names_a_member_is_held() -> None:
    kept: Any = MemoryRound([owned(1, "Ħarrow Mill"), owned(2, "Ashford Mill")], ("Harrow Ltd", "Ash"))
    await resolve(closing(), None, resolver=kept, writer=kept)
    (held,) = [site for site in kept.kept if site.digest in kept.held]
    assert held.site_name == "Harrow Mill"


async def test_rows_that_name_a_member_hide_no_others_and_do_not_stay() -> None:
    def released(name: str) -> Attributed:
        said = owned(0, name).audited
        site = replace(SITE, site_name=name)
        entry = Entry(MEMBERS[0], said.described, said.audit_date, said.scheme_family)
        return Attributed(site=site, entries=frozenset([entry]), groups=frozenset([MEMBERS[0]]))

    named = [owned(number, f"Harrow Mill {number}") for number in range(1, 6)]
    kept: Any = MemoryRound([*named, owned(6, "Cedarwood Foods")], ("Harrow Ltd",))
    kept.released = [released("Emberline Glass"), released("Harrow Glass")]
    await resolve(closing(), UUID(int=7), resolver=kept, writer=kept)
    assert {site.site_name for site in kept.staying} == {"Emberline Glass"}
    assert {site.site_name for site in kept.kept if site.digest not in kept.held} == {"Emberline Glass"}


async def test_the_loop_answers_while_a_page_is_taken_in() -> None:
    class MemoryLists:
        def __init__(self) -> None:
            self.kept: list[ReceivedPage] = []

        async def hold(self, list_id: UUID, revision: int) -> ReceivedList:
            return ReceivedList(member_id=MEMBERS[0], list_id=list_id, revision=revision, received_at=NOON)

        async def keep_page(self, received: ReceivedList, page: ReceivedPage) -> bool:
            assert received.state is ListState.INCOMPLETE
            self.kept.append(page)
            return True

    rows = [
        ListRow(
            row=row, values={f"sector {row:x} {column} of our own annual report": "x" for column in range(16)}
        )
        for row in range(1, 501)
    ]
    page = ListPage(list_id=UUID(int=9), revision=1, page=1, rows=rows)
    lists = MemoryLists()
    work: Any = SimpleNamespace(lists=lists)
    assert await share_on_the_loop(take_page(page, work, stated_member=None, member_id=MEMBERS[0])) < 0.2
    assert lists.kept[0].rows == 500
