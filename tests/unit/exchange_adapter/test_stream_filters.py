"""What comes out of a stream's filters is counted as it is where the stream is really decoded."""

import base64
import zlib
from collections.abc import Callable

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_exchange_adapter.adapters.filters import PIECE, Layer, TooMuch, Undecodable, come_out
from pikepdf import Dictionary, Name, Stream

from tests.unit.exchange_adapter.pdf_samples import in_lzw


def lzw(text: bytes, *, early: bool = True) -> bytes:
    """Packed by the book."""
    known = {bytes([one]): one for one in range(256)}
    codes, word = [256], b""
    for place in range(len(text)):
        longer = word + text[place : place + 1]
        if longer in known:
            word = longer
            continue
        codes.append(known[word])
        if len(known) + 2 < 4094:
            known[longer] = len(known) + 2
        else:
            codes.append(256)
            known = {bytes([one]): one for one in range(256)}
        word = text[place : place + 1]
    return in_lzw([*codes, *([known[word]] if word else []), 257], early=early)


def runs(text: bytes) -> bytes:
    """Alternately as it is, and as a run of what is the same."""
    out = bytearray()
    for start in range(0, len(text), 100):
        piece = text[start : start + 100]
        same = piece == piece[:1] * len(piece) and len(piece) > 1
        out += bytes([257 - len(piece), piece[0]]) if same else bytes([len(piece) - 1]) + piece
    return bytes(out) + b"\x80"


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "FlateDecode": zlib.compress,
    "LZWDecode": lzw,
    "RunLengthDecode": runs,
    "ASCII85Decode": lambda text: base64.a85encode(text, wrapcol=70) + b"~>",
    "ASCIIHexDecode": lambda text: text.hex(" ").encode() + b">",
}
TEXTS = st.one_of(
    st.binary(max_size=3000),
    st.builds(lambda piece, times: piece * times, st.binary(min_size=1, max_size=30), st.integers(1, 4000)),
)


@pytest.mark.parametrize("name", PACKED)
@settings(max_examples=50, deadline=None)
@given(text=TEXTS)
def test_as_many_bytes_come_out_as_went_in(name: str, text: bytes) -> None:
    packed = PACKED[name](text)
    assert come_out(packed, [Layer(name=f"/{name}")], at_most=len(text)) == len(text)
    if text:
        with pytest.raises(TooMuch):
            come_out(packed, [Layer(name=f"/{name}")], at_most=len(text) - 1)


@pytest.mark.parametrize("early", [True, False])
@pytest.mark.parametrize("text", [b"report " * 20_000, bytes(range(256)) * 200, bytes(300_000)])
def test_words_are_read_as_qpdf_reads_them(text: bytes, early: bool) -> None:
    packed = lzw(text, early=early)
    with pikepdf.new() as pdf:
        stream = Stream(pdf, b"")
        stream.write(packed, filter=Name.LZWDecode, decode_parms=Dictionary(EarlyChange=int(early)))
        assert stream.read_bytes() == text
    assert come_out(packed, [Layer(name="/LZWDecode", early=early)], at_most=len(text)) == len(text)


@pytest.mark.parametrize("name", PACKED)
def test_pieces_meet_wherever_they_are_cut(name: str) -> None:
    text = bytes(place * place % 251 for place in range(PIECE * 2 + 3))
    both = zlib.compress(PACKED[name](text), 0)
    layers = [Layer(name="/Fl"), Layer(name=f"/{name}")]
    came = len(zlib.decompress(both)) + len(text)
    assert come_out(both, layers, at_most=came) == came


def test_the_bytes_between_two_filters_count_too() -> None:
    packed = zlib.compress(PACKED["ASCIIHexDecode"](bytes(100)))
    with pytest.raises(TooMuch):
        come_out(packed, [Layer(name="/FlateDecode"), Layer(name="/ASCIIHexDecode")], at_most=200)


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("FlateDecode", b"nothing of the kind"),
        ("LZWDecode", in_lzw([256, 65, 300, 257])),
        ("LZWDecode", in_lzw([300, 257])),
        ("ASCII85Decode", b"87z~>"),
        ("ASCII85Decode", b"vvvvv~>"),
        ("ASCII85Decode", b"uuuuu~>"),
        ("ASCII85Decode", b"87cUR~87cUR~>"),
        ("ASCIIHexDecode", b"0g>"),
        ("DCTDecode/FlateDecode", b""),
        ("Unheard", b""),
    ],
)
def test_what_no_reader_should_guess_at_is_not_guessed_at(name: str, raw: bytes) -> None:
    with pytest.raises(Undecodable):
        come_out(raw, [Layer(name=f"/{one}") for one in name.split("/")], at_most=10**9)
