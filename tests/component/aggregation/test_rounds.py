"""Rounds from opening to release, on a real database; loops may be killed between any two steps."""

import json
from collections.abc import Awaitable, Callable
from datetime import date
from typing import BinaryIO
from uuid import UUID, uuid4

import pytest
from mrx_aggregation.adapters.pool import SqlPool
from mrx_aggregation.adapters.resolver import SqlResolver
from mrx_aggregation.domain.disclosure import POLICY, Decisions
from mrx_aggregation.domain.pool import POOL_COLUMNS, PoolSite, in_order
from mrx_shared.messages.aggregation import ListReleased, ReleasePublished, RoundClosed, RoundOpened
from mrx_shared.messages.envelope import decode
from mrx_shared.refusals import Rejected, ServerRefused, Unavailable
from mrx_shared.testing.objects import MemoryObjects
from typing_extensions import override

from tests.component.aggregation.conftest import AS_OF, Aggregation, MakeAggregation, SentList, site
from tests.component.aggregation.rounds import five_lists, released_rows, survive_kills

pytestmark = pytest.mark.live


async def said(aggregation: Aggregation, type_: str) -> list[str]:
    rows = await aggregation.sql.fetch("SELECT topic FROM outbox WHERE type = $1 ORDER BY topic", type_)
    return [row["topic"] for row in rows]


async def test_one_round_is_open_at_a_time(aggregation: Aggregation) -> None:
    await aggregation.open_round()
    answer = await aggregation.caller("secretariat").post("/v1/rounds", {})
    assert answer.status_code == 409
    assert "is open" in answer.json()["detail"]
    assert len(await said(aggregation, RoundOpened.type)) == 1


async def test_a_round_opens_as_of_today_unless_a_day_is_stated(aggregation: Aggregation) -> None:
    answer = await aggregation.caller("secretariat").post("/v1/rounds", {})
    today = await aggregation.sql.fetchval("SELECT (now() AT TIME ZONE 'UTC')::date")
    assert answer.json()["as_of"] == str(today)


async def test_a_round_does_not_open_as_of_a_day_to_come(aggregation: Aggregation) -> None:
    answer = await aggregation.caller("secretariat").post("/v1/rounds", {"as_of": "2999-01-01"})
    assert (answer.status_code, answer.json()["field"]) == (422, "as_of")


