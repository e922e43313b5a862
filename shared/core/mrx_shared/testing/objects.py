"""Object storage in memory."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from hashlib import sha256 as sha256_of
from typing import BinaryIO

from mrx_shared.refusals import Unavailable
from mrx_shared.store.objects import ObjectHead, ObjectMissing, ObjectStands, ObjectTooLarge, UploadLink

CAME = datetime(2026, 6, 30, 12, tzinfo=UTC)


class MemoryObjects:
    """A bucket as a dictionary, which tests may read."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.came = CAME
        """when whatever is listed came; a test may move it"""

    async def put(self, key: str, body: bytes | BinaryIO, *, content_type: str) -> None:  # noqa: ARG002
        """See `Objects`."""
        if not isinstance(body, bytes):
            body.seek(0)
            body = body.read()
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

    def upload_link(
        self, key: str, *, size: int, sha256: bytes, content_type: str, lasting: timedelta
    ) -> UploadLink:
        """See `Objects`."""
        return UploadLink(
            url=f"memory:{key}?for={int(lasting.total_seconds())}",
            headers={
                "Content-Length": str(size),
                "Content-Type": content_type,
                "If-None-Match": "*",
                "x-amz-checksum-sha256": b64encode(sha256).decode(),
            },
        )

    async def head(self, key: str) -> ObjectHead:
        """See `Objects`."""
        body = await self.get(key)
        return ObjectHead(key=key, size=len(body), modified_at=self.came, sha256=sha256_of(body).digest())

    async def fetch(self, key: str, into: BinaryIO | None, *, at_most: int) -> bytes:
        """See `Objects`."""
        body = await self.get(key)
        if len(body) > at_most:
            raise ObjectTooLarge(f"more than {at_most} bytes")
        if into is not None:
            into.write(body)
        return sha256_of(body).digest()

    async def put_once(
        self, key: str, body: BinaryIO, *, size: int, sha256: bytes, content_type: str
    ) -> None:
        """See `Objects`."""
        if key in self.kept:
            raise ObjectStands(key)
        body.seek(0)
        taken = body.read()
        if (len(taken), sha256_of(taken).digest()) != (size, sha256):
            raise Unavailable("object storage refused: BadDigest")
        await self.put(key, taken, content_type=content_type)

    async def listed(self, prefix: str = "") -> list[ObjectHead]:
        """See `Objects`."""
        return [
            ObjectHead(key=key, size=len(body), modified_at=self.came)
            for key, body in sorted(self.kept.items())
            if key.startswith(prefix)
        ]

    async def remove(self, key: str) -> None:
        """See `Objects`."""
        self.kept.pop(key, None)
