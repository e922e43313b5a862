"""Two members that ask the same supplier cannot notice each other: by rows, answers, events, counts or references."""

import json
from uuid import UUID, uuid4

import pytest
from mrx_report_request.domain.references import new_reference
from typing_extensions import override

from tests.component.report_request.conftest import ReportRequests, asked
from tests.component.tenants import MembersApart, Tenant
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live


@pytest.fixture
async def other(service: ReportRequests) -> UUID:
    """Another participant."""
    member_id = uuid4()
    await service.participate(member_id, "Borealis Foods")
    return member_id


class TestMembersApart(MembersApart):
    confidential = dict.fromkeys(("request", "mail"), "member_id")
    open_to_all = frozenset({"request_owner", "page_token", "participation"})
    insert = """
        INSERT INTO mail (mail_id, request_id, member_id)
        VALUES (gen_random_uuid(), (SELECT request_id FROM request), $1)
        """
    update = "UPDATE request SET state = 'withdrawn'"

    @override
    @pytest.fixture
    async def tenant(
        self, service: ReportRequests, member: UUID, report_request_database: ServiceDatabase
    ) -> Tenant:
        await service.sent(member)
        return Tenant(member_id=member, database=report_request_database)


async def test_asking_the_same_supplier_gives_the_same_answer_whether_or_not_another_member_asked(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    alone = await service.member(member).post("/v1/requests", asked())
    after = await service.member(other).post("/v1/requests", asked())
    assert (alone.status_code, after.status_code) == (201, 201)
    own = {"request_id", "reference", "asked_at", "mail_leaves_at", "term_ends_at", "history"}
    for name in set(alone.json()) - own:
        assert alone.json()[name] == after.json()[name]
    assert dict(alone.headers).keys() == dict(after.headers).keys()


async def test_every_route_treats_anothers_request_as_one_that_never_was(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    shown = await service.available(member)
    stranger = service.member(other)
    transitions: dict[str, dict[str, str]] = {
        "withdrawal": {},
        "contact": {"contact_email": "spy@works.example"},
        "decision": {"outcome": "accepted"},
    }
    for step, body in transitions.items():
        theirs = await stranger.post(f"/v1/requests/{shown['request_id']}/{step}", body)
        unknown = await stranger.post(f"/v1/requests/{uuid4()}/{step}", body)
        assert (theirs.status_code, theirs.content) == (unknown.status_code, unknown.content)
        assert theirs.status_code == 404
    theirs = await stranger.get(f"/v1/requests/{shown['request_id']}")
    unknown = await stranger.get(f"/v1/requests/{uuid4()}")
    assert (theirs.status_code, theirs.content) == (unknown.status_code, unknown.content)
    assert (await stranger.get("/v1/requests")).json() == {"requests": []}
    assert (await stranger.get("/v1/requests", after=shown["request_id"])).json() == {"requests": []}
    assert (await stranger.get("/v1/numbers")).json() == {"rounds": []}


async def test_an_id_of_anothers_request_is_refused_as_an_id_of_ones_own_is(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    theirs = await service.member(member).done("/v1/requests", asked(1), 201)
    own = await service.member(other).done("/v1/requests", asked(1), 201)
    answers = [
        await service.member(other).post("/v1/requests", asked(2, request_id=one["request_id"]))
        for one in (theirs, own)
    ]
    assert [one.status_code for one in answers] == [409, 409]
    assert answers[0].content == answers[1].content


async def test_what_one_member_is_told_does_not_change_with_what_another_does(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    mine, my_token = await service.sent(member)
    before = await service.statuses(member)
    page = (await service.supplier(my_token).get("/v1/pages")).json()
    theirs = await service.available(other)
    await service.member(other).done(f"/v1/requests/{theirs['request_id']}/decision", {"outcome": "accepted"})
    assert await service.statuses(member) == before
    assert (await service.supplier(my_token).get("/v1/pages")).json() == page
    assert (await service.state(mine, member))["state"] == "sent"
    numbers = (await service.member(member).get("/v1/numbers")).json()["rounds"]
    assert [(one["asked"], one["available"], one["avoided"]) for one in numbers] == [(1, 0, 0)]

    told = await service.sql.fetch("SELECT topic, payload, sequence FROM outbox WHERE topic LIKE 'mrx.out.%'")
    for row in told:
        payload = bytes(row["payload"])
        stranger = other if row["topic"] == f"mrx.out.{member}" else member
        assert str(stranger).encode() not in payload
        assert b"Borealis" not in payload
    own = [row["sequence"] for row in told if row["topic"] == f"mrx.out.{member}"]
    assert sorted(own) == list(range(1, len(own) + 1))  # counted by member, so no gap tells of another


async def test_a_suppliers_page_and_mail_tell_of_one_request_alone(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    mine, my_token = await service.sent(member)
    theirs, their_token = await service.sent(other)
    for shown, token, name, strange in (
        (mine, my_token, "Acme Brands", "Borealis"),
        (theirs, their_token, "Borealis Foods", "Acme"),
    ):
        page = await service.supplier(token).get("/v1/pages")
        assert (page.json()["request_id"], page.json()["asks"]) == (shown["request_id"], name)
        assert strange not in page.text
    for mail in await service.mails():
        assert ("Acme" in mail.model_dump_json()) is not ("Borealis" in mail.model_dump_json())
    await service.supplier(my_token).done("/v1/pages/refusal", {"reason": "not-shared"})
    assert (await service.state(theirs, other))["state"] == "sent"


async def test_one_members_token_or_key_does_nothing_to_anothers(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    _, my_token = await service.sent(member)
    theirs, their_token = await service.sent(other)
    key = "the same key twice"
    await service.supplier(my_token).post("/v1/pages/acceptance", key=key)
    assert (await service.state(theirs, other))["state"] == "sent"
    accepted = await service.supplier(their_token).post("/v1/pages/acceptance", key=key)
    assert (accepted.status_code, "idempotent-replay" in accepted.headers) == (200, False)


async def test_a_token_that_opens_nothing_is_answered_alike_whatever_the_cause(
    service: ReportRequests, member: UUID
) -> None:
    _, token = await service.sent(member)
    await service.sql.execute("UPDATE page_token SET valid_until = now() - interval '1 second'")
    answers = {
        (answer.status_code, answer.content)
        for wrong in [token, f"{token}x", "0" * 43, "x" * 200]
        for answer in [await service.supplier(wrong).get("/v1/pages")]
    }
    assert len(answers) == 1
    [(status, body)] = answers
    assert status == 404
    assert json.loads(body)["remedy"] == "ask for a new link"
    for step in ("opening", "acceptance"):
        assert (await service.supplier("wrong").post(f"/v1/pages/{step}")).status_code == 404
    assert (await service.supplier("wrong").post("/v1/pages/refusal", {"reason": "other"})).status_code == 404


async def test_nothing_that_two_members_share_is_unique_but_ids_drawn_by_lot(service: ReportRequests) -> None:
    rows = await service.sql.fetch(
        """
        SELECT c.relname AS name, array_agg(a.attname::text ORDER BY a.attname) AS columns
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (i.indkey)
        WHERE i.indisunique AND c.relname IN ('request', 'mail', 'request_owner', 'page_token')
        GROUP BY i.indexrelid, c.relname
        """
    )
    assert {(row["name"], tuple(row["columns"])) for row in rows} == {
        ("request", ("request_id",)),
        ("request", ("reference",)),
        ("request", ("member_id", "site_token")),
        ("mail", ("mail_id",)),
        ("request_owner", ("request_id",)),
        ("page_token", ("token_hash",)),
    }
    sequences = await service.sql.fetch(
        "SELECT table_name FROM information_schema.columns WHERE is_identity = 'YES' OR column_default LIKE 'nextval%'"
    )
    assert {row["table_name"] for row in sequences} <= {"outbox", "waiting"}  # no member reads those
    assert new_reference() != new_reference()


async def test_both_members_avoid_an_audit_of_the_same_site(
    service: ReportRequests, member: UUID, other: UUID
) -> None:
    for one in (member, other):
        shown = await service.available(one)
        decided = await service.member(one).done(
            f"/v1/requests/{shown['request_id']}/decision", {"outcome": "accepted"}
        )
        assert decided["decision"]["avoided"] is True
    totals = await service.caller("secretariat").get("/v1/numbers")
    [both] = totals.json()["rounds"]
    assert (both["asked"], both["avoided"], both["avoided_eur"]) == (2, 2, 5000)
    assert not any(str(one) in totals.text for one in (member, other))
    for role in ("reviewer", "operator"):
        assert (await service.caller(role).get("/v1/numbers")).status_code == 403
    assert (await service.caller("secretariat").get("/v1/requests")).status_code == 403
