"""HTTP to the scheme's services with the member's own token; short outages are waited out."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar

import httpx
from mrx_shared.kit.client import Client, Notice, Services, Tokens
from typing_extensions import override

T = TypeVar("T")


class Http(Services):
    """The services, and the client that speaks for the member.

    Whoever calls bounds the time. Connections last as long as a call: a program may call from several event loops.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        *,
        client_id: str,
        client_secret: str,
        notice: Notice,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(
            addresses,
            transport=transport,
            patience_s=None,
            notice=lambda what: notice(f"{what} does not answer"),
        )
        self.client = Client(self, Tokens.of_client(self, client_id, client_secret))

    @override
    async def retrying(self, attempt: Callable[[], Awaitable[T]], what: str) -> T:
        """Attempt until nothing is away. A server's Retry-After is kept."""
        async with self:
            return await super().retrying(attempt, what)
