"""People, systems, what they sign in with, and the keys that tokens are signed with, on PostgreSQL."""

from collections.abc import Sequence
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Unknown
from mrx_shared.store.tables import TokenKeyRow, domain, values
from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_registry.adapters.tables import BootstrapRow, CredentialRow, PrincipalRow, SigningKeyRow
from mrx_registry.domain.principals import Credential, Kind, Principal, Role, SigningKey

_ENABLED = (
    select(PrincipalRow)
    .join(CredentialRow, col(CredentialRow.principal_id) == PrincipalRow.id)
    .where(~col(CredentialRow.disabled))
)
_NEWEST_KEY_FIRST = select(SigningKeyRow).order_by(col(SigningKeyRow.entry).desc())


class SqlPrincipals(Repository):
    """See `ports.Principals`."""

    async def add(self, principal: Principal, credential: Credential) -> None:
        await self._do(insert(PrincipalRow).values(values(principal)))
        await self._do(insert(CredentialRow).values(values(credential)))

    async def get(self, principal_id: UUID) -> Principal:
        row = await self._first(select(PrincipalRow).where(PrincipalRow.id == principal_id))
        if row is None:
            raise Unknown("there is no such principal", field="principal_id")
        return domain(Principal, row)

    async def people(self, member_id: UUID | None, *, role: Role = Role.MEMBER) -> Sequence[Principal]:
        reachable = _ENABLED.where(
            col(PrincipalRow.member_id).is_not_distinct_from(member_id),
            PrincipalRow.role == role,
            PrincipalRow.kind == Kind.PERSON,
            col(PrincipalRow.email).is_not(None),
        )
        return [domain(Principal, row) for row in await self._all(reachable.order_by(col(PrincipalRow.id)))]

    async def reviewers(self) -> Sequence[Principal]:
        enabled = _ENABLED.where(PrincipalRow.role == Role.REVIEWER)
        by_name = enabled.order_by(col(PrincipalRow.name), col(PrincipalRow.id))
        return [domain(Principal, row) for row in await self._all(by_name)]

    async def secretariat(self) -> Sequence[Principal]:
        every = select(PrincipalRow).where(PrincipalRow.role == Role.SECRETARIAT)
        by_name = every.order_by(col(PrincipalRow.name), col(PrincipalRow.id))
        return [domain(Principal, row) for row in await self._all(by_name)]

    async def reach(self, principal_id: UUID, *, email: str, language: str) -> None:
        of_id = update(PrincipalRow).where(col(PrincipalRow.id) == principal_id)
        await self._do(of_id.values(email=email, language=language))

    async def credential(self, client_id: str) -> Credential | None:
        if "\x00" in client_id:  # PostgreSQL knows no such text
            return None
        row = await self._first(select(CredentialRow).where(CredentialRow.client_id == client_id))
        return domain(Credential, row) if row else None

    async def credential_of(self, principal_id: UUID) -> Credential:
        of_it = select(CredentialRow).where(CredentialRow.principal_id == principal_id)
        row = await self._first(of_it.with_for_update())
        if row is None:
            raise Unknown("there is no such principal", field="principal_id")
        return domain(Credential, row)

    async def keep(self, credential: Credential) -> None:
        kept = update(CredentialRow).where(col(CredentialRow.client_id) == credential.client_id)
        await self._do(
            kept.values(
                secret_hash=credential.secret_hash, disabled=credential.disabled, used=credential.used
            )
        )

    async def bootstrapped(self) -> UUID | None:
        await self._hold("bootstrap")
        return await self._first(select(BootstrapRow.principal_id))

    async def bootstrap(self, principal_id: UUID) -> None:
        await self._do(insert(BootstrapRow).values(principal_id=principal_id))


class SqlSigningKeys(Repository):
    """See `ports.SigningKeys`."""

    async def add(self, key: SigningKey) -> None:
        await self._do(insert(SigningKeyRow).values(values(key)))
        await self._do(insert(TokenKeyRow).values(values(key, "sealed")).on_conflict_do_nothing())

    async def current(self) -> SigningKey | None:
        row = await self._first(_NEWEST_KEY_FIRST.limit(1))
        return domain(SigningKey, row) if row else None

    async def hold(self) -> None:
        await self._hold("signing key")

    async def every(self) -> Sequence[SigningKey]:
        return [domain(SigningKey, row) for row in await self._all(_NEWEST_KEY_FIRST)]
