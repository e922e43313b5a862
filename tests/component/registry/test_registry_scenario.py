"""From the bootstrap secret to a member that takes part, over HTTP and through the inbox."""

from datetime import date

import pytest
from mrx_registry.ports import Work
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.service import Service
from mrx_shared.kit.access import NotAllowed, verify
from mrx_shared.kit.clock import system_clock

from tests.component.registry.conftest import BOOTSTRAP, House, said, together
from tests.conftest import ServiceDatabase
from tests.unit.registry.conftest import verdict
from tests.unit.registry.memory import MemoryTopics

pytestmark = pytest.mark.live

TEXT = "We accept, in general, audits done for other companies."
SIGNATORY = {"name": "Ada Byron", "title": "Chief Procurement Officer"}


async def test_a_member_takes_part_once_its_protocol_is_equivalent_and_its_statement_signed(
    house: House, empty_database: ServiceDatabase, topics: MemoryTopics
) -> None:
    secretariat = await house.secretariat()
    published = await secretariat.done("/v1/statements", {"version": "2026-1", "text": TEXT})
    member_id, member = await house.member(secretariat, "Acme")
    assert topics.open_for == {member_id}
    signature = {
        "statement_version": "2026-1",
        "text_sha256": published["text_sha256"],
        "signatory": SIGNATORY,
    }

    refused = await member.post("/v1/statement-signatures", signature)
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert "step 1" in refused.json()["detail"]
    assert refused.json()["remedy"]

    await house.deliver(verdict(member_id))
    signed = await member.done("/v1/statement-signatures", signature)
    assert signed["participates"] is True
    assert (await member.get("/v1/participation")).json()["missing"] == []
    seen = (await secretariat.get(f"/v1/members/{member_id}")).json()
    assert (seen["state"], seen["participates"]) == ("admitted", True)

    withdrawn = await member.done("/v1/statement-signatures/withdrawal")
    assert withdrawn["withdrawn"] == ["2026-1"]
    await secretariat.done(f"/v1/members/{member_id}/suspension")
    key = str(member_id)
    assert [fact for fact in await said(empty_database) if fact[0] != "signing-key-published"] == [
        ("statement-published", "2026-1"),
        ("member-admitted", key),
        ("participation-changed", key),
        ("participation-changed", key),
        ("statement-signed", key),
        ("participation-changed", key),
        ("statement-withdrawn", key),
        ("participation-changed", key),
        ("member-suspended", key),
        ("participation-changed", key),
    ]


async def test_a_public_protocol_is_adopted_and_lapses_for_its_adopters(house: House) -> None:
    secretariat = await house.secretariat()
    _, member = await house.member(secretariat, "Acme")
    public = verdict(None)
    adoption = {"protocol_id": str(public.protocol_id), "protocol_version": "3"}
    early = await member.post("/v1/adoptions", adoption)
    assert (early.status_code, early.json()["retryable"]) == (409, True)
    await house.deliver(public)
    assert (await member.done("/v1/adoptions", adoption))["missing"] == ["statement-not-signed"]
    lapsed = verdict(None, protocol_id=public.protocol_id, until=date(2025, 12, 31))
    await house.deliver(lapsed, sequence=2)
    assert await house.registry.loop("participation").once()
    seen = (await member.get("/v1/participation")).json()
    assert seen["missing"] == ["no-equivalent-protocol", "statement-not-signed"]
    assert seen["protocols"][0]["recognised_until"] == "2025-12-31"


async def test_a_verdict_is_kept_for_each_version_of_the_criteria(house: House) -> None:
    secretariat = await house.secretariat()
    member_id, member = await house.member(secretariat, "Acme")
    held, public = verdict(member_id), verdict(None)
    for sequence, (first, owner) in enumerate(((held, member_id), (public, None)), 1):
        await house.deliver(first, sequence=sequence)
        failed = verdict(owner, equivalent=False, protocol_id=first.protocol_id, criteria="6.0-2p")
        await house.deliver(failed, sequence=sequence + 1)
    adoption = {"protocol_id": str(public.protocol_id), "protocol_version": "3"}
    assert (await member.done("/v1/adoptions", adoption))["missing"] == ["statement-not-signed"]
    seen = (await member.get("/v1/participation")).json()["protocols"]
    assert {(one["public"], one["criteria_version"], one["equivalent"]) for one in seen} == {
        (public, criteria, criteria == "5.0-2p")
        for public in (True, False)
        for criteria in ("5.0-2p", "6.0-2p")
    }


