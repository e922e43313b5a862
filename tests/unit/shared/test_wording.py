"""What people may write where it reaches a mail: plain text on one line, without encoded words and links."""

import csv
from contextlib import suppress
from email.header import decode_header, make_header
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_shared.refusals import Invalid
from mrx_shared.wording import check_no_links, check_plain, mailbox_of, one_line

from tests.growth import worse_than_linear
from tests.unit.shared.smuggled import SMUGGLED


@pytest.mark.parametrize(
    "text",
    [
        SMUGGLED,
        f"Li Wei {SMUGGLED}",
        "=?iso-8859-1?b?DQpCY2M6IHhAeS56?=",
        "half of one: =?utf-8?q?x",
        "\uff1d\uff1futf-8\uff1fq\uff1fx\uff1f\uff1d",
        "=\u200b?utf-8?q?x?=",
        *(f"one{sign}two" for sign in "\r\n\x0b\x0c\x00\x1b\x1c\x1d\x1e\x85\u2028\u2029\u202e\u2066\u200f\u061c"),
    ],
)  # fmt: skip
def test_what_a_header_would_not_carry_as_it_is_is_refused_with_field_and_remedy(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_plain(text, field="contact_name")
    assert (refused.value.field, bool(refused.value.remedy)) == ("contact_name", True)
    assert "Reply-To" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    ["Li Wei", "O'Neil & Söhne (Köln)", "李伟", "শিল্প می‌خواهم", "a = b? yes", 'said "=" ?', "Works 3 / Dye house"],
)  # fmt: skip
def test_names_of_all_scripts_pass(text: str) -> None:
    assert one_line(f"  {text} ", field="name") == text
    check_no_links(text, field="name")


@given(st.text(max_size=80))
def test_of_what_passes_nothing_is_left_to_be_decoded(text: str) -> None:
    try:
        check_plain(text, field="name")
    except Invalid:
        return
    assert str(make_header(decode_header(text))) == text


@pytest.mark.parametrize(
    "text",
    [
        "see https://evil.example/pay", "HTTP://EVIL.EXAMPLE", "ftp://x", "www.evil.example", "(www.evil.example)",
        "evil.example/pay", "go to evil.example/pay now", "evil.example:8080", "evil.example?x=1", "evil.example#a",
        "mail us@evil.example", "us@evil", "mailto:us", "javascript:alert(1)", "ｅｖｉｌ．ｅｘａｍｐｌｅ／ｐａｙ",
        "evil.exam\u200bple/pay", "h\u00adttps://evil.example", "hxxp://evil.example", "例子.公司/付款",
        "•www.evil.example", "x:www.evil.example", "see:evil.example/pay", "a/evil.example/pay", "…evil.example/pay",
        "evil.example./pay", "evil.xn--p1ai/pay", "203.0.113.7/pay", "t.co/evil", "evil.com.cn/pay",
    ],
)  # fmt: skip
def test_links_and_addresses_are_refused_with_a_remedy(text: str) -> None:
    with pytest.raises(Invalid) as refused:
        check_no_links(text, field="purpose")
    assert (refused.value.field, bool(refused.value.remedy)) == ("purpose", True)
    assert "evil" not in str(refused.value)


@pytest.mark.parametrize(
    "text",
    [
        "SMETA 4-pillar, v7.0/6.1", "Co.,Ltd.", "S.p.A.", "No.3/5 Mill Road", "c/o Works", "and/or",
        "labour/health/safety", "Mill @ Halden", "24/7", "Scope: SMETA", "A.B.C. Textiles", "Audit of 12.11.2025",
        "e.g. working hours", "Büro i.d. Stadt", "报告。谢谢/请", "Data: audit of 2024", "Tel: none", "Wages, hours.Please",
        "Mill Co.Ltd/Dyeing", "M/s. A.B.C. Textiles Pvt.Ltd/Unit-2", "PT.Sumber/Garmen", "P.T.Sumber/Garmen",
        "Textile Co.Ltd#3", "Mfg.Co.#2", "Is this Foo Co.Ltd?", "Plot.No:366", "St. John's Mill Co.Ltd",
    ],
)  # fmt: skip
def test_names_and_numbers_with_dots_and_slashes_are_no_links(text: str) -> None:
    check_no_links(text, field="purpose")


@pytest.mark.parametrize(
    "text", ["pay at evil.com", "evil.com.", "(evil.com)", "[evil.com]/pay", "evil.com，谢谢"]
)
def test_a_bare_web_address_is_refused_in_free_text_and_may_stand_in_a_companys_name(text: str) -> None:
    with pytest.raises(Invalid):
        check_no_links(text, field="purpose")
    check_no_links("Example.com Textiles", field="name", name=True)


def test_no_name_of_the_real_lists_is_refused() -> None:
    folder = Path(__file__).parents[4] / "shared" / "data"
    if not folder.exists():
        pytest.skip("needs ../shared/data")
    names = 0
    for path in (*folder.glob("*_lists/*.csv"), *folder.glob("oshub/*.csv"), *folder.glob("rounds/uni*.csv")):
        with path.open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                for column in {"name", "site_name", "company", "Mill Name", "Parent Company"} & row.keys():
                    check_no_links(row[column] or "", field=column)
                    names += 1
    assert names > 10_000


@pytest.mark.parametrize(
    "address",
    ["li.wei@mill.example", "Li.Wei@Mill.Example", "li.wei+acme@mill.example", "LI.WEI+a+b@mill.example.",
     "li.wei.@mill.example", " li.wei@mill.example "],
)  # fmt: skip
def test_all_spellings_of_an_address_are_one_mailbox(address: str) -> None:
    assert mailbox_of(address) == "li.wei@mill.example"


def test_a_domain_in_another_script_is_the_mailbox_of_its_ascii_form() -> None:
    assert mailbox_of("li@Mühle.example") == mailbox_of("li@xn--mhle-0ra.example")
    assert mailbox_of("+li@mill.example") == "+li@mill.example"


@pytest.mark.parametrize("piece", ["a", "@", "=", "a.", "www.", "/", "=?", "a@a ", ".", ":"])
def test_the_rules_take_time_in_proportion_to_the_text(piece: str) -> None:
    def read(text: str) -> object:
        for check in (check_plain, check_no_links):
            with suppress(Invalid):
                check(text, field="x")
        return mailbox_of(text)

    assert worse_than_linear(read, lambda size: piece * (size // len(piece))) is None
