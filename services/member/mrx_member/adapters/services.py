"""The HTTP services with the member's own token: aggregation and registry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

import httpx
from mrx_shared.messages.aggregation import ListReceived, RowRefusal
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unavailable, Unknown

from mrx_member.adapters.outages import Notice, riding_over
from mrx_member.ports import Progress, Release

PAGE = 2_000
FRESH = 30.0
"""A token is replaced so many seconds before it expires."""
MAX_DOCUMENT = 1024 * 1024 * 1024
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_BY_STATUS = {400: Invalid, 401: Forbidden, 403: Forbidden, 404: Unknown, 422: Invalid}


class Away(Exception):
    """A service does not answer, or asks to come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAccess:
    """Where the services are, and who comes."""

    registry_url: str
    aggregation_url: str
    client_id: str
    client_secret: str = field(repr=False)


class HttpServices:
    """The port `Services`. Opens a client per call; a token is kept until shortly before it expires."""

    def __init__(
        self, access: HttpAccess, *, notice: Notice, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._access = access
        self._notice = notice
        self._transport = transport
        self._tokens: dict[str, tuple[str, float]] = {}

    async def refusals(self, receipt: ListReceived) -> Sequence[RowRefusal]:
        """All refused rows of a list, by row."""
        found: list[RowRefusal] = []
        async with self._client() as client:
            while len(found) < receipt.refused:
                after = found[-1].row if found else 0
                page = await self._get(
                    client, _path(receipt.details_path), params={"after_row": after, "limit": PAGE}
                )
                rows = [RowRefusal.model_validate(row) for row in page["refusals"]]
                if not rows:
                    break
                found.extend(rows)
        return found

    async def latest_release(self) -> Release | None:
        """The latest release, None before the first."""
        async with self._client() as client:
            try:
                said = await self._get(client, "/v1/releases/latest")
            except Unknown:
                return None
        return Release(
            release_id=UUID(said["release_id"]),
            as_of=said["as_of"],
            rows=said["rows"],
            documents=said["documents"],
        )

    async def documents(
        self, release: Release, names: Sequence[str], folder: Path, progress: Progress
    ) -> None:
        """Download documents of a release, each only if its SHA-256 and size are right."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 - once a command
        async with self._client() as client:
            for done, name in enumerate(names, 1):
                if not _kept(folder / name, release.documents.get(name)):
                    await self._riding_over(
                        lambda name=name: self._document(client, release, name, folder), "download"
                    )
                progress(done, len(names))

    async def participation(self) -> Mapping[str, object]:
        """Whether this member takes part, and what is missing."""
        async with self._client() as client:
            said: Mapping[str, object] = await self._get(client, "/v1/participation", service="registry")
        return said

    async def _document(self, client: httpx.AsyncClient, release: Release, name: str, folder: Path) -> None:
        link = await self._once(
            client,
            "POST",
            f"/v1/releases/{release.release_id}/links",
            json={"document": name},
            headers={"Idempotency-Key": str(uuid4())},
        )
        expected = release.documents.get(name) or link["sha256"]
        partial = folder / f"{name}.partial"
        digest, size = sha256(), 0
        # The link is signed: whoever has it may read, so the token stays here.
        async with client.stream("GET", link["url"]) as answer:
            if answer.status_code != httpx.codes.OK:
                raise Away(f"{name}: {answer.status_code}")
            with partial.open("wb") as file:
                async for chunk in answer.aiter_bytes():
                    digest.update(chunk)
                    size += len(chunk)
                    if size > MAX_DOCUMENT:
                        raise Rejected(f"{name} is larger than {MAX_DOCUMENT // 2**20} MiB", field=name)
                    file.write(chunk)
            length = answer.headers.get("content-length")
        if length is not None and "content-encoding" not in answer.headers and int(length) != size:
            raise Away(f"{name}: {size} of {length} bytes")
        if not digest.hexdigest() == expected == link["sha256"]:
            partial.unlink()
            raise Rejected(
                f"{name} was altered on its way: its SHA-256 is not the one that was released",
                field=name,
                remedy="do not use it; fetch again, and tell the secretariat if it happens twice",
            )
        partial.replace(folder / name)

    async def _get(
        self,
        client: httpx.AsyncClient,
        path: str,
        *,
        service: str = "aggregation",
        **how: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - JSON
        return await self._riding_over(
            lambda: self._once(client, "GET", path, service=service, **how), service
        )

    async def _once(
        self,
        client: httpx.AsyncClient,
        method: str,
        path: str,
        *,
        service: str = "aggregation",
        **how: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401 - JSON
        token = await self._token(client, service)
        headers = {"Authorization": f"Bearer {token}", **how.pop("headers", {})}
        answer = await client.request(method, f"{self._url(service)}{path}", headers=headers, **how)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens.pop(service, None)
        return _understood(answer, service)

    async def _token(self, client: httpx.AsyncClient, service: str) -> str:
        token, until = self._tokens.get(service, ("", 0.0))
        if monotonic() < until:
            return token
        answer = await client.post(
            f"{self._url('registry')}/v1/token",
            data={"grant_type": "client_credentials", "audience": f"mrx.{service}"},
            auth=(self._access.client_id, self._access.client_secret),
        )
        said = _understood(answer, "registry")
        self._tokens[service] = said["access_token"], monotonic() + said["expires_in"] - FRESH
        return str(said["access_token"])

    async def _riding_over(self, attempt: Any, what: str) -> Any:  # noqa: ANN401 - JSON
        return await riding_over(
            attempt,
            outages=(Away, httpx.TransportError),
            notice=lambda: self._notice(f"{what} does not answer"),
        )

    def _url(self, service: str) -> str:
        return (self._access.registry_url if service == "registry" else self._access.aggregation_url).rstrip(
            "/"
        )

    def _client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(timeout=_TIMEOUT, transport=self._transport, trust_env=False)


def _understood(answer: httpx.Response, service: str) -> Any:  # noqa: ANN401 - JSON
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if (
        answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    ):
        raise Away(f"{service} answered {answer.status_code}")
    if problem.get("retryable"):
        raise Away(str(problem.get("detail")))
    refused = _BY_STATUS.get(answer.status_code, Rejected)
    raise refused(
        f"{service}: {problem.get('detail') or problem.get('error_description') or answer.status_code}",
        field=problem.get("field"),
        row=problem.get("row"),
        remedy=problem.get("remedy"),
    )


def _path(said: str) -> str:
    """Return a path that a service said. It must stay on the service: the token goes with it."""
    if not said.startswith("/v1/"):
        raise Unavailable("the receipt names no path of the service")
    return said


def _kept(file: Path, expected: str | None) -> bool:
    return expected is not None and file.is_file() and sha256(file.read_bytes()).hexdigest() == expected
