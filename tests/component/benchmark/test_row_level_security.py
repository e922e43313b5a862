"""A member's protocols, answers and verdicts are its own, whatever a query asks for."""

from uuid import UUID, uuid4

import pytest
from mrx_shared.store.database import Database
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from tests.component.benchmark.conftest import As
from tests.component.benchmark.submitting import every, judged, made, protocol_of, submitted
from tests.component.tenants import MembersApart, Tenant
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live


@pytest.fixture
async def owner(call_as: As) -> UUID:
    """A member with a concluded assessment, in a database with a public protocol."""
    member_id = uuid4()
    await protocol_of(call_as("secretariat"), code="SMETA", public=True)
    member = call_as("member", member_id)
    protocol_id = await protocol_of(member)
    await made(await member.send(f"/v1/protocols/{protocol_id}/evidence", b"notes", file_name="notes.txt"))
    draft = f"/v1/protocols/{protocol_id}/versions/1/drafts/6.0-4p"
    await made(await member.post(draft, {"answers": every("subset")}), 200)
    assessment = await submitted(member, protocol_id, every("equal"))
    path = f"/v1/assessments/{assessment['assessment_id']}"
    reviewer = await judged(path, call_as)
    await made(await reviewer.post(f"{path}/conclusion"), 200)
    return member_id


class TestMembersApart(MembersApart):
    confidential = dict.fromkeys(
        ("protocol", "protocol_version", "assessment", "answer", "decision", "verdict", "draft", "evidence"),
        "member_id",
    )
    open_to_all = frozenset({"protocol_owner", "assessment_owner", "member_group", "reviewer_tie"})
    insert = """
        INSERT INTO protocol_version
        VALUES ((SELECT protocol_id FROM protocol WHERE member_id = $1), '9', $1, '2020-01-01', NULL, now())
        """
    update = "UPDATE assessment SET state = 'submitted'"

    @override
    @pytest.fixture
    async def tenant(self, owner: UUID, benchmark_database: ServiceDatabase) -> Tenant:
        return Tenant(member_id=owner, database=benchmark_database)


async def test_a_member_reads_public_rows_and_cannot_add_to_them(owner: UUID, database: Database) -> None:
    async with database.transaction(owner) as (session, _):
        public = (
            await (await session.connection()).execute(
                text("SELECT protocol_id FROM protocol WHERE member_id IS NULL")
            )
        ).one()
    with pytest.raises(DBAPIError, match="row-level security"):
        async with database.transaction(owner) as (session, _):
            await (await session.connection()).execute(
                text("INSERT INTO protocol_version VALUES (:id, '9', NULL, '2020-01-01', NULL, now())"),
                {"id": public.protocol_id},
            )
