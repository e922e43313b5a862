"""One whole stack for all scenarios, as `make up` starts it, with members that take part."""

import asyncio
import contextlib
import json
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from mrx_local.credentials import Credentials
from mrx_local.demo.members import Actor
from mrx_local.demo.scheme import Scheme
from mrx_local.people import patient

from tests.live.suppliers import access

MRX = str(Path(sysconfig.get_path("scripts")) / "mrx")
MEMBERS = ("Ash", "Birch", "Cedar")


@dataclass(frozen=True, kw_only=True)
class Running:
    """A stack that serves; each of its members was admitted, passed step 1 and signed."""

    folder: Path
    urls: dict[str, str]
    kafka: dict[str, str]
    credentials: Credentials

    def member(self, name: str) -> dict[str, Any]:
        return self.credentials.member(name)

    def known(self, what: str) -> dict[str, Any]:
        """What the stack keeps of itself: `ports` or `secrets`."""
        found: dict[str, Any] = json.loads((self.folder / "up" / f"{what}.json").read_text(encoding="utf-8"))
        return found

    @property
    def aggregation(self) -> dict[str, Any]:
        """How aggregation signs in to Kafka."""
        return access(self.kafka, "svc-aggregation", self.known("secrets")["kafka_aggregation_password"])

    def mrx(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command with the stack's credentials at hand."""
        return subprocess.run([MRX, *arguments], capture_output=True, text=True, check=False, timeout=120)

    def operator(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command as the stack's operator."""
        return self.mrx("operator", "--credentials", str(self.folder / "credentials.json"), *arguments)


@contextlib.contextmanager
def serving(folder: Path, members: Sequence[str]) -> Iterator[Running]:
    """Start a stack in which `members` take part; stop it at the end."""
    started = subprocess.run(
        # Request mails leave every second in a demonstration, and on three days a week elsewhere.
        ["env", "MRX_ENVIRONMENT=demonstration", MRX, "local", "up", "--detach", "--folder", str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert started.returncode == 0, started.stdout + started.stderr
    try:
        stack = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
        made = Running(
            folder=folder,
            urls=stack["services"],
            kafka=stack["kafka"],
            credentials=Credentials(folder / "up"),
        )
        asyncio.run(_take_part(made, members))
        yield made
    finally:
        subprocess.run([MRX, "local", "down", "--folder", str(folder)], check=True, timeout=120)


@pytest.fixture(scope="session")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The stack; stopped at the end of the session."""
    with serving(tmp_path_factory.mktemp("stack"), MEMBERS) as made:
        yield made


async def _take_part(running: Running, members: Sequence[str]) -> None:
    async with patient(running.urls) as services:
        scheme = Scheme(services, running.credentials)
        await scheme.admit([Actor(name=name, group=name) for name in members])
        await scheme.assess_public()
        await scheme.publish_statement()
        for name in members:
            await scheme.adopt(name)
            await scheme.sign(name)


@pytest.fixture
async def scheme(running: Running) -> AsyncIterator[Scheme]:
    """The scheme's steps on the running stack."""
    async with patient(running.urls) as services:
        yield Scheme(services, running.credentials)
