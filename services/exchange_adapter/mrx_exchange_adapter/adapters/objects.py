"""Quarantine and vault on object storage, each with an identity that may do what its port says and no more."""

from contextlib import suppress
from typing import BinaryIO

from mrx_shared.store.objects import ObjectMissing, Objects, ObjectStands, ObjectTooLarge

from mrx_exchange_adapter.domain.reports import LINK_LASTS as READ_LASTS
from mrx_exchange_adapter.domain.tickets import LINK_LASTS, MEDIA_TYPE, Ticket
from mrx_exchange_adapter.ports import QuarantinedFile, SignedPut, VaultDiffers


class ObjectSigner:
    """See `ports.Signer`."""

    def __init__(self, quarantine: Objects) -> None:
        self._quarantine = quarantine

    def sign(self, ticket: Ticket) -> SignedPut:
        """See `ports.Signer`."""
        link = self._quarantine.upload_link(
            ticket.object_key,
            size=ticket.size,
            sha256=ticket.sha256,
            content_type=MEDIA_TYPE,
            lasting=LINK_LASTS,
        )
        return SignedPut(url=link.url, headers=link.headers)


class ObjectQuarantine:
    """See `ports.Quarantine`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def head(self, key: str) -> QuarantinedFile | None:
        """See `ports.Quarantine`."""
        try:
            found = await self._objects.head(key)
        except ObjectMissing:
            return None
        return QuarantinedFile(key=key, size=found.size, sha256=found.sha256, since=found.modified_at)

    async def fetch(self, key: str, into: BinaryIO, *, at_most: int) -> bytes | None:
        """See `ports.Quarantine`."""
        try:
            return await self._objects.fetch(key, into, at_most=at_most)
        except (ObjectMissing, ObjectTooLarge):
            return None

    async def put(self, key: str, body: BinaryIO, *, size: int, sha256: bytes) -> None:
        """See `ports.Quarantine`."""
        with suppress(ObjectStands):
            await self._objects.put_once(key, body, size=size, sha256=sha256, content_type=MEDIA_TYPE)

    async def listed(self) -> list[QuarantinedFile]:
        """See `ports.Quarantine`."""
        return [
            QuarantinedFile(key=one.key, size=one.size, sha256=None, since=one.modified_at)
            for one in await self._objects.listed()
        ]

    async def remove(self, key: str) -> None:
        """See `ports.Quarantine`."""
        await self._objects.remove(key)


class ObjectVault:
    """See `ports.Vault`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def keep(self, key: str, body: BinaryIO, *, size: int, sha256: bytes) -> None:
        """See `ports.Vault`. What lies there is read back: a report is not said to be stored on trust."""
        # Where one stands already, an earlier try got so far; whether it is the same file shows below.
        with suppress(ObjectStands):
            await self._objects.put_once(key, body, size=size, sha256=sha256, content_type=MEDIA_TYPE)
        try:
            lies = await self._objects.fetch(key, None, at_most=size)
        except ObjectTooLarge:
            lies = b""
        if lies != sha256:
            raise VaultDiffers(f"other bytes lie under {key}")


class ObjectReader:
    """See `ports.Reader`."""

    def __init__(self, vault: Objects) -> None:
        self._vault = vault

    async def link(self, key: str, *, file_name: str) -> str:
        """See `ports.Reader`."""
        return await self._vault.link(key, file_name=file_name, lasting=READ_LASTS)