async def test_a_repeated_request_opens_one_round(aggregation: Aggregation) -> None:
    secretariat = aggregation.caller("secretariat", subject="s")
    answers = [
        await secretariat.post("/v1/rounds", {"as_of": "2026-06-30"}, key="the-same") for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json()


@pytest.mark.parametrize("role", ["member", "reviewer", "operator"])
async def test_rounds_are_for_the_secretariat(aggregation: Aggregation, role: str) -> None:
    caller = aggregation.caller(role, member=uuid4() if role == "member" else None)
    assert (await caller.post("/v1/rounds", {})).status_code == 403
    assert (await caller.get("/v1/rounds")).status_code == 403


async def test_closing_is_refused_while_anything_waits_and_tells_what(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    known, unknown = uuid4(), uuid4()
    await aggregation.participate(known)
    await aggregation.send(known, SentList(rows=[site(1), site(2, protocol_version="9")]))
    await aggregation.send(unknown, SentList(rows=[site(1)]))
    await aggregation.send(known, *SentList(rows=[site(1)]).pages())
    answer = await aggregation.caller("secretariat").post(f"/v1/rounds/{round_id}/close", {})
    assert answer.status_code == 409
    problem = answer.json()
    assert problem["detail"] == "1 list waits, 1 list is incomplete and 1 entry waits"
    assert "leave_waiting" in problem["remedy"]
    assert not problem["retryable"]
    shown = await aggregation.round(round_id)
    assert shown["state"] == "open"
    assert (shown["numbers"]["lists_waiting"], shown["numbers"]["lists_incomplete"]) == (1, 1)


async def test_what_waits_is_left_to_the_next_round_and_counts_there_alone(aggregation: Aggregation) -> None:
    first = await aggregation.open_round()
    known, unknown = uuid4(), uuid4()
    await aggregation.participate(known)
    await aggregation.send(known, SentList(rows=[site(1), site(2, protocol_version="9"), site(3)]))
    await aggregation.send(unknown, SentList(rows=[site(4)]))
    closed = await aggregation.close_round(first, leave_waiting=True)
    numbers = closed["numbers"]
    assert (numbers["lists"], numbers["rows"], numbers["accepted"], numbers["waiting"]) == (1, 3, 2, 1)
    assert numbers["sites"] == 2
    receipt = await aggregation.receipt(known)
    assert (receipt.state, receipt.waiting) == ("waiting", 1)

    second = await aggregation.open_round()
    await aggregation.participate(unknown)
    await aggregation.assess("SMETA", "9")
    await aggregation.take_up()
    assert (await aggregation.receipt(known)).accepted == 1
    numbers = (await aggregation.close_round(second))["numbers"]
    assert (numbers["lists"], numbers["rows"], numbers["accepted"], numbers["sites"]) == (2, 2, 2, 2)
    assert (await aggregation.round(first))["numbers"]["sites"] == 2


async def test_closing_judges_again_by_what_is_known_then(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.participate(members[0], missing=["suspended"], sequence=2)
    numbers = (await aggregation.close_round(round_id))["numbers"]
    assert (numbers["lists"], numbers["accepted"], numbers["independent_groups"]) == (4, 16, 4)
    assert (await aggregation.receipt(members[0])).state == "refused"


async def test_a_closed_round_takes_no_more_lists(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(round_id)
    await aggregation.send(members[0], SentList(rows=[site(40)]))
    assert (await aggregation.receipt(members[0])).state == "waiting"
    assert (await aggregation.round(round_id))["numbers"]["lists"] == 5
    assert len(await said(aggregation, RoundClosed.type)) == 1


async def test_four_independent_groups_release_nothing(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.participate(members[0], group_id=members[1], sequence=2)
    await aggregation.close_round(round_id)
    answer = await aggregation.caller("secretariat").post(f"/v1/rounds/{round_id}/release")
    assert answer.status_code == 409
    assert "4 independent groups contributed" in answer.json()["detail"]


async def test_a_minority_holding_makes_two_groups_one(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    between = uuid4()
    await aggregation.participate(members[0], tied=[between], sequence=2)
    await aggregation.participate(members[1], tied=[between], sequence=2)
    assert (await aggregation.close_round(round_id))["numbers"]["independent_groups"] == 4


async def test_a_release_needs_two_identities(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    await five_lists(aggregation)
    await aggregation.close_round(round_id)
    first = aggregation.caller("secretariat", subject="first")
    assert (await first.post(f"/v1/rounds/{round_id}/approve")).status_code == 409
    assert (await first.post(f"/v1/rounds/{round_id}/release")).status_code == 202
    answer = await first.post(f"/v1/rounds/{round_id}/approve")
    assert answer.status_code == 403
    assert (await aggregation.round(round_id))["state"] == "proposed"


async def test_steps_come_in_their_order(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    secretariat = aggregation.caller("secretariat")
    for step in ("release", "approve"):
        answer = await secretariat.post(f"/v1/rounds/{round_id}/{step}")
        assert (answer.status_code, answer.json()["field"]) == (409, "round_id")
    assert (await secretariat.post(f"/v1/rounds/{uuid4()}/close", {})).status_code == 404


async def test_a_release_is_told_to_every_participant_and_to_nobody_else(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    reader, stranger = uuid4(), uuid4()
    await aggregation.participate(reader)
    await aggregation.participate(stranger, missing=["not-admitted"])
    await aggregation.close_round(round_id)
    shown = await aggregation.release_round(round_id)
    assert await said(aggregation, ListReleased.type) == sorted(
        f"mrx.out.{one}" for one in [*members, reader]
    )
    payload = await aggregation.sql.fetchval(
        "SELECT payload FROM outbox WHERE type = $1", ReleasePublished.type
    )
    fact = decode(payload, ReleasePublished).data
    assert (str(fact.release_id), fact.rows) == (shown["release_id"], 4)
    assert set(fact.documents) == {"list.csv", "list.json", "list.xlsx", "certificate.json"}


async def test_documents_are_fetched_by_participants_through_links_that_lapse(
    aggregation: Aggregation,
) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(round_id)
    shown = await aggregation.release_round(round_id)
    member = aggregation.caller("member", member=members[0])
    release = (await member.get("/v1/releases/latest")).json()
    assert release["release_id"] == shown["release_id"]
    assert release["held"] is None
    path = f"/v1/releases/{release['release_id']}/links"
    link = await member.post(path, {"document": "list.csv"})
    assert link.status_code == 201
    assert link.json()["url"] == f"memory:{shown['release_id']}/list.csv?as=mrx-2026-06-30-list.csv&for=60"
    assert link.json()["sha256"] == release["documents"]["list.csv"]
    assert (await member.post(path, {"document": "../other"})).json()["field"] == "document"
    stranger = aggregation.caller("member", member=uuid4())
    assert (await stranger.post(path, {"document": "list.csv"})).status_code == 403
    assert (await aggregation.caller("reviewer").post(path, {"document": "list.csv"})).status_code == 403
    for look in ("/v1/releases/latest", f"/v1/releases/{release['release_id']}"):
        assert (await member.get(look)).status_code == 200
        assert (await aggregation.caller("secretariat").get(look)).status_code == 200
        assert (await stranger.get(look)).status_code == 403
    await aggregation.participate(members[0], missing=["suspended"], sequence=2)
    assert (await member.get("/v1/releases/latest")).status_code == 403


async def test_only_the_secretariats_certificate_tells_what_is_held(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(round_id)
    shown = await aggregation.release_round(round_id)
    texts = {}
    for who in (aggregation.caller("member", member=members[0]), aggregation.caller("secretariat")):
        path = f"/v1/releases/{shown['release_id']}/links"
        link = (await who.post(path, {"document": "certificate.json"})).json()
        key = link["url"].removeprefix("memory:").split("?")[0]
        texts[key] = json.loads(aggregation.objects.kept[key])
    members_copy, full = texts.values()
    assert "held" not in members_copy
    assert full["held"] == 0
    assert full["sites"] == full["rows"] == 4
    assert full["generalised"] == {"audit_date": 4, "protocol": 0}
    assert full["policy"] == {"version": "1", "min_independent_groups": 5}


async def test_a_company_owned_protocol_is_published_as_equivalent(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.assess(
        "Owner Code", "1", public=False, scheme_family="Owner Code", member_id=members[0]
    )
    await aggregation.send(
        members[0],
        SentList(rows=[site(60, protocol="OWNER-CODE", protocol_version="1", audit_date="2025-09-01")]),
    )
    await aggregation.close_round(round_id)
    rows = await released_rows(aggregation, await aggregation.release_round(round_id))
    assert {"equivalent", "SMETA"} == {row["scheme_family"] for row in rows}
    everything = b"".join(aggregation.objects.kept.values())
    assert b"Owner" not in everything
    assert b"2025-09-01" not in everything
    assert not any(str(member).encode() in everything for member in members)


async def test_few_groups_new_rows_are_held_and_shown_when_enough_stand_behind_them(
    aggregation: Aggregation,
) -> None:
    first = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(first)
    await aggregation.release_round(first)

    second = await aggregation.open_round()
    for place, member in enumerate(members):
        numbers = [0, 1, 2, 3, 20] if place < 4 else [0, 1, 2, 3]
        await aggregation.send(member, SentList(rows=[site(number) for number in numbers]))
    numbers = (await aggregation.close_round(second))["numbers"]
    assert (numbers["sites"], numbers["released"], numbers["held"]) == (5, 4, 1)
    rows = await released_rows(aggregation, await aggregation.release_round(second))
    assert len(rows) == 4

    third = await aggregation.open_round()
    for member in members:
        await aggregation.send(member, SentList(rows=[site(number) for number in [0, 1, 2, 3, 20]]))
    numbers = (await aggregation.close_round(third))["numbers"]
    assert (numbers["sites"], numbers["released"], numbers["held"]) == (5, 5, 0)


async def test_a_joiners_places_wait_and_its_later_audit_alone_moves_no_others_half_year(
    aggregation: Aggregation,
) -> None:
    first = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(first)
    await aggregation.release_round(first)

    second = await aggregation.open_round()
    joiner = uuid4()
    await aggregation.participate(joiner)
    for member in members:
        await aggregation.send(member, SentList(rows=[site(number) for number in range(4)]))
    later = site(0, audit_date="2025-09-01")
    await aggregation.send(joiner, SentList(rows=[later, site(20, audit_date="2025-09-01")]))
    numbers = (await aggregation.close_round(second))["numbers"]
    assert (numbers["released"], numbers["held"]) == (4, 1)
    rows = await released_rows(aggregation, await aggregation.release_round(second))
    assert {row["audit_half_year"] for row in rows} == {"2025-H1"}

    third = await aggregation.open_round()
    for member in members:
        again = [site(number, audit_date="2025-09-01") for number in range(4)]
        await aggregation.send(member, SentList(rows=again))
    await aggregation.send(joiner, SentList(rows=[later, site(20, audit_date="2025-09-01")]))
    numbers = (await aggregation.close_round(third))["numbers"]
    assert (numbers["released"], numbers["held"]) == (4, 1)
    rows = await released_rows(aggregation, await aggregation.release_round(third))
    assert {row["audit_half_year"] for row in rows} == {"2025-H2"}


async def test_a_leavers_rows_stay_until_their_audits_expire(aggregation: Aggregation) -> None:
    first = await aggregation.open_round(date(2026, 6, 30))
    members = await five_lists(aggregation)
    leaver = uuid4()
    await aggregation.participate(leaver)
    await aggregation.send(leaver, SentList(rows=[site(30), site(31, audit_date="2023-08-01")]))
    await aggregation.close_round(first)
    await aggregation.release_round(first)
    await aggregation.participate(leaver, missing=["statement-not-signed"], sequence=2)

    for as_of, left in ((date(2026, 7, 31), 6), (date(2026, 8, 1), 5), (date(2026, 9, 1), 5)):
        later = await aggregation.open_round(as_of)
        for member in members:
            await aggregation.send(member, SentList(rows=[site(number) for number in range(4)]))
        numbers = (await aggregation.close_round(later))["numbers"]
        assert (numbers["sites"], numbers["released"], numbers["held"]) == (left, left, 0), as_of
        rows = await released_rows(aggregation, await aggregation.release_round(later))
        assert len(rows) == left


async def test_an_older_round_is_not_released_after_a_newer_one_closed(aggregation: Aggregation) -> None:
    first = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(first)
    second = await aggregation.open_round()
    for member in members:
        await aggregation.send(member, SentList(rows=[site(1)]))
    await aggregation.close_round(second)
    answer = await aggregation.caller("secretariat").post(f"/v1/rounds/{first}/release")
    assert (answer.status_code, answer.json()["detail"]) == (409, "a later round is already closed")


async def test_no_joiner_is_laid_bare_by_two_rounds_that_were_compared_with_the_same_release(
    aggregation: Aggregation,
) -> None:
    first = await aggregation.open_round()
    members = await five_lists(aggregation)
    await aggregation.close_round(first)
    one = aggregation.caller("secretariat", subject="first")
    two = aggregation.caller("secretariat", subject="second")
    assert (await one.post(f"/v1/rounds/{first}/release")).status_code == 202

    second = await aggregation.open_round()
    joiner = uuid4()
    await aggregation.participate(joiner)
    for member in members:
        await aggregation.send(member, SentList(rows=[site(number) for number in range(4)]))
    await aggregation.send(joiner, SentList(rows=[site(number) for number in range(30, 40)]))
    refused = await one.post(f"/v1/rounds/{second}/close", {})
    assert refused.status_code == 409
    assert "an older round is proposed" in refused.json()["detail"]
    withdrawn = await one.post(f"/v1/rounds/{first}/withdrawal")
    assert (withdrawn.status_code, withdrawn.json()["state"]) == (200, "closed")
    assert (await two.post(f"/v1/rounds/{first}/approve")).status_code == 409
    assert (await one.post(f"/v1/rounds/{first}/release")).status_code == 202
    assert (await two.post(f"/v1/rounds/{first}/approve")).status_code == 202
    assert (await one.post(f"/v1/rounds/{second}/close", {})).status_code == 409
    await aggregation.carry_on()

    numbers = (await aggregation.close_round(second))["numbers"]
    assert (numbers["released"], numbers["held"]) == (4, 10)
    rows = await released_rows(aggregation, await aggregation.release_round(second))
    assert len(rows) == 4


async def test_a_round_is_carried_on_by_one_process_at_a_time(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    await five_lists(aggregation)
    await aggregation.caller("secretariat").post(f"/v1/rounds/{round_id}/close", {})
    other = aggregation.sql.transaction()
    await other.start()
    await aggregation.sql.execute(
        "SELECT pg_advisory_xact_lock(hashtextextended('mrx.round.carry.' || $1::text, 0))", round_id
    )
    await aggregation.carry_on()
    assert (await aggregation.round(round_id))["state"] == "closing"
    await other.rollback()
    await aggregation.carry_on()
    assert (await aggregation.round(round_id))["state"] == "closed"


async def test_a_slow_process_cannot_change_what_another_one_froze(aggregation: Aggregation) -> None:
    round_id = await aggregation.open_round()
    await five_lists(aggregation)
    await aggregation.close_round(round_id)
    database = aggregation.database
    resolver, writer = SqlResolver(database.resolver), SqlPool(database.writer)
    nothing = Decisions(policy=POLICY, as_of=AS_OF, held=frozenset())
    for late in (
        resolver.keep_links(UUID(round_id), []),
        resolver.keep_decisions(UUID(round_id), nothing, [], compared_with=None),
        writer.keep_pool(UUID(round_id), []),
    ):
        with pytest.raises(Rejected, match="the round is frozen"):
            await late
    assert len(await pool(aggregation, UUID(round_id))) == 4


async def pool(aggregation: Aggregation, round_id: UUID, *, at_once: int = 1000) -> list[PoolSite]:
    """A round's pool as a release reads it."""
    parts = SqlPool(aggregation.database.writer).pool(round_id, at_once=at_once)
    return [one async for part in parts for one in part]


async def test_a_release_reads_the_pool_in_the_order_of_its_contents_whatever_they_are(
    aggregation: Aggregation,
) -> None:
    round_id = UUID(await aggregation.open_round())
    await aggregation.sql.execute("UPDATE round SET state = 'closing'")
    names = [
        "a",
        "A",
        "á",
        "a b",
        "ab",
        "a-b",
        "_",
        "Z",
        "z",
        "Ħ",
        "昆",
        "𐐀",
        "\uffff",
        "~",
        "1",
        "10",
        "2",
        "'a",
    ]
    sites = [
        PoolSite(**{**dict.fromkeys(POOL_COLUMNS, ""), "site_name": name, "city": city})
        for name in names
        for city in ("", "B", "b", "É")
    ]
    await SqlPool(aggregation.database.writer).keep_pool(round_id, sites)
    assert await pool(aggregation, round_id, at_once=7) == in_order(sites)


class FailingObjects(MemoryObjects):
    """Object storage that answers every put with an error, as long as there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.error: Exception | None = None
        self.meanwhile: Callable[[], Awaitable[object]] | None = None

    @override
    async def put(self, key: str, body: bytes | BinaryIO, *, content_type: str) -> None:
        if self.meanwhile:
            await self.meanwhile()
        if self.error:
            raise self.error
        await super().put(key, body, content_type=content_type)


@pytest.fixture
def objects() -> FailingObjects:
    """Where the service puts its documents."""
    return FailingObjects()


async def releasing(aggregation: Aggregation) -> str:
    """A round whose release is approved, and whose documents are not written yet."""
    round_id = await aggregation.open_round()
    await five_lists(aggregation)
    await aggregation.close_round(round_id)
    await aggregation.caller("secretariat", subject="first").post(f"/v1/rounds/{round_id}/release")
    await aggregation.caller("secretariat", subject="second").post(f"/v1/rounds/{round_id}/approve")
    return round_id


async def let_pass(aggregation: Aggregation) -> None:
    """The pause before the next try is over."""
    await aggregation.sql.execute(
        "UPDATE round SET trouble = jsonb_set(trouble, '{next_try_at}', '\"2026-01-01T00:00:00+00:00\"') "
        "WHERE trouble IS NOT NULL"
    )


async def test_a_release_that_storage_refuses_tells_why_since_when_and_how_often(
    aggregation: Aggregation, objects: FailingObjects
) -> None:
    round_id = await releasing(aggregation)
    assert (await aggregation.round(round_id))["trouble"] is None
    objects.error = ServerRefused("object storage refused: InvalidRequest")
    await aggregation.carry_on()
    first = (await aggregation.round(round_id))["trouble"]
    assert (first["step"], first["attempts"], first["permanent"]) == ("releasing", 1, True)
    assert first["cause"] == "object storage refused: InvalidRequest"
    await aggregation.carry_on()
    assert (await aggregation.round(round_id))["trouble"]["attempts"] == 1, "it was tried before it was due"

    await let_pass(aggregation)
    await aggregation.carry_on()
    shown = await aggregation.round(round_id)
    assert (shown["state"], shown["trouble"]["attempts"]) == ("releasing", 2)
    assert shown["trouble"]["since"] == first["since"]
    [told] = aggregation.service.loops[1].troubles
    assert (told.step, told.attempts) == ("releasing the round as of 2026-06-30", 2)

    objects.error = None
    await let_pass(aggregation)
    await aggregation.carry_on()
    shown = await aggregation.round(round_id)
    assert (shown["state"], shown["trouble"]) == ("released", None)
    assert aggregation.service.loops[1].troubles == []


async def test_what_failed_is_known_after_a_restart(
    aggregation: Aggregation, objects: FailingObjects, make_aggregation: MakeAggregation
) -> None:
    round_id = await releasing(aggregation)
    objects.error = Unavailable("object storage is away: ConnectTimeoutError")
    await aggregation.carry_on()
    restarted = make_aggregation()
    [one] = (await restarted.caller("secretariat").get("/v1/rounds")).json()["rounds"]
    assert (one["round_id"], one["trouble"]["permanent"]) == (round_id, False)
    await restarted.carry_on()
    [told] = restarted.service.loops[1].troubles
    assert told.cause == "object storage is away: ConnectTimeoutError"


async def test_a_failure_is_not_kept_of_a_round_that_another_process_has_brought_on(
    aggregation: Aggregation, objects: FailingObjects
) -> None:
    round_id = await releasing(aggregation)
    objects.error = Unavailable("object storage is away: ConnectTimeoutError")
    objects.meanwhile = lambda: aggregation.sql.execute("UPDATE round SET state = 'released'")
    await aggregation.carry_on()
    assert (await aggregation.round(round_id))["trouble"] is None
    assert aggregation.service.loops[1].troubles == []


async def test_a_failure_that_might_hold_a_payload_tells_its_type_and_place_alone(
    aggregation: Aggregation, objects: FailingObjects
) -> None:
    round_id = await releasing(aggregation)
    objects.error = ValueError("Aurora Textiles Ltd")
    await aggregation.carry_on()
    assert (await aggregation.round(round_id))["trouble"]["cause"] == "ValueError at put (test_rounds.py)"


async def test_a_round_that_fails_keeps_no_other_waiting(
    aggregation: Aggregation, objects: FailingObjects
) -> None:
    failing = await releasing(aggregation)
    objects.error = ServerRefused("object storage refused: AccessDenied")
    await aggregation.carry_on()
    await aggregation.sql.execute(
        "INSERT INTO round (round_id, as_of, state, opened_at) VALUES ($1, '2026-07-01', 'closing', now())",
        other := uuid4(),
    )
    await let_pass(aggregation)
    await aggregation.carry_on()
    assert (await aggregation.round(failing))["trouble"]["attempts"] == 2
    assert (await aggregation.round(str(other)))["state"] == "closed"


@pytest.mark.timeout(180)
async def test_a_kill_between_any_two_statements_of_a_close_or_release_changes_nothing_in_the_end(
    aggregation: Aggregation, monkeypatch: pytest.MonkeyPatch
) -> None:
    round_id = await aggregation.open_round()
    await five_lists(aggregation)
    await aggregation.caller("secretariat").post(f"/v1/rounds/{round_id}/close", {})
    await survive_kills(aggregation, monkeypatch)
    shown = await aggregation.round(round_id)
    assert (shown["state"], shown["numbers"]["sites"], shown["numbers"]["lists"]) == ("closed", 4, 5)
    assert len(await said(aggregation, RoundClosed.type)) == 1

    await aggregation.caller("secretariat", subject="first").post(f"/v1/rounds/{round_id}/release")
    await aggregation.caller("secretariat", subject="second").post(f"/v1/rounds/{round_id}/approve")
    await survive_kills(aggregation, monkeypatch)
    shown = await aggregation.round(round_id)
    assert shown["state"] == "released"
    assert len(await released_rows(aggregation, shown)) == 4
    assert len(await said(aggregation, ReleasePublished.type)) == 1
    ids = await aggregation.sql.fetch("SELECT entry_id FROM released_site")
    assert {row["entry_id"] for row in ids} == {
        row["entry_id"] for row in await released_rows(aggregation, shown)
    }
