"""Lists come in pages, in any order and more than once; each fault gets a receipt and nothing is half-applied."""

from collections.abc import Awaitable, Callable
from datetime import date
from uuid import UUID, uuid4

import asyncpg
import pytest
from mrx_shared.messages.lists import ListPage, ListRow
from mrx_shared.messages.topics import lists_in
from typing_extensions import override

from tests.component.aggregation.conftest import Aggregation, SentList, site
from tests.component.tenants import MembersApart, Tenant
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live


async def entries_of(aggregation: Aggregation, member: UUID) -> int:
    return int(await aggregation.sql.fetchval("SELECT count(*) FROM entry WHERE member_id = $1", member))


@pytest.fixture
async def member(aggregation: Aggregation) -> UUID:
    """A participant, while a round is open."""
    member_id = uuid4()
    await aggregation.participate(member_id)
    await aggregation.open_round()
    return member_id


@pytest.fixture
def sent() -> SentList:
    return SentList(rows=[site(number) for number in range(7)], page_rows=3)


async def test_pages_count_in_any_order_and_the_manifest_may_come_first(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    first, second, third = sent.pages()
    await aggregation.send(member, sent.manifest(), third, first)
    assert await aggregation.receipts(member) == []
    assert await entries_of(aggregation, member) == 0
    await aggregation.send(member, second)
    assert (await aggregation.receipt(member)).accepted == 7


async def test_two_lists_may_come_interleaved(aggregation: Aggregation, member: UUID, sent: SentList) -> None:
    other = SentList(rows=[site(number) for number in range(10, 14)], page_rows=2)
    mixed = [message for pair in zip(sent.messages(), other.messages(), strict=False) for message in pair]
    await aggregation.send(member, *mixed, *sent.messages()[3:])
    assert {(one.list_id, one.accepted) for one in await aggregation.receipts(member)} == {
        (sent.list_id, 7),
        (other.list_id, 4),
    }


async def test_an_event_that_is_delivered_again_changes_nothing(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    ids = [uuid4() for _ in sent.messages()]
    for _ in range(2):
        for event_id, message in zip(ids, sent.messages(), strict=True):
            await aggregation.hear(lists_in(member), message, event_id=event_id)
    assert len(await aggregation.receipts(member)) == 1
    assert await entries_of(aggregation, member) == 7


async def test_a_list_that_is_sent_again_as_it_was_gets_its_receipt_again(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    await aggregation.send(member, sent, sent)
    first, second = await aggregation.receipts(member)
    assert (first.state, second.state, second.accepted) == ("accepted", "accepted", 7)
    assert await entries_of(aggregation, member) == 7


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"rows": 8}, "hold 7 rows, but the manifest states 8"),
        ({"sha256": "0" * 64}, "sha256"),
        ({"pages": 2}, "page 3 came, but the manifest states 2 pages"),
    ],
)
async def test_a_manifest_that_does_not_fit_its_pages_refuses_the_list(
    aggregation: Aggregation, member: UUID, sent: SentList, changed: dict[str, object], said: str
) -> None:
    await aggregation.send(member, *sent.pages(), sent.manifest(**changed))
    receipt = await aggregation.receipt(member)
    assert receipt.state == "refused"
    assert said in (receipt.reason or "")
    assert receipt.remedy
    assert await entries_of(aggregation, member) == 0


async def test_a_list_with_a_missing_page_counts_for_nothing(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    await aggregation.send(member, *sent.pages()[:-1], sent.manifest())
    assert await aggregation.receipts(member) == []
    assert await entries_of(aggregation, member) == 0


async def test_a_row_number_that_stands_twice_refuses_the_list(
    aggregation: Aggregation, member: UUID
) -> None:
    list_id = uuid4()
    rows = [ListRow(row=1, values=site(1)), ListRow(row=1, values=site(2))]
    pages = [
        ListPage(list_id=list_id, revision=1, page=place, rows=[row]) for place, row in enumerate(rows, 1)
    ]
    manifest = SentList(rows=[site(1), site(2)], list_id=list_id, page_rows=1).manifest()
    await aggregation.send(member, *pages, manifest)
    assert "row number 1 stands twice" in ((await aggregation.receipt(member)).reason or "")


@pytest.mark.parametrize("whole", [False, True])
async def test_a_page_repeated_with_other_content_is_refused_and_the_first_stays(
    aggregation: Aggregation, member: UUID, sent: SentList, whole: bool
) -> None:
    other = SentList(rows=[site(50)], list_id=sent.list_id).pages()[0]
    await aggregation.send(member, *(sent.messages() if whole else sent.pages()), other)
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.stands) == ("refused", "accepted" if whole else None)
    assert "page 1 of this revision came before with other content" in (receipt.reason or "")
    await aggregation.send(member, sent.manifest())
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.accepted, receipt.stands) == ("accepted", 7, None)


