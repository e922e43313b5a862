"""The HTTP services with the member's own token: aggregation and registry."""

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from uuid import UUID, uuid4

import httpx
from mrx_shared.messages.aggregation import ListReceived, RowRefusal
from mrx_shared.refusals import Rejected, Unavailable, Unknown

from mrx_member.adapters.http import Away, Http
from mrx_member.ports import Progress, Release

PAGE = 2_000
MAX_DOCUMENT = 1024 * 1024 * 1024


class HttpServices:
    """The port `Services`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def refusals(self, receipt: ListReceived) -> Sequence[RowRefusal]:
        """All refused rows of a list, by row."""
        found: list[RowRefusal] = []
        async with self._http.client() as client:
            while len(found) < receipt.refused:
                after = found[-1].row if found else 0
                page = await self._http.call(
                    client,
                    "GET",
                    "aggregation",
                    _path(receipt.details_path),
                    params={"after_row": after, "limit": PAGE},
                )
                rows = [RowRefusal.model_validate(row) for row in page["refusals"]]
                if not rows:
                    break
                found.extend(rows)
        return found

    async def latest_release(self) -> Release | None:
        """The latest release, None before the first."""
        async with self._http.client() as client:
            try:
                said = await self._http.call(client, "GET", "aggregation", "/v1/releases/latest")
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
        async with self._http.client() as client:
            for done, name in enumerate(names, 1):
                if not _kept(folder / name, release.documents.get(name)):
                    await self._http.riding_over(
                        partial(self._document, client, release, name, folder), "download"
                    )
                progress(done, len(names))

    async def participation(self) -> Mapping[str, object]:
        """Whether this member takes part, and what is missing."""
        async with self._http.client() as client:
            said: Mapping[str, object] = await self._http.call(client, "GET", "registry", "/v1/participation")
        return said

    async def _document(self, client: httpx.AsyncClient, release: Release, name: str, folder: Path) -> None:
        link = await self._http.once(
            client,
            "POST",
            "aggregation",
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


def _path(said: str) -> str:
    """Return a path that a service said. It must stay on the service: the token goes with it."""
    if not said.startswith("/v1/"):
        raise Unavailable("the receipt names no path of the service")
    return said


def _kept(file: Path, expected: str | None) -> bool:
    return expected is not None and file.is_file() and sha256(file.read_bytes()).hexdigest() == expected
