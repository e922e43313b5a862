"""The supervisor with a small HTTP server in the place of real ones."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from mrx_local.process import ProcessSpec
from mrx_local.state_files import LOOPBACK, Ports, Secrets
from mrx_local.supervisor import AlreadyRunning, StartFailed, Supervisor, read_stack

SERVER = (
    "import http.server, sys; http.server.HTTPServer(('127.0.0.1', int(sys.argv[1])), None).serve_forever()"
)
PATIENCE = 20.0

EMBEDDING = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_local_supervisor import server
from mrx_local.supervisor import Supervisor
async def main():
    folder = Path(sys.argv[2])
    async with Supervisor(folder) as supervisor:
        await supervisor.start(server(folder, "first"), server(folder, "second"))
        supervisor.serves()
        await asyncio.Event().wait()
asyncio.run(main())
"""


def server(folder: Path, name: str, program: str = SERVER) -> ProcessSpec:
    port = Ports(folder / f"{name}-port.json").get(name)

    async def ready() -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    return ProcessSpec(
        name=name,
        kind="service",
        argv=(sys.executable, "-c", program, str(port)),
        url=f"http://{LOOPBACK}:{port}",
        ready=ready,
        cwd=folder,
    )


def process(folder: Path, name: str) -> dict[str, Any]:
    return next(entry for entry in read_stack(folder)["processes"] if entry["name"] == name)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - what other processes do sets no event
            await asyncio.sleep(0.02)


def until_blocking(condition: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


async def test_what_runs_stands_in_stack_json_and_nothing_runs_afterwards(tmp_path: Path) -> None:
    said: list[str] = []
    async with Supervisor(tmp_path, say=said.append) as supervisor:
        await supervisor.start(server(tmp_path, "registry"))
        supervisor.serves()
        supervisor.publish(kafka={"bootstrap_servers": "k:1"})
        entry = process(tmp_path, "registry")
        assert psutil.pid_exists(entry["pid"])
        assert (entry["kind"], entry["log"]) == ("service", str(tmp_path / "logs" / "registry.log"))
        assert entry["ready_s"] < PATIENCE
        assert entry["rss_mib"] > 1
        assert read_stack(tmp_path)["state"] == "ready"
        assert read_stack(tmp_path)["kafka"] == {"bootstrap_servers": "k:1"}
    assert not psutil.pid_exists(entry["pid"])
    assert read_stack(tmp_path)["processes"] == []
    assert read_stack(tmp_path)["state"] == "stopped"
    assert said[0].startswith("registry ready in ")


async def test_a_killed_process_is_replaced_as_often_as_it_is_killed_and_stack_json_says_so(
    tmp_path: Path,
) -> None:
    async with Supervisor(tmp_path, say=lambda _: None) as supervisor:
        await supervisor.start(server(tmp_path, "registry"))
        seen = {None, process(tmp_path, "registry")["pid"]}
        for _ in range(6):
            started = time.monotonic()
            os.kill(process(tmp_path, "registry")["pid"], signal.SIGKILL)
            await until(lambda: process(tmp_path, "registry")["pid"] not in seen)
            await until(lambda: process(tmp_path, "registry")["ready_s"] is not None)
            seen.add(process(tmp_path, "registry")["pid"])
            assert time.monotonic() - started < PATIENCE / 4  # the sixth time as soon as the first


async def test_a_program_that_cannot_start_fails_the_start_with_its_last_words_and_stops_the_others(
    tmp_path: Path,
) -> None:
    broken = server(tmp_path, "broken", program="raise SystemExit('no such database')")
    supervisor = Supervisor(tmp_path, say=lambda _: None)
    with pytest.raises(StartFailed, match=r"broken ended with status 1.*\n.*no such database"):
        async with supervisor:
            await supervisor.start(server(tmp_path, "sound"), broken)
    assert read_stack(tmp_path)["processes"] == []
    assert _children_in(tmp_path) == []


async def test_a_job_that_fails_says_why(tmp_path: Path) -> None:
    async with Supervisor(tmp_path, say=lambda _: None) as supervisor:
        await supervisor.run_once("prepare", (sys.executable, "-c", ""), {}, cwd=tmp_path)
        with pytest.raises(StartFailed, match=r"prepare ended with status 1.*\n.*topic missing"):
            await supervisor.run_once(
                "prepare", (sys.executable, "-c", "raise SystemExit('topic missing')"), {}, cwd=tmp_path
            )


async def test_a_folder_has_one_supervisor_at_a_time(tmp_path: Path) -> None:
    async with Supervisor(tmp_path):
        with pytest.raises(AlreadyRunning, match=str(tmp_path)):
            async with Supervisor(tmp_path):
                pass
    async with Supervisor(tmp_path):
        pass


@pytest.mark.parametrize(
    ("how", "status"),
    [(signal.SIGTERM, 143), (signal.SIGINT, -signal.SIGINT), (signal.SIGKILL, -signal.SIGKILL)],
)
def test_nothing_is_left_running_however_the_supervisor_ends(
    tmp_path: Path, how: signal.Signals, status: int
) -> None:
    here = str(Path(__file__).parent)
    with (tmp_path / "output").open("wb") as output:
        program = subprocess.Popen(
            [sys.executable, "-c", EMBEDDING, here, str(tmp_path)], stdout=output, stderr=output
        )
    until_blocking(lambda: program.poll() is not None or read_stack(tmp_path).get("state") == "ready")
    pids = [entry["pid"] for entry in read_stack(tmp_path)["processes"]]
    assert len(pids) == 2
    program.send_signal(how)
    assert program.wait(PATIENCE) == status
    until_blocking(lambda: not any(psutil.pid_exists(pid) for pid in pids))
    if how is not signal.SIGKILL:
        assert read_stack(tmp_path)["state"] == "stopped"


async def test_a_process_that_ignores_the_stop_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mrx_local.supervisor.STOPPED_WITHIN", 0.3)
    deaf = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); {SERVER}"
    async with Supervisor(tmp_path, say=lambda _: None) as supervisor:
        await supervisor.start(server(tmp_path, "deaf", program=deaf))
        pid = process(tmp_path, "deaf")["pid"]
    assert not psutil.pid_exists(pid)


async def test_the_children_of_a_killed_process_end_with_it(tmp_path: Path) -> None:
    parent = f"import subprocess, sys; subprocess.Popen(['sleep', '1000']); {SERVER}"
    async with Supervisor(tmp_path, say=lambda _: None) as supervisor:
        await supervisor.start(server(tmp_path, "registry", program=parent))
        pid = process(tmp_path, "registry")["pid"]
        (child,) = psutil.Process(pid).children()
        os.kill(pid, signal.SIGKILL)
        await until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_ports_stay_until_somebody_else_takes_them(tmp_path: Path) -> None:
    kept = Ports(tmp_path / "ports.json")
    first, second = kept.get("kafka"), kept.get("postgres")
    assert first != second
    again = Ports(tmp_path / "ports.json")
    assert (again.get("kafka"), again.get("postgres")) == (first, second)
    with socket.create_server((LOOPBACK, first)):
        taken = Ports(tmp_path / "ports.json")
        assert taken.get("kafka") != first
        assert taken.get("postgres") == second


def test_secrets_stay_and_only_their_owner_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    made = Secrets(path).get("password")
    assert Secrets(path).get("password") == made
    assert Secrets(path).get("other") != made
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(json.loads(path.read_text(encoding="utf-8"))) == {"password", "other"}


def _children_in(folder: Path) -> list[int]:
    return [child.pid for child in psutil.Process().children() if child.cwd() == str(folder)]