async def test_a_manifest_repeated_with_other_content_is_refused_and_the_first_stays(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    await aggregation.send(member, sent, sent.manifest(sha256="0" * 64))
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.stands) == ("refused", "accepted")
    assert "manifest of this revision came before" in (receipt.reason or "")
    assert await entries_of(aggregation, member) == 7


async def test_a_further_page_of_a_whole_revision_is_refused(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    further = sent.pages()[0].model_copy(update={"page": 9})
    await aggregation.send(member, sent, further)
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.stands) == ("refused", "accepted")
    assert "whole with its 3 pages" in (receipt.reason or "")
    assert await entries_of(aggregation, member) == 7


async def test_a_body_that_names_another_member_is_refused_and_nothing_of_it_is_kept(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    await aggregation.send(member, sent.manifest(member_id=uuid4()))
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.list_id, receipt.stands) == ("refused", sent.list_id, None)
    assert "another member than its topic's" in (receipt.reason or "")
    assert await aggregation.sql.fetchval("SELECT count(*) FROM received_list") == 0
    await aggregation.send(member, *sent.pages(), sent.manifest(member_id=member))
    assert (await aggregation.receipt(member)).state == "accepted"
    await aggregation.send(member, sent.manifest(member_id=uuid4()))
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.stands) == ("refused", "accepted")


async def test_a_page_of_more_than_five_hundred_rows_refuses_the_list(
    aggregation: Aggregation, member: UUID
) -> None:
    rows = [ListRow(row=number, values=site(number)) for number in range(1, 502)]
    page = ListPage.model_construct(list_id=uuid4(), revision=1, page=1, rows=rows)
    await aggregation.send(member, page)
    receipt = await aggregation.receipt(member)
    assert receipt.state == "refused"
    assert "501 rows, at most 500" in (receipt.reason or "")


@pytest.mark.parametrize("number", [2**31, 2**64, 10**30])
async def test_a_row_number_that_no_table_holds_refuses_the_list_with_a_receipt(
    aggregation: Aggregation, member: UUID, number: int
) -> None:
    sent = SentList(rows=[site(1)])
    page = ListPage(list_id=sent.list_id, revision=1, page=1, rows=[ListRow(row=number, values=site(1))])
    await aggregation.send(member, page)
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.reason) == ("refused", "page 1 numbers a row above 2147483647")

    again = SentList(rows=[site(1)], list_id=sent.list_id, revision=2)
    await aggregation.send(member, again)
    assert (await aggregation.receipt(member)).state == "accepted"
    await aggregation.send(member, page.model_copy(update={"revision": 2}))
    assert (await aggregation.receipt(member)).state == "refused"
    shown = await aggregation.caller("member", member=member).get(f"/v1/lists/{sent.list_id}/revisions/2")
    assert shown.json()["state"] == "accepted"


@pytest.mark.parametrize("revision", [0, -1, 2**31, 2**70])
async def test_a_revision_that_no_table_holds_is_an_invalid_request(
    aggregation: Aggregation, member: UUID, revision: int
) -> None:
    caller = aggregation.caller("member", member=member)
    for more in ("", "/refusals"):
        assert (await caller.get(f"/v1/lists/{uuid4()}/revisions/{revision}{more}")).status_code == 422


