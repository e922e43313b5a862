"""The PostgreSQL that tests of other parts start for themselves."""

import asyncio
from pathlib import Path

import asyncpg
import pytest
from mrx_local.testing import postgres_server

pytestmark = pytest.mark.live


def test_a_postgres_for_a_whole_test_session_needs_no_event_loop(tmp_path: Path) -> None:
    with postgres_server(tmp_path) as server:
        assert asyncio.run(_name_of(server.superuser_url)) == "postgres"
        url = server.superuser_url
    with pytest.raises(OSError, match=str(server.port)):
        asyncio.run(_name_of(url))


async def _name_of(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        return str(await connection.fetchval("SELECT current_database()"))
    finally:
        await connection.close()
