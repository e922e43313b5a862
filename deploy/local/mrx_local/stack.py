"""The whole of MRX on this machine, from empty folders to the first people's credentials."""

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Literal

from mrx_shared.kit.client import Services
from mrx_shared.refusals import Rejected, Unavailable

from mrx_local.credentials import Credentials
from mrx_local.infrastructure.kafka import Kafka, KafkaServer
from mrx_local.infrastructure.mail import MailSink
from mrx_local.infrastructure.postgres import Postgres
from mrx_local.infrastructure.seaweedfs import Identity, ObjectServer, SeaweedFS
from mrx_local.people import Chosen, introduce_people, let_sign_in, patient
from mrx_local.process import ProcessSpec
from mrx_local.services import (
    SERVICES,
    Servers,
    administrator_for_all,
    identities,
    platform_spec,
    prepare_command,
    replaced_by_environment,
    service_specs,
    settings_of_all,
    url,
)
from mrx_local.state_files import Ports, Secrets, slug, typed_password
from mrx_local.supervisor import Supervisor

Part = Literal["kafka", "postgres", "objects", "mail"]
PARTS: frozenset[Part] = frozenset({"kafka", "postgres", "objects", "mail"})


class Infrastructure:
    """The servers of one folder: those of `parts` are ours to start; nothing is written before they are."""

    def __init__(
        self,
        folder: Path,
        *,
        ports: Ports,
        secrets: Secrets,
        parts: Collection[Part] = PARTS,
        more_identities: Collection[Identity] = (),
    ) -> None:
        self.folder = folder
        self.kafka = Kafka(folder / "kafka", ports=ports, secrets=secrets)
        self.postgres = Postgres(folder / "postgres", ports=ports, secrets=secrets)
        self.objects = SeaweedFS(
            folder / "objects",
            ports=ports,
            secrets=secrets,
            identities=[*identities(secrets).values(), *more_identities],
        )
        self.mail = MailSink(folder / "mail", ports=ports)
        self._parts = parts
        self._identities = identities(secrets)

    def specs(self) -> list[ProcessSpec]:
        specs = {
            "kafka": self.kafka.spec,
            "postgres": self.postgres.spec,
            "objects": self.objects.spec,
            "mail": self.mail.spec,
        }
        return [spec() for part, spec in specs.items() if part in self._parts]

    def servers(self, replaced: Mapping[str, str]) -> Servers:
        """What the services run on: ours, or the existing servers that `replaced` names."""
        kafka, objects, known = self.kafka.server, self.objects.server, self._identities
        if "kafka" not in self._parts:
            kafka = KafkaServer(
                bootstrap_servers=replaced["MRX_KAFKA_BOOTSTRAP_SERVERS"],
                username=_needed(
                    replaced, "MRX_PREPARE_KAFKA_USERNAME", beside="MRX_KAFKA_BOOTSTRAP_SERVERS"
                ),
                password=_needed(
                    replaced, "MRX_PREPARE_KAFKA_PASSWORD", beside="MRX_KAFKA_BOOTSTRAP_SERVERS"
                ),
                security_protocol=replaced.get("MRX_KAFKA_SECURITY_PROTOCOL", "SASL_SSL"),
            )
        if "objects" not in self._parts:
            objects = ObjectServer(
                endpoint=replaced["MRX_S3_ENDPOINT"],
                access_key=_needed(replaced, "MRX_PREPARE_S3_ACCESS_KEY", beside="MRX_S3_ENDPOINT"),
                secret_key=_needed(replaced, "MRX_PREPARE_S3_SECRET_KEY", beside="MRX_S3_ENDPOINT"),
            )
            known = administrator_for_all(objects)
        postgres = replaced.get("MRX_PREPARE_POSTGRES_URL") or self.postgres.server.superuser_url
        return Servers(
            kafka=kafka,
            postgres_url=postgres,
            objects=objects,
            identities=known,
            smtp_port=self.mail.port,
            mails=self.mail.mails,
        )


REPLACED_BY: Mapping[Part, str] = {
    "kafka": "MRX_KAFKA_BOOTSTRAP_SERVERS",
    "postgres": "MRX_PREPARE_POSTGRES_URL",
    "objects": "MRX_S3_ENDPOINT",
    "mail": "MRX_NOTIFICATION_SMTP_HOST",
}


_REPLACES_PLATFORM = "MRX_EXCHANGE_ADAPTER_PLATFORM_URL"


