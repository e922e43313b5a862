"""Secrets at rest: what must be read again is encrypted, what must only be recognised is hashed."""

import asyncio
import base64
import secrets
from concurrent.futures import ThreadPoolExecutor

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class AesSeal:
    """AES-256-GCM under one key; a sealed secret opens only for what it belongs to."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    def close(self, secret: str, *, belongs_to: str) -> bytes:
        """See `ports.Seal`."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, secret.encode(), belongs_to.encode())

    def open(self, sealed: bytes, *, belongs_to: str) -> str:
        """See `ports.Seal`."""
        nonce, secret = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
        try:
            return self._cipher.decrypt(nonce, secret, belongs_to.encode()).decode()
        except InvalidTag as error:
            raise SealedElsewhere(
                "a sealed secret does not open: MRX_REGISTRY_SECRET_KEY is not the one that sealed it"
            ) from error


class SealedElsewhere(Exception):
    """The registry's secret key was changed or a row was moved."""


class ArgonSecrets:
    """Client secrets of 256 random bits, kept as Argon2id hashes.

    Hashing runs in two threads of its own, so that a flood of sign-ins delays nothing but sign-ins.
    """

    def __init__(self) -> None:
        self._hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
        self._threads = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
        self._nobody: str | None = None

    def new(self) -> str:
        """See `ports.Secrets`."""
        return base64.urlsafe_b64encode(secrets.token_bytes(32)).rstrip(b"=").decode()

    async def hash(self, secret: str) -> str:
        """See `ports.Secrets`."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hasher.hash, secret)

    async def match(self, secret: str, kept: str | None) -> bool:
        """See `ports.Secrets`."""
        if self._nobody is None:
            self._nobody = await self.hash(self.new())
        return await asyncio.get_running_loop().run_in_executor(
            self._threads, self._matches, kept or self._nobody, secret
        )

    def _matches(self, kept: str, secret: str) -> bool:
        try:
            return self._hasher.verify(kept, secret)
        except (VerificationError, InvalidHashError):
            return False
