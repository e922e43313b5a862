"""What reads foreign text costs no worse than linearly, from a cell of a list to a mail that comes back."""

from collections.abc import Callable
from datetime import date
from functools import partial

import orjson
import polars as pl
import pytest
from mrx_aggregation.domain.cells import fault_of, printable
from mrx_aggregation.domain.columns import sort_columns
from mrx_aggregation.domain.names import CompanyNames
from mrx_aggregation.domain.protocols import Recognitions, protocol_key
from mrx_aggregation.domain.rows import Judge, read_date
from mrx_benchmark.domain.evidence import referred
from mrx_benchmark.domain.protocols import one_line as one_line_of_a_protocol
from mrx_criteria.domain.answers import plain_text, read_relation
from mrx_criteria.domain.suggestions import plain_words
from mrx_exchange_adapter.domain.platform import read_site_code
from mrx_lists.columns import Use, is_commercial, is_contact, meaning, recognise
from mrx_matching import IDENTIFIER_KINDS, check_identifier, normalise_country
from mrx_matching.display import published_address, published_name, published_place
from mrx_matching.normalise import fold, parse_address_in_order, parse_name, parse_place
from mrx_member.domain.dates import hinted_order, iso_dates
from mrx_notification.domain.addresses import deliverable
from mrx_notification.domain.addresses import one_line as one_line_of_a_mail
from mrx_notification.domain.bounces import read_bounce
from mrx_portal.domain.evidence import EvidenceFile, apart
from mrx_portal.domain.supplying import site_code
from mrx_registry.domain.names import name_from
from mrx_registry.domain.sign_in import email_from
from mrx_report_request.domain import wording
from mrx_shared.refusals import Rejected
from mrx_shared.wording import mailbox_of

from tests.growth import worse_than_linear

NAMES = CompanyNames(["Brightwater Foods", "Harrow Ltd", "Alder & Rowe"])
GOOD = {"site_name": "Mill", "country": "BD", "audit_date": "2025-03-04", "protocol": "SMETA"}
FILES = [EvidenceFile(sha256="ab" * 32, name="plan.pdf", size=3)]


def judged(column: str) -> Callable[[str], object]:
    def judge(text: str) -> object:
        body = orjson.dumps({"row": 1, "values": {**GOOD, column: text}}, option=orjson.OPT_APPEND_NEWLINE)
        known = Recognitions([])
        return Judge(as_of=date(2026, 6, 30), recognitions=known, company_names=NAMES).judge(body)

    return judge


def uncached(read: Callable[..., object]) -> Callable[..., object]:
    return getattr(read, "__wrapped__", read)


READERS: dict[str, Callable[[str], object]] = {
    **{
        f"row: {column}": judged(column)
        for column in ("site_name", "address", "country", "audit_date", "protocol", "os_id")
    },
    "fault_of": lambda text: fault_of("city", text),
    "printable": printable,
    "names": NAMES.stand_in,
    "names in a column": lambda text: NAMES.found_in("address", pl.Series([text])),
    "sort_columns": lambda text: sort_columns([text]),
    "protocol_key": lambda text: protocol_key(text, text),
    "read_date": read_date,
    "country": normalise_country,
    **{f"identifier: {kind}": partial(check_identifier, kind) for kind in IDENTIFIER_KINDS},
    "fold": uncached(fold),
    "parse_name": uncached(parse_name),
    "parse_address": parse_address_in_order,
    "parse_place": lambda text: uncached(parse_place)(text, "CN"),
    "published_name": uncached(published_name),
    "published_address": uncached(published_address),
    "published_place": uncached(published_place),
    "heading: meaning": meaning,
    "heading: recognise": lambda text: recognise([text, "site_name", "country"], Use.SITES),
    "heading: order of dates": hinted_order,
    "heading: commercial": lambda text: is_commercial(text[:500]),
    "heading: contact": lambda text: is_contact(text[:500]),
    "iso_dates": lambda text: iso_dates([text, "2025-01-31"], rows=[1, 2], heading="audit date"),
    "member's name": lambda text: name_from(text, field="name"),
    "address to sign in": email_from,
    "supplier's address": lambda text: wording.email(text, field="contact_email"),
    "one line of a request": lambda text: wording.to_supplier(text, field="scope"),
    "mailbox": mailbox_of,
    "one line of a mail": one_line_of_a_mail,
    "deliverable": deliverable,
    "bounce": lambda text: read_bounce(text.encode()),
    "bounce's header": lambda text: read_bounce(f"Content-Type: multipart/report; {text}\n\n{text}".encode()),
    "answer": lambda text: plain_text(text, field="rationale"),
    "relation": read_relation,
    "evidence": lambda text: referred([text]),
    "evidence on a page": lambda text: apart(text, FILES),
    "code of a protocol": lambda text: one_line_of_a_protocol(text, field="code"),
    "words of a requirement": plain_words,
    "site code": read_site_code,
    "site code on a page": site_code,
}
PIECES = (
    *(
        "@",
        " ",
        "a",
        "0",
        "(",
        ")",
        "-",
        ".",
        "工",
        "Ħ",
        "\n",
        ";",
        "=+",
        "a.",
        "a@",
        "J ",
        "aA",
        "a1",
        "\u0301\u0323",
    ),
    *(
        "d/b/a ",
        "( ",
        "value of ",
        "share of our ",
        "h a r r o w",
        "sha256:",
        "1/",
        "a/b-",
        "\u3000",
        "'",
        '"',
        "ß",
    ),
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", READERS)
def test_no_text_makes_what_reads_it_cost_more_than_linearly(name: str) -> None:
    def read(text: str) -> object:
        try:
            return READERS[name](text)
        except (Rejected, ValueError):
            return None

    for piece in PIECES:
        for start, end in (("", ""), ("@", "x")):
            grown = worse_than_linear(read, lambda size: f"{start}{piece * (size // len(piece))}{end}")  # noqa: B023
            assert grown is None, f"{name} on {start}{piece!r}…{end}: {grown}"
