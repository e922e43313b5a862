"""Letters: plain words in three languages, the same in text and HTML, and nothing that a name could smuggle in."""

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from hypothesis import given, settings
from hypothesis import strategies as st
from mrx_notification.adapters.rendering import CATALOGUES, TEMPLATES, spoken
from mrx_notification.adapters.smtp import compose
from mrx_notification.domain.addresses import deliverable, masked, one_line
from mrx_notification.domain.mails import Kind
from mrx_notification.ports import Unsafe
from mrx_portal.entrypoints.forms import PURPOSE, SCOPE
from mrx_shared.messages.exchange_adapter import REASONS

from tests.unit.notification.rendering import (
    DATE,
    LINKED,
    OF_REGISTRY,
    PORTAL,
    RENDERER,
    Tags,
    attempt_of,
    mail_of,
    rendered_mail,
)


@pytest.mark.parametrize("language", ["en", "es", "zh"])
@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_is_written_in_every_language_with_its_link_and_no_other(
    kind: Kind, language: str
) -> None:
    letter = rendered_mail(kind, language)
    page = "/reset/TOKEN" if kind in OF_REGISTRY else "/r/TOKEN"
    expected = [PORTAL + page] if kind in LINKED else [f"{PORTAL}/sign-in"] if kind is not Kind.CLOSED else []
    assert [line for line in letter.text.splitlines() if "http" in line] == expected
    assert set(Tags(letter.html).addresses) == set(expected)
    assert letter.language == language
    assert f'<html lang="{language}">' in letter.html
    shown = " ".join("".join(Tags(letter.html).shown).split())
    for line in letter.text.splitlines():
        assert " ".join(line.removeprefix("- ").split()) in shown


@pytest.mark.parametrize("language", ["en", "es", "zh"])
@pytest.mark.parametrize("kind", list(Kind))
def test_a_link_is_one_button_that_says_where_it_leads_with_the_address_in_full_below_it(
    kind: Kind, language: str
) -> None:
    letter = rendered_mail(kind, language)
    links = re.findall(r'<a href="([^"]+)"[^>]*>([^<]+)</a>', letter.html)
    if kind is Kind.CLOSED:
        assert links == []
        return
    (address, label), (again, shown) = links
    assert address == again == shown
    assert label.strip()
    assert "http" not in label
    assert label not in letter.text.splitlines()


def test_questions_and_replies_name_version_criteria_and_criterion() -> None:
    asked, replied = rendered_mail(Kind.QUESTION_ASKED), rendered_mail(Kind.QUESTION_REPLIED)
    assert asked.subject == "A reviewer has a question about version 3 of your audit protocol"
    for letter in (asked, replied):
        assert "criteria 6.1-4p" in letter.text
        assert "criterion 8.1" in letter.text


@pytest.mark.parametrize("language", ["es", "zh"])
def test_a_catalogue_lacks_no_text_and_keeps_every_place_for_a_word(language: str) -> None:
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        catalogue = read_po(file, locale=language)
    told: dict[str, str] = {"trimmed": "true", "newstyle_gettext": "true"}
    found = extract_from_dir(
        str(TEMPLATES),
        method_map=[(kind, "jinja2.ext:babel_extract") for kind in ("**.txt", "**.html")],
        options_map={"**.txt": told, "**.html": told},
    )
    said = {str(text) for _, _, text, _, _ in found}
    translated = {str(entry.id): str(entry.string) for entry in catalogue if entry.id and not entry.fuzzy}
    assert {text for text in said if not translated.get(text)} == set()
    assert set(translated) <= said, "texts that no template says any more"
    for text, translation in translated.items():
        assert sorted(re.findall(r"%\(\w+\)s", text)) == sorted(re.findall(r"%\(\w+\)s", translation)), text


@pytest.mark.parametrize("language", ["en", "es", "zh"])
@pytest.mark.parametrize("code", REASONS)
def test_every_reason_that_a_file_may_be_refused_for_is_told_in_words(code: str, language: str) -> None:
    told = rendered_mail(Kind.FILE_REFUSED, language, detail=code)
    assert code not in told.text.splitlines()
    assert told.text != rendered_mail(Kind.FILE_REFUSED, language, detail="").text


def test_dates_and_spans_are_written_as_the_language_does() -> None:
    for language, date, span in (
        ("en", "28 July 2026", "30 minutes"),
        ("es", "28 de julio de 2026", "30 minutos"),
        ("zh", "2026年7月28日", "30分钟"),
    ):
        assert date in rendered_mail(Kind.REMINDER, language).text
        assert span in rendered_mail(Kind.PASSWORD_RESET, language).text


def test_a_notice_says_what_ends_and_when() -> None:
    ending = rendered_mail(Kind.RECOGNITION_ENDING)
    assert ending.subject == "Recognition of your audit protocol ends on 31 March 2027"
    assert (
        "Version 3 of an audit protocol that you use is recognised under the criteria 6.1-4p until"
        in ending.text
    )
    assert "lapsed on 31 March 2027" in rendered_mail(Kind.RECOGNITION_LAPSED).subject
    evolving = rendered_mail(Kind.CRITERIA_EVOLVING)
    assert evolving.subject == "The criteria 6.1-4p will be replaced by 7.0"
    for day in ("1 August 2026", "1 September 2026", "31 March 2027"):
        assert day in evolving.text


