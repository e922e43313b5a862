"""SeaweedFS from its wheel: S3 on loopback for the identities that it is given, for nobody else."""

import json
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path

import httpx

from mrx_local.process import ProcessSpec
from mrx_local.state_files import LOOPBACK, Ports, Secrets, write_private

ADMIN = "admin"
EVERYTHING = ("Admin", "Read", "Write", "List", "Tagging")
LISTENERS = ("master", "volume", "filer", "s3")
ADMIN_GRPC_ABOVE = 10_000
"""Its own worker looks for it there, whatever it is told."""
ANSWER_WITHIN = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who may do what with which bucket: actions such as `Read:releases`."""

    name: str
    access_key: str
    secret_key: str = field(repr=False)
    actions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectServer:
    """Where an S3 listens, and its administrator."""

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)


class SeaweedFS:
    """One server's data folder, ports, identities and keys. Nothing is written before `prepare`."""

    def __init__(
        self, folder: Path, *, ports: Ports, secrets: Secrets, identities: Iterable[Identity] = ()
    ) -> None:
        self._folder = folder.resolve()
        self._ports = {
            f"{listener}.port{grpc}": ports.get(f"seaweedfs_{listener}{grpc}")
            for listener in LISTENERS
            for grpc in ("", ".grpc")
        }
        admin = ports.get("seaweedfs_admin", second=ADMIN_GRPC_ABOVE)
        self._ports |= {"admin.port": admin, "admin.port.grpc": admin + ADMIN_GRPC_ABOVE}
        self._admin = Identity(
            name=ADMIN,
            access_key=secrets.get("s3_admin_access_key"),
            secret_key=secrets.get("s3_admin_secret_key"),
            actions=EVERYTHING,
        )
        self._identities = (self._admin, *identities)
        self._keys = {
            section: secrets.get(f"seaweedfs_{section}_key")
            for section in ("jwt.signing", "jwt.signing.read", "jwt.filer_signing", "jwt.filer_signing.read")
        }

    @property
    def server(self) -> ObjectServer:
        endpoint = f"http://{LOOPBACK}:{self._ports['s3.port']}"
        return ObjectServer(
            endpoint=endpoint, access_key=self._admin.access_key, secret_key=self._admin.secret_key
        )

    def prepare(self) -> None:
        """Write who may do what, and the keys without which the servers behind the S3 port would be open."""
        (self._folder / "data").mkdir(parents=True, exist_ok=True)
        identities = [
            {
                "name": identity.name,
                "credentials": [{"accessKey": identity.access_key, "secretKey": identity.secret_key}],
                "actions": list(identity.actions),
            }
            for identity in self._identities
        ]
        write_private(self._folder / "s3.json", json.dumps({"identities": identities}, indent=2))
        keys = "".join(f'[{section}]\nkey = "{key}"\n' for section, key in self._keys.items())
        write_private(self._folder / "security.toml", keys)

    async def ready(self) -> bool:
        """Anonymous requests are turned away, and there is room for an object."""
        master = f"http://{LOOPBACK}:{self._ports['master.port']}"
        try:
            async with httpx.AsyncClient(timeout=ANSWER_WITHIN, trust_env=False) as client:
                anonymous = await client.get(self.server.endpoint)
                room = await client.get(f"{master}/dir/assign")
        except httpx.TransportError:
            return False
        return anonymous.status_code == HTTPStatus.FORBIDDEN and "fid" in room.text

    def spec(self) -> ProcessSpec:
        ports = (f"-{option}={port}" for option, port in self._ports.items())
        return ProcessSpec(
            name="seaweedfs",
            kind="infrastructure",
            url=self.server.endpoint,
            argv=(
                *(
                    _program(),
                    "mini",
                    "-dir=data",  # below the working directory: at a comma it would part the whole path into two
                    f"-ip={LOOPBACK}",
                    f"-ip.bind={LOOPBACK}",
                ),
                *(f"-s3.config={self._folder / 's3.json'}", "-webdav=false", "-admin.ui=false"),
                *("-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0", *ports),
                # below the working directory: the whole path may be longer than a socket's may be
                *("-s3.localSocket=s3.sock", "-filer.localSocket=filer.sock"),
            ),
            ready=self.ready,
            cwd=self._folder,
            env={"TMPDIR": str(self._folder)},  # for its own log files
            litter=tuple(
                Path(f"/tmp/seaweedfs-{option.partition('.')[0]}-grpc-{port}.sock")  # noqa: S108 - its choice, not ours
                for option, port in self._ports.items()
            ),
            prepare=self.prepare,
        )


def _program() -> str:
    return str(Path(sysconfig.get_path("scripts")) / "weed")
