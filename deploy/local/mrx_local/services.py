"""What the services are told, and how each is run as a process."""

import os
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer
from mrx_local.process import ProcessSpec
from mrx_local.remembered import LOOPBACK, Ports, Secrets, random_key

SERVICES = ("registry", "benchmark", "aggregation")
ROLES = {
    "owner": "OWNER_DATABASE_URL",
    "app": "DATABASE_URL",
    "relay": "RELAY_DATABASE_URL",
}
MORE_ROLES = {"aggregation": {"resolver": "RESOLVER_DATABASE_URL", "writer": "WRITER_DATABASE_URL"}}
RELEASES = "releases"
ANSWER_WITHIN = 2.0
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The infrastructure that the services run on, started by us or not."""

    kafka: KafkaServer
    postgres_url: str = field(repr=False)
    """as superuser"""
    objects: ObjectServer
    releases_writer: Identity
    """By whom aggregation stores releases."""


def releases_writer(secrets: Secrets) -> Identity:
    """The identity by which aggregation stores releases on our own server, the only one besides the administrator."""
    return Identity(
        name="releases-writer",
        access_key=secrets.get("s3_releases_writer_access_key"),
        secret_key=secrets.get("s3_releases_writer_secret_key"),
        actions=tuple(f"{action}:{RELEASES}" for action in ("Read", "Write", "List")),
    )


def settings_of_all(
    servers: Servers, *, ports: Ports, secrets: Secrets, replaced: Mapping[str, str]
) -> dict[str, str]:
    """Every variable of every service and of the prepare job, by name. `replaced` has the last word."""
    made = {
        "MRX_KAFKA_BOOTSTRAP_SERVERS": servers.kafka.bootstrap_servers,
        "MRX_KAFKA_SECURITY_PROTOCOL": servers.kafka.security_protocol,
        "MRX_S3_ENDPOINT": servers.objects.endpoint,
        "MRX_S3_PUBLIC_URL": servers.objects.endpoint,
        "MRX_PREPARE_POSTGRES_URL": servers.postgres_url,
        "MRX_PREPARE_KAFKA_USERNAME": servers.kafka.username,
        "MRX_PREPARE_KAFKA_PASSWORD": servers.kafka.password,
        "MRX_PREPARE_S3_ACCESS_KEY": servers.objects.access_key,
        "MRX_PREPARE_S3_SECRET_KEY": servers.objects.secret_key,
        "MRX_REGISTRY_BOOTSTRAP_SECRET": secrets.get("registry_bootstrap_secret"),
        "MRX_REGISTRY_SECRET_KEY": secrets.get("registry_secret_key", random_key),
        "MRX_AGGREGATION_S3_ACCESS_KEY": servers.releases_writer.access_key,
        "MRX_AGGREGATION_S3_SECRET_KEY": servers.releases_writer.secret_key,
    }
    for service in SERVICES:
        prefix = f"MRX_{service.upper()}_"
        made |= {
            f"{prefix}HTTP_HOST": LOOPBACK,
            f"{prefix}HTTP_PORT": replaced.get(f"{prefix}HTTP_PORT") or str(ports.get(service)),
            f"{prefix}KAFKA_USERNAME": f"svc-{service}",
            f"{prefix}KAFKA_PASSWORD": secrets.get(f"kafka_{service}_password"),
        }
        for role, variable in (ROLES | MORE_ROLES.get(service, {})).items():
            password = secrets.get(f"postgres_{service}_{role}_password")
            made[f"{prefix}{variable}"] = _as_role(
                servers.postgres_url, service, f"{service}_{role}", password
            )
    made |= replaced
    return {
        "MRX_REGISTRY_ISSUER": url(made, "registry"),
        "MRX_AGGREGATION_PUBLIC_URL": url(made, "aggregation"),
        **{name: value for name, value in made.items() if value},
    }


def url(settings: Mapping[str, str | None], service: str) -> str:
    """Where a service is to be reached."""
    prefix = f"MRX_{service.upper()}_HTTP"
    return f"http://{settings[f'{prefix}_HOST']}:{settings[f'{prefix}_PORT']}"


def replaced_by_environment() -> dict[str, str]:
    """The settings that whoever starts the stack has in the environment; they go before what the stack would choose."""
    return {name: value for name, value in os.environ.items() if name.startswith("MRX_") and value}


def prepare_command() -> tuple[str, ...]:
    """The one-shot job that makes databases, roles, topics, users and buckets."""
    return (
        str(Path(sysconfig.get_path("scripts")) / "mrx"),
        "operator",
        "prepare",
        "--root",
        str(REPOSITORY),
    )


def service_specs(settings: Mapping[str, str], folder: Path) -> list[ProcessSpec]:
    return [
        ProcessSpec(
            name=service,
            kind="service",
            argv=(sys.executable, "-m", f"mrx_{service}"),
            url=url(settings, service),
            ready=_HealthReady(url(settings, service)),
            cwd=folder,
            env=_own(settings, service),
        )
        for service in SERVICES
    ]


@dataclass(frozen=True, slots=True)
class _HealthReady:
    """The service says itself that it is ready."""

    url: str

    async def __call__(self) -> bool:
        try:
            async with httpx.AsyncClient(timeout=ANSWER_WITHIN, trust_env=False) as client:
                answer = await client.get(f"{self.url}/health/ready")
        except httpx.TransportError:
            return False
        return answer.status_code == HTTPStatus.OK


def _own(settings: Mapping[str, str], service: str) -> dict[str, str]:
    """What one service may know: what all share and its own, without the rights of the prepare job or of others."""
    others = tuple(f"MRX_{other.upper()}_" for other in (*SERVICES, "prepare", "member") if other != service)
    owner = f"MRX_{service.upper()}_OWNER_DATABASE_URL"
    return {name: value for name, value in settings.items() if not name.startswith(others) and name != owner}


def _as_role(superuser_url: str, database: str, role: str, password: str) -> str:
    parts = urlsplit(superuser_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(("postgresql", f"{role}:{quote(password)}@{address}", f"/{database}", parts.query, ""))