def test_a_language_that_we_do_not_speak_is_english_and_a_dialect_is_its_language() -> None:
    assert (
        rendered_mail(Kind.INVITATION, "tlh").subject
        == "Acme Brands asks for an audit report on Sunrise Mill"
    )
    assert [spoken(one) for one in ("zh-Hans-CN", "ES_mx", "pt", "", "-")] == ["zh", "es", "en", "en", "en"]


def test_an_invitation_says_who_asks_for_what_until_when_and_that_it_is_free_to_decline() -> None:
    text = rendered_mail(Kind.INVITATION).text
    for said in (
        "Dear Li Wei,",
        "Who asks: Acme Brands",
        "Your site: Sunrise Mill",
        "What is asked for: SMETA 4-pillar",
        "What for: yearly review",
        "Please answer by: 28 July 2026",
        "Reference: MRX-ABCDEFGH",
        "no fee, and you need no account",
        "You are free to decline",
    ):
        assert said in text


def test_a_supplier_is_not_told_the_members_number_of_its_site() -> None:
    for kind in (Kind.INVITATION, Kind.REMINDER, Kind.RECEIVED, Kind.FILE_REFUSED, Kind.CLOSED):
        assert "S-0042" not in rendered_mail(kind).text
    assert "Your site number: S-0042" in rendered_mail(Kind.READY).text


def test_reasons_are_told_in_words_and_what_is_no_known_code_as_it_came() -> None:
    refused = rendered_mail(Kind.FILE_REFUSED, "es", detail="encrypted, no-pages, somewhat odd").text
    assert "protegido con contraseña o cifrado. El PDF no tiene ninguna página. somewhat odd" in refused
    assert "The e-mail came back. (5.1.1)" in rendered_mail(Kind.UNDELIVERED, detail="bounced 5.1.1").text
    assert rendered_mail(Kind.UNDELIVERED, detail=None).text


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs() -> None:
    for kind in Kind:
        assert not {"img", "script", "link", "iframe", "form"} & set(Tags(rendered_mail(kind).html).tags)


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    letter = rendered_mail(Kind.INVITATION, asks='<a href="https://evil.example">Acme</a> & 100%(site)s')
    page = Tags(letter.html)
    assert set(page.addresses) == {f"{PORTAL}/r/TOKEN"}
    assert '<a href="https://evil.example">Acme</a> & 100%(site)s' in "".join(page.shown)


SMUGGLED = st.text(
    alphabet=st.sampled_from("aé\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029\u202e\x00: <>@%{}\"'\\\t"),
    max_size=60,
)


@settings(deadline=None)
@given(SMUGGLED, SMUGGLED)
def test_no_name_makes_a_header_a_recipient_or_a_paragraph(name: str, asks: str) -> None:
    name, asks = one_line(f"{name}\r\nBcc: victim@evil.example"), one_line(f"Acme {asks}")
    attempt = attempt_of(mail_of(Kind.INVITATION, to_name=name, asks=asks))
    letter = RENDERER.render(attempt)
    raw = compose(letter, attempt, sender="no-reply@mrx.example", date=DATE)
    read = message_from_bytes(raw, policy=default)
    assert [header.lower() for header in read.keys()] == [  # noqa: SIM118  (keys may repeat)
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "auto-submitted",
        "content-language",
        "mime-version",
        "content-type",
    ]
    assert [one.addr_spec for one in read["To"].addresses] == ["li.wei@mill.example"]
    plain = rendered_mail(Kind.INVITATION)
    assert letter.text.count("\n\n") == plain.text.count("\n\n")
    assert Tags(letter.html).tags == Tags(plain.html).tags


def test_a_word_keeps_no_sign_that_a_mail_program_would_obey() -> None:
    assert one_line(" a\x00b\x1bc\u202ed\u2028e\r\n f\x85") == "a b c d e f"
    assert one_line("শিল্প می‌خواهم") == "শিল্প می‌خواهم"


def test_a_header_with_a_line_end_is_refused_even_if_it_came_so_far() -> None:
    letter = replace(rendered_mail(Kind.INVITATION), subject="Hello\r\nBcc: victim@evil.example")
    with pytest.raises(Unsafe):
        compose(letter, attempt_of(mail_of(Kind.INVITATION)), sender="no-reply@mrx.example", date="now")


def test_an_address_in_another_script_has_its_domain_in_ascii() -> None:
    assert deliverable("li@mühle.example") == "li@xn--mhle-0ra.example"
    assert deliverable(" Li.Wei@Mill.Example ") == "Li.Wei@mill.example"


@pytest.mark.parametrize(
    "address",
    ["", "li", "@mill.example", "li@", "li@mill", "li@-mill.example", "li wei@mill.example", "a@b@mill.example",
     "li@mill.example\r\nRCPT TO:<x@y.example>", "li..wei@mill.example", "li@" + "m" * 64 + ".example",
     "l" * 65 + "@mill.example", "<li@mill.example>", "li@mill..example"],
)  # fmt: skip
def test_what_is_no_address_is_not_written_to(address: str) -> None:
    assert deliverable(address) is None


def test_an_operator_sees_too_little_of_an_address_to_write_to_it() -> None:
    assert masked("li.wei@mill.example") == "l***@m***.example"


@pytest.mark.parametrize("language", ["es", "zh"])
@pytest.mark.parametrize("kind", [Kind.INVITATION, Kind.REMINDER])
def test_what_a_members_form_proposes_is_told_in_the_readers_language(kind: Kind, language: str) -> None:
    told = rendered_mail(kind, language, scope=SCOPE, purpose=PURPOSE).text
    assert SCOPE not in told
    assert PURPOSE not in told
    assert "SMETA 4-pillar" in rendered_mail(kind, language).text
