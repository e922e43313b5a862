"""Sign-ins, sessions and one-time links on PostgreSQL."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.store.database import count
from mrx_shared.store.tables import domain, upsert, values
from sqlalchemy import delete, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_registry.adapters.tables import (
    GuessRow,
    PasswordLinkRow,
    PasswordTokenRow,
    ResetRequestRow,
    SessionRow,
    SignInRow,
)
from mrx_registry.domain.sign_in import IDLE, LONGEST, PasswordLink, Session, SignIn

_UNUSED = col(PasswordLinkRow.used_at).is_(None)


class SqlSignIns(Repository):
    """See `ports.SignIns`."""

    async def keep(self, sign_in: SignIn) -> bool:
        await self._hold("sign-in addresses")
        taken = select(SignInRow.principal_id).where(
            SignInRow.email_digest == sign_in.email_digest, SignInRow.principal_id != sign_in.principal_id
        )
        if await self._first(taken) is not None:
            return False
        changed = ["email_digest", "password_hash"]
        await self._do(upsert(SignInRow, values(sign_in), key=["principal_id"], changed=changed))
        return True

    async def by_email(self, digest: bytes) -> SignIn | None:
        row = await self._first(select(SignInRow).where(SignInRow.email_digest == digest))
        return domain(SignIn, row) if row else None

    async def of(self, principal_id: UUID) -> SignIn | None:
        of_it = select(SignInRow).where(SignInRow.principal_id == principal_id)
        row = await self._first(of_it.with_for_update())
        return domain(SignIn, row) if row else None

    async def guesses(self, digest: bytes, *, since: datetime) -> Sequence[datetime]:
        await self._hold(f"guesses {digest.hex()}")
        guessed = select(GuessRow.guessed_at).where(
            GuessRow.email_digest == digest, GuessRow.guessed_at > since
        )
        return await self._all(guessed.order_by(col(GuessRow.guessed_at)))

    async def count_guess(self, digest: bytes, *, forget_before: datetime) -> None:
        await self._do(delete(GuessRow).where(col(GuessRow.guessed_at) < forget_before))
        await self._do(insert(GuessRow).values(email_digest=digest, guessed_at=self._work.now))

    async def forgive(self, digest: bytes) -> None:
        await self._do(delete(GuessRow).where(col(GuessRow.email_digest) == digest))


class SqlSessions(Repository):
    """See `ports.Sessions`."""

    async def add(self, session: Session) -> None:
        idle = col(SessionRow.seen_at) < session.began_at - IDLE
        too_long = col(SessionRow.began_at) < session.began_at - LONGEST
        await self._do(delete(SessionRow).where(or_(idle, too_long)))
        await self._do(insert(SessionRow).values(values(session)))

    async def get(self, token_hash: str) -> Session | None:
        row = await self._first(select(SessionRow).where(SessionRow.token_hash == token_hash))
        return domain(Session, row) if row else None

    async def seen(self, session: Session) -> None:
        used = update(SessionRow).where(col(SessionRow.token_hash) == session.token_hash)
        await self._do(used.values(seen_at=session.seen_at))

    async def end(self, token_hash: str) -> None:
        await self._do(delete(SessionRow).where(col(SessionRow.token_hash) == token_hash))

    async def end_of_principal(self, principal_id: UUID, *, but: str | None = None) -> None:
        of_it = delete(SessionRow).where(col(SessionRow.principal_id) == principal_id)
        await self._do(of_it.where(col(SessionRow.token_hash) != (but or "")))

    async def end_of_member(self, member_id: UUID) -> None:
        await self._do(delete(SessionRow).where(col(SessionRow.member_id) == member_id))


class SqlPasswordLinks(Repository):
    """See `ports.PasswordLinks`."""

    async def add(self, link: PasswordLink) -> None:
        await self._do(insert(PasswordLinkRow).values(values(link)))

    async def get(self, mail_id: UUID) -> PasswordLink | None:
        row = await self._first(select(PasswordLinkRow).where(PasswordLinkRow.mail_id == mail_id))
        return domain(PasswordLink, row) if row else None

    async def expect(self, mail_id: UUID, token_hash: str, *, ends_at: datetime) -> None:
        token = insert(PasswordTokenRow).values(hash=token_hash, mail_id=mail_id, ends_at=ends_at)
        await self._do(token.on_conflict_do_nothing())

    async def redeemable(self, token_hash: str) -> PasswordLink | None:
        of_token = select(PasswordLinkRow).join(PasswordTokenRow).where(PasswordTokenRow.hash == token_hash)
        row = await self._first(of_token.where(PasswordTokenRow.ends_at > self._work.now, _UNUSED))
        return domain(PasswordLink, row) if row else None

    async def use_up(self, principal_id: UUID) -> None:
        sent = update(PasswordLinkRow).where(col(PasswordLinkRow.principal_id) == principal_id, _UNUSED)
        await self._do(sent.values(used_at=self._work.now))

    async def asked_since(self, digest: bytes, since: datetime) -> int:
        return await count(
            self._session,
            PasswordLinkRow,
            col(PasswordLinkRow.email_digest) == digest,
            col(PasswordLinkRow.asked_at) > since,
        )

    async def request_reset(self, digest: bytes) -> None:
        asked = insert(ResetRequestRow).values(email_digest=digest, wished_at=self._work.now)
        await self._do(asked.on_conflict_do_nothing())

    async def take_resets(self, few: int) -> Sequence[bytes]:
        digest = col(ResetRequestRow.email_digest)
        oldest = select(digest).order_by(col(ResetRequestRow.wished_at)).limit(few)
        taken = delete(ResetRequestRow).where(digest.in_(oldest)).returning(digest)
        return [of_address for (of_address,) in await self._session.exec(taken)]
