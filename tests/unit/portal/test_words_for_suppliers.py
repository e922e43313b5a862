"""A supplier reads words, never a code."""

from pathlib import Path
from types import SimpleNamespace

import mrx_portal
import pytest
from jinja2 import Environment, FileSystemLoader
from mrx_portal.entrypoints.forms import Words
from mrx_portal.entrypoints.languages import LANGUAGES, speak
from mrx_shared.messages.exchange_adapter import REASONS

TEMPLATES = Path(mrx_portal.__file__).parent / "templates"
SHARING = """
{% from "parts.html" import notice %}
{% from "supplier/words.html" import why_refused, what_to_do %}
{% include "supplier/share.html" %}
"""


def templates(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, extensions=["jinja2.ext.i18n"]
    )
    speak(environment, language)
    return environment


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", REASONS)
def test_every_reason_that_the_exchange_may_say_has_words_and_a_remedy(code: str, language: str) -> None:
    words = templates(language).get_template("supplier/words.html").module
    for told in (words.why_refused(code), words.what_to_do(code)):  # type: ignore[attr-defined]
        assert told.strip()
        assert told.strip() != code


@pytest.mark.parametrize("code", ["no-report-yet", "unknown-site", "access-withdrawn"])
def test_why_a_sharing_on_the_platform_waits_is_told_in_words(code: str) -> None:
    platform = {"site_code": "ZS1234567", "state": "waiting-for-access", "reason": code}
    page = (
        templates("en")
        .from_string(SHARING)
        .render(
            handover=SimpleNamespace(platform=SimpleNamespace(**platform), max_bytes=1),
            asked=SimpleNamespace(reference="MRX-2F7K9QWX", state="uploading"),
            typed=Words(),
        )
    )
    assert code not in page
    assert "Access has not been granted yet" not in page
