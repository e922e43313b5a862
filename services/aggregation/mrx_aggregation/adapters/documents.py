"""The documents of a release, written from pool and decisions alone: the same in, the same bytes out."""

import asyncio
import csv
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import asdict
from datetime import date, datetime, time
from hashlib import file_digest, sha256
from pathlib import Path
from tempfile import TemporaryDirectory

import xlsxwriter
from mrx_shared.store.objects import Objects

from mrx_aggregation.domain.disclosure import Decisions, generalised
from mrx_aggregation.domain.pool import POOL_COLUMNS, PoolSite
from mrx_aggregation.ports import CERTIFICATE, FULL_CERTIFICATE, LINK_LASTS, Release

COLUMNS = ("entry_id", *POOL_COLUMNS)
CONTENT_TYPES = {
    "list.csv": "text/csv; charset=utf-8",
    "list.json": "application/json",
    "list.xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    CERTIFICATE: "application/json",
    FULL_CERTIFICATE: "application/json",
}
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_WIDTHS = {"entry_id": 20, "site_name": 40, "address": 50}


class ObjectDocuments:
    """See `ports.Shelf`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    @asynccontextmanager
    async def documents(self, decisions: Decisions) -> AsyncIterator["DocumentFiles"]:
        with TemporaryDirectory(prefix="mrx-release-") as folder, ExitStack() as opened:
            yield DocumentFiles(self._objects, decisions, ListFiles(Path(folder), decisions.as_of, opened))

    async def link(self, release: Release, document: str, *, secretariat: bool) -> str:
        name = FULL_CERTIFICATE if secretariat and document == CERTIFICATE else document
        file_name = f"mrx-{release.as_of}-{document}"
        return await self._objects.link(_key(release, name), file_name=file_name, lasting=LINK_LASTS)


class DocumentFiles:
    """See `ports.Documents`."""

    def __init__(self, objects: Objects, decisions: Decisions, lists: "ListFiles") -> None:
        self._objects = objects
        self._decisions = decisions
        self._lists = lists
        self._generalised: Counter[str] = Counter()

    async def add(self, shown: Sequence[PoolSite], entry_ids: Mapping[bytes, str]) -> None:
        self._generalised.update(generalised(shown))
        await asyncio.to_thread(self._lists.add, shown, entry_ids)

    async def publish(self, release: Release) -> dict[str, str]:
        assert release.rows is not None
        assert release.held is not None
        lists = await asyncio.to_thread(self._lists.close)
        digests = {name: await asyncio.to_thread(_digest, path) for name, path in lists.items()}
        certificate = {
            "release_id": str(release.release_id),
            "round_id": str(release.round_id),
            "as_of": self._decisions.as_of.isoformat(),
            "policy": asdict(self._decisions.policy),
            "rows": release.rows,
            "generalised": dict(self._generalised),
            "documents": digests,
        }
        full = {**certificate, "sites": release.rows + release.held, "held": release.held}
        for name, path in lists.items():
            with path.open("rb") as body:
                await self._objects.put(_key(release, name), body, content_type=CONTENT_TYPES[name])
        for name, stated in ((CERTIFICATE, certificate), (FULL_CERTIFICATE, full)):
            text = _json(stated)
            digests = {**digests, name: sha256(text).hexdigest()}
            await self._objects.put(_key(release, name), text, content_type=CONTENT_TYPES[name])
        return digests


class ListFiles:
    """The list as CSV, JSON and workbook in a folder, written row by row in the order in which rows come.

    The files that it opens are closed with `opened`, if not before.
    """

    def __init__(self, folder: Path, as_of: date, opened: ExitStack) -> None:
        self._paths = {name: folder / name for name in ("list.csv", "list.json", "list.xlsx")}
        self._opened = opened
        self._rows = 0
        text = opened.enter_context(self._paths["list.csv"].open("w", encoding="utf-8", newline=""))
        self._csv = csv.writer(text, lineterminator="\r\n")
        self._csv.writerow(COLUMNS)
        self._json = opened.enter_context(self._paths["list.json"].open("wb"))
        self._json.write(b"[")
        # A plain string is always written as a string; the time of making is the round's day. Rows go to a
        # file of the folder as they come.
        self._book = xlsxwriter.Workbook(
            self._paths["list.xlsx"], {"constant_memory": True, "tmpdir": str(folder)}
        )
        opened.callback(self._book.close)
        self._book.set_properties({"title": "Released list", "created": datetime.combine(as_of, time())})
        self._sheet = self._book.add_worksheet("Released list")
        self._sheet.freeze_panes(1, 0)
        bold = self._book.add_format({"bold": True})
        for place, name in enumerate(COLUMNS):
            self._sheet.set_column(place, place, _WIDTHS.get(name, 18))
            self._sheet.write_string(0, place, name, bold)

    def add(self, sites: Sequence[PoolSite], entry_ids: Mapping[bytes, str]) -> None:
        """Write these rows after those before."""
        for site in sites:
            row = {"entry_id": entry_ids[site.digest], **{name: getattr(site, name) for name in POOL_COLUMNS}}
            self._json.write(b",\n" if self._rows else b"\n")
            self._json.write(json.dumps(row, ensure_ascii=False).encode())
            self._rows += 1
            cells = [harmless(value) for value in row.values()]
            self._csv.writerow(cells)
            for place, cell in enumerate(cells):
                self._sheet.write_string(self._rows, place, cell)

    def close(self) -> Mapping[str, Path]:
        """Finish the files. Returns them by name."""
        self._json.write(b"\n]\n")
        if self._rows:
            self._sheet.autofilter(0, 0, self._rows, len(COLUMNS) - 1)
        self._opened.close()
        return self._paths


def harmless(value: str) -> str:
    """A cell that no spreadsheet runs: where it would, an apostrophe goes before it."""
    return f"'{value}" if value.startswith(_RUN_BY_SPREADSHEETS) else value


def _digest(path: Path) -> str:
    with path.open("rb") as body:
        return file_digest(body, "sha256").hexdigest()


def _key(release: Release, name: str) -> str:
    return f"{release.release_id}/{name}"


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
