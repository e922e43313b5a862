"""Object storage in memory."""

from datetime import timedelta

from mrx_shared.store.objects import ObjectMissing


class MemoryObjects:
    """A bucket as a dictionary, which tests may read."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:  # noqa: ARG002
        """See `Objects`."""
        self.kept[key] = body

    async def get(self, key: str) -> bytes:
        """See `Objects`."""
        try:
            return self.kept[key]
        except KeyError:
            raise ObjectMissing(key) from None

    async def link(self, key: str, *, file_name: str, lasting: timedelta) -> str:
        """See `Objects`."""
        return f"memory:{key}?as={file_name}&for={int(lasting.total_seconds())}"
