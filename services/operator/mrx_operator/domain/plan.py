"""What must stand before a service starts: on Kafka, as `deploy/kafka/*.toml` states it, and in object storage."""

from collections.abc import Mapping
from dataclasses import dataclass

from mrx_shared.refusals import Invalid

OPERATIONS = ("read", "write", "create", "describe", "alter", "delete", "describe_configs", "alter_configs")
NAMED_RESOURCES = ("topic", "group")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicPlan:
    """A topic, how many partitions it begins with, and its configuration."""

    name: str
    partitions: int
    config: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """An operation on a topic or group, on all with a prefix, or on the cluster, which has no name."""

    operation: str
    resource: str
    name: str | None = None
    prefixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalPlan:
    """All that one service may do on Kafka."""

    service: str
    grants: tuple[Grant, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketPlan:
    """A bucket of object storage."""

    name: str
    locked_days: int | None = None
    """so long every version of an object is kept, whoever asks; None: objects may be removed"""
    uploads_from: str | None = None
    """origin of the pages whose scripts may upload"""


def topics(stated: Mapping[str, object]) -> tuple[TopicPlan, ...]:
    """Read `topics.toml`. Raises `Invalid` that names the topic."""
    return tuple(_topic(name, plan) for name, plan in stated.items())


def principals(stated: Mapping[str, object]) -> tuple[PrincipalPlan, ...]:
    """Read `principals.toml`. Raises `Invalid` that names the service and the right."""
    return tuple(
        PrincipalPlan(service=service, grants=tuple(_grants(service, rights)))
        for service, rights in stated.items()
    )


def _topic(name: str, plan: object) -> TopicPlan:
    match plan:
        case {"partitions": int(partitions), "config": dict(config), **rest} if partitions > 0 and not rest:
            return TopicPlan(
                name=name, partitions=partitions, config={key: str(value) for key, value in config.items()}
            )
    raise Invalid(
        "a topic has partitions, at least 1, and a config, and nothing else", field=f"topics.toml: {name}"
    )


def _grants(service: str, rights: object) -> list[Grant]:
    grants: list[Grant] = []
    for resource, stated in (rights if isinstance(rights, dict) else {"": None}).items():
        match stated:
            case list() if resource == "cluster":
                grants += [_grant(service, str(operation), resource, None) for operation in stated]
            case dict() if resource in NAMED_RESOURCES:
                grants += [
                    _grant(service, operation, resource, str(name))
                    for operation, names in stated.items()
                    for name in names
                ]
            case _:
                raise Invalid(
                    "rights are topic.<operation> = [names], group.<operation> = [names], cluster = [operations]",
                    field=f"principals.toml: {service}.{resource}",
                )
    return grants


def _grant(service: str, operation: str, resource: str, name: str | None) -> Grant:
    if operation not in OPERATIONS:
        raise Invalid(
            f"{operation!r} is not an operation",
            field=f"principals.toml: {service}.{resource}",
            remedy=f"write one of {', '.join(OPERATIONS)}",
        )
    if name is None:
        return Grant(operation=operation, resource=resource)
    prefixed = name.endswith("*")
    bare = name.removesuffix("*")
    if not bare or "*" in bare:
        raise Invalid(
            f"{name!r} is not a name: a * is allowed only at the end, and not alone",
            field=f"principals.toml: {service}.{resource}.{operation}",
        )
    return Grant(operation=operation, resource=resource, name=bare, prefixed=prefixed)
