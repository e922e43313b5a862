"""Databases and the roles that sign in to them; made by the start-up job and by tests, as PostgreSQL's superuser."""

import asyncpg
from sqlalchemy.engine import make_url

_EXISTS = {
    "ROLE": "SELECT 1 FROM pg_roles WHERE rolname = $1",
    "DATABASE": "SELECT 1 FROM pg_database WHERE datname = $1",
}


async def ensure_database(superuser_url: str, owner_url: str, *login_urls: str) -> None:
    """Make the database that `owner_url` names, its owner, and each further role, with the URLs' passwords.

    Repeatable: what exists stays, passwords are set to those given. Strangers may not connect.
    """
    owner = make_url(owner_url)
    logins = [make_url(url) for url in login_urls]
    connection = await asyncpg.connect(superuser_url, timeout=10)
    try:
        for role in (owner, *logins):
            verb = "ALTER" if await connection.fetchval(_EXISTS["ROLE"], role.username) else "CREATE"
            await _execute(
                connection,
                f"{verb} ROLE %I LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD %L",
                role.username,
                role.password,
            )
        if not await connection.fetchval(_EXISTS["DATABASE"], owner.database):
            await _execute(connection, "CREATE DATABASE %I OWNER %I", owner.database, owner.username)
        await _execute(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", owner.database)
        for login in logins:
            await _execute(connection, "GRANT CONNECT ON DATABASE %I TO %I", owner.database, login.username)
    finally:
        await connection.close()


async def _execute(connection: asyncpg.Connection, statement: str, *names: str | None) -> None:
    """Execute a statement of definition, which takes no parameters: the server itself quotes the names."""
    places = ", ".join(f"${place}::text" for place in range(2, len(names) + 2))
    await connection.execute(await connection.fetchval(f"SELECT format($1, {places})", statement, *names))
