"""Real servers for tests."""

import asyncio
import contextlib
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from pathlib import Path

from mrx_local.infrastructure.postgres import Postgres, PostgresServer
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer, SeaweedFS
from mrx_local.process import ProcessSpec, bound_to_parent, environment
from mrx_local.stack import PARTS, Infrastructure, Part
from mrx_local.state_files import Ports, Secrets
from mrx_local.supervisor import Supervisor

PATIENCE = 30.0


@contextlib.contextmanager
def postgres_server(folder: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL 18 on a free loopback port with its data in `folder`, stopped at the end; ready in about 1.5 s.

    Needs no event loop, so that it can be a fixture of the whole session. A folder used before serves its data again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    postgres = Postgres(folder, ports=Ports(folder / "ports.json"), secrets=Secrets(folder / "secrets.json"))
    postgres.prepare()
    with _running(postgres.spec(), folder / "postgres.log", postgres.serves):
        yield postgres.server


@contextlib.contextmanager
def object_server(folder: Path, identities: Collection[Identity]) -> Iterator[ObjectServer]:
    """A SeaweedFS on free loopback ports with its data in `folder`, stopped at the end. It has no bucket yet."""
    seaweed = SeaweedFS(
        folder,
        ports=Ports(folder / "ports.json"),
        secrets=Secrets(folder / "secrets.json"),
        identities=identities,
    )
    seaweed.prepare()
    with _running(seaweed.spec(), folder / "seaweedfs.log", lambda: asyncio.run(seaweed.ready())):
        yield seaweed.server


@contextlib.contextmanager
def _running(spec: ProcessSpec, log: Path, serves: Callable[[], bool]) -> Iterator[None]:
    with log.open("ab") as output:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            bound_to_parent(spec.argv, death_signal=spec.death_signal, account=spec.account),
            cwd=spec.cwd,
            env=environment(spec.env),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        give_up = time.monotonic() + PATIENCE
        while not serves():
            if process.poll() is not None or time.monotonic() > give_up:
                raise OSError(f"{spec.name} did not start: {log.read_text(encoding='utf-8')[-2000:]}")
            time.sleep(0.02)
        yield
    finally:
        process.send_signal(spec.stop_signal)
        process.wait(PATIENCE)


@contextlib.asynccontextmanager
async def infrastructure(
    folder: Path, *, parts: Collection[Part] = PARTS, identities: Collection[Identity] = ()
) -> AsyncIterator[Infrastructure]:
    """The servers named in `parts`, restarted when they die, with their data in `folder`; stopped at the end."""
    async with Supervisor(folder) as supervisor:
        servers = Infrastructure(
            folder,
            ports=Ports(folder / "ports.json"),
            secrets=Secrets(folder / "secrets.json"),
            parts=parts,
            more_identities=identities,
        )
        await supervisor.start(*servers.specs())
        supervisor.serves()
        yield servers
