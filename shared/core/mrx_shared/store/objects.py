"""Object storage, asynchronously. The only place that touches the S3 SDK, whose calls block."""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from hashlib import md5, sha256
from http import HTTPStatus
from io import BytesIO
from typing import BinaryIO, Literal, Protocol, TypeVar
from xml.etree.ElementTree import ParseError
from xml.sax.saxutils import escape

import urllib3
from minio import Minio
from minio.commonconfig import COMPLIANCE
from minio.error import MinioException, S3Error
from minio.objectlockconfig import DAYS, ObjectLockConfig
from pydantic import SecretStr

from mrx_shared.kit.clock import Clock, system_clock
from mrx_shared.refusals import ServerRefused, Unavailable
from mrx_shared.store.signing import REGION, signed_url

T = TypeVar("T")
MISSING = {"NoSuchKey", "NoSuchObject", "NoSuchBucket"}
PASSING = {"InternalError", "OperationAborted", "RequestTimeout", "ServiceUnavailable", "SlowDown"}
"""refusals that end by themselves"""
STANDS_ALREADY = {"BucketAlreadyExists", "BucketAlreadyOwnedByYou"}
CHUNK = 1024 * 1024
BYTES_A_SECOND = 2 * 1024 * 1024
"""the slowest storage that a large object is waited for"""
OWN_LINK_LASTS = timedelta(minutes=10)


class ObjectMissing(LookupError):
    """There is no such object."""


class ObjectTooLarge(ValueError):
    """The object holds more bytes than its reader takes."""


class ObjectStands(ValueError):
    """There is an object of this name already, and it was to be written once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectHead:
    """What storage says of an object. It checked the SHA-256 when the object came; None where none was sent."""

    key: str
    size: int
    modified_at: datetime
    sha256: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadLink:
    """An address that takes one file, that file, once: by PUT, with exactly these headers."""

    url: str
    headers: dict[str, str]


class Objects(Protocol):
    """One bucket, as a service needs it."""

    async def put(self, key: str, body: bytes | BinaryIO, *, content_type: str) -> None:
        """Store bytes or an open file, up to 5 GiB; the server checks the SHA-256.

        Putting the same again is harmless.
        """

    async def get(self, key: str) -> bytes:
        """The object's bytes. Raises `ObjectMissing`."""

    async def link(self, key: str, *, file_name: str, lasting: timedelta) -> str:
        """A signed address from which anybody may fetch the object, as an attachment, until it lapses."""

    def upload_link(
        self, key: str, *, size: int, sha256: bytes, content_type: str, lasting: timedelta
    ) -> UploadLink:
        """A signed address that takes these bytes once, while the key is free; asks nobody."""

    async def head(self, key: str) -> ObjectHead:
        """What storage knows of the object. Raises `ObjectMissing`."""

    async def fetch(self, key: str, into: BinaryIO | None, *, at_most: int) -> bytes:
        """Write the object's bytes into an open file, piece by piece; returns their SHA-256.

        Raises `ObjectMissing`, and `ObjectTooLarge` once more than `at_most` bytes came.
        """

    async def put_once(
        self, key: str, body: BinaryIO, *, size: int, sha256: bytes, content_type: str
    ) -> None:
        """Store an open file, piece by piece, where the key is free. Raises `ObjectStands` where it is not."""

    async def listed(self, prefix: str = "") -> list[ObjectHead]:
        """Every object whose key begins so, without its SHA-256."""

    async def remove(self, key: str) -> None:
        """Take an object away. Taking away what is gone is harmless."""


