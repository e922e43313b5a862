"""Row-level security, and what a dump of the registry's database would tell."""

from collections.abc import Mapping
from typing import ClassVar
from uuid import UUID

import pytest
from mrx_registry.adapters.database import RegistryWork
from mrx_shared.bus.work import Moment
from mrx_shared.messages.registry import ParticipationChanged
from mrx_shared.refusals import Forbidden
from typing_extensions import override

from tests.component.registry.conftest import House, connected
from tests.component.tenants import MembersApart, Tenant
from tests.conftest import ServiceDatabase
from tests.unit.registry.conftest import verdict

pytestmark = pytest.mark.live


async def two_members(house: House) -> tuple[UUID, UUID, list[str]]:
    """Two members with a row in each confidential table; and every secret that was shown."""
    secretariat = await house.secretariat()
    statement = await secretariat.done("/v1/statements", {"version": "1", "text": "We accept."})
    signature = {
        "statement_version": "1",
        "text_sha256": statement["text_sha256"],
        "signatory": {"name": "Ada", "title": "CPO"},
    }
    public = verdict(None)
    await house.deliver(public)
    adoption = {"protocol_id": str(public.protocol_id), "protocol_version": "3"}
    first, second = [await house.member(secretariat, name) for name in ("Acme", "Other")]
    secrets = []
    for member_id, member in (first, second):
        await house.deliver(verdict(member_id))
        await member.done("/v1/adoptions", adoption)
        await member.done("/v1/statement-signatures", signature)
        secrets.append((await member.done(f"/v1/members/{member_id}/kafka-credentials"))["password"])
        system = {"kind": "system", "name": "S", "role": "member", "member_id": str(member_id)}
        secrets.append((await secretariat.done("/v1/principals", system))["client_secret"])
    return first[0], second[0], secrets


class TestMembersApart(MembersApart):
    confidential: ClassVar[Mapping[str, str]] = {
        **dict.fromkeys(("principal", "signature", "adoption", "kafka_password"), "member_id"),
        "recognition": "owner",
    }
    open_to_all = frozenset({"credential", "channel", "sign_in", "session"})
    insert = "INSERT INTO adoption VALUES (gen_random_uuid(), $1, gen_random_uuid(), '1', now())"
    update = "UPDATE signature SET withdrawn_at = now()"

    @override
    @pytest.fixture
    async def tenant(self, house: House, empty_database: ServiceDatabase) -> Tenant:
        first, _, _ = await two_members(house)
        return Tenant(member_id=first, database=empty_database)


async def test_a_transaction_begun_for_one_member_turns_to_no_other(house: House) -> None:
    first, second, _ = await two_members(house)
    async with house.registry.database.transaction(first) as (session, now):
        moment = Moment(now=now, service="registry", tenant=first, correlation_id="a-correlation-id")
        work = RegistryWork(session, moment)
        async with work.concerning(first):
            assert await work.statements.signatures(first)
        for other in (second, None):
            with pytest.raises(Forbidden):
                async with work.concerning(other):
                    pass


async def test_no_secret_stands_in_the_database_and_only_firms_names_in_a_fact(
    house: House, empty_database: ServiceDatabase
) -> None:
    _, _, secrets = await two_members(house)
    async with connected(empty_database.superuser_url) as connection:
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        rows = [await connection.fetch(f"SELECT * FROM {table['tablename']}") for table in tables]
        dump = repr([list(row.values()) for table in rows for row in table])
        said = await connection.fetch("SELECT type, payload FROM outbox")
    facts = b"".join(row["payload"] for row in said)
    assert b"statement_version" in facts
    assert [secret for secret in secrets if secret in dump] == []
    assert [name for name in (b"Ada", b"CPO", b"ERP") if name in facts] == []
    assert {row["type"] for row in said if b"Acme" in row["payload"]} == {ParticipationChanged.type}


async def test_the_apps_role_owns_nothing(empty_database: ServiceDatabase) -> None:
    async with connected(empty_database.superuser_url) as connection:
        rows = await connection.fetch("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'")
    assert {row["tableowner"] for row in rows} == {"registry_owner"}
