"""Topics, users and rights on Kafka. Everything here may be done again: what stands already is left or set anew."""

import asyncio
from collections.abc import Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined]  # it re-exports without saying so
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialAlteration,
    UserScramCredentialDeletion,
    UserScramCredentialUpsertion,
)

from mrx_shared.refusals import Unavailable

Resource = Literal["topic", "group", "cluster"]
Operation = Literal[
    "read", "write", "create", "describe", "alter", "delete", "describe_configs", "alter_configs"
]

_RESOURCES = {"topic": ResourceType.TOPIC, "group": ResourceType.GROUP, "cluster": ResourceType.BROKER}
_CLUSTER = "kafka-cluster"
_ITERATIONS = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """A user may do `operation` on one topic or group, or on all whose name starts with `name`."""

    user: str
    operation: Operation
    resource: Resource
    name: str = _CLUSTER
    prefixed: bool = False

    def __post_init__(self) -> None:
        if not self.user or not self.name:
            raise ValueError("a right names its user and its resource")

    def binding(self) -> AclBinding:
        """This right in Kafka's words."""
        return AclBinding(
            _RESOURCES[self.resource],
            self.name,
            ResourcePatternType.PREFIXED if self.prefixed else ResourcePatternType.LITERAL,
            f"User:{self.user}",
            "*",
            AclOperation[self.operation.upper()],
            AclPermissionType.ALLOW,
        )


class KafkaAdministration:
    """Makes and removes what stands on a Kafka cluster. Raises `Unavailable` where Kafka did not do it in time."""

    def __init__(
        self,
        bootstrap_servers: str,
        *,
        security_protocol: str,
        username: str,
        password: str,
        ca_file: Path | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._timeout_s = timeout_s
        self._configuration: dict[str, str | int | float | bool] = {
            "bootstrap.servers": bootstrap_servers,
            "security.protocol": security_protocol,
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": username,
            "sasl.password": password,
            "socket.timeout.ms": int(timeout_s * 1000),
            "log_level": 0,  # an absent broker is told by Unavailable, not on stderr
        }
        if ca_file is not None:
            self._configuration["ssl.ca.location"] = str(ca_file)
        self._connected: AdminClient | None = None

    async def ensure_topic(self, name: str, partitions: int, config: Mapping[str, str]) -> None:
        """The topic exists with this configuration; the partitions of one that existed stay as they are."""
        await asyncio.to_thread(self._ensure_topic, name, partitions, dict(config))

    async def ensure_user(self, name: str, password: str) -> None:
        """The SCRAM user exists with this password, whatever it had before."""
        upsertion = UserScramCredentialUpsertion(
            name, ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, _ITERATIONS), password.encode()
        )
        await asyncio.to_thread(self._alter_user, upsertion)

    async def remove_user(self, name: str) -> None:
        """The SCRAM user is gone; its live connections end when the broker asks them to sign in again."""
        deletion = UserScramCredentialDeletion(name, ScramMechanism.SCRAM_SHA_512)
        await asyncio.to_thread(self._alter_user, deletion)

    async def ensure_acls(self, rights: Iterable[Right]) -> None:
        """Each of these rights holds."""
        bindings = [right.binding() for right in rights]
        if bindings:
            await asyncio.to_thread(self._create_acls, bindings)

    async def remove_acls(self, user: str) -> None:
        """The user has no right left."""
        await asyncio.to_thread(self._remove_acls, user)

    def _client(self) -> AdminClient:
        if self._connected is None:
            self._connected = AdminClient(self._configuration)
        return self._connected

    def _ensure_topic(self, name: str, partitions: int, config: dict[str, str]) -> None:
        topic = NewTopic(name, num_partitions=partitions, replication_factor=-1, config=config)
        for future in self._client().create_topics([topic]).values():
            existed = self._await(future, f"topic {name}", fine=KafkaError.TOPIC_ALREADY_EXISTS)
            if existed and config:
                self._set_config(name, config)

    def _set_config(self, name: str, config: dict[str, str]) -> None:
        wanted = ConfigResource(
            ConfigResource.Type.TOPIC,
            name,
            incremental_configs=[
                ConfigEntry(key, value, incremental_operation=AlterConfigOpType.SET)
                for key, value in config.items()
            ],
        )
        for future in self._client().incremental_alter_configs([wanted]).values():
            self._await(future, f"configuration of topic {name}")

    def _alter_user(self, alteration: UserScramCredentialAlteration) -> None:
        for future in self._client().alter_user_scram_credentials([alteration]).values():
            self._await(future, f"user {alteration.user}", fine=KafkaError.RESOURCE_NOT_FOUND)

    def _create_acls(self, bindings: list[AclBinding]) -> None:
        for binding, future in self._client().create_acls(bindings).items():
            self._await(future, f"right of {binding.principal} on {binding.name}")

    def _remove_acls(self, user: str) -> None:
        every = AclBindingFilter(
            ResourceType.ANY,
            None,  # type: ignore[arg-type]  # None is any, against its annotation
            ResourcePatternType.ANY,
            f"User:{user}",
            None,  # type: ignore[arg-type]
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        for future in self._client().delete_acls([every]).values():
            self._await(future, f"rights of {user}")

    def _await(self, future: "Future[object]", what: str, *, fine: int | None = None) -> bool:
        """Whether Kafka answered with the error that is `fine`, meaning that nothing was left to do."""
        try:
            future.result(timeout=self._timeout_s)
        except KafkaException as failure:
            error: KafkaError = failure.args[0]
            if fine is not None and error.code() == fine:
                return True
            raise Unavailable(f"Kafka, {what}: {error.name()}") from failure
        except TimeoutError as failure:
            raise Unavailable(f"Kafka, {what}: no answer in {self._timeout_s:.0f} s") from failure
        return False
