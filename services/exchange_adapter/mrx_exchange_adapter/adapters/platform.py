"""The connector to a SEDEX-style platform over HTTP: OAuth2, paging, patience, and files that are verified.

Every call only reads, so each may be repeated. Nothing that is sent names the asking member.
"""

import asyncio
import hashlib
import random
import re
import time
from base64 import b64decode
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, date
from email.utils import parsedate_to_datetime
from functools import partial
from http import HTTPStatus
from typing import BinaryIO, Final, Generic, TypeVar
from urllib.parse import quote

import httpx
from mrx_shared.kit.clock import Clock, system_clock
from pydantic import AwareDatetime, BaseModel, ConfigDict, SecretStr, ValidationError
from typing_extensions import override

from mrx_exchange_adapter.adapters.circuit_breaker import CircuitBreaker, CircuitOpen
from mrx_exchange_adapter.domain.platform import FetchedReport, Grant, NonConformity, PlatformAudit
from mrx_exchange_adapter.ports import AccessEnded, PlatformUnavailable, ReportTooLarge

T = TypeVar("T")
D = TypeVar("D", bound=BaseModel)

DOCUMENT_BYTES: Final = 8 * 1024 * 1024
PAGES: Final = 2000
READINGS: Final = 8
EARLY_S: Final = 30.0
LONGEST_ASKED_S: Final = 3600.0
"""a longer Retry-After is a mistake"""
WORD: Final = 60
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
_DIGEST = re.compile(r"(?:^|,)\s*sha-256=:([A-Za-z0-9+/=]+):")


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """How long the connector waits, and how often it tries."""

    tries: int = 5
    first_pause_s: float = 0.5
    longest_pause_s: float = 10
    """of our own; and the longest that a platform's Retry-After is sat out within one call"""
    answer_s: float = 20
    """for one whole answer, however it trickles"""
    report_s: float = 900
    """for one whole report"""
    page: int = 200


