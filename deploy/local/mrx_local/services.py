"""What the services are told, and how each is run as a process."""

import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from mrx_shared.kit.client import Services

from mrx_local.infrastructure.kafka import KafkaServer
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer
from mrx_local.process import ProcessSpec
from mrx_local.state_files import LOOPBACK, Ports, Secrets, random_key

WITH_DATABASE = ("registry", "benchmark", "aggregation", "report_request", "exchange_adapter", "notification")
"""the services that listen to Kafka and own a database each"""
PORTAL = "portal"
SERVICES = (*WITH_DATABASE, PORTAL)
PLATFORM = "platform"
CALLED_BY_THE_PORTAL = ("registry", "benchmark", "aggregation", "report_request", "exchange_adapter")
ROLES = {
    "owner": "OWNER_DATABASE_URL",
    "app": "DATABASE_URL",
    "relay": "RELAY_DATABASE_URL",
}
MORE_ROLES = {"aggregation": {"resolver": "RESOLVER_DATABASE_URL", "writer": "WRITER_DATABASE_URL"}}
ANSWER_WITHIN = 2.0
REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True, slots=True)
class _Grant:
    """What one identity of a service may do on the object storage, and by which settings the service is told of it."""

    settings: str
    actions: Mapping[str, tuple[str, ...]]


