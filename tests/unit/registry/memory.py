"""The registry's ports in memory: confidential rows are seen only inside `concerning` their member."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import TypeVar
from uuid import UUID

from mrx_registry.domain.channels import Channel
from mrx_registry.domain.groups import Groups
from mrx_registry.domain.members import Group, Member, Recognition
from mrx_registry.domain.names import folded
from mrx_registry.domain.principals import Credential, Kind, Principal, Role, SigningKey
from mrx_registry.domain.sign_in import PasswordLink, Session, SignIn
from mrx_registry.domain.statement import Adoption, Signature, Statement
from mrx_registry.ports import Claims, Work
from mrx_shared.refusals import Forbidden, Unavailable, Unknown
from mrx_shared.testing.work import NOON, MemoryUnitOfWork

T = TypeVar("T")


@dataclass
class Tenant:
    """Whose confidential rows are seen now."""

    member: UUID | None = None


@dataclass
class MemoryMembers:
    kept: dict[UUID, Member] = field(default_factory=dict)
    made: dict[str, Group] = field(default_factory=dict)
    ties: set[frozenset[UUID]] = field(default_factory=set)
    judged: dict[UUID, date | None] = field(default_factory=dict)
    due: set[UUID] = field(default_factory=set)

    async def add(self, member: Member) -> bool:
        if folded(member.name) in {folded(known.name) for known in self.kept.values()}:
            return False
        self.kept[member.id] = member
        return True

    async def get(self, member_id: UUID) -> Member:
        if member_id not in self.kept:
            raise Unknown("there is no such member", field="member_id")
        return self.kept[member_id]

    async def find(self, member_id: UUID) -> Member | None:
        return self.kept.get(member_id)

    async def every(self) -> Sequence[Member]:
        return sorted(self.kept.values(), key=lambda member: folded(member.name))

    async def keep(self, member: Member, *, judged_on: date | None) -> None:
        self.kept[member.id] = member
        self.judged[member.id] = judged_on
        self.due.discard(member.id)

    async def groups(self) -> Groups:
        members = {folded(one.name): one.group for one in self.kept.values()}
        return Groups(by_name=dict(self.made), by_member=members)

    async def group_named(self, name: str, *, new_id: UUID) -> Group:
        return self.made.setdefault(folded(name), Group(id=new_id, name=name))

    async def add_holding(self, group: UUID, other: UUID) -> None:
        self.ties.add(frozenset((group, other)))

    async def tied_to(self, group: UUID) -> frozenset[UUID]:
        return frozenset(
            other for add_holding in self.ties if group in add_holding for other in add_holding - {group}
        )

    async def judge_again(self) -> None:
        self.due |= set(self.kept)

    async def to_judge(self, today: date) -> Sequence[UUID]:
        return [
            member.id
            for member in self.kept.values()
            if member.said is not None
            and (
                member.id in self.due
                or self.judged.get(member.id) != today
                or member.said.tied_groups != await self.tied_to(member.group.id)
            )
        ]


@dataclass
class MemoryPrincipals:
    tenant: Tenant
    kept: dict[UUID, Principal] = field(default_factory=dict)
    credentials: dict[str, Credential] = field(default_factory=dict)
    first: UUID | None = None

    async def add(self, principal: Principal, credential: Credential) -> None:
        assert principal.member_id == self.tenant.member
        self.kept[principal.id] = principal
        self.credentials[credential.client_id] = credential

    async def get(self, principal_id: UUID) -> Principal:
        principal = self.kept.get(principal_id)
        if principal is None or principal.member_id != self.tenant.member:
            raise Unknown("there is no such principal", field="principal_id")
        return principal

    async def people(self, member_id: UUID | None, *, role: Role = Role.MEMBER) -> list[Principal]:
        assert member_id == self.tenant.member
        return [
            one
            for one in self.kept.values()
            if (one.member_id, one.role, one.kind) == (member_id, role, Kind.PERSON) and one.email is not None
            if not (await self.credential_of(one.id)).disabled
        ]

    async def reviewers(self) -> list[Principal]:
        found = [one for one in self.kept.values() if one.role is Role.REVIEWER]
        return sorted(
            [one for one in found if not (await self.credential_of(one.id)).disabled],
            key=lambda one: (one.name, one.id),
        )

    async def secretariat(self) -> list[Principal]:
        found = [one for one in self.kept.values() if one.role is Role.SECRETARIAT]
        return sorted(found, key=lambda one: (one.name, one.id))

    async def reach(self, principal_id: UUID, *, email: str, language: str) -> None:
        principal = await self.get(principal_id)
        self.kept[principal_id] = replace(principal, email=email, language=language)

    async def credential(self, client_id: str) -> Credential | None:
        return self.credentials.get(client_id)

    async def credential_of(self, principal_id: UUID) -> Credential:
        for credential in self.credentials.values():
            if credential.principal_id == principal_id:
                return credential
        raise Unknown("there is no such principal", field="principal_id")

    async def keep(self, credential: Credential) -> None:
        self.credentials[credential.client_id] = credential

    async def bootstrapped(self) -> UUID | None:
        return self.first

    async def bootstrap(self, principal_id: UUID) -> None:
        self.first = principal_id


@dataclass
class MemoryStatements:
    tenant: Tenant
    versions: dict[str, Statement] = field(default_factory=dict)
    signed: list[Signature] = field(default_factory=list)
    withdrawn: dict[UUID, datetime] = field(default_factory=dict)
    adopted: list[Adoption] = field(default_factory=list)

    async def publish(self, statement: Statement) -> bool:
        if statement.version in self.versions:
            return False
        self.versions[statement.version] = statement
        return True

    async def version(self, version: str) -> Statement | None:
        return self.versions.get(version)

    async def current(self) -> Statement | None:
        return next(reversed(self.versions.values()), None)

    async def sign(self, signature: Signature) -> None:
        assert signature.member_id == self.tenant.member
        self.signed.append(signature)

    async def signatures(self, member_id: UUID) -> Sequence[Signature]:
        return [
            signature
            for signature in self.signed
            if signature.member_id == member_id == self.tenant.member and signature.id not in self.withdrawn
        ]

    async def withdraw(self, signature: Signature, *, at: datetime) -> None:
        assert signature.member_id == self.tenant.member
        self.withdrawn[signature.id] = at

    async def adopt(self, adoption: Adoption) -> None:
        assert adoption.member_id == self.tenant.member
        self.adopted.append(adoption)

    async def adoptions(self, member_id: UUID) -> Sequence[Adoption]:
        return [one for one in self.adopted if one.member_id == member_id == self.tenant.member]


@dataclass
class MemoryRecognitions:
    tenant: Tenant
    statements: MemoryStatements
    kept: dict[tuple[UUID, str, str], tuple[int, Recognition]] = field(default_factory=dict)

    async def apply(self, recognition: Recognition, *, sequence: int) -> bool:
        assert recognition.owner in (None, self.tenant.member)
        place = (recognition.protocol_id, recognition.protocol_version, recognition.criteria_version)
        known, _ = self.kept.get(place, (0, None))
        if known >= sequence:
            return False
        self.kept[place] = (sequence, recognition)
        return True

    async def of_version(self, protocol_id: UUID, protocol_version: str) -> Sequence[Recognition]:
        return [
            known
            for place, (_, known) in self.kept.items()
            if place[:2] == (protocol_id, protocol_version) and known.owner in (None, self.tenant.member)
        ]

    async def counting_for(self, member_id: UUID) -> Sequence[Recognition]:
        adopted = {
            (one.protocol_id, one.protocol_version) for one in await self.statements.adoptions(member_id)
        }
        return [
            known
            for place, (_, known) in self.kept.items()
            if known.owner == member_id == self.tenant.member
            or (known.owner is None and place[:2] in adopted)
        ]


@dataclass
class MemoryChannels:
    tenant: Tenant
    kept: dict[UUID, Channel] = field(default_factory=dict)
    others_at_it: bool = False

    async def get(self, member_id: UUID) -> Channel:
        assert member_id == self.tenant.member
        if member_id not in self.kept:
            raise Unknown("there is no such member", field="member_id")
        return self.kept[member_id]

    async def keep(self, channel: Channel) -> None:
        assert channel.member_id == self.tenant.member
        self.kept[channel.member_id] = channel

    async def alone(self) -> bool:
        return not self.others_at_it

    async def due(self) -> Sequence[UUID]:
        return [channel.member_id for channel in self.kept.values() if channel.due]


@dataclass
class MemoryKeys:
    kept: list[SigningKey] = field(default_factory=list)

    async def add(self, key: SigningKey) -> None:
        self.kept.insert(0, key)

    async def current(self) -> SigningKey | None:
        return self.kept[0] if self.kept else None

    async def hold(self) -> None:
        pass

    async def every(self) -> Sequence[SigningKey]:
        return self.kept


@dataclass
class MemorySignIns:
    clock: Callable[[], datetime]
    kept: dict[UUID, SignIn] = field(default_factory=dict)
    tried: list[tuple[bytes, datetime]] = field(default_factory=list)

    async def keep(self, sign_in: SignIn) -> bool:
        others = {one.email_digest for one in self.kept.values() if one.principal_id != sign_in.principal_id}
        if sign_in.email_digest in others:
            return False
        self.kept[sign_in.principal_id] = sign_in
        return True

    async def by_email(self, digest: bytes) -> SignIn | None:
        return next((one for one in self.kept.values() if one.email_digest == digest), None)

    async def of(self, principal_id: UUID) -> SignIn | None:
        return self.kept.get(principal_id)

    async def guesses(self, digest: bytes, *, since: datetime) -> Sequence[datetime]:
        return [at for whose, at in self.tried if whose == digest and at > since]

    async def count_guess(self, digest: bytes, *, forget_before: datetime) -> None:
        self.tried = [(whose, at) for whose, at in self.tried if at >= forget_before]
        self.tried.append((digest, self.clock()))

    async def forgive(self, digest: bytes) -> None:
        self.tried = [(whose, at) for whose, at in self.tried if whose != digest]


@dataclass
class MemorySessions:
    kept: dict[str, Session] = field(default_factory=dict)

    async def add(self, session: Session) -> None:
        self.kept[session.token_hash] = session

    async def get(self, token_hash: str) -> Session | None:
        return self.kept.get(token_hash)

    async def seen(self, session: Session) -> None:
        self.kept[session.token_hash] = session

    async def end(self, token_hash: str) -> None:
        self.kept.pop(token_hash, None)

    async def end_of_principal(self, principal_id: UUID, *, but: str | None = None) -> None:
        self.kept = {
            key: one for key, one in self.kept.items() if one.principal_id != principal_id or key == but
        }

    async def end_of_member(self, member_id: UUID) -> None:
        self.kept = {key: one for key, one in self.kept.items() if one.member_id != member_id}


@dataclass
class MemoryPasswordLinks:
    clock: Callable[[], datetime]
    kept: dict[UUID, PasswordLink] = field(default_factory=dict)
    used: set[UUID] = field(default_factory=set)
    tokens: dict[str, tuple[UUID, datetime]] = field(default_factory=dict)
    wishes: list[bytes] = field(default_factory=list)

    async def add(self, link: PasswordLink) -> None:
        self.kept[link.mail_id] = link

    async def get(self, mail_id: UUID) -> PasswordLink | None:
        return self.kept.get(mail_id)

    async def expect(self, mail_id: UUID, token_hash: str, *, ends_at: datetime) -> None:
        self.tokens.setdefault(token_hash, (mail_id, ends_at))

    async def redeemable(self, token_hash: str) -> PasswordLink | None:
        mail_id, ends_at = self.tokens.get(token_hash, (None, None))
        if mail_id is None or mail_id in self.used or ends_at is None or ends_at <= self.clock():
            return None
        return self.kept[mail_id]

    async def use_up(self, principal_id: UUID) -> None:
        self.used |= {one.mail_id for one in self.kept.values() if one.principal_id == principal_id}

    async def asked_since(self, digest: bytes, since: datetime) -> int:
        return len([one for one in self.kept.values() if one.email_digest == digest and one.asked_at > since])

    async def request_reset(self, digest: bytes) -> None:
        if digest not in self.wishes:
            self.wishes.append(digest)

    async def take_resets(self, few: int) -> Sequence[bytes]:
        taken, self.wishes = self.wishes[:few], self.wishes[few:]
        return taken


class MemoryWork(MemoryUnitOfWork):
    """One work for many verbs: what a verb stored, the next one finds."""

    def __init__(self, now: datetime = NOON) -> None:
        super().__init__(now)
        self.tenant = Tenant()
        self.begun_for: UUID | None = None
        self.members = MemoryMembers()
        self.principals = MemoryPrincipals(self.tenant)
        self.statements = MemoryStatements(self.tenant)
        self.recognitions = MemoryRecognitions(self.tenant, self.statements)
        self.channels = MemoryChannels(self.tenant)
        self.keys = MemoryKeys()
        self.sign_ins = MemorySignIns(lambda: self.now)
        self.sessions = MemorySessions()
        self.password_links = MemoryPasswordLinks(lambda: self.now)

    @asynccontextmanager
    async def concerning(self, member: UUID | None) -> AsyncIterator[None]:
        if self.begun_for is not None and member != self.begun_for:
            raise Forbidden("this is another member's")
        before, self.tenant.member = self.tenant.member, member
        try:
            yield
        finally:
            self.tenant.member = before

    async def transact(
        self,
        verb: Callable[[Work], Awaitable[T]],
        *,
        tenant: UUID | None = None,
        correlation_id: str | None = None,
    ) -> T:
        """Run a verb, as `ports.Transact` does."""
        return await verb(self)


class MemoryTopics:
    """Kafka in memory; `away` makes every call fail."""

    def __init__(self) -> None:
        self.open_for: set[UUID] = set()
        self.topics_of: set[UUID] = set()
        self.passwords: dict[UUID, str] = {}
        self.refused: set[UUID] = set()
        self.away = False

    async def open(self, member_id: UUID) -> None:
        await self._answer(member_id)
        self.open_for.add(member_id)
        self.topics_of.add(member_id)

    async def let_in(self, member_id: UUID, password: str) -> None:
        await self._answer(member_id)
        self.passwords[member_id] = password

    async def shut(self, member_id: UUID) -> None:
        await self._answer(member_id)
        self.open_for.discard(member_id)
        self.passwords.pop(member_id, None)

    async def _answer(self, member_id: UUID) -> None:
        if self.away or member_id in self.refused:
            raise Unavailable("Kafka is away")
        for _ in range(5):  # what succeeds takes longer than what is refused
            await asyncio.sleep(0)


class PlainSecrets:
    """Secrets that count up, and hashes that read `kept:` and the secret."""

    def __init__(self) -> None:
        self.made = 0
        self.compared: list[str | None] = []

    def new(self) -> str:
        self.made += 1
        return f"secret-{self.made}"

    async def hash(self, secret: str) -> str:
        return f"kept:{secret}"

    async def match(self, secret: str, kept: str | None) -> bool:
        self.compared.append(kept)
        return kept == f"kept:{secret}"


class PlainSeal:
    """Seals that anybody may read, for tests."""

    def close(self, secret: str, *, belongs_to: str) -> bytes:
        return f"{belongs_to}={secret}".encode()

    def open(self, sealed: bytes, *, belongs_to: str) -> str:
        place, _, secret = sealed.decode().partition("=")
        assert place == belongs_to
        return secret


class PlainTokens:
    """Tokens that are the claims themselves, kept for a test to read."""

    def __init__(self) -> None:
        self.signed: list[Claims] = []
        self.keys = 0

    def new_key(self, *, valid_from: datetime) -> SigningKey:
        self.keys += 1
        return SigningKey(key_id=f"key-{self.keys}", public_key="x", sealed=b"sealed", valid_from=valid_from)

    def sign(self, claims: Claims, *, key: SigningKey) -> str:
        self.signed.append(claims)
        return f"{key.key_id}:{claims.principal_id}"
