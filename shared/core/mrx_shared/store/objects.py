"""Object storage, asynchronously. The only place that touches the S3 SDK, whose calls block."""

import asyncio
from base64 import b64encode
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from io import BytesIO
from typing import Protocol, TypeVar

import urllib3
from minio import Minio
from minio.error import S3Error
from pydantic import SecretStr

from mrx_shared.refusals import Unavailable

T = TypeVar("T")
MISSING = {"NoSuchKey", "NoSuchObject", "NoSuchBucket"}
STANDS_ALREADY = {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}


class ObjectMissing(LookupError):
    """There is no such object."""


class Objects(Protocol):
    """One bucket, as a service needs it."""

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        """Store an object; the server checks its SHA-256. Putting the same again is harmless."""

    async def get(self, key: str) -> bytes:
        """The object's bytes. Raises `ObjectMissing`."""

    async def link(self, key: str, *, file_name: str, lasting: timedelta) -> str:
        """A signed address from which anybody may fetch the object, as an attachment, until it lapses."""


class S3Objects:
    """A bucket of an S3 server. Every call is bounded in time and raises `Unavailable` when the server is away."""

    def __init__(
        self,
        *,
        endpoint: str,
        public_url: str,
        access_key: str,
        secret_key: SecretStr,
        bucket: str,
        timeout_s: float = 30,
    ) -> None:
        self._bucket = bucket
        self._timeout_s = timeout_s
        self._client = _client(endpoint, access_key, secret_key, timeout_s)
        # A link is signed for the address that its reader uses, not for the one that the service uses.
        self._public = _client(public_url, access_key, secret_key, timeout_s)

    async def put(self, key: str, body: bytes, *, content_type: str) -> None:
        """See `Objects`."""
        checksum = b64encode(sha256(body).digest()).decode()
        await self._call(
            lambda: self._client.put_object(
                self._bucket,
                key,
                BytesIO(body),
                len(body),
                content_type=content_type,
                metadata={"x-amz-checksum-sha256": checksum},
            )
        )

    async def get(self, key: str) -> bytes:
        """See `Objects`."""

        def read() -> bytes:
            response = self._client.get_object(self._bucket, key)
            try:
                return response.read()
            finally:
                response.close()
                response.release_conn()

        return await self._call(read)

    async def link(self, key: str, *, file_name: str, lasting: timedelta) -> str:
        """See `Objects`."""
        return await self._call(
            lambda: self._public.presigned_get_object(
                self._bucket,
                key,
                expires=lasting,
                response_headers={"response-content-disposition": f'attachment; filename="{file_name}"'},
            )
        )

    async def _call(self, call: Callable[[], T]) -> T:
        try:
            async with asyncio.timeout(self._timeout_s + 5):
                return await asyncio.to_thread(call)
        except S3Error as error:
            if error.code in MISSING:
                raise ObjectMissing(f"{self._bucket}: no such object") from None
            raise Unavailable(f"object storage refused: {error.code}") from None
        except (urllib3.exceptions.HTTPError, OSError, TimeoutError) as error:
            raise Unavailable(f"object storage is away: {type(error).__name__}") from None


def _client(endpoint: str, access_key: str, secret_key: SecretStr, timeout_s: float) -> Minio:
    scheme, _, host = endpoint.rstrip("/").partition("://")
    return Minio(
        host,
        access_key=access_key,
        secret_key=secret_key.get_secret_value(),
        secure=scheme == "https",
        region="us-east-1",
        http_client=urllib3.PoolManager(
            timeout=urllib3.Timeout(connect=5, read=timeout_s), retries=urllib3.Retry(2, backoff_factor=0.2)
        ),
    )


async def refuses_strangers(endpoint: str, bucket: str) -> bool:
    """Whether an anonymous request for the bucket gets 401 or 403, as it must."""

    def ask() -> int:
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=5), retries=False)
        return pool.request("GET", f"{endpoint.rstrip('/')}/{bucket}").status

    try:
        return await asyncio.to_thread(ask) in {401, 403}
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"object storage is away: {type(error).__name__}") from None


async def ensure_bucket(*, endpoint: str, access_key: str, secret_key: SecretStr, bucket: str) -> None:
    """The bucket exists. For the administrator's identity; repeatable. Raises `Unavailable`."""
    client = _client(endpoint, access_key, secret_key, 30)

    def make() -> None:
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket)

    try:
        await asyncio.to_thread(make)
    except S3Error as error:
        if error.code not in STANDS_ALREADY:
            raise Unavailable(f"object storage refused: {error.code}") from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f"object storage is away: {type(error).__name__}") from None
