"""The HTTP services with the member's own token: aggregation and registry."""

from collections.abc import Mapping, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

from mrx_shared.api import aggregation
from mrx_shared.api.registry import Participation
from mrx_shared.kit.retries import Unreachable
from mrx_shared.messages.aggregation import ListReceived, RowRefusal
from mrx_shared.refusals import Rejected, Unavailable, Unknown

from mrx_member.adapters.http import Http
from mrx_member.ports import Progress

PAGE = 2_000
MAX_DOCUMENT = 1024 * 1024 * 1024


class HttpServices:
    """The port `Services`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    async def refusals(self, receipt: ListReceived) -> Sequence[RowRefusal]:
        """All refused rows of a list, by row."""
        found: list[RowRefusal] = []
        while len(found) < receipt.refused:
            page = await self._http.client.get(
                "aggregation",
                _path(receipt.details_path),
                aggregation.Refusals,
                after_row=found[-1].row if found else 0,
                limit=PAGE,
            )
            if not page.refusals:
                break
            found.extend(page.refusals)
        return found

    async def latest_release(self) -> aggregation.Release | None:
        """The latest release, None before the first."""
        try:
            return await self._http.client.get("aggregation", "/v1/releases/latest", aggregation.Release)
        except Unknown:
            return None

    async def documents(
        self, release: aggregation.Release, names: Sequence[str], folder: Path, progress: Progress
    ) -> None:
        """Download documents of a release, each only if its SHA-256 and size are right."""
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # noqa: ASYNC240 - once a command
        for done, name in enumerate(names, 1):
            if not _kept(folder / name, release.documents.get(name)):
                await self._http.retrying(partial(self._document, release, name, folder), "download")
            progress(done, len(names))

    async def participation(self) -> Mapping[str, Any]:
        """Whether this member takes part, and what is missing."""
        found = await self._http.client.get("registry", "/v1/participation", Participation)
        return found.model_dump(mode="json")

    async def _document(self, release: aggregation.Release, name: str, folder: Path) -> None:
        link = await self._http.client.post(
            "aggregation",
            f"/v1/releases/{release.release_id}/links",
            aggregation.NewLink(document=name),
            aggregation.Link,
        )
        if link.url is None:
            raise Unreachable("aggregation: a link was lost on its way")
        partial = folder / f"{name}.partial"
        digest, size = sha256(), 0
        with partial.open("wb") as file:

            def write(part: bytes) -> None:
                nonlocal size
                size += len(part)
                if size > MAX_DOCUMENT:
                    raise Rejected(f"{name} is larger than {MAX_DOCUMENT // 2**20} MiB", field=name)
                digest.update(part)
                file.write(part)

            await self._http.download(link.url, write)
        expected = release.documents.get(name) or link.sha256
        if not digest.hexdigest() == expected == link.sha256:
            partial.unlink()
            raise Rejected(
                f"{name} was altered on its way: its SHA-256 is not the one that was released",
                field=name,
                remedy="do not use it; fetch it again, and tell the secretariat if it happens twice",
            )
        partial.replace(folder / name)


def _path(said: str) -> str:
    """Return a path that a service said. It must stay on the service: the token goes with it."""
    if not said.startswith("/v1/"):
        raise Unavailable("the receipt names no path of the service")
    return said


def _kept(file: Path, expected: str | None) -> bool:
    return expected is not None and file.is_file() and sha256(file.read_bytes()).hexdigest() == expected