class S3Objects:
    """A bucket of an S3 server. Every call is bounded in time.

    It raises `Unavailable` where the server is away, and `ServerRefused` where it says no for good.
    """

    def __init__(
        self,
        *,
        endpoint: str,
        public_url: str,
        access_key: str,
        secret_key: SecretStr,
        bucket: str,
        timeout_s: float = 30,
        clock: Clock | None = None,
    ) -> None:
        self._bucket = bucket
        self._endpoint, self._public_url = endpoint.rstrip("/"), public_url.rstrip("/")
        self._access_key, self._secret_key = access_key, secret_key
        self._timeout_s = timeout_s
        # Storage reckons by its machine's clock, whatever ours was moved to.
        self._clock = clock or system_clock()
        self._pool = _pool(timeout_s)
        self._client = _client(endpoint, access_key, secret_key, timeout_s)
        # A link is signed for the address that its reader uses, not for the one that the service uses.
        self._public = _client(public_url, access_key, secret_key, timeout_s)

    async def put(self, key: str, body: bytes | BinaryIO, *, content_type: str) -> None:
        """See `Objects`."""
        # One request at every size: a multipart upload has no checksum of the whole for the server to check.
        file = BytesIO(body) if isinstance(body, bytes) else body
        size, digest = await asyncio.to_thread(_measured, file)
        link = self._upload_link(self._endpoint, key, size, digest, content_type, OWN_LINK_LASTS, once=False)
        await self._send(link, file, size, tries=_tries())

    async def get(self, key: str) -> bytes:
        """See `Objects`."""
        body = BytesIO()
        await self.fetch(key, body, at_most=(await self.head(key)).size)
        return body.getvalue()

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

    def upload_link(
        self, key: str, *, size: int, sha256: bytes, content_type: str, lasting: timedelta
    ) -> UploadLink:
        """See `Objects`."""
        return self._upload_link(self._public_url, key, size, sha256, content_type, lasting)

    async def head(self, key: str) -> ObjectHead:
        """See `Objects`."""

        def ask() -> ObjectHead:
            found = self._client.stat_object(
                self._bucket, key, extra_headers={"x-amz-checksum-mode": "ENABLED"}
            )
            checksum = (found.metadata or {}).get("x-amz-checksum-sha256")
            return ObjectHead(
                key=key,
                size=found.size or 0,
                modified_at=_moment(found.last_modified),
                sha256=b64decode(checksum) if checksum else None,
            )

        return await self._call(ask)

    async def fetch(self, key: str, into: BinaryIO | None, *, at_most: int) -> bytes:
        """See `Objects`."""

        def read() -> bytes:
            digest, taken = sha256(), 0
            response = self._client.get_object(self._bucket, key)
            try:
                for piece in response.stream(CHUNK):
                    taken += len(piece)
                    if taken > at_most:
                        raise ObjectTooLarge(f"more than {at_most} bytes")
                    digest.update(piece)
                    if into is not None:
                        into.write(piece)
            finally:
                response.close()
                response.release_conn()
            return digest.digest()

        return await self._call(read, more_s=at_most / BYTES_A_SECOND)

    async def put_once(
        self, key: str, body: BinaryIO, *, size: int, sha256: bytes, content_type: str
    ) -> None:
        """See `Objects`."""
        link = self._upload_link(self._endpoint, key, size, sha256, content_type, OWN_LINK_LASTS)
        # Another try would find the key taken by the first one, whose answer was lost.
        await self._send(link, body, size, tries=False)

    async def listed(self, prefix: str = "") -> list[ObjectHead]:
        """See `Objects`."""

        def read() -> list[ObjectHead]:
            return [
                ObjectHead(
                    key=found.object_name or "",
                    size=found.size or 0,
                    modified_at=_moment(found.last_modified),
                )
                for found in self._client.list_objects(self._bucket, prefix=prefix, recursive=True)
            ]

        return await self._call(read)

    async def remove(self, key: str) -> None:
        """See `Objects`."""
        await self._call(lambda: self._client.remove_object(self._bucket, key))

    async def _send(
        self, link: UploadLink, body: BinaryIO, size: int, *, tries: urllib3.Retry | Literal[False]
    ) -> None:
        more_s = size / BYTES_A_SECOND
        # The first time is for every piece that is sent, the second for the answer to the whole.
        patience = urllib3.Timeout(connect=self._timeout_s, read=self._timeout_s + more_s)

        def send() -> None:
            body.seek(0)
            answer = self._pool.request(
                "PUT", link.url, body=body, headers=link.headers, timeout=patience, retries=tries
            )
            if answer.status == HTTPStatus.PRECONDITION_FAILED:
                raise ObjectStands(f"{self._bucket}: the key is taken")
            if answer.status != HTTPStatus.OK:
                raise _refusal(_code(answer))

        await self._call(send, more_s=more_s)

    def _upload_link(
        self,
        server: str,
        key: str,
        size: int,
        digest: bytes,
        content_type: str,
        lasting: timedelta,
        *,
        once: bool = True,
    ) -> UploadLink:
        headers = {
            "Content-Length": str(size),
            "Content-Type": content_type,
            **({"If-None-Match": "*"} if once else {}),
            "x-amz-checksum-sha256": b64encode(digest).decode(),
        }
        url = signed_url(
            "PUT",
            f"{server}/{self._bucket}/{key}",
            access_key=self._access_key,
            secret_key=self._secret_key.get_secret_value(),
            moment=self._clock(),
            lasting=lasting,
            headers=headers,
        )
        return UploadLink(url=url, headers=headers)

    async def _call(self, call: Callable[[], T], *, more_s: float = 0) -> T:
        try:
            async with asyncio.timeout(self._timeout_s + 5 + more_s):
                return await asyncio.to_thread(call)
        except S3Error as error:
            if error.code in MISSING:
                raise ObjectMissing(f"{self._bucket}: no such object") from None
            raise _refusal(error.code) from None
        except (MinioException, urllib3.exceptions.HTTPError, OSError, TimeoutError) as error:
            raise Unavailable(f"object storage is away: {type(error).__name__}") from None