async def test_a_member_is_not_told_what_became_of_anothers_protocol(
    aggregation: Aggregation, member: UUID
) -> None:
    owner = uuid4()
    await aggregation.participate(owner)
    await aggregation.assess(
        "Owner Code", "1", public=False, member_id=owner, recognised_until=date(2024, 12, 31)
    )
    row = site(1, protocol="Owner Code", protocol_version="1")
    await aggregation.send(member, SentList(rows=[row]))
    await aggregation.send(owner, SentList(rows=[row]))
    (told,) = (await aggregation.receipt(member)).refusals
    (own,) = (await aggregation.receipt(owner)).refusals
    assert told.reason == "Owner Code 1 was not recognised on that day"
    assert own.reason == "Owner Code 1 was recognised 2019-05-01 to 2024-12-31, not on 2025-03-04"


async def test_a_row_that_names_a_member_is_refused_at_intake_and_again_at_closing(
    aggregation: Aggregation, member: UUID
) -> None:
    early = SentList(rows=[site(1), site(2, site_name="Sunrise Foods (Kestrel Snacks)")])
    await aggregation.send(member, early)
    assert (await aggregation.receipt(member)).accepted == 2
    await aggregation.participate(uuid4(), missing=["not-admitted"], names=["Kestrel Snacks", "Kestrel"])
    await aggregation.send(member, SentList(rows=early.rows))
    (refused,) = (await aggregation.receipt(member)).refusals
    assert (refused.row, refused.field, refused.reason) == (2, "site_name", "names a member of the scheme")
    (opened,) = (await aggregation.caller("secretariat").get("/v1/rounds")).json()["rounds"]
    numbers = (await aggregation.close_round(opened["round_id"]))["numbers"]
    assert (numbers["accepted"], numbers["refused"]) == (2, 2)


async def test_a_page_of_more_than_half_a_mebibyte_refuses_the_list(
    aggregation: Aggregation, member: UUID
) -> None:
    await aggregation.send(member, SentList(rows=[site(1, note="x" * 600_000)]).pages()[0])
    assert "KiB, at most 512" in ((await aggregation.receipt(member)).reason or "")


@pytest.mark.parametrize(
    "column", ["Unit Price", "annual_volume", "Capacity (t)", "spend_eur", "Jahresumsatz"]
)
async def test_a_column_of_trade_figures_refuses_the_whole_list_and_no_page_is_kept(
    aggregation: Aggregation, member: UUID, column: str
) -> None:
    sent = SentList(rows=[site(1), site(2, **{column: "12"})], page_rows=1)
    await aggregation.send(member, sent)
    receipt = (await aggregation.receipts(member))[0]
    assert receipt.state == "refused"
    assert column in (receipt.reason or "")
    assert await aggregation.sql.fetchval("SELECT count(*) FROM page") == 0


@pytest.mark.parametrize("column", ["contact_email", "Phone", "Contact person", "last name", "Telefon"])
async def test_a_column_of_contacts_refuses_the_whole_list(
    aggregation: Aggregation, member: UUID, column: str
) -> None:
    await aggregation.send(member, SentList(rows=[site(1, **{column: "x"})]))
    receipt = (await aggregation.receipts(member))[0]
    assert receipt.state == "refused"
    assert "contacts" in (receipt.reason or "")


async def test_other_columns_are_not_read_and_named_in_the_receipt(
    aggregation: Aggregation, member: UUID
) -> None:
    await aggregation.send(member, SentList(rows=[site(1, sector="mills", lat="1.2")]))
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.reason, receipt.remedy) == ("accepted", None, "not read: 'lat', 'sector'")


async def test_refused_rows_come_back_with_row_field_reason_and_remedy(
    aggregation: Aggregation, member: UUID
) -> None:
    bad = [site(number, country="Narnia") for number in range(150)]
    sent = SentList(rows=[site(200), *bad])
    await aggregation.send(member, sent)
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.accepted, receipt.refused) == ("accepted", 1, 150)
    assert len(receipt.refusals) == 100
    first = receipt.refusals[0]
    assert (first.row, first.row_ref, first.field) == (2, "R0", "country")
    assert "Narnia" in first.reason
    assert first.remedy
    caller = aggregation.caller("member", member=member)
    page = (await caller.get(receipt.details_path, after_row=101, limit=30)).json()["refusals"]
    assert [one["row"] for one in page] == list(range(102, 132))


