"""Sign-ins, sessions and one-time links on PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from mrx_shared.bus.rows import Rows
from sqlalchemy import Row
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_registry.domain.sign_in import IDLE, LONGEST, PasswordLink, Session, SignIn, Why


class SqlSignIns(Rows):
    """See `ports.SignIns`."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        super().__init__(session)
        self._now = now

    async def keep(self, sign_in: SignIn) -> bool:
        await self._hold("sign-in addresses")
        taken = await self._first(
            "SELECT 1 FROM sign_in WHERE email_digest = :digest AND principal_id <> :principal_id",
            digest=sign_in.email_digest,
            principal_id=sign_in.principal_id,
        )
        if taken is not None:
            return False
        await self._do(
            """
            INSERT INTO sign_in (principal_id, member_id, email_digest, password_hash)
            VALUES (:principal_id, :member_id, :digest, :password_hash)
            ON CONFLICT (principal_id) DO UPDATE
                SET email_digest = excluded.email_digest, password_hash = excluded.password_hash
            """,
            principal_id=sign_in.principal_id,
            member_id=sign_in.member_id,
            digest=sign_in.email_digest,
            password_hash=sign_in.password_hash,
        )
        return True

    async def by_email(self, digest: bytes) -> SignIn | None:
        row = await self._first("SELECT * FROM sign_in WHERE email_digest = :digest", digest=digest)
        return _sign_in(row) if row else None

    async def of(self, principal_id: UUID) -> SignIn | None:
        row = await self._first("SELECT * FROM sign_in WHERE principal_id = :id FOR UPDATE", id=principal_id)
        return _sign_in(row) if row else None

    async def guesses(self, digest: bytes, *, since: datetime) -> Sequence[datetime]:
        await self._hold(f"guesses {digest.hex()}")
        rows = await self._all(
            """
            SELECT guessed_at FROM guess WHERE email_digest = :digest AND guessed_at > :since
            ORDER BY guessed_at
            """,
            digest=digest,
            since=since,
        )
        return [row.guessed_at for row in rows]

    async def count_guess(self, digest: bytes, *, forget_before: datetime) -> None:
        await self._do("DELETE FROM guess WHERE guessed_at < :before", before=forget_before)
        await self._do(
            "INSERT INTO guess (email_digest, guessed_at) VALUES (:digest, :now)",
            digest=digest,
            now=self._now,
        )

    async def forgive(self, digest: bytes) -> None:
        await self._do("DELETE FROM guess WHERE email_digest = :digest", digest=digest)


def _sign_in(row: Row[Any]) -> SignIn:
    return SignIn(
        principal_id=row.principal_id,
        member_id=row.member_id,
        email_digest=bytes(row.email_digest),
        password_hash=row.password_hash,
    )


class SqlSessions(Rows):
    """See `ports.Sessions`."""

    async def add(self, session: Session) -> None:
        await self._do(
            "DELETE FROM session WHERE seen_at < :idle_since OR began_at < :began_before",
            idle_since=session.began_at - IDLE,
            began_before=session.began_at - LONGEST,
        )
        await self._do(
            """
            INSERT INTO session (token_hash, principal_id, member_id, began_at, seen_at)
            VALUES (:token_hash, :principal_id, :member_id, :began_at, :seen_at)
            """,
            token_hash=session.token_hash,
            principal_id=session.principal_id,
            member_id=session.member_id,
            began_at=session.began_at,
            seen_at=session.seen_at,
        )

    async def get(self, token_hash: str) -> Session | None:
        row = await self._first("SELECT * FROM session WHERE token_hash = :hash", hash=token_hash)
        if row is None:
            return None
        return Session(
            token_hash=row.token_hash,
            principal_id=row.principal_id,
            member_id=row.member_id,
            began_at=row.began_at,
            seen_at=row.seen_at,
        )

    async def seen(self, session: Session) -> None:
        await self._do(
            "UPDATE session SET seen_at = :seen_at WHERE token_hash = :hash",
            seen_at=session.seen_at,
            hash=session.token_hash,
        )

    async def end(self, token_hash: str) -> None:
        await self._do("DELETE FROM session WHERE token_hash = :hash", hash=token_hash)

    async def end_of_principal(self, principal_id: UUID, *, but: str | None = None) -> None:
        await self._do(
            "DELETE FROM session WHERE principal_id = :id AND token_hash <> :but",
            id=principal_id,
            but=but or "",
        )

    async def end_of_member(self, member_id: UUID) -> None:
        await self._do("DELETE FROM session WHERE member_id = :id", id=member_id)


class SqlPasswordLinks(Rows):
    """See `ports.PasswordLinks`."""

    def __init__(self, session: AsyncSession, now: datetime) -> None:
        super().__init__(session)
        self._now = now

    async def add(self, link: PasswordLink) -> None:
        await self._do(
            """
            INSERT INTO password_link (mail_id, principal_id, email_digest, why, asked_at)
            VALUES (:mail_id, :principal_id, :digest, :why, :asked_at)
            """,
            mail_id=link.mail_id,
            principal_id=link.principal_id,
            digest=link.email_digest,
            why=link.why,
            asked_at=link.asked_at,
        )

    async def get(self, mail_id: UUID) -> PasswordLink | None:
        row = await self._first("SELECT * FROM password_link WHERE mail_id = :id", id=mail_id)
        return _link(row) if row else None

    async def expect(self, mail_id: UUID, token_hash: str, *, ends_at: datetime) -> None:
        await self._do(
            """
            INSERT INTO password_token (hash, mail_id, ends_at) VALUES (:hash, :mail_id, :ends_at)
            ON CONFLICT DO NOTHING
            """,
            hash=token_hash,
            mail_id=mail_id,
            ends_at=ends_at,
        )

    async def redeemable(self, token_hash: str) -> PasswordLink | None:
        row = await self._first(
            """
            SELECT l.* FROM password_link l JOIN password_token t USING (mail_id)
            WHERE t.hash = :hash AND t.ends_at > :now AND l.used_at IS NULL
            """,
            hash=token_hash,
            now=self._now,
        )
        return _link(row) if row else None

    async def use_up(self, principal_id: UUID) -> None:
        await self._do(
            "UPDATE password_link SET used_at = :now WHERE principal_id = :id AND used_at IS NULL",
            now=self._now,
            id=principal_id,
        )

    async def asked_since(self, digest: bytes, since: datetime) -> int:
        row = await self._first(
            "SELECT count(*) AS asked FROM password_link WHERE email_digest = :digest AND asked_at > :since",
            digest=digest,
            since=since,
        )
        return int(row.asked) if row else 0

    async def wish(self, digest: bytes) -> None:
        await self._do(
            """
            INSERT INTO reset_wish (email_digest, wished_at) VALUES (:digest, :now) ON CONFLICT DO NOTHING
            """,
            digest=digest,
            now=self._now,
        )

    async def take_wishes(self, few: int) -> Sequence[bytes]:
        rows = await self._all(
            """
            DELETE FROM reset_wish WHERE email_digest IN (
                SELECT email_digest FROM reset_wish ORDER BY wished_at LIMIT :few)
            RETURNING email_digest
            """,
            few=few,
        )
        return [bytes(row.email_digest) for row in rows]


def _link(row: Row[Any]) -> PasswordLink:
    return PasswordLink(
        mail_id=row.mail_id,
        principal_id=row.principal_id,
        email_digest=bytes(row.email_digest),
        why=Why(row.why),
        asked_at=row.asked_at,
    )