def _needed(replaced: Mapping[str, str], name: str, *, beside: str) -> str:
    if name not in replaced:
        raise OSError(f"{name} is needed beside {beside}: set it to the existing server's administrator")
    return replaced[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stack:
    """A stack that serves."""

    folder: Path
    servers: Servers
    settings: Mapping[str, str] = field(repr=False)
    """Every variable of every service, as the services were given them."""
    urls: Mapping[str, str]
    """Where each service is."""
    services: Services
    """To call them; one that restarts is waited for."""
    credentials: Credentials
    supervisor: Supervisor
    ready_s: float
    """From nothing to the first people's credentials."""

    @property
    def kafka(self) -> dict[str, str]:
        """Kafka's address and how to speak to it."""
        return _kafka_facts(self.servers.kafka)

    @property
    def platform_url(self) -> str:
        """Where the data-sharing platform is."""
        return self.settings[_REPLACES_PLATFORM]

    @property
    def mails(self) -> Path:
        """Where the mails lie that were sent."""
        return self.servers.mails

    async def move_clock(self, offset: timedelta) -> None:
        """Start every service anew with its clock so far ahead of the machine's; refused outside a demonstration."""
        told = {**self.settings, "MRX_CLOCK_OFFSET": str(int(offset.total_seconds()))}
        await self.supervisor.replace(*service_specs(told, self.folder))


@contextlib.asynccontextmanager
async def running_stack(
    folder: Path,
    *,
    settings: Mapping[str, str] | None = None,
    say: Callable[[str], None] = print,
) -> AsyncIterator[Stack]:
    """Everything started, in order; stopped in reverse order at the end, whatever the end is.

    `settings` are variables of the services that go before the environment's and the stack's own choice. Data, ports and
    secrets in `folder` are taken up again. Raises AlreadyRunning when a stack runs there, OSError when a part cannot start.
    """
    started = time.monotonic()
    async with Supervisor(folder, say=say) as supervisor:
        folder = supervisor.folder
        ports, secrets = Ports(folder / "ports.json"), Secrets(folder / "secrets.json")
        replaced = replaced_by_environment() | dict(settings or {})
        ours = {part for part in PARTS if REPLACED_BY[part] not in replaced}
        infrastructure = Infrastructure(folder, ports=ports, secrets=secrets, parts=ours)
        servers = infrastructure.servers(replaced)
        told = settings_of_all(servers, ports=ports, secrets=secrets, replaced=replaced)
        urls = {service: url(told, service) for service in SERVICES}
        kafka = _kafka_facts(servers.kafka)
        supervisor.publish(kafka=kafka, s3={"url": servers.objects.endpoint}, services=urls)
        platform = () if _REPLACES_PLATFORM in replaced else (platform_spec(told, folder / "platform"),)
        await supervisor.start(*infrastructure.specs(), *platform)
        await supervisor.run_once("prepare", prepare_command(), told, cwd=folder)
        await supervisor.start(*service_specs(told, folder))
        credentials = Credentials(folder)
        credentials.addresses(services=urls, kafka=kafka)
        async with patient(urls) as services:
            try:
                await introduce_people(
                    services,
                    bootstrap_secret=told["MRX_REGISTRY_BOOTSTRAP_SECRET"],
                    credentials=credentials,
                )
                await _sign_ins(services, credentials, secrets)
            except (Rejected, Unavailable) as refusal:
                raise OSError(f"the registry refuses the stack's first people: {refusal}") from refusal
            ready_s = time.monotonic() - started
            say(f"all ready in {ready_s:.1f} s, {supervisor.memory_mib():.0f} MiB")
            for part, address in {
                **urls,
                "kafka": kafka["bootstrap_servers"],
                "s3": servers.objects.endpoint,
            }.items():
                say(f"{part:12} {address}")
            supervisor.serves()
            yield Stack(
                folder=folder,
                servers=servers,
                settings=told,
                urls=urls,
                services=services,
                credentials=credentials,
                supervisor=supervisor,
                ready_s=ready_s,
            )


async def _sign_ins(services: Services, credentials: Credentials, secrets: Secrets) -> None:
    """The secretariat's people and the reviewers can open the pages, from the stack's first start on."""
    reviewers = (credentials.person(key) for key in ("reviewer", "second_reviewer"))
    for person in (*credentials.secretariat, *filter(None, reviewers)):
        if person["name"] in credentials.sign_ins:
            continue
        name = slug(person["name"])
        sign_in = partial(
            let_sign_in,
            services,
            person,
            password=secrets.get(f"password_of_{name}", typed_password),
            credentials=credentials,
        )
        with contextlib.suppress(Chosen):  # whoever was taken along from another folder keeps its password
            try:
                await sign_in(email=f"{name}@mrx.example")
            except Chosen:
                raise
            except Rejected:
                # Whoever moves a stack to another folder finds people of these names in its database.
                await sign_in(email=f"{name}-{person['principal_id'][-6:]}@mrx.example")


def _kafka_facts(kafka: KafkaServer) -> dict[str, str]:
    return {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
        "sasl_mechanism": kafka.sasl_mechanism,
    }