async def test_a_list_of_which_no_row_is_left_is_refused_and_replaces_nothing(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    await aggregation.send(member, sent)
    empty = SentList(rows=[site(1, country="Narnia")], list_id=sent.list_id, revision=2)
    await aggregation.send(member, empty)
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.reason) == ("refused", "every row was refused")
    assert await entries_of(aggregation, member) == 7


async def test_a_newer_revision_replaces_the_older_one_for_the_round(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    newer = SentList(rows=[site(1), site(2)], list_id=sent.list_id, revision=2)
    await aggregation.send(member, sent, newer)
    assert await entries_of(aggregation, member) == 2
    shown = (
        await aggregation.caller("member", member=member).get(f"/v1/lists/{sent.list_id}/revisions/1")
    ).json()
    assert (shown["state"], shown["reason"]) == ("replaced", "revision 2 replaced this one")


async def test_an_older_revision_that_comes_later_is_told_so(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    newer = SentList(rows=[site(1), site(2)], list_id=sent.list_id, revision=3)
    await aggregation.send(member, newer, sent)
    receipt = await aggregation.receipt(member)
    assert (receipt.revision, receipt.state) == (1, "refused")
    assert "revision 3 of this list is already here" in (receipt.reason or "")
    assert await entries_of(aggregation, member) == 2


async def test_two_members_may_use_equal_event_and_list_ids(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    other = uuid4()
    await aggregation.participate(other)
    ids = [uuid4() for _ in sent.messages()]
    for who in (member, other):
        for event_id, message in zip(ids, sent.messages(), strict=True):
            await aggregation.hear(lists_in(who), message, event_id=event_id)
    assert await entries_of(aggregation, member) == await entries_of(aggregation, other) == 7


async def test_a_list_of_unknown_participation_waits_and_is_taken_up_when_it_is_known(
    aggregation: Aggregation, sent: SentList
) -> None:
    stranger = uuid4()
    await aggregation.open_round()
    await aggregation.send(stranger, sent)
    assert ((await aggregation.receipt(stranger)).state, (await aggregation.receipt(stranger)).waiting) == (
        "waiting",
        7,
    )
    await aggregation.take_up()
    assert len(await aggregation.receipts(stranger)) == 1
    await aggregation.participate(stranger)
    await aggregation.take_up()
    assert (await aggregation.receipt(stranger)).accepted == 7


async def test_a_list_of_a_member_that_takes_no_part_is_refused_until_it_does(
    aggregation: Aggregation, sent: SentList
) -> None:
    stranger = uuid4()
    await aggregation.open_round()
    await aggregation.participate(stranger, missing=["statement-not-signed"], sequence=1)
    await aggregation.send(stranger, sent)
    receipt = await aggregation.receipt(stranger)
    assert receipt.state == "refused"
    assert "statement-not-signed" in (receipt.reason or "")
    assert "sign the current statement" in (receipt.remedy or "")
    await aggregation.participate(stranger, sequence=2)
    await aggregation.take_up()
    assert (await aggregation.receipt(stranger)).accepted == 7


async def test_an_older_fact_about_participation_does_not_undo_a_newer_one(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    await aggregation.participate(member, sequence=5)
    await aggregation.participate(member, missing=["suspended"], sequence=4)
    await aggregation.send(member, sent)
    assert (await aggregation.receipt(member)).state == "accepted"


async def test_a_list_without_an_open_round_waits_for_the_next(
    aggregation: Aggregation, sent: SentList
) -> None:
    early = uuid4()
    await aggregation.participate(early)
    await aggregation.send(early, sent)
    receipt = await aggregation.receipt(early)
    assert (receipt.state, receipt.reason) == ("waiting", "no round is open")
    await aggregation.open_round()
    await aggregation.take_up()
    assert (await aggregation.receipt(early)).state == "accepted"


async def test_entries_of_an_unknown_protocol_version_wait_and_the_receipt_is_said_again(
    aggregation: Aggregation, member: UUID
) -> None:
    await aggregation.send(
        member, SentList(rows=[site(1), site(2, protocol="Acme  Code", protocol_version="2")])
    )
    receipt = await aggregation.receipt(member)
    assert (receipt.state, receipt.accepted, receipt.waiting) == ("accepted", 1, 1)
    await aggregation.take_up()
    assert len(await aggregation.receipts(member)) == 1
    await aggregation.assess("acme-code", "2", public=False, scheme_family="equivalent")
    await aggregation.take_up()
    receipt = await aggregation.receipt(member)
    assert (receipt.accepted, receipt.waiting) == (2, 0)


async def test_entries_of_a_version_that_turns_out_not_equivalent_are_refused(
    aggregation: Aggregation, member: UUID
) -> None:
    await aggregation.send(member, SentList(rows=[site(1), site(2, protocol="Acme", protocol_version="2")]))
    await aggregation.assess("Acme", "2", public=False, equivalent=False, recognised_from=None)
    await aggregation.take_up()
    receipt = await aggregation.receipt(member)
    assert (receipt.accepted, receipt.refused, receipt.waiting) == (1, 1, 0)
    assert receipt.refusals[0].reason == "Acme 2 was not recognised on that day"


async def test_what_no_event_shape_fits_goes_to_the_dead_letters(
    aggregation: Aggregation, member: UUID, sent: SentList
) -> None:
    broken = sent.manifest().model_copy(update={"sha256": "short"})
    await aggregation.hear(lists_in(member), broken)
    assert await aggregation.sql.fetchval("SELECT cause FROM dead_letter") == "unreadable"


class TestMembersApart(MembersApart):
    confidential = dict.fromkeys(("received_list", "page", "entry", "refused_row"), "member_id")
    open_to_all = frozenset({"participation", "recognition"})
    insert = (
        "INSERT INTO refused_row VALUES ($1, gen_random_uuid(), 1, 1, 'ref', 'field', 'reason', 'remedy')"
    )
    update = "UPDATE refused_row SET reason = 'changed'"

    @override
    @pytest.fixture
    async def tenant(
        self, aggregation: Aggregation, member: UUID, aggregation_database: ServiceDatabase
    ) -> Tenant:
        await aggregation.send(member, SentList(rows=[site(1), site(2, country="Narnia")]))
        return Tenant(member_id=member, database=aggregation_database)


async def test_only_the_resolver_reads_links_and_the_writer_reads_the_pool_alone(
    aggregation: Aggregation,
) -> None:
    database = aggregation.database

    async def refused(role: str, statement: str) -> bool:
        engine = {"app": database.app, "resolver": database.resolver, "writer": database.writer}[role]
        async with engine.connect() as connection:
            driver = (await connection.get_raw_connection()).driver_connection
            assert isinstance(driver, asyncpg.Connection)
            try:
                await driver.fetch(statement)
            except asyncpg.InsufficientPrivilegeError:
                return True
        return False

    assert await refused("app", "SELECT * FROM link")
    assert await refused("app", "SELECT * FROM pool_site")
    assert await refused("app", "SELECT key FROM release_key")
    for table in ("link", "entry", "page", "received_list", "participation", "contribution", "round"):
        assert await refused("writer", f"SELECT * FROM {table}"), table
    assert not await refused("writer", "SELECT * FROM pool_site")
    assert not await refused("resolver", "SELECT * FROM link")
    assert await refused("resolver", "INSERT INTO pool_site SELECT * FROM pool_site")
    assert await refused("resolver", "SELECT key FROM release_key")


_CLOSED: Exception = asyncpg.exceptions.ConnectionDoesNotExistError("closed")


async def test_a_broken_connection_is_an_outage_and_no_fault_of_the_list(
    aggregation: Aggregation, member: UUID, sent: SentList, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = 7
    fetchrow: Callable[..., Awaitable[object]] = asyncpg.Connection.fetchrow

    async def breaking(self: asyncpg.Connection, query: str, *args: object, **options: object) -> object:
        nonlocal broken
        if broken:
            broken -= 1
            raise _CLOSED
        return await fetchrow(self, query, *args, **options)

    monkeypatch.setattr(asyncpg.Connection, "fetchrow", breaking)
    monkeypatch.setattr("mrx_shared.bus.subscriptions.LONGEST_PAUSE_S", 0.2)
    await aggregation.send(member, sent)
    monkeypatch.undo()
    assert (await aggregation.receipt(member)).accepted == 7
    assert await aggregation.sql.fetchval("SELECT count(*) FROM dead_letter") == 0
