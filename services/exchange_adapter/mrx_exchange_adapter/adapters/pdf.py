"""Whether the file on standard input is a PDF that can do nothing but be read: `python -I -m` this module.

Meant for a child process. It limits itself before it reads the first byte, walks every object of the file, whether
anything refers to it or not, and writes a JSON list of what it found wrong. Without such an answer there is no verdict.
"""

import io
import json
import os
import resource
import sys
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, repeat
from typing import BinaryIO, Final

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, Pdf, Stream, String

from mrx_exchange_adapter.adapters.filters import LAYERS, Layer, TooMuch, Undecodable, come_out

MEMORY: Final = 1536 * 1024 * 1024
CPU_S: Final = 90
OBJECTS: Final = 500_000
"""objects and parts of objects"""
PARSED: Final = 128 * 1024 * 1024
"""what a stream that holds objects may inflate to: it is read whole before anything can be asked of it"""
PIXELS: Final = 1024 * 1024 * 1024
INFLATED: Final = 2 * 1024 * 1024 * 1024
RATIO: Final = 200
"""what grows by more, and is large then, is no page of a report"""
SMALL: Final = 64 * 1024 * 1024
TAIL: Final = 2048

HARMLESS_WHEN_OPENED: Final = {"/GoTo", "/Named"}
ACTIVE: Final = {
    "/JavaScript",
    "/Launch",
    "/SubmitForm",
    "/ImportData",
    "/ResetForm",
    "/GoToR",
    "/GoToE",
    "/Thread",
    "/SetOCGState",
    "/Hide",
    "/Trans",
}
MEDIA: Final = {"/Rendition", "/Movie", "/Sound", "/GoTo3DView", "/RichMediaExecute"}
MEDIA_SUBTYPES: Final = {"/RichMedia", "/Screen", "/Movie", "/Sound", "/3D", "/U3D", "/PRC"}
LINKS: Final = ("http://", "https://", "mailto:", "tel:")


class TooComplex(Exception):
    """More parts, or more bytes behind them, than a report has."""


