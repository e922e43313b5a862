"""Lists on a real stack: whatever happens on the way, nothing is lost, nothing counts twice, no member reads another."""

import asyncio
import json
import random
from uuid import UUID, uuid4

import httpx
import pytest
from mrx_local.demo.members import Actor
from mrx_local.demo.scenario import AS_OF
from mrx_local.demo.scheme import Scheme
from mrx_shared.messages.lists import ListPage

from tests.live.calls import get
from tests.live.conftest import Running
from tests.live.member_system import MemberSystem, event, paged, row

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@pytest.fixture
async def open_round(scheme: Scheme) -> None:
    """A round that takes lists; one is open at a time."""
    rounds = (await get(scheme.secretariat, "aggregation", "/v1/rounds"))["rounds"]
    for one in rounds:
        if one["state"] == "open":
            return
    await scheme.open_round(AS_OF)


@pytest.mark.usefixtures("open_round")
async def test_pages_in_any_order_with_repetitions_make_one_accepted_list(running: Running) -> None:
    list_id = uuid4()
    rows = [row(number) for number in range(1, 24)] + [row(24, country="Atlantis")]
    payloads = [event(message) for message in paged(list_id, rows, size=5)]
    scrambled = [*payloads, *payloads]
    random.Random(7).shuffle(scrambled)
    async with MemberSystem(running.member("Ash"), running.kafka) as ash:
        await ash.write(*scrambled)
        [receipt] = await ash.receipts(list_id)
    assert (receipt["state"], receipt["rows"], receipt["accepted"], receipt["refused"]) == (
        "accepted",
        24,
        23,
        1,
    )
    [refusal] = receipt["refusals"]
    assert (refusal["row"], refusal["row_ref"], refusal["field"]) == (24, "R24", "country")
    assert refusal["remedy"]


@pytest.mark.usefixtures("open_round")
async def test_two_members_may_use_equal_event_and_list_ids(running: Running) -> None:
    list_id, ids = uuid4(), [uuid4(), uuid4()]
    counted = {}
    for name, rows in (("Ash", [row(1)]), ("Birch", [row(1), row(2)])):
        messages = paged(list_id, rows, size=10)
        async with MemberSystem(running.member(name), running.kafka) as system:
            await system.write(
                *(event(message, event_id=one) for message, one in zip(messages, ids, strict=True))
            )
            [receipt] = await system.receipts(list_id)
            counted[name] = receipt["accepted"]
    assert counted == {"Ash": 1, "Birch": 2}


@pytest.mark.usefixtures("open_round")
async def test_a_poison_message_is_put_aside_masked_and_the_list_behind_it_arrives(running: Running) -> None:
    list_id = uuid4()
    poison = event(ListPage(list_id=list_id, revision=1, page=1, rows=[row(1, site_name="Secret Works")]))
    poison = poison.replace(b'"revision": 1', b'"revision": "one"')
    async with MemberSystem(running.member("Cedar"), running.kafka) as cedar:
        await cedar.write(b"\x00\xff no event at all", poison)
        await cedar.write(*(event(message) for message in paged(list_id, [row(1)], size=10)))
        [receipt] = await cedar.receipts(list_id)
    assert receipt["state"] == "accepted"

    listed = running.operator("dead-letters", "list", "--service", "aggregation", "--json")
    assert listed.returncode == 0, listed.stderr
    letters = json.loads(listed.stdout)
    assert len(letters) >= 2, listed.stdout
    shown = "".join(running.operator("dead-letters", "show", one["id"]).stdout for one in letters)
    assert "site_name" in shown
    assert "Secret Works" not in shown + listed.stdout


@pytest.mark.usefixtures("open_round")
async def test_a_list_that_comes_before_its_members_participation_waits_and_is_taken_up(
    running: Running, scheme: Scheme
) -> None:
    name = f"Late {uuid4()}"
    await scheme.admit([Actor(name=name, group=name)])
    list_id = uuid4()
    async with MemberSystem(running.member(name), running.kafka) as late:
        await late.write(*(event(message) for message in paged(list_id, [row(1), row(2)], size=10)))
        [first] = await late.receipts(list_id)
        assert first["state"] in {"waiting", "refused"}
        assert first["accepted"] == 0
        await scheme.adopt(name)
        await scheme.sign(name)
        receipts = await late.receipts(list_id, until=2)
    assert (receipts[-1]["state"], receipts[-1]["accepted"]) == ("accepted", 2)


@pytest.mark.usefixtures("open_round")
async def test_what_does_not_fit_its_manifest_is_refused_whole_with_a_remedy(running: Running) -> None:
    list_id = uuid4()
    page, manifest = paged(list_id, [row(1), row(2)], size=10)
    async with MemberSystem(running.member("Birch"), running.kafka) as birch:
        await birch.write(event(page), event(manifest.model_copy(update={"sha256": "0" * 64})))
        [receipt] = await birch.receipts(list_id)
    assert (receipt["state"], receipt["accepted"]) == ("refused", 0)
    assert receipt["reason"]
    assert receipt["remedy"]


@pytest.mark.usefixtures("open_round")
async def test_a_body_that_names_another_member_is_refused(running: Running) -> None:
    list_id = uuid4()
    page, manifest = paged(list_id, [row(1)], size=10)
    other = UUID(running.member("Birch")["member_id"])
    async with MemberSystem(running.member("Ash"), running.kafka) as ash:
        await ash.write(event(page), event(manifest.model_copy(update={"member_id": other})))
        [receipt] = await ash.receipts(list_id)
    assert receipt["state"] == "refused"


async def test_a_token_for_one_service_opens_no_other(running: Running, scheme: Scheme) -> None:
    person = running.credentials.secretariat[0]
    async with httpx.AsyncClient(trust_env=False) as client:
        token = await client.post(
            f"{running.urls['registry']}/v1/token",
            data={
                "grant_type": "client_credentials",
                "client_id": person["client_id"],
                "client_secret": person["client_secret"],
                "audience": "mrx.registry",
            },
        )
        bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
        assert (await client.get(f"{running.urls['registry']}/v1/members", headers=bearer)).status_code == 200
        elsewhere = await client.get(f"{running.urls['aggregation']}/v1/rounds", headers=bearer)
    assert elsewhere.status_code == 401
    assert "another service" in elsewhere.json()["detail"]


async def test_the_hash_chains_of_all_services_verify(running: Running) -> None:
    verified = await asyncio.to_thread(running.operator, "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
