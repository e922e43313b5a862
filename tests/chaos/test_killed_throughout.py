"""Services are killed every few seconds throughout the scheme: it ends well, with the same released bytes.

In the same runs: lists exchanged wholesale, reversed arrival, other pages and other header styles change no byte.
"""

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

DOCUMENTS = ("list.csv", "list.json", "list.xlsx")
ROWS = 2500
PLAY = """
import asyncio, sys
from pathlib import Path
from mrx_local.demo.scenario import Size, Variation
from mrx_local.demo.play import DemoOptions, play

out, servers, rows, varied = sys.argv[1:]
variation = (
    Variation(page_rows=37, reversed_arrival=True, exchanged=True, style_shift=3)
    if varied == "varied"
    else Variation()
)
options = DemoOptions(
    seed=11,
    given=None,
    out=Path(out),
    keep=False,
    servers=Path(servers),
    size=Size(rows=int(rows)),
    variation=variation,
)
sys.exit(asyncio.run(play(options)))
"""


@dataclass(frozen=True, kw_only=True)
class Played:
    """What a demo left."""

    code: int
    said: str
    documents: dict[str, bytes]
    kills: int


def play(folder: Path, *, varied: bool, killing: random.Random | None = None) -> Played:
    """Run a small demo; with `killing`, a service process is killed with -9 every two to four seconds."""
    out, servers = folder / "out", folder / "servers"
    demo = subprocess.Popen(
        [sys.executable, "-c", PLAY, str(out), str(servers), str(ROWS), "varied" if varied else "plain"],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    kills: list[str] = []
    killer = threading.Thread(target=_kill, args=(demo, servers / "stack.json", killing, kills))
    if killing is not None:
        killer.start()
    said, _ = demo.communicate()
    if killing is not None:
        killer.join()
    documents = {
        name: (out / "release" / name).read_bytes() for name in DOCUMENTS if (out / "release" / name).exists()
    }
    return Played(code=demo.returncode, said=said, documents=documents, kills=len(kills))


def _kill(demo: "subprocess.Popen[str]", stack: Path, chance: random.Random, kills: list[str]) -> None:
    while demo.poll() is None:
        time.sleep(chance.uniform(2, 4))
        try:
            told = json.loads(stack.read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            continue
        if told["state"] != "ready":
            continue
        services = [one for one in told["processes"] if one["kind"] == "service" and one["pid"]]
        if not services:  # they start again, all at once, when the demo moves its clock
            continue
        one = chance.choice(services)
        if psutil.pid_exists(one["pid"]):
            os.kill(one["pid"], signal.SIGKILL)
            kills.append(one["name"])


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Played:
    return play(tmp_path_factory.mktemp("undisturbed"), varied=False)


@pytest.mark.live
@pytest.mark.timeout(900)
def test_killed_services_and_varied_lists_change_no_byte_of_the_release(
    undisturbed: Played, tmp_path: Path
) -> None:
    assert undisturbed.code == 0, undisturbed.said
    assert set(undisturbed.documents) == set(DOCUMENTS)
    disturbed = play(tmp_path, varied=True, killing=random.Random(3))
    assert disturbed.code == 0, disturbed.said
    assert disturbed.kills >= 5
    assert disturbed.documents == undisturbed.documents
