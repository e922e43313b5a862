"""The documents of a release, written from pool and decisions alone: the same in, the same bytes out."""

import asyncio
import csv
import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, time
from hashlib import sha256

import xlsxwriter
from mrx_shared.store.objects import Objects

from mrx_aggregation.domain.disclosure import Decisions, generalised
from mrx_aggregation.domain.pool import POOL_COLUMNS, PoolSite, in_order
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


class DocumentShelf:
    """See `ports.Shelf`."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def publish(
        self, release: Release, pool: Sequence[PoolSite], decisions: Decisions, entry_ids: dict[bytes, str]
    ) -> dict[str, str]:
        lists = await asyncio.to_thread(write, pool, decisions, entry_ids)
        digests = {name: sha256(body).hexdigest() for name, body in lists.items()}
        shown = [site for site in pool if decisions.shows(site)]
        certificate = {
            "release_id": str(release.release_id),
            "round_id": str(release.round_id),
            "as_of": decisions.as_of.isoformat(),
            "policy": asdict(decisions.policy),
            "rows": len(shown),
            "generalised": generalised(shown),
            "documents": digests,
        }
        bodies = {
            **lists,
            CERTIFICATE: _json(certificate),
            FULL_CERTIFICATE: _json({**certificate, "sites": len(pool), "held": len(pool) - len(shown)}),
        }
        for name, body in bodies.items():
            await self._objects.put(_key(release, name), body, content_type=CONTENT_TYPES[name])
        return {name: sha256(body).hexdigest() for name, body in bodies.items()}

    async def link(self, release: Release, document: str, *, secretariat: bool) -> str:
        name = FULL_CERTIFICATE if secretariat and document == CERTIFICATE else document
        file_name = f"mrx-{release.as_of}-{document}"
        return await self._objects.link(_key(release, name), file_name=file_name, lasting=LINK_LASTS)


def _key(release: Release, name: str) -> str:
    return f"{release.release_id}/{name}"


def write(pool: Sequence[PoolSite], decisions: Decisions, entry_ids: dict[bytes, str]) -> dict[str, bytes]:
    """The list as CSV, JSON and workbook: the rows that the decisions show, in the order of their contents."""
    rows = [
        {"entry_id": entry_ids[site.digest], **asdict(site)}
        for site in in_order(pool)
        if decisions.shows(site)
    ]
    return {
        "list.csv": _csv(rows),
        "list.json": b"".join(_json_lines(rows)),
        "list.xlsx": _xlsx(rows, decisions),
    }


def harmless(value: str) -> str:
    """A cell that no spreadsheet runs: where it would, an apostrophe goes before it."""
    return f"'{value}" if value.startswith(_RUN_BY_SPREADSHEETS) else value


def _csv(rows: Sequence[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\r\n")
    table.writerow(COLUMNS)
    table.writerows([harmless(row[name]) for name in COLUMNS] for row in rows)
    return text.getvalue().encode()


def _json_lines(rows: Sequence[dict[str, str]]) -> Iterator[bytes]:
    yield b"["
    for place, row in enumerate(rows):
        yield b",\n" if place else b"\n"
        yield json.dumps({name: row[name] for name in COLUMNS}, ensure_ascii=False).encode()
    yield b"\n]\n"


def _xlsx(rows: Sequence[dict[str, str]], decisions: Decisions) -> bytes:
    body = io.BytesIO()
    # A plain string is always written as a string; the time of making is the round's day.
    book = xlsxwriter.Workbook(body, {"in_memory": True})
    book.set_properties({"title": "Released list", "created": datetime.combine(decisions.as_of, time())})
    sheet = book.add_worksheet("Released list")
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for place, name in enumerate(COLUMNS):
        sheet.set_column(place, place, _WIDTHS.get(name, 18))
        sheet.write_string(0, place, name, bold)
    for line, row in enumerate(rows, start=1):
        for place, name in enumerate(COLUMNS):
            sheet.write_string(line, place, harmless(row[name]))
    if rows:
        sheet.autofilter(0, 0, len(rows), len(COLUMNS) - 1)
    book.close()
    return body.getvalue()


def _json(value: object) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=2) + "\n").encode()