def _measured(file: BinaryIO) -> tuple[int, bytes]:
    file.seek(0)
    digest = sha256()
    for piece in iter(partial(file.read, CHUNK), b""):
        digest.update(piece)
    return file.tell(), digest.digest()


def _code(answer: urllib3.BaseHTTPResponse) -> str:
    try:
        code = S3Error.fromxml(answer).code
    except ParseError:
        code = None
    return code or (
        "InternalError" if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR else str(answer.status)
    )


def _refusal(code: str | None) -> Unavailable:
    if code in PASSING:
        return Unavailable(f"object storage is away: {code}")
    return ServerRefused(f"object storage refused: {code}")


def _tries() -> urllib3.Retry:
    return urllib3.Retry(2, backoff_factor=0.2)


def _pool(timeout_s: float) -> urllib3.PoolManager:
    return urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=timeout_s), retries=_tries())


def _client(endpoint: str, access_key: str, secret_key: SecretStr, timeout_s: float) -> Minio:
    scheme, _, host = endpoint.rstrip("/").partition("://")
    return Minio(
        host,
        access_key=access_key,
        secret_key=secret_key.get_secret_value(),
        secure=scheme == "https",
        region=REGION,
        http_client=_pool(timeout_s),
    )


def _moment(stated: datetime | None) -> datetime:
    return stated.astimezone(UTC) if stated else datetime.fromtimestamp(0, UTC)


async def refuses_strangers(endpoint: str, bucket: str) -> bool:
    """Whether an anonymous request for the bucket gets 401 or 403, as it must."""

    def ask() -> int:
        pool = urllib3.PoolManager(timeout=urllib3.Timeout(total=5), retries=False)
        return pool.request("GET", f"{endpoint.rstrip('/')}/{bucket}").status

    try:
        return await asyncio.to_thread(ask) in {401, 403}
    except urllib3.exceptions.HTTPError as error:
        raise Unavailable(f"object storage is away: {type(error).__name__}") from None


async def require_closed(endpoint: str, *buckets: str) -> None:
    """Raise `Unavailable` unless every bucket refuses strangers."""
    for bucket in buckets:
        if not await refuses_strangers(endpoint, bucket):
            raise Unavailable(f"{bucket} answers strangers; close object storage to anonymous requests")


async def ensure_bucket(
    *, endpoint: str, access_key: str, secret_key: SecretStr, bucket: str, locked_days: int | None = None
) -> None:
    """The bucket exists. For the administrator's identity; repeatable. Raises `Unavailable`.

    With `locked_days` it keeps every version, and what is put there can be removed by nobody for so long.
    """
    client = _client(endpoint, access_key, secret_key, 30)

    def make() -> None:
        if not client.bucket_exists(bucket):
            client.make_bucket(bucket, object_lock=locked_days is not None)
        if locked_days is not None:
            client.set_object_lock_config(bucket, ObjectLockConfig(COMPLIANCE, locked_days, DAYS))

    await _as_administrator(make)


async def admit_origin(
    *,
    endpoint: str,
    access_key: str,
    secret_key: SecretStr,
    bucket: str,
    origin: str,
    methods: tuple[str, ...],
) -> None:
    """Pages of this origin, and of no other, may call the bucket from a browser. Repeatable."""
    rule = "".join(
        (
            f"<AllowedOrigin>{escape(origin)}</AllowedOrigin>",
            *(f"<AllowedMethod>{method}</AllowedMethod>" for method in methods),
            "<AllowedHeader>*</AllowedHeader><MaxAgeSeconds>600</MaxAgeSeconds>",
        )
    )
    body = f"<CORSConfiguration><CORSRule>{rule}</CORSRule></CORSConfiguration>".encode()
    headers = {"Content-MD5": b64encode(md5(body, usedforsecurity=False).digest()).decode()}

    def send() -> None:
        url = signed_url(
            "PUT",
            f"{endpoint.rstrip('/')}/{bucket}",
            access_key=access_key,
            secret_key=secret_key.get_secret_value(),
            moment=system_clock()(),
            lasting=timedelta(minutes=1),
            headers=headers,
            query={"cors": ""},
        )
        answer = _pool(30).request("PUT", url, body=body, headers=headers)
        if answer.status not in {HTTPStatus.OK, HTTPStatus.NO_CONTENT}:
            raise _refusal(_code(answer))

    await _as_administrator(send)


async def _as_administrator(call: Callable[[], None]) -> None:
    try:
        await asyncio.to_thread(call)
    except S3Error as error:
        if error.code not in STANDS_ALREADY:
            raise _refusal(error.code) from None
    except (urllib3.exceptions.HTTPError, OSError) as error:
        raise Unavailable(f"object storage is away: {type(error).__name__}") from None
