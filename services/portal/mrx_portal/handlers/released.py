"""The released list on the page: fetched through a link, verified, and kept by what it is."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

from cachetools import LRUCache
from mrx_shared.api.aggregation import Link, NewLink, Release
from mrx_shared.refusals import Rejected, Unavailable

from mrx_portal.domain.released import ReleasedList, read_released
from mrx_portal.ports import Api, Documents, Service

DOCUMENT = "list.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    """The latest release and its entries."""

    release: Release
    listed: ReleasedList


class ReleasedListCache:
    """Released lists by their SHA-256; the one that was not looked at for longest goes first.

    Whoever looks has been let in by aggregation a moment before: what is kept here are lists, not rights.
    """

    def __init__(self, documents: Documents, *, most: int = 2) -> None:
        self._documents = documents
        self._kept: LRUCache[str, ReleasedList] = LRUCache(most)
        self._fetching = asyncio.Lock()

    async def latest(self, api: Api, *, new_key: Callable[[], str]) -> Latest | None:
        """The latest release; None before the first, and for a member that takes no part."""
        try:
            release = await latest_release(api)
        except Rejected as error:
            if error.kind == "forbidden":
                return None
            raise
        if release is None:
            return None
        digest = release.documents[DOCUMENT]
        async with self._fetching:
            listed = self._kept.get(digest) or await self._fetched(api, release, digest, key=new_key())
            self._kept[digest] = listed
        return Latest(release=release, listed=listed)

    async def _fetched(self, api: Api, release: Release, digest: str, *, key: str) -> ReleasedList:
        url = await link_to(api, str(release.release_id), DOCUMENT, key=key)
        content = await self._documents.fetch(url)
        if sha256(content).hexdigest() != digest:
            raise Unavailable("the released list that arrived is not the one that was released")
        return await asyncio.to_thread(read_released, content)


async def latest_release(api: Api) -> Release | None:
    """The latest release, or None before the first. Raises `Forbidden` for a member that takes no part."""
    try:
        return await api.get(Service.AGGREGATION, "/v1/releases/latest", Release)
    except Rejected as error:
        if error.kind == "unknown":
            return None
        raise


async def link_to(api: Api, release_id: str, document: str, *, key: str) -> str:
    """A link to one document of a release, good for a minute."""
    path = f"/v1/releases/{release_id}/links"
    link = await api.post(Service.AGGREGATION, path, NewLink(document=document), Link, key=key)
    if link.url is None:
        raise Rejected("this link has already been issued", remedy="ask for a new one")
    return link.url
