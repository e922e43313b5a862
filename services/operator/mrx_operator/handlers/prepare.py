"""Bring three empty servers, or servers of an earlier version, to where services can start."""

from collections.abc import Sequence
from functools import partial

from mrx_shared.refusals import Rejected, counted

from mrx_operator.domain.plan import BucketPlan, PrincipalPlan, TopicPlan
from mrx_operator.ports import Buckets, Bus, Databases, Retrier, Tell


async def prepare_databases(
    services: Sequence[str], databases: Databases, *, retrier: Retrier, tell: Tell
) -> None:
    """Every service has its database and roles, and the database its newest shape."""
    for service in services:
        await retrier.until_done(f"PostgreSQL, database of {service}", partial(databases.make, service))
        await retrier.until_done(f"PostgreSQL, tables of {service}", partial(databases.migrate, service))
        tell(f"database {service}: roles and newest tables")


async def prepare_bus(
    topics: Sequence[TopicPlan],
    principals: Sequence[PrincipalPlan],
    bus: Bus,
    *,
    retrier: Retrier,
    tell: Tell,
) -> None:
    """Every topic of kept facts exists; every service can sign in and do what it must, and nothing else."""
    for topic in topics:
        await retrier.until_done(f"Kafka, topic {topic.name}", partial(bus.ensure_topic, topic))
        tell(f"topic {topic.name}: {counted(topic.partitions, 'partition', 'partitions')}")
    for principal in principals:
        service, grants = principal.service, principal.grants
        await retrier.until_done(f"Kafka, user of {service}", partial(bus.ensure_user, service))
        await retrier.until_done(f"Kafka, rights of {service}", partial(bus.grant, service, grants))
        tell(f"Kafka user of {service}: {counted(len(grants), 'right', 'rights')}")


async def prepare_buckets(
    plans: Sequence[BucketPlan], buckets: Buckets, *, retrier: Retrier, tell: Tell
) -> None:
    """Every bucket exists and turns strangers away. Raises `Rejected` where one does not."""
    for plan in plans:
        name = plan.name
        await retrier.until_done(f"object storage, bucket {name}", partial(buckets.ensure, plan))
        if not await buckets.refuses_strangers(name):
            raise Rejected(
                f"bucket {name} answers requests without credentials",
                remedy="give the S3 server its identities before anything is stored",
            )
        tell(f"bucket {name}: closed to strangers{_more(plan)}")


def _more(plan: BucketPlan) -> str:
    locked = f", every version kept {plan.locked_days} days" if plan.locked_days else ""
    return locked + (f", uploads from pages of {plan.uploads_from}" if plan.uploads_from else "")
