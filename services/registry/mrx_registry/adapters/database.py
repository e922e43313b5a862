"""The registry's work on PostgreSQL."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import date, datetime
from typing import Any, TypeVar
from uuid import UUID

from mrx_shared.bus.rows import Rows
from mrx_shared.bus.work import Moment, SqlWork
from mrx_shared.refusals import Forbidden, Unknown
from mrx_shared.store.database import set_tenant
from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_registry.adapters.sign_in import SqlPasswordLinks, SqlSessions, SqlSignIns
from mrx_registry.domain.channels import Channel
from mrx_registry.domain.groups import Groups
from mrx_registry.domain.members import Group, Member, Missing, Recognition, Standing, State
from mrx_registry.domain.names import folded
from mrx_registry.domain.principals import Credential, Kind, Principal, Role, SigningKey
from mrx_registry.domain.statement import Adoption, Signatory, Signature, Statement

T = TypeVar("T")

_MEMBER = "SELECT m.*, g.name AS group_name FROM member m JOIN corporate_group g ON g.id = m.group_id"


class SqlMembers(Rows):
    """See `ports.Members`."""

    async def add(self, member: Member) -> bool:
        added = await self._first(
            """
            INSERT INTO member (id, name, folded, group_id, state, created_at)
            VALUES (:id, :name, :folded, :group_id, :state, :created_at)
            ON CONFLICT (folded) DO NOTHING RETURNING 1
            """,
            id=member.id,
            name=member.name,
            folded=folded(member.name),
            group_id=member.group.id,
            state=member.state,
            created_at=member.created_at,
        )
        return added is not None

    async def get(self, member_id: UUID) -> Member:
        row = await self._first(f"{_MEMBER} WHERE m.id = :id FOR UPDATE OF m", id=member_id)
        if row is None:
            raise Unknown("there is no such member", field="member_id")
        return _member(row)

    async def find(self, member_id: UUID) -> Member | None:
        row = await self._first(f"{_MEMBER} WHERE m.id = :id", id=member_id)
        return _member(row) if row else None

    async def every(self) -> Sequence[Member]:
        return [_member(row) for row in await self._all(f"{_MEMBER} ORDER BY m.folded")]

    async def keep(self, member: Member, *, judged_on: date | None) -> None:
        said = member.said
        await self._do(
            """
            UPDATE member SET state = :state, admitted_at = :admitted_at, missing = :missing,
                tied_groups = :tied_groups, since = :since, judged_on = :judged_on, judge_again = false
            WHERE id = :id
            """,
            id=member.id,
            state=member.state,
            admitted_at=member.admitted_at,
            missing=[code.value for code in said.missing] if said else None,
            tied_groups=sorted(said.tied_groups) if said else None,
            since=said.since if said else None,
            judged_on=judged_on,
        )

    async def groups(self) -> Groups:
        rows = await self._all(
            """
            SELECT g.id, g.name, g.folded, m.folded AS member
            FROM corporate_group g LEFT JOIN member m ON m.group_id = g.id
            """
        )
        groups = {row.folded: Group(id=row.id, name=row.name) for row in rows}
        return Groups(
            by_name=groups, by_member={row.member: groups[row.folded] for row in rows if row.member}
        )

    async def group_named(self, name: str, *, new_id: UUID) -> Group:
        await self._do(
            """
            INSERT INTO corporate_group (id, name, folded) VALUES (:id, :name, :folded)
            ON CONFLICT (folded) DO NOTHING
            """,
            id=new_id,
            name=name,
            folded=folded(name),
        )
        row = await self._first(
            "SELECT id, name FROM corporate_group WHERE folded = :folded", folded=folded(name)
        )
        assert row is not None
        return Group(id=row.id, name=row.name)

    async def tie(self, group: UUID, other: UUID) -> None:
        first, second = sorted((group, other))
        await self._do(
            """
            INSERT INTO holding (group_id, other_id) VALUES (:first, :second), (:second, :first)
            ON CONFLICT DO NOTHING
            """,
            first=first,
            second=second,
        )

    async def tied_to(self, group: UUID) -> frozenset[UUID]:
        rows = await self._all("SELECT other_id FROM holding WHERE group_id = :id", id=group)
        return frozenset(row.other_id for row in rows)

    async def judge_again(self) -> None:
        await self._do("UPDATE member SET judge_again = true WHERE state <> 'provisioning'")

    async def to_judge(self, today: date) -> Sequence[UUID]:
        rows = await self._all(
            """
            SELECT m.id FROM member m
            WHERE m.state <> 'provisioning' AND (m.judge_again OR m.judged_on IS DISTINCT FROM :today
                OR m.tied_groups <> ARRAY(
                    SELECT h.other_id FROM holding h WHERE h.group_id = m.group_id ORDER BY h.other_id))
            ORDER BY m.id
            """,
            today=today,
        )
        return [row.id for row in rows]


def _member(row: Row[Any]) -> Member:
    said = (
        Standing(
            missing=tuple(Missing(code) for code in row.missing),
            tied_groups=frozenset(row.tied_groups),
            since=row.since,
        )
        if row.since
        else None
    )
    return Member(
        id=row.id,
        name=row.name,
        group=Group(id=row.group_id, name=row.group_name),
        state=State(row.state),
        created_at=row.created_at,
        admitted_at=row.admitted_at,
        said=said,
    )


class SqlPrincipals(Rows):
    """See `ports.Principals`."""

    async def add(self, principal: Principal, credential: Credential) -> None:
        await self._do(
            """
            INSERT INTO principal (id, kind, name, role, member_id, created_at)
            VALUES (:id, :kind, :name, :role, :member_id, :created_at)
            """,
            id=principal.id,
            kind=principal.kind,
            name=principal.name,
            role=principal.role,
            member_id=principal.member_id,
            created_at=principal.created_at,
        )
        await self._do(
            """
            INSERT INTO credential (client_id, principal_id, role, member_id, secret_hash)
            VALUES (:client_id, :principal_id, :role, :member_id, :secret_hash)
            """,
            client_id=credential.client_id,
            principal_id=credential.principal_id,
            role=credential.role,
            member_id=credential.member_id,
            secret_hash=credential.secret_hash,
        )

    async def get(self, principal_id: UUID) -> Principal:
        row = await self._first("SELECT * FROM principal WHERE id = :id", id=principal_id)
        if row is None:
            raise Unknown("there is no such principal", field="principal_id")
        return _principal(row)

    async def people(self, member_id: UUID | None, *, role: Role = Role.MEMBER) -> Sequence[Principal]:
        rows = await self._all(
            """
            SELECT p.* FROM principal p JOIN credential c ON c.principal_id = p.id
            WHERE p.member_id IS NOT DISTINCT FROM :id AND p.role = :role AND p.kind = 'person'
                AND p.email IS NOT NULL AND NOT c.disabled
            ORDER BY p.id
            """,
            id=member_id,
            role=role.value,
        )
        return [_principal(row) for row in rows]

    async def reviewers(self) -> Sequence[Principal]:
        rows = await self._all(
            """
            SELECT p.* FROM principal p JOIN credential c ON c.principal_id = p.id
            WHERE p.role = 'reviewer' AND NOT c.disabled ORDER BY p.name, p.id
            """
        )
        return [_principal(row) for row in rows]

    async def secretariat(self) -> Sequence[Principal]:
        rows = await self._all("SELECT * FROM principal WHERE role = 'secretariat' ORDER BY name, id")
        return [_principal(row) for row in rows]

    async def reach(self, principal_id: UUID, *, email: str, language: str) -> None:
        await self._do(
            "UPDATE principal SET email = :email, language = :language WHERE id = :id",
            id=principal_id,
            email=email,
            language=language,
        )

    async def credential(self, client_id: str) -> Credential | None:
        if "\x00" in client_id:  # PostgreSQL knows no such text
            return None
        row = await self._first("SELECT * FROM credential WHERE client_id = :id", id=client_id)
        return _credential(row) if row else None

    async def credential_of(self, principal_id: UUID) -> Credential:
        row = await self._first(
            "SELECT * FROM credential WHERE principal_id = :id FOR UPDATE", id=principal_id
        )
        if row is None:
            raise Unknown("there is no such principal", field="principal_id")
        return _credential(row)

    async def keep(self, credential: Credential) -> None:
        await self._do(
            """
            UPDATE credential SET secret_hash = :secret_hash, disabled = :disabled, used = :used
            WHERE client_id = :client_id
            """,
            client_id=credential.client_id,
            secret_hash=credential.secret_hash,
            disabled=credential.disabled,
            used=credential.used,
        )

    async def bootstrapped(self) -> UUID | None:
        await self._hold("bootstrap")
        row = await self._first("SELECT principal_id FROM bootstrap")
        return row.principal_id if row else None

    async def bootstrap(self, principal_id: UUID) -> None:
        await self._do("INSERT INTO bootstrap (principal_id) VALUES (:id)", id=principal_id)


def _principal(row: Row[Any]) -> Principal:
    return Principal(
        id=row.id,
        kind=Kind(row.kind),
        name=row.name,
        role=Role(row.role),
        member_id=row.member_id,
        created_at=row.created_at,
        email=row.email,
        language=row.language,
    )


def _credential(row: Row[Any]) -> Credential:
    return Credential(
        client_id=row.client_id,
        principal_id=row.principal_id,
        role=Role(row.role),
        member_id=row.member_id,
        secret_hash=row.secret_hash,
        disabled=row.disabled,
        used=row.used,
    )


class SqlStatements(Rows):
    """See `ports.Statements`."""

    async def publish(self, statement: Statement) -> bool:
        published = await self._first(
            """
            INSERT INTO statement (version, text, published_at) VALUES (:version, :text, :published_at)
            ON CONFLICT (version) DO NOTHING RETURNING 1
            """,
            version=statement.version,
            text=statement.text,
            published_at=statement.published_at,
        )
        return published is not None

    async def version(self, version: str) -> Statement | None:
        row = await self._first("SELECT * FROM statement WHERE version = :version", version=version)
        return _statement(row) if row else None

    async def current(self) -> Statement | None:
        row = await self._first("SELECT * FROM statement ORDER BY published_at DESC, entry DESC LIMIT 1")
        return _statement(row) if row else None

    async def sign(self, signature: Signature) -> None:
        await self._do(
            """
            INSERT INTO signature (id, member_id, statement_version, text_sha256, signatory_id,
                signatory_name, signatory_title, signed_at)
            VALUES (:id, :member_id, :statement_version, :text_sha256, :signatory_id,
                :signatory_name, :signatory_title, :signed_at)
            """,
            id=signature.id,
            member_id=signature.member_id,
            statement_version=signature.statement_version,
            text_sha256=signature.text_sha256,
            signatory_id=signature.signatory.id,
            signatory_name=signature.signatory.name,
            signatory_title=signature.signatory.title,
            signed_at=signature.signed_at,
        )

    async def signatures(self, member_id: UUID) -> Sequence[Signature]:
        rows = await self._all(
            "SELECT * FROM signature WHERE member_id = :id AND withdrawn_at IS NULL ORDER BY signed_at, id",
            id=member_id,
        )
        return [_signature(row) for row in rows]

    async def withdraw(self, signature: Signature, *, at: datetime) -> None:
        await self._do("UPDATE signature SET withdrawn_at = :at WHERE id = :id", id=signature.id, at=at)

    async def adopt(self, adoption: Adoption) -> None:
        await self._do(
            """
            INSERT INTO adoption (id, member_id, protocol_id, protocol_version, adopted_at)
            VALUES (:id, :member_id, :protocol_id, :protocol_version, :adopted_at)
            """,
            id=adoption.id,
            member_id=adoption.member_id,
            protocol_id=adoption.protocol_id,
            protocol_version=adoption.protocol_version,
            adopted_at=adoption.adopted_at,
        )

    async def adoptions(self, member_id: UUID) -> Sequence[Adoption]:
        rows = await self._all(
            "SELECT * FROM adoption WHERE member_id = :id ORDER BY adopted_at, id", id=member_id
        )
        return [
            Adoption(
                id=row.id,
                member_id=row.member_id,
                protocol_id=row.protocol_id,
                protocol_version=row.protocol_version,
                adopted_at=row.adopted_at,
            )
            for row in rows
        ]


def _statement(row: Row[Any]) -> Statement:
    return Statement(version=row.version, text=row.text, published_at=row.published_at)


def _signature(row: Row[Any]) -> Signature:
    return Signature(
        id=row.id,
        member_id=row.member_id,
        statement_version=row.statement_version,
        text_sha256=row.text_sha256,
        signatory=Signatory(id=row.signatory_id, name=row.signatory_name, title=row.signatory_title),
        signed_at=row.signed_at,
    )


class SqlRecognitions(Rows):
    """See `ports.Recognitions`."""

    async def apply(self, recognition: Recognition, *, sequence: int) -> bool:
        newer = await self._first(
            """
            INSERT INTO recognition AS known (protocol_id, protocol_version, criteria_version, owner, equivalent,
                recognised_from, recognised_until, sequence)
            VALUES (:protocol_id, :protocol_version, :criteria_version, :owner, :equivalent,
                :recognised_from, :recognised_until, :sequence)
            ON CONFLICT (protocol_id, protocol_version, criteria_version) DO UPDATE
                SET equivalent = excluded.equivalent, recognised_from = excluded.recognised_from, recognised_until = excluded.recognised_until,
                sequence = excluded.sequence
            WHERE known.sequence < excluded.sequence
            RETURNING 1
            """,
            protocol_id=recognition.protocol_id,
            protocol_version=recognition.protocol_version,
            criteria_version=recognition.criteria_version,
            owner=recognition.owner,
            equivalent=recognition.equivalent,
            recognised_from=recognition.recognised_from,
            recognised_until=recognition.recognised_until,
            sequence=sequence,
        )
        return newer is not None

    async def of_version(self, protocol_id: UUID, protocol_version: str) -> Sequence[Recognition]:
        rows = await self._all(
            """
            SELECT * FROM recognition WHERE protocol_id = :id AND protocol_version = :version
            ORDER BY criteria_version
            """,
            id=protocol_id,
            version=protocol_version,
        )
        return [_recognition(row) for row in rows]

    async def counting_for(self, member_id: UUID) -> Sequence[Recognition]:
        rows = await self._all(
            """
            SELECT r.* FROM recognition r
            WHERE r.owner = :id OR r.owner IS NULL AND EXISTS (
                SELECT FROM adoption a WHERE a.member_id = :id
                AND a.protocol_id = r.protocol_id AND a.protocol_version = r.protocol_version)
            ORDER BY r.protocol_id, r.protocol_version, r.criteria_version
            """,
            id=member_id,
        )
        return [_recognition(row) for row in rows]


def _recognition(row: Row[Any]) -> Recognition:
    return Recognition(
        protocol_id=row.protocol_id,
        protocol_version=row.protocol_version,
        criteria_version=row.criteria_version,
        owner=row.owner,
        equivalent=row.equivalent,
        recognised_from=row.recognised_from,
        recognised_until=row.recognised_until,
    )


class SqlChannels(Rows):
    """See `ports.Channels`. What is due is told without a tenant; a waiting password only to its own."""

    async def get(self, member_id: UUID) -> Channel:
        row = await self._first(
            """
            SELECT c.*, p.sealed FROM channel c LEFT JOIN kafka_password p USING (member_id)
            WHERE c.member_id = :id FOR UPDATE OF c
            """,
            id=member_id,
        )
        if row is None:
            raise Unknown("there is no such member", field="member_id")
        return Channel(
            member_id=row.member_id,
            open=row.open,
            revision=row.revision,
            done=row.done,
            sealed_password=bytes(row.sealed) if row.sealed is not None else None,
        )

    async def keep(self, channel: Channel) -> None:
        await self._do(
            """
            INSERT INTO channel (member_id, open, revision, done, password_waits)
            VALUES (:member_id, :open, :revision, :done, :password_waits)
            ON CONFLICT (member_id) DO UPDATE SET open = excluded.open, revision = excluded.revision,
                done = excluded.done, password_waits = excluded.password_waits, since = now()
            """,
            member_id=channel.member_id,
            open=channel.open,
            revision=channel.revision,
            done=channel.done,
            password_waits=channel.sealed_password is not None,
        )
        if channel.sealed_password is None:
            await self._do("DELETE FROM kafka_password WHERE member_id = :id", id=channel.member_id)
            return
        await self._do(
            """
            INSERT INTO kafka_password (member_id, sealed) VALUES (:id, :sealed)
            ON CONFLICT (member_id) DO UPDATE SET sealed = excluded.sealed
            """,
            id=channel.member_id,
            sealed=channel.sealed_password,
        )

    async def alone(self) -> bool:
        row = await self._first("SELECT pg_try_advisory_xact_lock(hashtextextended('channels', 0)) AS got")
        return row is not None and bool(row.got)

    async def due(self) -> Sequence[UUID]:
        rows = await self._all(
            "SELECT member_id FROM channel WHERE done < revision OR password_waits ORDER BY since, member_id"
        )
        return [row.member_id for row in rows]


class SqlSigningKeys(Rows):
    """See `ports.SigningKeys`."""

    async def add(self, key: SigningKey) -> None:
        await self._do(
            """
            INSERT INTO signing_key (key_id, public_key, sealed, valid_from)
            VALUES (:key_id, :public_key, :sealed, :valid_from)
            """,
            key_id=key.key_id,
            public_key=key.public_key,
            sealed=key.sealed,
            valid_from=key.valid_from,
        )
        await self._do(
            """
            INSERT INTO token_key (key_id, public_key, valid_from)
            VALUES (:key_id, :public_key, :valid_from) ON CONFLICT DO NOTHING
            """,
            key_id=key.key_id,
            public_key=key.public_key,
            valid_from=key.valid_from,
        )

    async def current(self) -> SigningKey | None:
        row = await self._first("SELECT * FROM signing_key ORDER BY entry DESC LIMIT 1")
        return _key(row) if row else None

    async def hold(self) -> None:
        await self._hold("signing key")

    async def every(self) -> Sequence[SigningKey]:
        return [_key(row) for row in await self._all("SELECT * FROM signing_key ORDER BY entry DESC")]


def _key(row: Row[Any]) -> SigningKey:
    return SigningKey(
        key_id=row.key_id, public_key=row.public_key, sealed=bytes(row.sealed), valid_from=row.valid_from
    )


class RegistryWork(SqlWork):
    """One transaction of the registry on PostgreSQL."""

    def __init__(self, session: AsyncSession, moment: Moment) -> None:
        super().__init__(session, moment)
        self.members = SqlMembers(session)
        self.principals = SqlPrincipals(session)
        self.statements = SqlStatements(session)
        self.recognitions = SqlRecognitions(session)
        self.channels = SqlChannels(session)
        self.keys = SqlSigningKeys(session)
        self.sign_ins = SqlSignIns(session, moment.now)
        self.sessions = SqlSessions(session)
        self.password_links = SqlPasswordLinks(session, moment.now)

    @asynccontextmanager
    async def concerning(self, member: UUID | None) -> AsyncIterator[None]:
        """See `ports.Work`."""
        begun_for = self.moment.tenant
        if begun_for is not None and member != begun_for:
            raise Forbidden("this is another member's")
        await set_tenant(self.session, member)
        yield
        await set_tenant(self.session, begun_for)
