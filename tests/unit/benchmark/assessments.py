"""A catalogue, a protocol and an assessment of it, for tests of handlers."""

from collections.abc import Mapping
from datetime import date
from uuid import UUID, uuid4

from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion
from mrx_benchmark.handlers import assessing, protocols
from mrx_criteria.domain.criteria import Catalogue, Criterion, Kind
from mrx_shared.messages.benchmark import ProtocolAssessed

from tests.unit.benchmark.in_memory import MemoryWork

ACME = uuid4()
WEIGHTS = {"A": 84, "B": 1, "C": 15}


def catalogue(valid_until: date | None = None) -> Catalogue:
    return Catalogue(
        version="own",
        based_on="own",
        valid_from=date(2020, 1, 1),
        valid_until=valid_until,
        criteria=tuple(
            Criterion(
                id=name,
                clause="1",
                pillar="labour",
                statement="something",
                essential=False,
                weight=weight,
                kind=Kind.REQUIREMENT,
            )
            for name, weight in WEIGHTS.items()
        ),
    )


async def protocol(work: MemoryWork, owner: UUID | None = ACME, code: str = "ACME-1") -> Protocol:
    """A protocol with a version 1."""
    made = await protocols.register_protocol(
        code=code,
        name="Acme",
        scheme_family=None if owner else "SMETA",
        public=owner is None,
        owner=owner,
        work=work,
    )
    version = ProtocolVersion(
        protocol_id=made.protocol_id,
        version="1",
        effective_from=date(2021, 1, 1),
        effective_until=date(2027, 12, 31),
    )
    await protocols.submit_version(version, owner=owner, work=work)
    return made


async def submit(
    work: MemoryWork, of: Protocol, relations: Mapping[str, str], owner: UUID | None = ACME
) -> UUID:
    shown = await assessing.submit_answers(
        [{"criterion_id": name, "relation": relation} for name, relation in relations.items()],
        protocol_id=of.protocol_id,
        version="1",
        criteria_version="own",
        owner=owner,
        by="acme's system",
        work=work,
    )
    return shown.assessment.assessment_id


def assessed(work: MemoryWork) -> ProtocolAssessed:
    fact = work.said[-1]
    assert isinstance(fact, ProtocolAssessed)
    return fact
