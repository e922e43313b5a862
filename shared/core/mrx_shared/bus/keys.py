"""The registry's token keys, as they came on Kafka; every service keeps its own copy."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from mrx_shared.bus.work import Transactions
from mrx_shared.kit.access import FindKey
from mrx_shared.messages.registry import SigningKeyPublished

_REMEMBER = text("""
    INSERT INTO token_key (key_id, public_key, valid_from) VALUES (:key_id, :public_key, :valid_from)
    ON CONFLICT DO NOTHING
""")
_FIND = text("SELECT public_key FROM token_key WHERE key_id = :key_id")


async def remember_key(session: AsyncSession, fact: SigningKeyPublished) -> None:
    """Keep a key. A key id stands for one key for ever, so a repetition changes nothing."""
    await session.execute(
        _REMEMBER,
        {"key_id": fact.key_id, "public_key": fact.public_key, "valid_from": fact.valid_from},
    )


def key_finder(database: Transactions) -> FindKey:
    """Look keys up in the service's own copy, remembering those that were found."""
    found: dict[str, str] = {}

    async def find(key_id: str) -> str | None:
        if key_id not in found:
            async with database.transaction(None) as (session, _):
                known: str | None = (await session.execute(_FIND, {"key_id": key_id})).scalar_one_or_none()
            if known is None:
                return None
            found[key_id] = known
        return found[key_id]

    return find