async def test_a_request_is_accepted_while_kafka_is_away_and_finished_when_it_is_back(
    house: House, topics: MemoryTopics
) -> None:
    secretariat = await house.secretariat()
    topics.away = True
    applied = await secretariat.post("/v1/members", {"name": "Acme", "group": "Acme"})
    assert (applied.status_code, applied.json()["state"]) == (202, "provisioning")
    member_id = applied.json()["member_id"]
    asked = await secretariat.post(f"/v1/members/{member_id}/kafka-credentials")
    assert (asked.status_code, asked.json()["state"]) == (202, "provisioning")
    with pytest.raises(Exception, match="away"):
        await house.registry.loop("provisioning").once()
    assert (await secretariat.get(f"/v1/members/{member_id}")).json()["missing"] == ["not-admitted"]
    topics.away = False
    assert await house.registry.loop("provisioning").once()
    assert (await secretariat.get(f"/v1/members/{member_id}")).json()["state"] == "admitted"
    ready = (await secretariat.get(f"/v1/members/{member_id}/kafka-credentials")).json()
    assert ready == {"username": f"member-{member_id}", "password": None, "state": "ready"}
    assert list(topics.passwords.values()) == [asked.json()["password"]]


async def test_a_repeated_request_is_done_once_and_shows_no_secret_again(house: House) -> None:
    secretariat = await house.secretariat()
    body = {"kind": "person", "name": "Rita", "role": "reviewer"}
    first = await secretariat.post("/v1/principals", body, key="the same key")
    again = await secretariat.post("/v1/principals", body, key="the same key")
    assert first.json()["client_secret"]
    assert again.json() == {**first.json(), "client_secret": None}
    other = await secretariat.post("/v1/principals", {**body, "name": "Rob"}, key="the same key")
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")
    replaced = await secretariat.done(f"/v1/principals/{first.json()['principal_id']}/secret")
    reviewer = await house.signed_in(replaced)
    assert (await reviewer.get("/v1/statements/current")).status_code == 404
    wrong = await house.token(first.json()["client_id"], first.json()["client_secret"])
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


async def test_the_first_secretariat_principal_is_made_once(house: House) -> None:
    async def ask(secret: str = BOOTSTRAP) -> int:
        response = await house.anyone.post("/v1/bootstrap", {"name": "S"}, MRX_Bootstrap_Secret=secret)
        return response.status_code

    assert await ask("something else") == 403
    assert await together(ask(), ask(), ask()) == [201, 201, 201]
    secretariat = await house.secretariat()
    assert await ask() == 409
    assert (await secretariat.get("/v1/members")).json() == {"members": []}