_EVERYTHING = ("Read", "Write", "List")
_GRANTS = {
    "releases-writer": _Grant("MRX_AGGREGATION_S3", {"releases": _EVERYTHING}),
    "evidence-keeper": _Grant("MRX_BENCHMARK_S3", {"evidence": ("Read", "Write")}),
    "quarantine-presigner": _Grant("MRX_EXCHANGE_ADAPTER_PRESIGNER", {"quarantine": ("Write",)}),
    "quarantine-scanner": _Grant(
        "MRX_EXCHANGE_ADAPTER_SCANNER", {"quarantine": _EVERYTHING, "vault": _EVERYTHING}
    ),
    "vault-reader": _Grant("MRX_EXCHANGE_ADAPTER_READER", {"vault": ("Read",)}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """The infrastructure that the services run on, started by us or not."""

    kafka: KafkaServer
    postgres_url: str = field(repr=False)
    """as superuser"""
    objects: ObjectServer
    identities: Mapping[str, Identity]
    """who the services are for the object storage, by the identity's name"""
    smtp_port: int
    """where mails go, on loopback"""
    mails: Path
    """the folder in which they end"""


def identities(secrets: Secrets) -> dict[str, Identity]:
    """Who may do what on our own object storage, besides the administrator."""
    return {
        name: Identity(
            name=name,
            access_key=secrets.get(f"s3_{name.replace('-', '_')}_access_key"),
            secret_key=secrets.get(f"s3_{name.replace('-', '_')}_secret_key"),
            actions=tuple(
                f"{action}:{bucket}" for bucket, actions in grant.actions.items() for action in actions
            ),
        )
        for name, grant in _GRANTS.items()
    }


def administrator_for_all(server: ObjectServer) -> dict[str, Identity]:
    """Somebody else's object storage has the identities that it has: its administrator stands in for all of ours."""
    one = Identity(
        name="administrator", access_key=server.access_key, secret_key=server.secret_key, actions=()
    )
    return dict.fromkeys(_GRANTS, one)


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
    }
    for name, grant in _GRANTS.items():
        identity = servers.identities[name]
        made |= {
            f"{grant.settings}_ACCESS_KEY": identity.access_key,
            f"{grant.settings}_SECRET_KEY": identity.secret_key,
        }
    for service in (*WITH_DATABASE, PORTAL, PLATFORM):
        prefix = f"MRX_{service.upper()}_"
        made |= {
            f"{prefix}HTTP_HOST": LOOPBACK,
            f"{prefix}HTTP_PORT": replaced.get(f"{prefix}HTTP_PORT") or str(ports.get(service)),
        }
    if replaced.get("MRX_ENVIRONMENT") == "demonstration":
        made["MRX_REQUEST_MAIL_EVERY_S"] = "1"
    for service in WITH_DATABASE:
        made |= _logins(service, servers.postgres_url, secrets)
    made |= {**_step_four(made, smtp_port=servers.smtp_port, secrets=secrets), **replaced}
    return {
        "MRX_REGISTRY_ISSUER": url(made, "registry"),
        "MRX_AGGREGATION_PUBLIC_URL": url(made, "aggregation"),
        **{name: value for name, value in made.items() if value},
    }


def _logins(service: str, postgres_url: str, secrets: Secrets) -> dict[str, str]:
    """How a service signs in to Kafka, and under which roles to its database."""
    prefix = f"MRX_{service.upper()}_"
    made = {
        f"{prefix}KAFKA_USERNAME": f"svc-{service}",
        f"{prefix}KAFKA_PASSWORD": secrets.get(f"kafka_{service}_password"),
    }
    for role, variable in (ROLES | MORE_ROLES.get(service, {})).items():
        password = secrets.get(f"postgres_{service}_{role}_password")
        made[f"{prefix}{variable}"] = _as_role(postgres_url, service, f"{service}_{role}", password)
    return made


def _step_four(made: Mapping[str, str], *, smtp_port: int, secrets: Secrets) -> dict[str, str]:
    """What brings a report: mail, pages, the platform."""
    portal, adapter = url(made, PORTAL), url(made, "exchange_adapter")
    client_id, client_secret = "mrx-exchange", secrets.get("platform_client_secret")
    webhook_secret = secrets.get("platform_webhook_secret")
    return {
        "MRX_NOTIFICATION_SMTP_HOST": LOOPBACK,
        "MRX_NOTIFICATION_SMTP_PORT": str(smtp_port),
        "MRX_NOTIFICATION_SMTP_SECURITY": "none",
        "MRX_NOTIFICATION_SENDER": "exchange@mrx.example",
        "MRX_NOTIFICATION_PORTAL_URL": portal,
        "MRX_NOTIFICATION_BOUNCE_SECRET": secrets.get("bounce_secret"),
        "MRX_PORTAL_PUBLIC_URL": portal,
        "MRX_PORTAL_SECRET_KEY": secrets.get("portal_secret_key", random_key),
        **{f"MRX_PORTAL_{service.upper()}_URL": url(made, service) for service in CALLED_BY_THE_PORTAL},
        "MRX_EXCHANGE_ADAPTER_PORTAL_ORIGIN": portal,
        "MRX_EXCHANGE_ADAPTER_PLATFORM_URL": url(made, PLATFORM),
        "MRX_EXCHANGE_ADAPTER_PLATFORM_CLIENT_ID": client_id,
        "MRX_EXCHANGE_ADAPTER_PLATFORM_CLIENT_SECRET": client_secret,
        "MRX_EXCHANGE_ADAPTER_PLATFORM_WEBHOOK_SECRET": webhook_secret,
        "MRX_EXCHANGE_ADAPTER_PLATFORM_POLL_S": "5",
        "MRX_EXCHANGE_ADAPTER_SWEEP_S": "5",
        "MRX_PLATFORM_CLIENT_ID": client_id,
        "MRX_PLATFORM_CLIENT_SECRET": client_secret,
        "MRX_PLATFORM_WEBHOOK_URL": f"{adapter}/v1/platform/events",
        "MRX_PLATFORM_WEBHOOK_SECRET": webhook_secret,
        "MRX_PLATFORM_CONTROL_SECRET": secrets.get("platform_control_secret"),
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
    """Every service as a process."""
    return [_python(service, "service", settings, folder) for service in SERVICES]


def platform_spec(settings: Mapping[str, str], folder: Path) -> ProcessSpec:
    """The simulated data-sharing platform as a process, with its data in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    own = {**settings, "MRX_PLATFORM_DATA": str(folder)}
    return _python(PLATFORM, "infrastructure", own, folder)


def _python(
    name: str, kind: Literal["infrastructure", "service"], settings: Mapping[str, str], folder: Path
) -> ProcessSpec:
    return ProcessSpec(
        name=name,
        kind=kind,
        argv=(sys.executable, "-m", f"mrx_{name}"),
        url=url(settings, name),
        ready=_HealthReady(name, url(settings, name)),
        cwd=folder,
        env=dict(_own(settings, name)),
    )


@dataclass(frozen=True, slots=True)
class _HealthReady:
    """The service says itself that it is ready."""

    service: str
    url: str

    async def __call__(self) -> bool:
        async with Services({self.service: self.url}, timeout_s=ANSWER_WITHIN) as services:
            return await services.answers(self.service, health="ready")


def _own(settings: Mapping[str, str], service: str) -> Iterator[tuple[str, str]]:
    """What one service may know: what all share and its own, without the rights of the prepare job or of others."""
    everybody = (*WITH_DATABASE, PORTAL, PLATFORM, "prepare", "member")
    others = tuple(f"MRX_{other.upper()}_" for other in everybody if other != service)
    owner = f"MRX_{service.upper()}_OWNER_DATABASE_URL"
    for name, value in settings.items():
        if not name.startswith(others) and name != owner:
            yield name, value


def _as_role(superuser_url: str, database: str, role: str, password: str) -> str:
    parts = urlsplit(superuser_url)
    address = parts.netloc.rpartition("@")[2]
    return urlunsplit(("postgresql", f"{role}:{quote(password)}@{address}", f"/{database}", parts.query, ""))
