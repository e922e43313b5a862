"""PDF files of every unwelcome kind, made anew; and welcome ones that look a little like them."""

import base64
import struct
import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, ObjectStreamMode, Pdf, Stream, StreamDecodeLevel, String
from PIL import Image

Make = Callable[[Pdf], None]
LARGE = 80 * 1024 * 1024
TEXT = b"BT (audit) Tj ET\n"


def saved(make: Make, **how: Any) -> bytes:  # noqa: ANN401
    """A page, and what `make` adds."""
    out = BytesIO()
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        make(pdf)
        as_made = {} if "encryption" in how else {"stream_decode_level": StreamDecodeLevel.none}
        pdf.save(out, compress_streams=False, **as_made, **how)
    return out.getvalue()


def script() -> Dictionary:
    """An action that runs a script."""
    return Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def plain(_: Pdf) -> None:
    """A page and nothing else."""


def annotation(pdf: Pdf, **what: Any) -> None:  # noqa: ANN401
    page = pdf.pages[0]
    rect = Array([0, 0, 10, 10])
    page.obj.Annots = Array([pdf.make_indirect(Dictionary(Type=Name.Annot, Rect=rect, **what))])


def action(pdf: Pdf, **what: Any) -> None:  # noqa: ANN401
    """A link on the page that does this when clicked."""
    annotation(pdf, Subtype=Name.Link, A=Dictionary(**what))


def picture_of(pdf: Pdf, what: Stream) -> None:
    """Have the page be able to paint this."""
    pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(Im0=what))


def opening(pdf: Pdf, what: Object) -> None:
    pdf.Root.OpenAction = what


def script_at_opening(pdf: Pdf) -> None:
    opening(pdf, script())


def script_in_a_stream(pdf: Pdf) -> None:
    opening(pdf, Dictionary(S=Name.JavaScript, JS=Stream(pdf, b"app.alert(1)")))


def script_in_a_name_tree(pdf: Pdf) -> None:
    leaf = pdf.make_indirect(Dictionary(Names=Array([String("x"), pdf.make_indirect(script())])))
    pdf.Root.Names = Dictionary(JavaScript=Dictionary(Kids=Array([leaf])))


def script_in_a_field(pdf: Pdf) -> None:
    field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, AA=Dictionary(K=script()))
    pdf.Root.AcroForm = Dictionary(Fields=Array([pdf.make_indirect(field)]))


def script_behind_a_harmless_step(pdf: Pdf) -> None:
    opening(pdf, Dictionary(S=Name.GoTo, D=Array([pdf.pages[0].obj, Name.Fit]), Next=script()))


def script_deep_within(pdf: Pdf) -> None:
    within: Object = script()
    for _ in range(40):
        within = Array([Dictionary(Next=within)])
    pdf.Root.PieceInfo = Dictionary(X=within)


def script_that_nothing_names(pdf: Pdf) -> None:
    pdf.pages[0].obj.Private = pdf.make_indirect(script())


def script_in_an_outline(pdf: Pdf) -> None:
    entry = pdf.make_indirect(Dictionary(Title=String("x"), A=script()))
    pdf.Root.Outlines = pdf.make_indirect(Dictionary(First=entry, Last=entry, Count=1))


def program_started(pdf: Pdf) -> None:
    action(pdf, S=Name.Launch, F=String("cmd.exe"))


def program_started_at_opening(pdf: Pdf) -> None:
    opening(pdf, Dictionary(S=Name.Launch, Win=Dictionary(F=String("cmd.exe"))))


def page_that_acts_when_shown(pdf: Pdf) -> None:
    pdf.pages[0].obj.AA = Dictionary(O=Dictionary(S=Name.URI, URI=String("https://x.example")))


def document_that_acts_when_closed(pdf: Pdf) -> None:
    pdf.Root.AA = Dictionary(WC=script())


def address_fetched_at_opening(pdf: Pdf) -> None:
    opening(pdf, Dictionary(S=Name.URI, URI=String("https://x.example/seen")))


def link_to_a_file(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("file:///etc/passwd"))


def link_that_is_a_script(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String(" JavaScript:alert(1)"))


