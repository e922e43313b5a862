"""A request's tickets, report and accesses are its member's own, whatever a query asks for."""

import pytest
from mrx_exchange_adapter.adapters.tables import AccessRow, ReportRow, TicketRow
from sqlalchemy import UpdateBase, delete, func, update
from sqlalchemy.exc import DBAPIError
from typing_extensions import override

from tests.component.exchange_adapter.conftest import Asked, Exchange, pdf
from tests.component.tenants import MembersApart, Tenant
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live


@pytest.fixture
async def asked(exchange: Exchange) -> Asked:
    """A request whose report was read."""
    one = await exchange.asked()
    await exchange.upload(one, pdf())
    await exchange.carry_on()
    report_id = (await exchange.page(one)).json()["report"]["report_id"]
    assert (await exchange.link(one.member_id, report_id)).status_code == 201
    return one


class TestMembersApart(MembersApart):
    confidential = dict.fromkeys(("request", "ticket", "report", "access"), "member_id")
    open_to_all = frozenset({"request_owner", "ticket_schedule", "share_watch"})
    insert = "INSERT INTO access VALUES (gen_random_uuid(), (SELECT report_id FROM report), $1, 'x', now())"
    update = "UPDATE report SET withdrawn_at = now()"

    @override
    @pytest.fixture
    async def tenant(self, asked: Asked, exchange_database: ServiceDatabase) -> Tenant:
        return Tenant(member_id=asked.member_id, database=exchange_database)


async def test_the_service_can_neither_delete_a_report_nor_forget_an_access(
    asked: Asked, exchange: Exchange
) -> None:
    statements: tuple[UpdateBase, ...] = (
        delete(ReportRow),
        delete(AccessRow),
        update(AccessRow).values(read_at=func.now()),
        update(ReportRow).values(sha256=ReportRow.sha256),
        update(TicketRow).values(sha256=TicketRow.sha256),
    )
    for statement in statements:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with exchange.service.database.transaction(asked.member_id) as (session, _):
                await session.exec(statement)


async def test_two_members_that_ask_the_same_supplier_share_nothing(exchange: Exchange) -> None:
    """Each page, each list and each fact is of one request alone."""
    one, other = await exchange.asked(), await exchange.asked()
    await exchange.upload(one, pdf("one"))
    await exchange.carry_on()
    page = (await exchange.page(other)).json()
    assert (page["uploads"], page["report"], page["accesses"]) == ([], None, [])
    assert (await exchange.get_as("member", "/v1/reports", other.member_id)).json() == {"reports": []}
    assert await exchange.said(other.request_id) == []
