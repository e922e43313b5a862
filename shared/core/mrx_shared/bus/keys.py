"""The registry's token keys, as they came on Kafka; every service keeps its own copy."""

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import select
from sqlmodel.ext.asyncio.session import AsyncSession

from mrx_shared.bus.subscriptions import Subscription
from mrx_shared.bus.work import SqlWork, Transactions, W
from mrx_shared.kit.access import FindKey
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.store.tables import TokenKeyRow


def take_keys(registry: Subscription[W]) -> None:
    """Keep the keys that the registry publishes, so that this service can verify its callers' tokens."""

    async def remember(key: SigningKeyPublished, work: W) -> None:
        assert isinstance(work, SqlWork)
        await remember_key(work.session, key)

    registry.handle(SigningKeyPublished, remember)


async def remember_key(session: AsyncSession, fact: SigningKeyPublished) -> None:
    """Keep a key. A key id stands for one key for ever, so a repetition changes nothing."""
    key = {"key_id": fact.key_id, "public_key": fact.public_key, "valid_from": fact.valid_from}
    await session.exec(insert(TokenKeyRow).values(key).on_conflict_do_nothing())


def key_finder(database: Transactions) -> FindKey:
    """Look keys up in the service's own copy, remembering those that were found."""
    found: dict[str, str] = {}

    async def find(key_id: str) -> str | None:
        if key_id not in found:
            async with database.transaction(None) as (session, _):
                of_id = select(TokenKeyRow.public_key).where(TokenKeyRow.key_id == key_id)
                known = (await session.exec(of_id)).one_or_none()
            if known is None:
                return None
            found[key_id] = known
        return found[key_id]

    return find