def link_to_a_share(pdf: Pdf) -> None:
    action(pdf, S=Name.GoToR, F=String("\\\\evil\\share\\x.pdf"))


def form_that_sends(pdf: Pdf) -> None:
    action(pdf, S=Name.SubmitForm, F=Dictionary(FS=Name.URL, F=String("https://x.example")))


def form_that_reads(pdf: Pdf) -> None:
    action(pdf, S=Name.ImportData, F=String("x.fdf"))


def links_that_start_on_the_disk(pdf: Pdf) -> None:
    pdf.Root.URI = Dictionary(Base=String("file:///C:/Windows/"))


def links_that_start_on_the_disk_from_elsewhere(pdf: Pdf) -> None:
    pdf.Root.URI = pdf.make_indirect(Dictionary(Base=pdf.make_indirect(String("file:///C:/Windows/"))))


def link_to_a_share_by_its_address(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("\\\\evil\\share\\x.exe"))


def link_to_another_machine_by_half_an_address(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String(" //evil/share/x.exe"))


def link_with_a_break_in_it(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("/x\r\n/evil"))


def program_for_a_printer(pdf: Pdf) -> None:
    picture_of(pdf, Stream(pdf, b"showpage", Type=Name.XObject, Subtype=Name.PS))


def program_for_a_printer_in_another_guise(pdf: Pdf) -> None:
    picture_of(pdf, Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, Subtype2=Name.PS))


def address_in_a_stream_at_opening(pdf: Pdf) -> None:
    opening(pdf, Stream(pdf, b"", S=Name.URI, URI=String("https://x.example/seen")))


def printing_at_opening(pdf: Pdf) -> None:
    opening(pdf, Dictionary(S=Name.Named, N=Name.Print))


def menu_entry_behind_a_link(pdf: Pdf) -> None:
    action(pdf, S=Name.Named, N=Name.SaveAs)


def attached_file(pdf: Pdf) -> None:
    pdf.attachments["list.xlsx"] = b"PK"


def file_pinned_to_a_page(pdf: Pdf) -> None:
    annotation(pdf, Subtype=Name.FileAttachment, FS=Dictionary(Type=Name.Filespec, F=String("x")))


def file_within_a_specification(pdf: Pdf) -> None:
    body = Stream(pdf, b"MZ")
    pdf.Root.PieceInfo = Dictionary(X=Dictionary(Type=Name.Filespec, EF=Dictionary(F=body)))


def associated_file(pdf: Pdf) -> None:
    pdf.pages[0].obj.AF = Array([Dictionary(Type=Name.Filespec, F=String("x"))])


def portfolio(pdf: Pdf) -> None:
    pdf.Root.Collection = Dictionary(View=Name.D)


def file_in_disguise(pdf: Pdf) -> None:
    pdf.Root.PieceInfo = Dictionary(X=Stream(pdf, b"MZ", Type=Name.EmbeddedFile))


def fillable_xml_form(pdf: Pdf) -> None:
    pdf.Root.AcroForm = Dictionary(Fields=Array([]), XFA=Stream(pdf, b"<xdp/>"))


def film(pdf: Pdf) -> None:
    annotation(pdf, Subtype=Name.RichMedia, RichMediaContent=Dictionary())


def screen(pdf: Pdf) -> None:
    annotation(pdf, Subtype=Name.Screen)


def sound(pdf: Pdf) -> None:
    action(pdf, S=Name.Sound)


def body_on_another_machine(pdf: Pdf) -> None:
    pdf.Root.PieceInfo = Dictionary(X=Stream(pdf, b"", F=String("https://x.example/x")))


def page_of_another_file(pdf: Pdf) -> None:
    other = Dictionary(F=String("\\\\evil\\share\\x.pdf"), SupplierPage=0)
    picture_of(pdf, Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, Ref=other))


def picture_put_in_by_the_printer(pdf: Pdf) -> None:
    other = Dictionary({"/2.0": Dictionary(Type=Name.OPI, F=String("\\\\evil\\share\\x.tif"))})
    picture_of(pdf, Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, OPI=other))


