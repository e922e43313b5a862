"""One registry in memory for each test, and the acts that most scenarios begin with."""

from datetime import date
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from mrx_registry.domain.members import Member
from mrx_registry.handlers import admission, participation, statement
from mrx_shared.api.bodies import fill
from mrx_shared.api.registry import NewMember, NewSignatory, NewSignature
from mrx_shared.messages.benchmark import ProtocolAssessed

from tests.unit.registry.memory import MemoryTopics, MemoryWork, PlainSeal


@pytest.fixture
def work() -> MemoryWork:
    return MemoryWork()


@pytest.fixture
def topics() -> MemoryTopics:
    return MemoryTopics()


class Acts:
    """What happens before the sentence that a test states."""

    def __init__(self, work: MemoryWork, topics: MemoryTopics) -> None:
        self.work = work
        self.topics = topics
        self.sequence = 0

    async def apply(self, name: str = "Acme", group: str | None = None, *ties: str) -> Member:
        """The secretariat takes a member on, and makes its group where there is none of the name."""
        group = group or f"{name} Group"
        new = (await self.work.members.groups()).named(group) is None
        wanted = fill(NewMember, name=name, group=group, minority_holdings=ties, new_group=new)
        return await admission.admit(wanted, self.work, member_id=uuid4())

    async def provision(self) -> bool:
        """Kafka is made to follow."""
        return await admission.provision(self.work.transact, self.topics, PlainSeal())

    async def admitted(self, name: str = "Acme", group: str | None = None, *ties: str) -> Member:
        """A member is admitted."""
        member = await self.apply(name, group, *ties)
        await self.provision()
        return await self.work.members.get(member.id)

    async def assess(self, protocol: ProtocolAssessed) -> None:
        """A verdict of the benchmark arrives."""
        self.sequence += 1
        await participation.take_verdict(protocol, self.work, sequence=self.sequence)

    async def passed_step_1(self, name: str = "Acme") -> Member:
        """A member is admitted, and its own protocol is equivalent."""
        member = await self.admitted(name)
        await self.assess(verdict(member.id))
        return await self.work.members.get(member.id)

    async def publish(self, version: str = "2026-1", text: str = "We accept.") -> str:
        """A statement stands. Gives the digest of its text."""
        return (await statement.publish(version, text, self.work)).sha256

    async def participating(self, name: str = "Acme") -> Member:
        """A member takes part."""
        member = await self.passed_step_1(name)
        known = await self.work.statements.current()
        digest = known.sha256 if known else await self.publish()
        await statement.sign(member.id, signing(digest), self.work)
        return await self.work.members.get(member.id)


@pytest.fixture
def acts(work: MemoryWork, topics: MemoryTopics) -> Acts:
    return Acts(work, topics)


def signing(digest: str, version: str = "2026-1") -> NewSignature:
    return NewSignature(
        statement_version=version,
        text_sha256=digest,
        signatory=NewSignatory(name="Ada Byron", title="Chief Procurement Officer"),
    )


def verdict(
    owner: UUID | None,
    *,
    equivalent: bool = True,
    protocol_id: UUID | None = None,
    since: date = date(2025, 1, 1),
    until: date | None = None,
    criteria: str = "5.0-2p",
) -> ProtocolAssessed:
    return ProtocolAssessed(
        assessment_id=uuid4(),
        protocol_id=protocol_id or uuid4(),
        protocol_code="ACME-RS",
        protocol_version="3",
        scheme_family="SMETA" if owner is None else "equivalent",
        public=owner is None,
        member_id=owner,
        criteria_version=criteria,
        commonality=Decimal("91.20") if equivalent else Decimal("84.99"),
        lower=Decimal("84.99"),
        upper=Decimal("91.20"),
        equivalent=equivalent,
        recognised_from=since if equivalent else None,
        recognised_until=until if equivalent else None,
        assessed_at=MemoryWork().now,
    )
