"""Documents behind signed links of object storage."""

from typing import Final

import httpx
from mrx_shared.refusals import Unavailable

TIMEOUT: Final = httpx.Timeout(30.0, connect=3.0)
MOST_BYTES: Final = 256 * 1024 * 1024


class HttpDocuments:
    """The port `Documents`. Fetches from one object storage and from nowhere else."""

    def __init__(self, storage_url: str, *, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._from = f"{storage_url}/"
        self._client = httpx.AsyncClient(
            timeout=TIMEOUT, transport=transport, trust_env=False, follow_redirects=False
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def fetch(self, url: str) -> bytes:
        """The whole document. The link itself stands in no message: whoever has it may read."""
        if not url.startswith(self._from):
            raise Unavailable("storage: a link that leads elsewhere")
        content = bytearray()
        try:
            async with self._client.stream("GET", url) as answer:
                if not answer.is_success:
                    raise Unavailable(f"storage: it answered {answer.status_code}")
                async for part in answer.aiter_bytes():
                    content += part
                    if len(content) > MOST_BYTES:
                        raise Unavailable("storage: the document is too large")
        except httpx.TransportError as error:
            raise Unavailable("storage: it does not answer") from error
        return bytes(content)
