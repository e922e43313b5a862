"""Documents behind signed links of object storage."""

from typing import Final

from mrx_shared.kit.client import Services
from mrx_shared.refusals import Unavailable

MOST_BYTES: Final = 256 * 1024 * 1024


class HttpDocuments:
    """The port `Documents`. Fetches from one object storage and from nowhere else."""

    def __init__(self, storage_url: str, connections: Services) -> None:
        self._from = f"{storage_url}/"
        self._connections = connections

    async def fetch(self, url: str) -> bytes:
        """The whole document. The link itself stands in no message: whoever has it may read."""
        if not url.startswith(self._from):
            raise Unavailable("storage: a link that leads elsewhere")
        content = bytearray()

        def keep(part: bytes) -> None:
            content.extend(part)
            if len(content) > MOST_BYTES:
                raise Unavailable("storage: the document is too large")

        await self._connections.download(url, keep)
        return bytes(content)
