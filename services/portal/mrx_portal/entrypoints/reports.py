"""Reports that a page hands on as they came from a service."""

from collections.abc import Mapping
from types import MappingProxyType
from urllib.parse import quote

from fastapi import Response
from mrx_shared.refusals import Unknown

_SHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
KINDS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "html": ("Page", "text/html; charset=utf-8"),
        "pdf": ("PDF", "application/pdf"),
        "xlsx": ("Workbook", _SHEET),
        "svg": ("Map", "image/svg+xml"),
        "json": ("OSCAL mapping", "application/json"),
    }
)
TEMPLATES: Mapping[str, str] = MappingProxyType({"xlsx": _SHEET, "csv": "text/csv; charset=utf-8"})
_ALONE = (
    "default-src 'none'; style-src 'unsafe-inline'; "
    "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
)
"""for a page that brings its own styles and runs nothing"""


def known_kind(kind: str) -> str:
    """The kind of a report. Raises `Unknown`."""
    if kind not in KINDS:
        raise Unknown("there is no such kind of report", field="kind", remedy="choose one from the page")
    return kind


def handed_on(body: bytes, media: str, name: str) -> Response:
    """A page opens in the browser, sandboxed; every other kind is a file."""
    if media.startswith("text/html"):
        return Response(body, media_type=media, headers={"Content-Security-Policy": _ALONE})
    return Response(body, media_type=media, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def attached(body: bytes, name: str) -> Response:
    """A file that somebody else made: never opened in the page's place, whatever it is."""
    return Response(
        body,
        media_type="application/octet-stream",
        headers={
            "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
            "Content-Security-Policy": "default-src 'none'; sandbox",
        },
    )