def limit() -> None:
    """Give up what reading a file does not need; for good, whatever the file brings about.

    With no room for a further file descriptor there is no socket, no file and no pipe to be opened.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))  # first a signal of its own, then the end
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
    pikepdf.settings.set_qpdf_limits(
        flate_max_memory=PARSED,
        run_length_max_memory=PARSED,
        png_max_memory=PARSED,
        tiff_max_memory=PARSED,
        max_stream_filters=LAYERS,
    )


def faults(body: BinaryIO) -> list[str]:
    """What is wrong with a file, by code; empty where nothing is."""
    if body.seek(0, os.SEEK_END) == 0:
        return ["empty"]
    if not _looks_like_pdf(body):
        return ["not-a-pdf"]
    body.seek(0)
    try:
        with pikepdf.open(body, attempt_recovery=False, suppress_warnings=True) as pdf:
            return ["encrypted"] if pdf.is_encrypted else _faults_within(pdf)
    except pikepdf.PasswordError:
        return ["encrypted"]
    except (TooComplex, TooMuch, MemoryError):
        return ["too-complex"]
    except (pikepdf.PdfError, Undecodable, RecursionError, UnicodeError, ValueError, TypeError, KeyError):
        return ["damaged"]


def _looks_like_pdf(body: BinaryIO) -> bool:
    """It begins as a PDF, and nothing else follows its end."""
    body.seek(0)
    begins = body.read(5) == b"%PDF-"
    size = body.seek(0, os.SEEK_END)
    body.seek(max(0, size - TAIL))
    tail = body.read()
    _, end, after = tail.rpartition(b"%%EOF")
    return begins and bool(end) and b"startxref" in tail and not after.strip(b"\r\n\t \x00")


def _faults_within(pdf: Pdf) -> list[str]:
    found: dict[str, None] = {}
    if len(pdf.pages) < 1:
        found["no-pages"] = None
    for counted, part in enumerate(_parts(pdf)):
        if counted > OBJECTS:
            raise TooComplex
        for fault in _faults_of(part):
            found[fault] = None
    _check_inflated(pdf)
    if pdf.get_warnings():
        found["damaged"] = None
    return list(found)


def _parts(pdf: Pdf) -> Iterator[Dictionary | Stream]:
    """Every dictionary in the file, the nested ones too. References are not followed: what they name comes by itself."""
    for whole in (pdf.trailer, *_objects(pdf)):
        within: list[Object] = [whole]
        steps = 0
        while within:
            steps += 1
            if steps > OBJECTS:
                raise TooComplex
            part = within.pop()
            if isinstance(part, (Dictionary, Stream)):
                yield part
                within += [value for _, value in part.items() if _nested(value)]
            elif isinstance(part, Array):
                within += [value for value in part if _nested(value)]


def _objects(pdf: Pdf) -> Iterator[Object]:
    objects = pdf.objects
    if len(objects) > OBJECTS:
        raise TooComplex
    return iter(objects)


def _nested(value: object) -> bool:
    return isinstance(value, (Dictionary, Array)) and not value.is_indirect


def _faults_of(part: Dictionary | Stream) -> Iterator[str]:
    keys = set(part.keys())
    kind, subtype, action = (_name(part, key) for key in ("/Type", "/Subtype", "/S"))
    if "/JS" in keys or "/JavaScript" in keys or action in ACTIVE:
        yield "active-content"
    if "/OpenAction" in keys and not _only_shows(part["/OpenAction"]):
        yield "active-content"
    if "/AA" in keys and _holds_something(part["/AA"]):
        yield "active-content"
    if action == "/URI" and not _web_link(part):
        yield "active-content"
    if (
        keys & {"/EmbeddedFiles", "/EF", "/AF", "/Collection"}
        or kind == "/EmbeddedFile"
        or subtype == "/FileAttachment"
    ):
        yield "attachments"
    if keys & {"/XFA", "/NeedsRendering"}:
        yield "xfa-form"
    if "/RichMediaContent" in keys or subtype in MEDIA_SUBTYPES or action in MEDIA:
        yield "rich-media"
    if isinstance(part, Stream) and keys & {"/F", "/FFilter", "/FDecodeParms"}:
        yield "external-content"


def _name(part: Dictionary | Stream, key: str) -> str | None:
    value = part.get(key)
    return str(value) if isinstance(value, Name) else None


def _only_shows(action: object) -> bool:
    """Whether what happens at opening is no more than going to a page, then the same."""
    steps = 0
    while isinstance(action, Dictionary):
        steps += 1
        if steps > 100 or _name(action, "/S") not in HARMLESS_WHEN_OPENED | {None}:  # noqa: PLR2004
            return False
        if "/S" not in action and "/D" not in action:
            return False
        action = action.get("/Next")
    return action is None or steps == 0


def _holds_something(value: object) -> bool:
    return not isinstance(value, Dictionary) or len(value.keys()) > 0


def _web_link(action: Dictionary | Stream) -> bool:
    target = action.get("/URI")
    if not isinstance(target, String):
        return False
    address = str(target).strip().lower()
    return address.startswith(LINKS) or ":" not in address.partition("/")[0]


def _check_inflated(pdf: Pdf) -> None:
    """Refuse what grows beyond all bounds once somebody opens it. Nothing is kept of what comes out."""
    total = 0
    for one in _objects(pdf):
        if not isinstance(one, Stream):
            continue
        if _number(one, "/Width") * _number(one, "/Height") > PIXELS:
            raise TooComplex
        if layers := _layers(one):
            raw = one.read_raw_bytes()
            bound = min(INFLATED - total, max(SMALL, len(raw) * RATIO))
            total += come_out(raw, layers, at_most=bound)


def _layers(stream: Stream) -> list[Layer]:
    """A stream's filters, in the order in which they are undone."""
    names, parameters = _listed(stream.get("/Filter")), _listed(stream.get("/DecodeParms"))
    if not all(isinstance(name, Name) for name in names):
        raise Undecodable
    return [
        Layer(name=str(name), early=_grows_early(said))
        for name, said in zip(names, chain(parameters, repeat(None)), strict=False)
    ]


def _listed(stated: object) -> list[object]:
    if isinstance(stated, Array):
        return list(stated)
    return [] if stated is None else [stated]


def _grows_early(parameters: object) -> bool:
    return not isinstance(parameters, Dictionary) or parameters.get("/EarlyChange", 1) != 0


def _number(stream: Stream, key: str) -> int:
    value: object = stream.get(key)
    return int(value) if isinstance(value, (int, Decimal)) else 0


def warm_up() -> None:
    """Check a file of our own, so that every library, codec and device that a check needs is open before the limits."""
    sample = io.BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.Root.Names = Dictionary(Note=String("é"), More=Array([Stream(pdf, b"x")]))
        pdf.save(sample, encryption=pikepdf.Encryption(owner="owner", user=""))
    faults(sample)


if __name__ == "__main__":
    warm_up()
    limit()
    sys.stdout.write(json.dumps(faults(io.BufferedReader(io.FileIO(0, closefd=False)))))
    sys.stdout.flush()
