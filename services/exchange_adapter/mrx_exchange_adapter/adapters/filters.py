"""How many bytes come out of a stream's filters. They are decoded piece by piece, and no piece is kept."""

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

PIECE: Final = 256 * 1024
LAYERS: Final = 4
"""a report's streams have one filter or two"""

PICTURES: Final = {"/DCTDecode", "/DCT", "/JPXDecode", "/JBIG2Decode", "/CCITTFaxDecode", "/CCF"}
"""what comes out of these is a picture, as large as its width and height say"""

_BLANK: Final = b"\x00\t\n\x0c\r "
_DIGITS85: Final = bytes(range(0x21, 0x76))
_ZERO85: Final = 33 * (85**4 + 85**3 + 85**2 + 85 + 1)
_GROUP: Final = 5
_CLEAR, _END, _FIRST, _FULL = 256, 257, 258, 4096
_WIDEST: Final = 12
_RUN_ENDS: Final = 128


class TooMuch(Exception):
    """More comes out than may, or through more layers."""


class Undecodable(Exception):
    """What lies there is not what the filter's name says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """A filter by its name. `early`: LZW codes grow by a bit one code sooner, as they do unless a file says otherwise."""

    name: str
    early: bool = True


def come_out(raw: bytes, layers: Sequence[Layer], *, at_most: int) -> int:
    """How many bytes the layers give, all of them together. Raises `TooMuch` as soon as they are more than that."""
    if len(layers) > LAYERS:
        raise TooMuch
    came = 0

    def counted(pieces: Iterator[bytes]) -> Iterator[bytes]:
        nonlocal came
        for piece in pieces:
            came += len(piece)
            if came > at_most:
                raise TooMuch
            yield piece

    pieces: Iterator[bytes] = (raw[start : start + PIECE] for start in range(0, len(raw), PIECE))
    for place, layer in enumerate(layers):
        if layer.name in PICTURES and place == len(layers) - 1:
            break
        if layer.name in _DECODERS:
            pieces = counted(_DECODERS[layer.name](pieces, layer))
        elif layer.name != "/Crypt":  # which changes nothing in a file that is not encrypted
            raise Undecodable
    for _ in pieces:
        pass
    return came


def _flate(pieces: Iterable[bytes], _: Layer) -> Iterator[bytes]:
    machine = zlib.decompressobj()
    try:
        for piece in pieces:
            left = piece
            while left and not machine.eof:
                yield machine.decompress(left, PIECE)
                left = machine.unconsumed_tail
        yield machine.flush()
    except zlib.error:
        raise Undecodable from None


def _lzw(pieces: Iterable[bytes], layer: Layer) -> Iterator[bytes]:
    single = [bytes([one]) for one in range(256)]
    table, width, last = [*single, b"", b""], 9, b""
    bits = held = 0
    for piece in pieces:
        out: list[bytes] = []
        for byte in piece:
            bits, held = bits << 8 | byte, held + 8
            if held < width:
                continue
            held -= width
            code, bits = bits >> held, bits & ((1 << held) - 1)
            if code == _CLEAR:
                table, width, last = [*single, b"", b""], 9, b""
                continue
            if code == _END:
                yield b"".join(out)
                return
            if code > len(table) or (code >= _CLEAR and not last):
                raise Undecodable
            word = table[code] if code < len(table) else last + last[:1]
            if last and len(table) < _FULL:
                table.append(last + word[:1])
                if width < _WIDEST and len(table) + layer.early == 1 << width:
                    width += 1
            out.append(word)
            last = word
            if len(out) >= _FULL:
                yield b"".join(out)
                out.clear()
        yield b"".join(out)


def _run_length(pieces: Iterable[bytes], _: Layer) -> Iterator[bytes]:
    text = b""
    for piece in pieces:
        text, place, out = text + piece, 0, []
        while place + 1 < len(text):
            length = text[place]
            if length == _RUN_ENDS:
                break
            if length > _RUN_ENDS:
                out.append(text[place + 1 : place + 2] * (257 - length))
                place += 2
            elif place + 2 + length > len(text):
                break
            else:
                out.append(text[place + 1 : place + 2 + length])
                place += 2 + length
        yield b"".join(out)
        text = text[place:]
        if text[:1] == bytes([_RUN_ENDS]):
            return


def _ascii85(pieces: Iterable[bytes], _: Layer) -> Iterator[bytes]:
    text, end = b"", b""
    for piece in pieces:
        text, end, after = (text + piece.translate(None, _BLANK)).partition(b"~")
        if after[:1] not in (b"", b">"):
            raise Undecodable
        *whole, part = text.split(b"z")
        if any(len(one) % _GROUP for one in whole):
            raise Undecodable
        text = b"!!!!!".join([*whole, part])
        full = len(text) // _GROUP * _GROUP
        yield _words(text[:full])
        text = text[full:]
        if end:
            break
    if len(text) > 1:
        yield _words(text.ljust(_GROUP, b"u"))[: len(text) - 1]


def _words(text: bytes) -> bytes:
    """The bytes of whole groups of five digits."""
    if text.translate(None, _DIGITS85):
        raise Undecodable
    groups = zip(*(text[place::_GROUP] for place in range(_GROUP)), strict=True)
    words = [(((a * 85 + b) * 85 + c) * 85 + d) * 85 + e - _ZERO85 for a, b, c, d, e in groups]
    try:
        return struct.pack(f">{len(words)}I", *words)
    except struct.error:
        raise Undecodable from None


def _ascii_hex(pieces: Iterable[bytes], _: Layer) -> Iterator[bytes]:
    text = b""
    for piece in pieces:
        text, end, _after = (text + piece.translate(None, _BLANK)).partition(b">")
        full = len(text) // 2 * 2
        yield _pairs(text[:full])
        text = text[full:]
        if end:
            break
    if text:
        yield _pairs(text + b"0")


def _pairs(text: bytes) -> bytes:
    try:
        return bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise Undecodable from None


_DECODERS: Final[dict[str, Callable[[Iterable[bytes], Layer], Iterator[bytes]]]] = {
    "/FlateDecode": _flate,
    "/Fl": _flate,
    "/LZWDecode": _lzw,
    "/LZW": _lzw,
    "/RunLengthDecode": _run_length,
    "/RL": _run_length,
    "/ASCII85Decode": _ascii85,
    "/A85": _ascii85,
    "/ASCIIHexDecode": _ascii_hex,
    "/AHx": _ascii_hex,
}