def file_on_the_web(pdf: Pdf) -> None:
    pdf.Root.PieceInfo = Dictionary(
        X=Dictionary(Type=Name.Filespec, FS=Name.URL, F=String("https://x.example"))
    )


def pages_taken_from_the_web(pdf: Pdf) -> None:
    pdf.Root.SpiderInfo = Dictionary(V=1.0, C=Array([]))


def pages_left_out(pdf: Pdf) -> None:
    del pdf.pages[0]


def bomb(pdf: Pdf) -> None:
    """A thousand times as large once it is opened."""
    pdf.pages[0].obj.Contents = packed_stream(pdf, zlib.compress(bytes(LARGE)), Name.FlateDecode)


def bomb_within_a_bomb(pdf: Pdf) -> None:
    packed = zlib.compress(zlib.compress(bytes(LARGE)))
    pdf.pages[0].obj.Contents = packed_stream(pdf, packed, Name.FlateDecode, Name.FlateDecode)


def bomb_in_hexadecimal(pdf: Pdf) -> None:
    packed = zlib.compress(bytes(LARGE)).hex().encode() + b">"
    pdf.pages[0].obj.Contents = packed_stream(pdf, packed, Name.ASCIIHexDecode, Name.FlateDecode)


def bomb_in_85_digits(pdf: Pdf) -> None:
    packed = base64.a85encode(zlib.compress(bytes(LARGE))) + b"~>"
    pdf.pages[0].obj.Contents = packed_stream(pdf, packed, Name.ASCII85Decode, Name.FlateDecode)


def bomb_by_short_names(pdf: Pdf) -> None:
    packed = base64.a85encode(zlib.compress(bytes(LARGE))) + b"~>"
    pdf.pages[0].obj.Contents = packed_stream(pdf, packed, Name("/A85"), Name("/Fl"))


