"""A day reads alike wherever somebody reads it: on a page, in a mail, in a report."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from jinja2 import Environment
from mrx_criteria.documents import gap_html
from mrx_notification.domain.mails import Kind
from mrx_portal.entrypoints.languages import LANGUAGES, speak

from tests.unit.criteria.reports import REPORT
from tests.unit.notification.rendering import rendered_mail

DAY = date(2027, 1, 26)
WRITTEN = {
    "en": ("26 January 2027", "26 Jan 2027"),
    "es": ("26 de enero de 2027", "26 ene 2027"),
    "zh": ("2027年1月26日", "2027年1月26日"),
}


def page(language: str) -> Environment:
    environment = Environment(autoescape=True, extensions=["jinja2.ext.i18n"])
    speak(environment, language)
    return environment


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_day_on_a_page_is_the_day_in_a_mail(language: str) -> None:
    long, short = WRITTEN[language]
    template = page(language).from_string("{{ day | day }} / {{ day | short_day }} / {{ moment | moment }}")
    moment = datetime(2027, 1, 26, 9, 5, tzinfo=UTC)
    assert (
        template.render(day=DAY, moment=moment)
        == f"{long} / {short} / {short}{'' if language == 'zh' else ','} 09:05 UTC"
    )
    assert long in rendered_mail(Kind.REMINDER, language, term_ends_on=DAY.isoformat()).text
    assert long in rendered_mail(Kind.RECOGNITION_ENDING, language, recognised_on=DAY.isoformat()).subject


def test_a_day_in_a_gap_report_is_the_day_on_a_page() -> None:
    assert "26 January 2027" in gap_html(replace(REPORT, made_at=datetime(2027, 1, 26, tzinfo=UTC)))
