"""The broker is gone for a minute: requests go on being accepted, and all that was said arrives when it is back."""

import asyncio
from pathlib import Path
from uuid import uuid4

import pytest
from mrx_local.demo.scheme import Scheme
from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.stack import running_stack
from mrx_local.testing import infrastructure

from tests.live.calls import get, post

AWAY_S = 60


def replacing(server: KafkaServer) -> dict[str, str]:
    """Settings by which a stack runs on a Kafka that it does not start."""
    return {
        "MRX_KAFKA_BOOTSTRAP_SERVERS": server.bootstrap_servers,
        "MRX_KAFKA_SECURITY_PROTOCOL": server.security_protocol,
        "MRX_PREPARE_KAFKA_USERNAME": server.username,
        "MRX_PREPARE_KAFKA_PASSWORD": server.password,
    }


@pytest.mark.live
@pytest.mark.timeout(400)
async def test_requests_are_accepted_for_a_minute_without_a_broker_and_nothing_is_lost(
    tmp_path: Path,
) -> None:
    kafka_folder = tmp_path / "kafka"
    kafka = infrastructure(kafka_folder, parts={"kafka"})
    server = (await kafka.__aenter__()).kafka.server
    async with running_stack(tmp_path / "stack", settings=replacing(server)) as stack:
        scheme = Scheme(stack.services, stack.credentials)
        await kafka.__aexit__(None, None, None)

        admitted = []
        gone_until = asyncio.get_running_loop().time() + AWAY_S
        while asyncio.get_running_loop().time() < gone_until:
            name = f"Member {uuid4()}"
            made = await post(
                scheme.secretariat,
                "registry",
                "/v1/members",
                {"name": name, "group": name, "minority_holdings": []},
            )
            assert made["state"] == "provisioning"
            admitted.append(made["member_id"])
            await asyncio.sleep(3)
        assert len(admitted) >= AWAY_S / 5

        async with infrastructure(kafka_folder, parts={"kafka"}):
            async with asyncio.timeout(120):
                while not await _all_admitted(scheme, admitted):  # noqa: ASYNC110  (over HTTP)
                    await asyncio.sleep(0.5)
            # What the registry said meanwhile reached aggregation and its own topic: nothing is left unsent.
            async with asyncio.timeout(60):
                while await _unsent(scheme):  # noqa: ASYNC110
                    await asyncio.sleep(0.5)


async def _all_admitted(scheme: Scheme, members: list[str]) -> bool:
    found = (await get(scheme.secretariat, "registry", "/v1/members"))["members"]
    states = {one["member_id"]: one["state"] for one in found}
    return all(states[member] == "admitted" for member in members)


async def _unsent(scheme: Scheme) -> int:
    return int((await get(scheme.operator, "registry", "/v1/operations/status"))["outbox"]["unsent"])
