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
CPU_S: Final = 30
"""a good report of 200 MB takes a few"""
OBJECTS: Final = 500_000
"""objects and parts of objects"""
PARSED: Final = 128 * 1024 * 1024
"""what a stream that holds objects may inflate to: it is read whole before anything can be asked of it"""
PIXELS: Final = 150_000_000
"""of one picture: an A4 page at 1200 dpi has 139 million"""
INFLATED: Final = 2 * 1024 * 1024 * 1024
"""all streams together, apart from pictures, of which a reader opens a page's at a time"""
RATIO: Final = 200
"""what grows by more, and is large then, is no page of a report; a blank picture is, and grows to its size"""
SMALL: Final = 64 * 1024 * 1024
COLOURS: Final = 4
"""as many as printers have; of more, what comes out counts as anything else does"""
MANY_COLOURED: Final = {"/DeviceRGB": 3, "/CalRGB": 3, "/Lab": 3, "/DeviceCMYK": 4, "/DeviceN": COLOURS}
DEPTHS: Final = {1, 2, 4, 8, 16}
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
WEB: Final = ("http://", "https://")
NO_PICTURE: Final = {
    "/Contents",
    "/ToUnicode",
    "/FontFile",
    "/FontFile2",
    "/FontFile3",
    "/CIDToGIDMap",
    "/Encoding",
    "/UseCMap",
    "/Metadata",
    "/Function",
    "/N",
    "/D",
    "/R",
}
"""under these a stream is read as something else than a picture, whatever it calls itself"""
LINKS: Final = (*WEB, "mailto:", "tel:")
PAGE_ACTIONS: Final = {"/NextPage", "/PrevPage", "/FirstPage", "/LastPage"}
"""what may be chosen of a reader's menu by a file"""


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
    misused: set[tuple[int, int]] = set()
    for counted, part in enumerate(_parts(pdf, misused)):
        if counted > OBJECTS:
            raise TooComplex
        for fault in _faults_of(part):
            found[fault] = None
    _check_inflated(pdf, misused)
    if pdf.get_warnings():
        found["damaged"] = None
    return list(found)


def _parts(pdf: Pdf, misused: set[tuple[int, int]]) -> Iterator[Dictionary | Stream]:
    """Every dictionary in the file, the nested ones too. References are not followed: what they name comes by itself.

    `misused` gets the streams that stand where nothing is read as a picture.
    """
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
                inner = list(part.items())
                misused.update(
                    value.objgen for key, value in inner if key in NO_PICTURE and _is_stream(value)
                )
                if isinstance(glyphs := part.get("/CharProcs"), Dictionary):
                    misused.update(value.objgen for _, value in glyphs.items() if _is_stream(value))
                within += [value for _, value in inner if _nested(value)]
            elif isinstance(part, Array):
                inner = [("", value) for value in part]
                misused.update(value.objgen for _, value in inner if _is_stream(value))
                within += [value for _, value in inner if _nested(value)]


def _objects(pdf: Pdf) -> Iterator[Object]:
    objects = pdf.objects
    if len(objects) > OBJECTS:
        raise TooComplex
    return iter(objects)


def _nested(value: object) -> bool:
    return isinstance(value, (Dictionary, Array)) and not value.is_indirect


def _is_stream(value: object) -> bool:
    return isinstance(value, Stream)


def _faults_of(part: Dictionary | Stream) -> Iterator[str]:
    keys = set(part.keys())
    kind, subtype, action = (_name(part, key) for key in ("/Type", "/Subtype", "/S"))
    if _acts(part, keys):
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
    if (
        keys & {"/OPI", "/SpiderInfo"}
        or _name(part, "/FS") == "/URL"
        or (isinstance(part, Stream) and keys & {"/F", "/FFilter", "/FDecodeParms", "/Ref"})
    ):
        yield "external-content"


def _acts(part: Dictionary | Stream, keys: set[str]) -> bool:
    """Whether it does something, by itself or when clicked, other than leading on in the file, the web or to a mailbox."""
    action = _name(part, "/S")
    return (
        bool(keys & {"/JS", "/JavaScript"})
        or action in ACTIVE
        or ("/OpenAction" in keys and not _only_shows(part["/OpenAction"]))
        or ("/AA" in keys and _holds_something(part["/AA"]))
        or (action == "/URI" and not _web_link(part))
        or (action == "/Named" and "/N" in keys and _name(part, "/N") not in PAGE_ACTIONS)
        or ("/Base" in keys and _leaves_the_web(part["/Base"]))
        or "/PS" in (_name(part, "/Subtype"), _name(part, "/Subtype2"))
    )


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
    return action is None or (steps == 0 and isinstance(action, (Array, Name, String)))


def _holds_something(value: object) -> bool:
    return not isinstance(value, Dictionary) or len(value.keys()) > 0


def _web_link(action: Dictionary | Stream) -> bool:
    target = action.get("/URI")
    if not isinstance(target, String):
        return False
    address = str(target).strip().lower()
    if address.startswith(LINKS):
        return True
    on_a_share = "\\" in address or address.startswith("//") or not str(target).isprintable()
    return ":" not in address.partition("/")[0] and not on_a_share


def _leaves_the_web(base: object) -> bool:
    """Whether links that say only half an address are completed to somewhere else; only a text does so."""
    return isinstance(base, String) and not str(base).strip().lower().startswith(WEB)


def _check_inflated(pdf: Pdf, misused: set[tuple[int, int]]) -> None:
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
            picture = 0 if one.objgen in misused else _picture_bytes(one)
            came = come_out(raw, layers, at_most=max(bound, picture + len(raw)))
            total += max(0, came - picture - len(raw)) if picture else came


def _picture_bytes(stream: Stream) -> int:
    """What a picture may inflate to, by its size and its colours; 0 for what is none, or does not say."""
    width, height = _number(stream, "/Width"), _number(stream, "/Height")
    if _name(stream, "/Subtype") != "/Image" or "/PatternType" in stream or width < 1 or height < 1:
        return 0
    mask: object = stream.get("/ImageMask", False)
    depth, colours = (1, 1) if mask is True else (_number(stream, "/BitsPerComponent"), _colours(stream))
    if depth not in DEPTHS:
        return 0
    # Each row is filled up to a byte, and begins with one that says how it is predicted.
    return height * ((width * depth * colours + 7) // 8 + 1)


def _colours(stream: Stream) -> int:
    """How many numbers make one of its pixels, at most `COLOURS`."""
    space = stream.get("/ColorSpace")
    family = space[0] if isinstance(space, Array) and len(space) else space
    if family == Name.ICCBased and isinstance(space, Array) and len(space) > 1:
        profile = space[1]
        return max(1, min(COLOURS, _number(profile, "/N"))) if isinstance(profile, Stream) else 1
    return MANY_COLOURED.get(str(family), 1) if isinstance(family, Name) else 1


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