def bomb_of_growing_words(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = packed_stream(pdf, zeros_in_lzw(LARGE), Name.LZWDecode)


def bomb_of_runs(pdf: Pdf) -> None:
    runs = zlib.compress(b"\x81\x00" * (LARGE // 128) + b"\x80")
    pdf.pages[0].obj.Contents = packed_stream(pdf, runs, Name.FlateDecode, Name.RunLengthDecode)


def bomb_before_a_picture(pdf: Pdf) -> None:
    packed = zlib.compress(bytes(LARGE))
    pdf.pages[0].obj.Private = packed_stream(pdf, packed, Name.FlateDecode, Name.DCTDecode)


def layer_upon_layer(pdf: Pdf) -> None:
    body = b"audit"
    for _ in range(5):
        body = zlib.compress(body)
    pdf.pages[0].obj.Contents = packed_stream(pdf, body, *[Name.FlateDecode] * 5)


def picture_beyond_bounds(pdf: Pdf) -> None:
    """A white picture in few bytes, which a reader makes room for before it looks at them."""
    fax = packed_stream(pdf, b"\xff" * 100, Name.CCITTFaxDecode)
    fax.Width, fax.Height = 100_000, 100_000
    pdf.pages[0].obj.Private = fax


def bomb_that_says_it_is_a_small_picture(pdf: Pdf) -> None:
    picture_of(pdf, packed_picture(pdf, zlib.compress(bytes(LARGE)), width=600, height=400))


def bomb_that_says_it_is_a_mask(pdf: Pdf) -> None:
    mask = packed_picture(pdf, zlib.compress(bytes(LARGE)), width=4000, height=5000)
    mask.ImageMask = True
    picture_of(pdf, mask)


def bomb_for_text_that_says_it_is_a_picture(pdf: Pdf) -> None:
    bomb = packed_picture(pdf, zlib.compress(bytes(LARGE)), width=4960, height=7016)
    picture_of(pdf, bomb)
    pdf.pages[0].obj.Contents = bomb


def bomb_among_texts_that_says_it_is_a_picture(pdf: Pdf) -> None:
    bomb = packed_picture(pdf, zlib.compress(bytes(LARGE)), width=4960, height=7016)
    pdf.pages[0].obj.Contents = pdf.make_indirect(Array([pdf.make_indirect(bomb)]))


def bomb_for_a_letter_that_says_it_is_a_picture(pdf: Pdf) -> None:
    bomb = packed_picture(pdf, zlib.compress(bytes(LARGE)), width=4960, height=7016)
    letters = pdf.make_indirect(Dictionary(a=pdf.make_indirect(bomb)))
    pdf.pages[0].obj.Resources = Dictionary(
        Font=Dictionary(F0=Dictionary(Subtype=Name.Type3, CharProcs=letters))
    )


def text_that_its_filter_cannot_read(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = packed_stream(pdf, b"not of this kind", Name.FlateDecode)


def digits_that_are_none(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = packed_stream(pdf, b"xyz~>", Name.ASCII85Decode)


def text_behind_the_end_of_its_digits(pdf: Pdf) -> None:
    """Readers differ in what they make of it, so that one of them sees what no check saw."""
    pdf.pages[0].obj.Contents = packed_stream(pdf, b"<~87cURDZ~>", Name.ASCII85Decode)


def filter_of_no_known_kind(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = packed_stream(pdf, b"audit", Name("/BrotliDecode"))


def packed_stream(pdf: Pdf, packed: bytes, *filters: Name) -> Stream:
    made = Stream(pdf, b"")
    made.write(packed, filter=Array(list(filters)))
    return made


def packed_picture(pdf: Pdf, packed: bytes, *, width: int, height: int) -> Stream:
    """In three colours."""
    made = packed_stream(pdf, packed, Name.FlateDecode)
    made.Type, made.Subtype, made.ColorSpace = Name.XObject, Name.Image, Name.DeviceRGB
    made.Width, made.Height, made.BitsPerComponent = width, height, 8
    return made


def zeros_in_lzw(size: int) -> bytes:
    """At least so many zeros: each word is the one before and one more, until the table is full."""
    codes, came = [], 0
    while came < size:
        codes.append(256)
        for longer, code in enumerate((0, *range(258, 4096)), 1):
            codes.append(code)
            came += longer
    return in_lzw([*codes, 257])


def in_lzw(codes: list[int], *, early: bool = True) -> bytes:
    """The codes as they are written, most significant bit first; they grow by a bit as the table fills."""
    bits, held, width, words = 0, 0, 9, 258
    out = bytearray()
    for code in codes:
        bits, held = bits << width | code, held + width
        while held >= 8:
            held -= 8
            out.append(bits >> held)
            bits &= (1 << held) - 1
        if code == 256:
            width, words = 9, 257
        else:
            words = min(words + 1, 4096)
            width = min(12, max(9, (words + early).bit_length()))
    return bytes(out) + (bytes([bits << (8 - held)]) if held else b"")


def with_bomb_for_objects(packed: bytes) -> bytes:
    """A file whose only stream is said to hold objects, and cross-references that send a reader there."""
    head = b"%PDF-1.5\n"
    holder = (
        b"1 0 obj\n<< /Type /ObjStm /N 2 /First 10 /Filter /FlateDecode /Length "
        + str(len(packed)).encode()
        + b" >>\nstream\n"
        + packed
        + b"\nendstream\nendobj\n"
    )
    rows = [
        (0, 0, 65535),
        (1, len(head), 0),
        (2, 1, 0),
        (2, 1, 1),
        (1, len(head) + len(holder), 0),
    ]
    table = b"".join(struct.pack(">BIH", *row) for row in rows)
    references = (
        b"4 0 obj\n<< /Type /XRef /Size 5 /W [1 4 2] /Root 2 0 R /Length "
        + str(len(table)).encode()
        + b" >>\nstream\n"
        + table
        + b"\nendstream\nendobj\n"
    )
    return head + holder + references + f"startxref\n{len(head) + len(holder)}\n%%EOF\n".encode()


def with_bomb_of_references(packed: bytes) -> bytes:
    """A file whose cross-references are the bomb."""
    head = b"%PDF-1.5\n"
    references = (
        b"4 0 obj\n<< /Type /XRef /Size 5 /W [1 4 2] /Root 2 0 R /Filter /FlateDecode /Length "
        + str(len(packed)).encode()
        + b" >>\nstream\n"
        + packed
        + b"\nendstream\nendobj\n"
    )
    return head + references + f"startxref\n{len(head)}\n%%EOF\n".encode()


def zeros_deflated(pieces: int) -> bytes:
    """So many MiB of zeros, without the time that it takes to pack them: each piece is packed alike."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    piece = packer.compress(bytes(1024 * 1024)) + packer.flush(zlib.Z_FULL_FLUSH)
    sizes = 1, pieces * 1024 * 1024 % 65521
    return b"\x78\x9c" + piece * pieces + b"\x03\x00" + struct.pack(">HH", sizes[1], sizes[0])


BAD: dict[str, list[Make]] = {
    "active-content": [
        script_at_opening,
        script_in_a_stream,
        script_in_a_name_tree,
        script_in_a_field,
        script_behind_a_harmless_step,
        script_deep_within,
        script_that_nothing_names,
        script_in_an_outline,
        program_started,
        program_started_at_opening,
        page_that_acts_when_shown,
        document_that_acts_when_closed,
        address_fetched_at_opening,
        link_to_a_file,
        link_that_is_a_script,
        link_to_a_share,
        links_that_start_on_the_disk,
        links_that_start_on_the_disk_from_elsewhere,
        link_to_a_share_by_its_address,
        link_to_another_machine_by_half_an_address,
        link_with_a_break_in_it,
        program_for_a_printer,
        program_for_a_printer_in_another_guise,
        address_in_a_stream_at_opening,
        printing_at_opening,
        menu_entry_behind_a_link,
        form_that_sends,
        form_that_reads,
    ],
    "attachments": [
        attached_file,
        file_pinned_to_a_page,
        file_within_a_specification,
        associated_file,
        portfolio,
        file_in_disguise,
    ],
    "xfa-form": [fillable_xml_form],
    "rich-media": [film, screen, sound],
    "external-content": [
        body_on_another_machine,
        page_of_another_file,
        picture_put_in_by_the_printer,
        file_on_the_web,
        pages_taken_from_the_web,
    ],
    "no-pages": [pages_left_out],
    "too-complex": [
        bomb,
        bomb_within_a_bomb,
        bomb_in_hexadecimal,
        bomb_in_85_digits,
        bomb_by_short_names,
        bomb_of_growing_words,
        bomb_of_runs,
        bomb_before_a_picture,
        layer_upon_layer,
        picture_beyond_bounds,
        bomb_that_says_it_is_a_small_picture,
        bomb_that_says_it_is_a_mask,
        bomb_for_text_that_says_it_is_a_picture,
        bomb_among_texts_that_says_it_is_a_picture,
        bomb_for_a_letter_that_says_it_is_a_picture,
    ],
    "damaged": [
        text_that_its_filter_cannot_read,
        digits_that_are_none,
        text_behind_the_end_of_its_digits,
        filter_of_no_known_kind,
    ],
}


def link_to_the_web(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("https://portal.mrx.example/about"))


def link_to_a_mailbox(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("mailto:auditor@x.example"))


def links_from_a_place_on_the_web(pdf: Pdf) -> None:
    pdf.Root.URI = Dictionary(Base=String("https://portal.mrx.example/"))
    action(pdf, S=Name.URI, URI=String("about/audits.html"))


def turns_its_pages(pdf: Pdf) -> None:
    action(pdf, S=Name.Named, N=Name.NextPage)


def opens_at_its_first_page(pdf: Pdf) -> None:
    opening(pdf, Array([pdf.pages[0].obj, Name.Fit]))


def opens_at_a_named_place(pdf: Pdf) -> None:
    opening(pdf, String("summary"))


def opens_at_its_first_page_by_an_action(pdf: Pdf) -> None:
    opening(pdf, Dictionary(S=Name.GoTo, D=Array([pdf.pages[0].obj, Name.Fit])))


def form_filled_in(pdf: Pdf) -> None:
    field = pdf.make_indirect(
        Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("a"), V=String("b"))
    )
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]))


def tagged(pdf: Pdf) -> None:
    part = Dictionary(Type=Name.StructElem, S=Name.P)
    pdf.Root.StructTreeRoot = Dictionary(Type=Name.StructTreeRoot, K=Array([part]))


def much_text(pdf: Pdf) -> None:
    pdf.pages[0].obj.Contents = packed_stream(pdf, zlib.compress(TEXT * 100_000), Name.FlateDecode)


def text_as_reportlab_writes_it(pdf: Pdf) -> None:
    """Deflated, in 85 digits on lines of their own, zeros as one letter."""
    text = base64.a85encode(zlib.compress(TEXT * 5_000 + bytes(40)), wrapcol=72) + b"~>"
    pdf.pages[0].obj.Contents = packed_stream(pdf, text, Name.ASCII85Decode, Name.FlateDecode)


def zeros_in_85_digits(pdf: Pdf) -> None:
    text = base64.a85encode(bytes(1_000_000) + b"end") + b"~>"
    pdf.pages[0].obj.Contents = packed_stream(pdf, text, Name.ASCII85Decode)


def text_in_hexadecimal(pdf: Pdf) -> None:
    text = (TEXT * 100).hex(" ", 40).encode() + b"4>"
    pdf.pages[0].obj.Contents = packed_stream(pdf, text, Name.ASCIIHexDecode)


def text_as_old_writers_packed_it(pdf: Pdf) -> None:
    codes = [256, *TEXT * 30, 256, *TEXT * 30, 257]
    text = base64.a85encode(in_lzw(codes)) + b"~>"
    pdf.pages[0].obj.Contents = packed_stream(pdf, text, Name.ASCII85Decode, Name.LZWDecode)


def text_in_runs(pdf: Pdf) -> None:
    runs = b"".join(bytes([len(TEXT) - 1]) + TEXT + b"\xf0 " for _ in range(50_000)) + b"\x80"
    pdf.pages[0].obj.Contents = packed_stream(pdf, runs, Name.RunLengthDecode)


def picture_in_85_digits(pdf: Pdf) -> None:
    made = BytesIO()
    Image.new("RGB", (600, 400), "white").save(made, "JPEG")
    text = base64.a85encode(made.getvalue()) + b"~>"
    picture = packed_stream(pdf, text, Name.ASCII85Decode, Name.DCTDecode)
    picture.Type, picture.Subtype = Name.XObject, Name.Image
    picture.Width, picture.Height, picture.BitsPerComponent = 600, 400, 8
    picture_of(pdf, picture)


def blank_page_as_a_picture(pdf: Pdf) -> None:
    """A4 at 600 dpi, of one colour."""
    picture_of(pdf, packed_picture(pdf, zeros_deflated(99), width=4960, height=7016))


def pages_flattened_to_pictures(pdf: Pdf) -> None:
    """So many that they are more together than may come of anything else."""
    profile = Stream(pdf, b"", N=3)
    for _ in range(5):
        pdf.add_blank_page()
    for page in pdf.pages:
        flat = packed_picture(pdf, zlib.compress(bytes(700 * 500 * 3)), width=700, height=500)
        flat.ColorSpace = Array([Name.ICCBased, pdf.make_indirect(profile)])
        page.obj.Resources = Dictionary(XObject=Dictionary(Im0=flat))


GOOD: list[Make] = [
    plain,
    link_to_the_web,
    link_to_a_mailbox,
    links_from_a_place_on_the_web,
    turns_its_pages,
    opens_at_a_named_place,
    opens_at_its_first_page,
    opens_at_its_first_page_by_an_action,
    form_filled_in,
    tagged,
    much_text,
    text_as_reportlab_writes_it,
    zeros_in_85_digits,
    text_in_hexadecimal,
    text_as_old_writers_packed_it,
    text_in_runs,
    picture_in_85_digits,
    blank_page_as_a_picture,
    pages_flattened_to_pictures,
]


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    """How the same file can be written: its objects in the open, or hidden in a compressed stream."""
    yield "in the open", {"object_stream_mode": ObjectStreamMode.disable}
    yield "in object streams", {"object_stream_mode": ObjectStreamMode.generate}