async def test_a_token_holds_for_the_service_it_was_made_for_and_no_other(
    house: House, registry: Service[Work]
) -> None:
    secretariat = await house.secretariat()
    reviewer = await secretariat.done("/v1/principals", {"kind": "person", "name": "R", "role": "reviewer"})
    token = (await house.token(reviewer["client_id"], reviewer["client_secret"], "mrx.benchmark")).json()[
        "access_token"
    ]
    find_key, now = key_finder(registry.database), system_clock()()
    who = await verify(token, service="benchmark", find_key=find_key, now=now)
    assert (who.subject, who.role) == (reviewer["principal_id"], "reviewer")
    with pytest.raises(NotAllowed):
        await verify(token, service="registry", find_key=find_key, now=now)
    refused = await house.http.get("/v1/members", headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 401
    strange = await house.token(reviewer["client_id"], reviewer["client_secret"], "mrx.portal")
    assert (strange.status_code, strange.json()["error"]) == (400, "invalid_target")


async def test_after_a_rotation_old_tokens_hold_and_new_ones_carry_the_new_key(house: House) -> None:
    secretariat = await house.secretariat()
    new = await secretariat.done("/v1/signing-keys")
    keys = (await house.anyone.get("/v1/keys")).json()["keys"]
    assert keys[0]["kid"] == new["kid"]
    assert len(keys) == 2
    assert (await secretariat.get("/v1/members")).status_code == 200


async def test_a_suspended_member_gets_no_token_and_a_reinstated_one_does(house: House) -> None:
    secretariat = await house.secretariat()
    applied = await secretariat.done("/v1/members", {"name": "Acme", "group": "Acme"})
    await house.registry.loop("provisioning").once()
    system = await secretariat.done(
        "/v1/principals",
        {"kind": "system", "name": "ERP", "role": "member", "member_id": applied["member_id"]},
    )
    await secretariat.done(f"/v1/members/{applied['member_id']}/suspension")
    refused = await house.token(system["client_id"], system["client_secret"])
    assert (refused.status_code, refused.json()["error"]) == (400, "unauthorized_client")
    twice = await secretariat.post(f"/v1/members/{applied['member_id']}/suspension")
    assert (twice.status_code, twice.json()["field"]) == (409, "state")
    await secretariat.done(f"/v1/members/{applied['member_id']}/reinstatement")
    assert (await house.token(system["client_id"], system["client_secret"])).status_code == 200


async def test_roles_open_only_their_own_doors(house: House) -> None:
    secretariat = await house.secretariat()
    own_id, member = await house.member(secretariat, "Acme")
    other_id, _ = await house.member(secretariat, "Other")
    assert (await member.get(f"/v1/members/{own_id}")).status_code == 200
    assert (await member.get(f"/v1/members/{other_id}")).status_code == 404
    assert (await member.post(f"/v1/members/{other_id}/kafka-credentials")).status_code == 404
    assert (await member.get(f"/v1/members/{other_id}/kafka-credentials")).status_code == 404
    for path, body in (
        ("/v1/members", {"name": "X", "group": "X"}),
        (f"/v1/members/{own_id}/suspension", None),
        ("/v1/principals", {"kind": "person", "name": "X", "role": "secretariat"}),
        ("/v1/statements", {"version": "1", "text": "x"}),
        ("/v1/signing-keys", None),
    ):
        assert (await member.post(path, body)).status_code == 403, path
        assert (await house.anyone.post(path, body)).status_code == 401, path
    assert (await member.get("/v1/members")).status_code == 403
    assert (await secretariat.get("/v1/participation")).status_code == 403


async def test_two_admissions_of_one_name_at_once_make_one_member(house: House) -> None:
    secretariat = await house.secretariat()

    await house.member(secretariat, "A")
    await house.member(secretariat, "B")

    async def apply(name: str, group: str, add_holding: str) -> int:
        body = {"name": name, "group": group, "minority_holdings": [add_holding]}
        return (await secretariat.post("/v1/members", body)).status_code

    assert sorted(await together(apply("Acme", "A Group", "B"), apply("ACME", "B Group", "A"))) == [202, 409]
    assert len((await secretariat.get("/v1/members")).json()["members"]) == 3


async def test_a_tie_to_a_group_is_said_of_its_members_too(
    house: House, empty_database: ServiceDatabase
) -> None:
    secretariat = await house.secretariat()
    older, _ = await house.member(secretariat, "Older")
    await house.registry.loop("participation").once()
    body = {"name": "Newer", "group": "Newer", "minority_holdings": ["older group"]}
    newer = await secretariat.done("/v1/members", body)
    await house.registry.loop("provisioning").once()
    assert await house.registry.loop("participation").once()
    assert not await house.registry.loop("participation").once()
    assert (await said(empty_database))[-3:] == [
        ("member-admitted", newer["member_id"]),
        ("participation-changed", newer["member_id"]),
        ("participation-changed", str(older)),
    ]


async def test_what_is_wrong_with_a_request_is_told_with_its_field(house: House) -> None:
    secretariat = await house.secretariat()
    for body, field in (
        ({"name": "", "group": "G"}, "name"),
        ({"name": "a\x07", "group": "G"}, "name"),
        ({"name": "A", "group": "G", "minority_holding": []}, "minority_holding"),
        ({"name": "A", "group": "G", "minority_holdings": ["g"]}, "minority_holdings"),
        ({"name": "A", "group": "G"}, "group"),
        ({"name": "A", "group": "A", "minority_holdings": ["g"]}, "minority_holdings"),
    ):
        refused = await secretariat.post("/v1/members", body)
        assert refused.status_code in (404, 409, 422)
        assert refused.json()["field"] == field
        assert refused.json()["remedy"]
    keyless = await house.http.post("/v1/members", json={}, headers=secretariat.headers)
    assert keyless.status_code == 422
