"""An assessment's whole way over HTTP and Kafka: two reviewers, a third, an appeal, a successor, a lapse."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.scheme import Scheme
from mrx_local.people import introduce_person, patient
from mrx_shared.kit.client import Client
from mrx_shared.refusals import Rejected

from tests.live.calls import get, post
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]
OLDER, NEWER = "6.1-4p", "7.0"
PATIENCE_S = 60


async def reviewers(scheme: Scheme) -> list[Client]:
    """Four reviewers, as the secretariat makes them."""
    made = []
    for name in ("Ann", "Ben", "Cem", "Dot"):
        person = await post(
            scheme.secretariat,
            "registry",
            "/v1/principals",
            {"kind": "system", "name": f"reviewer {name}", "role": "reviewer"},
        )
        made.append(scheme.acting_as(person))
    return made


async def until(caller: Client, service: str, path: str, ready: Callable[[Any], bool]) -> Any:  # noqa: ANN401 - JSON
    async with asyncio.timeout(PATIENCE_S):
        while not ready(found := await get(caller, service, path)):  # noqa: ASYNC110 - it waits for other processes
            await asyncio.sleep(0.2)
    return found


async def begun(member: Client, protocol_id: str, version: str, last: str | None) -> str:
    """A version with an answer to every criterion. Returns the path of its assessment."""
    await post(
        member,
        "benchmark",
        f"/v1/protocols/{protocol_id}/versions",
        {"version": version, "effective_from": "2020-01-01", "effective_until": last},
    )
    catalogue = await get(member, "benchmark", f"/v1/criteria/{OLDER}")
    taken = await post(
        member,
        "benchmark",
        "/v1/assessments",
        {
            "protocol_id": protocol_id,
            "version": version,
            "criteria_version": OLDER,
            "answers": [{"criterion_id": one["id"], "relation": "equal"} for one in catalogue["criteria"]],
        },
    )
    return f"/v1/assessments/{taken['assessment_id']}"


async def person_of(running: Running, member: str) -> str:
    """Let a person of the member in. Returns the address."""
    address = f"eve@{member.lower()}.example"
    async with patient(running.urls) as services:
        await introduce_person(
            services,
            f"Eve {member}",
            member_id=running.member(member)["member_id"],
            email=address,
            password="correct horse battery staple",
            credentials=running.credentials,
        )
    return address


async def mailed(running: Running, address: str, *subjects: str) -> None:
    """Mails with these words in their subjects have come, each once."""
    mailbox = Mailbox(running.folder / "up" / "mail" / "mails")
    async with asyncio.timeout(PATIENCE_S):
        while True:
            came = [one.subject for one in mailbox.mails() if one.to == address]
            if all(any(words in one for one in came) for words in subjects):
                break
            await asyncio.sleep(0.2)
    assert all(sum(words in one for one in came) == 1 for words in subjects), came


def none_of(*names: str) -> list[Mapping[str, str]]:
    return [
        {"criterion_id": name, "verdict": "corrected", "relation": "none", "rationale": "not in the text"}
        for name in names
    ]


async def test_from_two_blind_reviews_to_an_appeal_a_successor_and_a_lapse(
    running: Running, scheme: Scheme
) -> None:
    ann, ben, cem, dot = await reviewers(scheme)
    member = scheme.members["Birch"]
    address = await person_of(running, "Birch")
    protocol = await post(
        member, "benchmark", "/v1/protocols", {"code": "Birch RSP", "name": "Birch protocol", "public": False}
    )
    protocol_id = protocol["protocol_id"]
    path = await begun(member, protocol_id, "2", None)

    lacking = none_of("C10C.1", "C10C.2", "C10C.3", "C10C.4", "C10B4.4", "C10B4.5", "C1.1", "C3.4")
    reviews = f"{path}/reviews"
    await post(
        ann, "benchmark", reviews, {"decisions": [*lacking, *none_of("C10B4.1")], "confirm_rest": True}
    )
    blind = await get(ben, "benchmark", path)
    assert {one["verdict"] for one in blind["answers"]} == {None}
    with pytest.raises(Rejected, match="needs 2 reviewers"):
        await post(ann, "benchmark", f"{path}/conclusion")
    await post(ben, "benchmark", reviews, {"decisions": lacking, "confirm_rest": True})
    both = await get(ann, "benchmark", path)
    assert [one["criterion_id"] for one in both["agreement"]["differences"]] == ["C10B4.1"]
    await post(cem, "benchmark", reviews, {"decisions": none_of("C10B4.1")})
    verdict = await post(cem, "benchmark", f"{path}/conclusion")
    assert verdict["equivalent"] == "no"

    def of(version: str) -> Callable[[Any], list[dict[str, Any]]]:
        return lambda found: [
            one
            for one in found["protocols"]
            if (one["protocol_id"], one["protocol_version"]) == (protocol_id, version)
        ]

    await post(member, "benchmark", f"{path}/appeal", {"reason": "chapter 9 holds C10C.1 to C10C.3"})
    confirmed = [{"criterion_id": f"C10C.{number}", "verdict": "confirmed"} for number in (1, 2, 3)]
    granted = {"granted": True, "rationale": "it does", "decisions": confirmed}
    with pytest.raises(Rejected, match="cannot decide the appeal"):
        await post(cem, "benchmark", f"{path}/appeal/decision", granted)
    assert (await post(dot, "benchmark", f"{path}/appeal/decision", granted))["equivalent"] == "yes"
    participation = "/v1/participation"
    await until(
        member, "registry", participation, lambda found: any(one["equivalent"] for one in of("2")(found))
    )

    today = datetime.now(UTC).date()  # noqa: TID251 - the stack's own clock
    last = str(today + timedelta(days=60))
    await post(
        scheme.secretariat,
        "benchmark",
        f"/v1/criteria/{OLDER}/evolution",
        {
            "newer": NEWER,
            "consultation_until": str(today),
            "effective_on": str(today + timedelta(days=1)),
            "transition_until": last,
        },
    )
    await until(
        member,
        "registry",
        participation,
        lambda found: any(one["recognised_until"] == last for one in of("2")(found)),
    )
    whole = await until(
        member, "benchmark", path, lambda found: any(one["step"] == "reminded" for one in found["history"])
    )
    assert whole["recognised_until"] == last
    what_if = await get(scheme.secretariat, "benchmark", f"/v1/criteria/{NEWER}/what-if")
    assert protocol_id in {one["protocol_id"] for one in what_if["protocols"]}

    ended = await begun(member, protocol_id, "1", str(today - timedelta(days=1)))
    for reviewer in (ann, ben):
        await post(reviewer, "benchmark", f"{ended}/reviews", {"decisions": [], "confirm_rest": True})
    await post(ben, "benchmark", f"{ended}/conclusion")
    history = (
        await until(
            member, "benchmark", ended, lambda found: any(one["step"] == "lapsed" for one in found["history"])
        )
    )["history"]
    assert [one["step"] for one in history][-2:] == ["concluded", "lapsed"]
    assert all(one["by"] and one["at"] for one in [*history, *whole["history"]])
    await mailed(
        running,
        address,
        f"criteria {OLDER} will be replaced by {NEWER}",
        "Recognition of your audit protocol ends on",
        "Recognition of your audit protocol lapsed on",
    )
    letters = running.operator("dead-letters", "list")
    assert "recognition-lapsed" not in letters.stdout
