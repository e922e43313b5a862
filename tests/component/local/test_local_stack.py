"""The whole stack: servers, the prepare job, services, first people."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import pytest_asyncio
from mrx_local.credentials import Credentials
from mrx_local.services import SERVICES
from mrx_local.stack import Stack, running_stack
from mrx_local.supervisor import read_stack

DEMONSTRATION = {"MRX_ENVIRONMENT": "demonstration"}
INFRASTRUCTURE = ("kafka", "postgres", "seaweedfs", "mail-sink", "platform")

pytestmark = [pytest.mark.live, pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stack(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    async with running_stack(tmp_path_factory.mktemp("stack"), settings=DEMONSTRATION) as started:
        yield started


async def test_stack_json_names_what_runs_where_and_how_to_reach_it(stack: Stack) -> None:
    written = read_stack(stack.folder)
    assert written["state"] == "ready"
    assert {process["name"]: process["kind"] for process in written["processes"]} == {
        **dict.fromkeys(INFRASTRUCTURE, "infrastructure"),
        **dict.fromkeys(SERVICES, "service"),
    }
    for process in written["processes"]:
        assert psutil.pid_exists(process["pid"])
        assert process["ready_s"] > 0
        assert process["rss_mib"] > 10
        assert Path(process["log"]).parent == stack.folder / "logs"
    assert written["kafka"]["security_protocol"] == "SASL_PLAINTEXT"
    assert written["services"] == stack.urls
    assert sum(process["rss_mib"] for process in written["processes"]) < 3 * 1024


async def test_the_first_people_can_sign_in_and_only_the_owner_reads_their_secrets(stack: Stack) -> None:
    path = stack.folder / "credentials.json"
    assert path.stat().st_mode & 0o777 == 0o600
    known = json.loads(path.read_text(encoding="utf-8"))
    assert len({person["principal_id"] for person in known["secretariat"]}) == 2
    async with httpx.AsyncClient(base_url=stack.urls["registry"], trust_env=False) as registry:
        for person in (
            *known["secretariat"],
            known["reviewer"],
            known["second_reviewer"],
            known["operator"],
        ):
            answer = await registry.post(
                "/v1/token",
                data={"grant_type": "client_credentials", "audience": "mrx.registry"},
                auth=(person["client_id"], person["client_secret"]),
            )
            assert answer.status_code == 200, answer.text


async def test_a_service_is_told_no_other_services_secrets(stack: Stack) -> None:
    for process in read_stack(stack.folder)["processes"]:
        if process["kind"] == "service":
            told = psutil.Process(process["pid"]).environ()
            others = [f"MRX_{other.upper()}_" for other in (*SERVICES, "prepare") if other != process["name"]]
            assert [name for name in told if name.startswith(tuple(others))] == []
            assert [name for name in told if name.endswith("_OWNER_DATABASE_URL")] == []


async def test_a_killed_service_serves_again(stack: Stack) -> None:
    before = _process(stack.folder, "benchmark")["pid"]
    os.kill(before, signal.SIGKILL)
    async with asyncio.timeout(60):
        while _process(stack.folder, "benchmark")["pid"] in {before, None}:  # noqa: ASYNC110 - a file's content
            await asyncio.sleep(0.05)
        while _process(stack.folder, "benchmark")["ready_s"] is None:  # noqa: ASYNC110 - a file's content
            await asyncio.sleep(0.05)
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{stack.urls['benchmark']}/health/ready")).status_code == 200


async def test_services_are_started_anew_with_the_clock_moved(stack: Stack) -> None:
    before = {name: _process(stack.folder, name)["pid"] for name in SERVICES}
    await stack.move_clock(timedelta(days=29))
    for name in SERVICES:
        process = _process(stack.folder, name)
        assert process["pid"] != before[name]
        assert psutil.Process(process["pid"]).environ()["MRX_CLOCK_OFFSET"] == str(29 * 24 * 3600)
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in stack.urls.values():
            assert (await client.get(f"{url}/health/ready")).status_code == 200
    await stack.move_clock(timedelta(0))


async def test_existing_servers_replace_the_stacks_own(stack: Stack, tmp_path: Path) -> None:
    existing = {
        "MRX_KAFKA_BOOTSTRAP_SERVERS": stack.servers.kafka.bootstrap_servers,
        "MRX_KAFKA_SECURITY_PROTOCOL": stack.servers.kafka.security_protocol,
        "MRX_PREPARE_KAFKA_USERNAME": stack.servers.kafka.username,
        "MRX_PREPARE_KAFKA_PASSWORD": stack.servers.kafka.password,
        "MRX_PREPARE_POSTGRES_URL": stack.servers.postgres_url,
        "MRX_S3_ENDPOINT": stack.servers.objects.endpoint,
        "MRX_PREPARE_S3_ACCESS_KEY": stack.servers.objects.access_key,
        "MRX_PREPARE_S3_SECRET_KEY": stack.servers.objects.secret_key,
    }
    # The second stack's services use the first's databases: so does whoever moves a stack to another folder.
    kept = {
        name: value for name, value in stack.settings.items() if "_HTTP_" not in name and "ISSUER" not in name
    }
    Credentials(tmp_path).keep_person("secretariat", stack.credentials.secretariat[0])
    async with running_stack(tmp_path, settings=kept | existing) as second:
        assert {process["name"] for process in read_stack(tmp_path)["processes"]} == set(SERVICES)
        assert second.servers.kafka.bootstrap_servers == stack.servers.kafka.bootstrap_servers
        assert len(second.credentials.secretariat) == 2
        first, other = (one["name"] for one in second.credentials.secretariat)
        # Whoever was taken along signs in as before, here as there; the others have addresses of their own.
        assert first not in second.credentials.sign_ins
        own = second.credentials.sign_ins[other]
        async with httpx.AsyncClient(base_url=second.urls["registry"], trust_env=False) as registry:
            for sign_in in (stack.credentials.sign_ins[first], stack.credentials.sign_ins[other], own):
                assert (await registry.post("/v1/sign-ins", json=sign_in)).status_code == 201


async def test_a_replaced_kafka_without_its_super_user_is_asked_for_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        OSError, match="MRX_PREPARE_KAFKA_USERNAME is needed beside MRX_KAFKA_BOOTSTRAP_SERVERS"
    ):
        async with running_stack(tmp_path, settings={"MRX_KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:9"}):
            pass


def _process(folder: Path, name: str) -> dict[str, Any]:
    return next(entry for entry in read_stack(folder)["processes"] if entry["name"] == name)
