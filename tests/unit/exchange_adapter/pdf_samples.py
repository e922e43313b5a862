"""PDF files of every unwelcome kind, made anew; and welcome ones that look a little like them."""

import zlib
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Object, ObjectStreamMode, Pdf, Stream, StreamDecodeLevel, String

Make = Callable[[Pdf], None]


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


def pages_left_out(pdf: Pdf) -> None:
    del pdf.pages[0]


def bomb(pdf: Pdf) -> None:
    """A thousand times as large once it is opened."""
    pdf.pages[0].obj.Contents = packed_stream(pdf, zlib.compress(bytes(80 * 1024 * 1024)))


def bomb_within_a_bomb(pdf: Pdf) -> None:
    packed = zlib.compress(zlib.compress(bytes(100_000)))
    pdf.pages[0].obj.Contents = packed_stream(pdf, packed, times=2)


def packed_stream(pdf: Pdf, packed: bytes, *, times: int = 1) -> Stream:
    made = Stream(pdf, b"")
    made.write(packed, filter=Array([Name.FlateDecode] * times))
    return made


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
    "external-content": [body_on_another_machine],
    "no-pages": [pages_left_out],
    "too-complex": [bomb, bomb_within_a_bomb],
}


def link_to_the_web(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("https://portal.mrx.example/about"))


def link_to_a_mailbox(pdf: Pdf) -> None:
    action(pdf, S=Name.URI, URI=String("mailto:auditor@x.example"))


def opens_at_its_first_page(pdf: Pdf) -> None:
    opening(pdf, Array([pdf.pages[0].obj, Name.Fit]))


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
    pdf.pages[0].obj.Contents = packed_stream(pdf, zlib.compress(b"BT (audit) Tj ET\n" * 100_000))


GOOD: list[Make] = [
    plain,
    link_to_the_web,
    link_to_a_mailbox,
    opens_at_its_first_page,
    opens_at_its_first_page_by_an_action,
    form_filled_in,
    tagged,
    much_text,
]


def ways() -> Iterator[tuple[str, dict[str, Any]]]:
    """How the same file can be written: its objects in the open, or hidden in a compressed stream."""
    yield "in the open", {"object_stream_mode": ObjectStreamMode.disable}
    yield "in object streams", {"object_stream_mode": ObjectStreamMode.generate}
