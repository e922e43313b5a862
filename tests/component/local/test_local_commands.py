"""`mrx local up`, `status` and `down`, as a person uses them, with nothing on the PATH."""

import json
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import psutil
import pytest
from mrx_local.credentials import Credentials
from mrx_local.supervisor import read_stack

MRX = str(Path(sysconfig.get_path("scripts")) / "mrx")
BARE = {"HOME": str(Path.home()), "PATH": "/nonexistent"}
DONE, INFRASTRUCTURE = 0, 3


def mrx(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [MRX, "local", *arguments, "--folder", str(folder)],
        env=BARE | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


MEMBER = {
    "member_id": "m",
    "name": "Member A",
    "kafka_username": "member-m",
    "kafka_password": "k",
    "client_id": "c",
    "client_secret": "s",
    "topics": {},
    "group_prefix": "member-m.",
}


@pytest.mark.live
@pytest.mark.timeout(300)
def test_up_serves_until_down_and_keeps_addresses_people_and_data_for_the_next_time(tmp_path: Path) -> None:
    try:
        first = _up(tmp_path)
        again = mrx("up", "--detach", folder=tmp_path)
        assert (again.returncode, "already running" in again.stdout) == (DONE, True)
        status = mrx("status", folder=tmp_path)
        assert (status.returncode, "aggregation" in status.stdout) == (DONE, True)
        people = Credentials(tmp_path / "up").secretariat
        Credentials(tmp_path / "up").keep_member(MEMBER)
    finally:
        down = mrx("down", folder=tmp_path)
    assert (down.returncode, down.stdout) == (DONE, "stopped\n")
    assert not [process for process in first["processes"] if psutil.pid_exists(process["pid"])]
    assert mrx("status", folder=tmp_path).returncode == INFRASTRUCTURE
    try:
        second = _up(tmp_path)
    finally:
        mrx("down", folder=tmp_path)
    assert second["services"] == first["services"]
    assert Credentials(tmp_path / "up").secretariat == people
    profile = json.loads((tmp_path / "members" / "member-a.json").read_text(encoding="utf-8"))
    assert profile["registry_url"] == second["services"]["registry"]
    assert profile["kafka_password"] == "k"


def _up(folder: Path) -> dict[str, Any]:
    up = mrx("up", "--detach", folder=folder)
    assert up.returncode == DONE, up.stdout + up.stderr
    stack = read_stack(folder)
    for service, url in stack["services"].items():
        assert f"{service:12} {url}" in up.stdout
    return stack


@pytest.mark.live
def test_a_start_that_fails_says_which_part_and_leaves_nothing(tmp_path: Path) -> None:
    up = mrx("up", "--detach", folder=tmp_path, MRX_S3_ENDPOINT="http://127.0.0.1:9")
    assert up.returncode == INFRASTRUCTURE
    assert "MRX_PREPARE_S3_ACCESS_KEY is needed beside MRX_S3_ENDPOINT" in up.stdout + up.stderr
    assert read_stack(tmp_path)["processes"] == []


def test_down_where_nothing_runs_is_no_failure(tmp_path: Path) -> None:
    down = mrx("down", folder=tmp_path / "never")
    assert (down.returncode, "nothing is running" in down.stdout) == (DONE, True)