class _Told(BaseModel):
    """A document of the platform, of which fields that we do not know are passed over."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class _Token(_Told):
    access_token: str
    expires_in: float


class _Item(_Told):
    updated_at: AwareDatetime

    @property
    def key(self) -> str:
        raise NotImplementedError


class _Grant(_Item):
    grant_id: str
    site_code: str
    reference: str
    state: str
    granted_at: AwareDatetime

    @property
    @override
    def key(self) -> str:
        return self.grant_id


class _Finding(_Told):
    area: str
    severity: str
    status: str


class _Report(_Told):
    sha256: str
    size: int


class _Audit(_Item):
    audit_id: str
    site_code: str
    protocol: str
    protocol_version: str
    audit_date: date
    audit_type: str
    non_conformities: tuple[_Finding, ...]
    report: _Report | None

    @property
    @override
    def key(self) -> str:
        return self.audit_id


Listed = TypeVar("Listed", bound=_Item)


class _CursorPage(_Told, Generic[Listed]):
    items: list[Listed]
    next_cursor: str | None


class _Again(Exception):
    """This attempt failed in a way that the next one may not."""

    def __init__(self, why: str, *, after_s: float | None = None, asked_to_wait: bool = False) -> None:
        super().__init__(why)
        self.why = why
        self.after_s = after_s
        self.asked_to_wait = asked_to_wait


class _NotFound(Exception):
    """The platform knows no such thing, or shows it no longer."""


def connect(url: str, *, client_id: str, client_secret: SecretStr) -> "HttpPlatform":
    """A connector with the one HTTP client of this process; it opens nothing yet."""
    http = httpx.AsyncClient(
        base_url=url,
        timeout=httpx.Timeout(15, connect=5, pool=5),
        limits=httpx.Limits(max_connections=10),
        headers={"User-Agent": "mrx-exchange"},
    )
    return HttpPlatform(http, client_id=client_id, client_secret=client_secret)


class HttpPlatform:
    """See `ports.Platform`. One per process; it owns its HTTP client."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        *,
        client_id: str,
        client_secret: SecretStr,
        patience: RetryPolicy | None = None,
        breaker: CircuitBreaker | None = None,
        clock: Clock | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._http = http
        self._credentials = httpx.BasicAuth(client_id, client_secret.get_secret_value())
        self._patience = patience or RetryPolicy()
        self._breaker = breaker or CircuitBreaker()
        self._clock = clock or system_clock()
        self._sleep = sleep
        self._token: str | None = None
        self._token_ends = 0.0
        self._signing_in = asyncio.Lock()

    async def close(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def knows_site(self, site_code: str) -> bool:
        """See `ports.Platform`."""
        try:
            await self._retrying(lambda: self._document(f"/v1/sites/{quote(site_code)}", {}, _Told))
        except _NotFound:
            return False
        return True

    async def grants(self) -> list[Grant]:
        """See `ports.Platform`."""
        return [
            Grant(
                grant_id=one.grant_id,
                site_code=one.site_code,
                reference=one.reference,
                active=one.state == "active",
                granted_at=one.granted_at,
            )
            for one in await self._whole("/v1/grants", _CursorPage[_Grant])
        ]

    async def audits(self, grant: Grant) -> list[PlatformAudit]:
        """See `ports.Platform`."""
        try:
            found = await self._whole(f"/v1/grants/{quote(grant.grant_id)}/audits", _CursorPage[_Audit])
        except _NotFound:
            raise AccessEnded("the platform shows this site no longer") from None
        return [_audit(one) for one in found if one.site_code == grant.site_code]

    async def fetch(
        self, grant: Grant, audit: PlatformAudit, *, into: BinaryIO, at_most: int
    ) -> FetchedReport:
        """See `ports.Platform`."""
        path = f"/v1/grants/{quote(grant.grant_id)}/audits/{quote(audit.audit_id)}/report"
        try:
            return await self._retrying(lambda: self._download(path, into, at_most))
        except _NotFound:
            raise AccessEnded("the platform shows this report no longer") from None

    async def _whole(self, path: str, page: type[_CursorPage[Listed]]) -> list[Listed]:
        """A whole list. Its pages may shift while they are read: it is read until two readings say the same."""
        before: dict[str, Listed] | None = None
        for _ in range(READINGS):
            items, pages = await self._reading(path, page)
            if pages == 1 or items == before:
                return list(items.values())
            before = items
        raise PlatformUnavailable("a list changed with every reading")

    async def _reading(self, path: str, page: type[_CursorPage[Listed]]) -> tuple[dict[str, Listed], int]:
        items: dict[str, Listed] = {}
        cursor: str | None = None
        for number in range(1, PAGES + 1):
            query = {"limit": str(self._patience.page)} | ({"cursor": cursor} if cursor else {})
            part = await self._retrying(partial(self._document, path, query, page))
            for item in part.items:
                known = items.get(item.key)
                if known is None or known.updated_at <= item.updated_at:
                    items[item.key] = item
            if part.next_cursor is None:
                return items, number
            cursor = part.next_cursor
        raise PlatformUnavailable("a list has no end")

    async def _retrying(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Try until it works, as often as patience allows. Raises `PlatformUnavailable`, and what else is an answer."""
        patience = self._patience
        for number in range(1, patience.tries + 1):
            try:
                self._breaker.admit()
            except CircuitOpen as opened:
                raise PlatformUnavailable(f"the platform is left alone {opened}") from None
            try:
                answer = await attempt()
            except _Again as again:
                pause = self._pause(number, again)
                if pause > patience.longest_pause_s:
                    self._breaker.leave_alone(pause)
                    raise PlatformUnavailable(again.why) from None
                if again.asked_to_wait:
                    self._breaker.left()
                else:
                    self._breaker.failed()
                if number == patience.tries:
                    raise PlatformUnavailable(again.why) from None
            except (_NotFound, ReportTooLarge):
                self._breaker.worked()
                raise
            except BaseException:
                self._breaker.left()
                raise
            else:
                self._breaker.worked()
                return answer
            await self._sleep(pause)
        raise AssertionError("tries is at least 1")

    def _pause(self, number: int, again: _Again) -> float:
        # Full jitter: those that failed together do not come back together.
        ours = min(self._patience.first_pause_s * 2 ** (number - 1), self._patience.longest_pause_s)
        return max(min(again.after_s or 0, LONGEST_ASKED_S), random.uniform(0, ours))  # noqa: S311  (no secret)

    async def _document(self, path: str, query: dict[str, str], shape: type[D]) -> D:
        async with self._within(self._patience.answer_s), self._asked(path, query) as response:
            _is(response, "application/json")
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > DOCUMENT_BYTES:
                    raise _Again("an answer has no end")
        try:
            return shape.model_validate_json(bytes(body))
        except ValidationError:
            raise _Again("an answer cannot be read") from None

    async def _download(self, path: str, into: BinaryIO, at_most: int) -> FetchedReport:
        digest, size = hashlib.sha256(), 0
        into.seek(0)
        into.truncate()
        async with self._within(self._patience.report_s), self._asked(path, {}) as response:
            _is(response, "application/pdf", "application/octet-stream")
            stated = _stated_sha256(response.headers.get("repr-digest", ""))
            async for chunk in response.aiter_raw(64 * 1024):
                size += len(chunk)
                if size > at_most:
                    raise ReportTooLarge(f"more than {at_most} bytes")
                digest.update(chunk)
                await asyncio.to_thread(into.write, chunk)
        return FetchedReport(sha256=digest.hexdigest(), size=size, stated_sha256=stated)

    @asynccontextmanager
    async def _asked(self, path: str, query: dict[str, str]) -> AsyncIterator[httpx.Response]:
        """An answer of 200, its body still to be read. Raises `_Again` or `_NotFound`."""
        token = await self._signed_in()
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        try:
            async with self._http.stream("GET", path, params=query, headers=headers) as response:
                if response.status_code == HTTPStatus.UNAUTHORIZED and self._token == token:
                    self._token = None
                self._judge(response)
                yield response
        except httpx.HTTPError as error:
            raise _Again(f"the platform broke off: {type(error).__name__}") from None

    def _judge(self, response: httpx.Response) -> None:
        status = response.status_code
        if status == HTTPStatus.OK:
            return
        if status in {HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
            raise _NotFound
        asked_to_wait = status == HTTPStatus.TOO_MANY_REQUESTS
        after = self._retry_after(response.headers.get("retry-after", ""))
        raise _Again(f"the platform answered {status}", after_s=after, asked_to_wait=asked_to_wait)

    def _retry_after(self, text: str) -> float | None:
        if text.strip().isdigit():
            return float(text)
        try:
            moment = parsedate_to_datetime(text)
        except ValueError:
            return None
        return max(0.0, (moment.astimezone(UTC) - self._clock()).total_seconds())

    @asynccontextmanager
    async def _within(self, seconds: float) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(seconds):
                yield
        except TimeoutError:
            raise _Again("the platform did not answer in time") from None

    async def _signed_in(self) -> str:
        async with self._signing_in:
            if self._token is None or time.monotonic() >= self._token_ends:
                try:
                    response = await self._http.post(
                        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=self._credentials
                    )
                except httpx.HTTPError as error:
                    raise _Again(f"the platform gave no token: {type(error).__name__}") from None
                if response.status_code == HTTPStatus.UNAUTHORIZED:
                    raise PlatformUnavailable("the platform does not know our credentials")
                self._judge(response)
                try:
                    token = _Token.model_validate_json(response.content)
                except ValidationError:
                    raise _Again("a token cannot be read") from None
                # A token is renewed before it ends, but not more often than at half its life.
                lasting = max(token.expires_in - EARLY_S, token.expires_in / 2)
                self._token, self._token_ends = token.access_token, time.monotonic() + lasting
            return self._token


def _is(response: httpx.Response, *media_types: str) -> None:
    stated = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if stated not in media_types:
        raise _Again(f"the platform answered with {stated[:60] or 'no type'}")


def _stated_sha256(header: str) -> str | None:
    """The checksum that an answer states of itself, in hex (RFC 9530)."""
    found = _DIGEST.search(header)
    if found is None:
        return None
    try:
        stated = b64decode(found[1], validate=True)
    except ValueError:
        stated = b""
    if len(stated) != hashlib.sha256().digest_size:
        raise _Again("a checksum cannot be read")
    return stated.hex()


def _word(text: str) -> str:
    """A platform's word as it can be passed on; empty where it cannot."""
    word = text.strip()
    return word if word.isprintable() and len(word) <= WORD else ""


def _audit(one: _Audit) -> PlatformAudit:
    whole = one.report is not None and _SHA256.fullmatch(one.report.sha256) and one.report.size > 0
    return PlatformAudit(
        audit_id=one.audit_id,
        protocol=_word(one.protocol),
        protocol_version=_word(one.protocol_version),
        audit_date=one.audit_date,
        audit_type=one.audit_type,
        updated_at=one.updated_at,
        sha256=one.report.sha256.lower() if whole and one.report else None,
        size=one.report.size if whole and one.report else None,
        non_conformities=tuple(
            NonConformity(area=found.area, severity=found.severity, status=found.status)
            for found in one.non_conformities
        ),
    )
