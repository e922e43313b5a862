"""Mails from templates, in the languages that we have catalogues of.

A kind's template gives plain text: the subject, then paragraphs with a blank line between two; `requests.txt` is the one
of several mails that leave as one. The same paragraphs make the HTML, so that both say the same, and every word is
escaped in one place. A paragraph that is a link becomes a button in the HTML, with the address written out below it.
"""

import gettext
import io
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from babel.dates import format_date, format_timedelta
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from mrx_notification.domain.mails import Attempt, Kind, Mail, RenderedMail

HERE: Final = Path(__file__).parent
TEMPLATES: Final = HERE / "templates"
CATALOGUES: Final = HERE / "catalogues"
SOURCE: Final = "en"
"""the language that templates are written in"""
_LOCALES: Final = {"en": "en_GB", "es": "es", "zh": "zh_Hans_CN"}
"""how dates are written, the same as on the portal's pages"""
_ON_REQUEST_PAGE: Final = "/r/"
_ON_PASSWORD_PAGE: Final = "/reset/"  # noqa: S105  (a path)
_TO_MEMBER: Final = frozenset(
    {
        Kind.READY,
        Kind.UNDELIVERED,
        Kind.RECOGNITION_ENDING,
        Kind.RECOGNITION_LAPSED,
        Kind.CRITERIA_EVOLVING,
        Kind.QUESTION_ASKED,
        Kind.QUESTION_REPLIED,
    }
)


def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language, read from its .po file; of English, that the templates say it themselves."""
    if language == SOURCE:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    with (CATALOGUES / f"{language}.po").open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


class JinjaRenderer:
    """See `ports.Renderer`."""

    def __init__(self, *, portal_url: str) -> None:
        self._portal_url = portal_url
        self._by_language = {language: _environment(language) for language in _LOCALES}

    def render(self, attempt: Attempt) -> RenderedMail:
        """See `ports.Renderer`."""
        language = spoken(attempt.language)
        templates, locale = self._by_language[language], _LOCALES[language]
        told = [
            {**_told(mail.words, locale), "kind": mail.kind, "link": self._link(mail, token)}
            for mail, token in zip(attempt.mails, attempt.tokens, strict=True)
        ]
        if len(told) == 1:
            said = templates.get_template(f"{told[0]['kind']}.txt").render(**told[0], language=language)
        else:
            said = templates.get_template("requests.txt").render(
                requests=told, to_name=attempt.to_name, language=language
            )
        subject, *paragraphs = paragraphs_of(said)
        html = templates.get_template("letter.html").render(
            language=language,
            subject=subject,
            paragraphs=[one.split("\n") for one in paragraphs],
            links=[one["link"] for one in told if one["link"]],
            leads_to=_leads_to(attempt.mails[0]),
        )
        return RenderedMail(
            language=language, subject=subject, text="\n\n".join(paragraphs) + "\n", html=html
        )

    def _link(self, mail: Mail, token: str | None) -> str | None:
        if token is not None:
            place = _ON_PASSWORD_PAGE if mail.asked_by == "registry" else _ON_REQUEST_PAGE
            return f"{self._portal_url}{place}{token}"
        return f"{self._portal_url}/sign-in" if mail.kind in _TO_MEMBER else None


def _leads_to(mail: Mail) -> str:
    """Where the link of a mail leads: to the page of a request, to a new password, or to sign-in."""
    if mail.kind in _TO_MEMBER:
        return "sign-in"
    return "password" if mail.asked_by == "registry" else "request"


def spoken(language: str) -> str:
    """The language that a letter is written in: `zh-Hans-CN` is `zh`, and one we do not speak is English."""
    first = language.replace("_", "-").partition("-")[0].strip().lower()
    return first if first in _LOCALES else SOURCE


def paragraphs_of(said: str) -> list[str]:
    """Paragraphs, as blank lines part them; no blanks around a line."""
    lines = "\n".join(line.strip() for line in said.strip().splitlines())
    return [one.strip("\n") for one in lines.split("\n\n") if one.strip("\n")]


def _environment(language: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _told(words: Mapping[str, str | None], locale: str) -> dict[str, str | None]:
    """The words, with dates and spans as the language writes them."""
    told = dict(words)
    ends = told.pop("term_ends_on", None)
    minutes = told.pop("valid_minutes", None)
    for name in [one for one in told if one.endswith("_on")]:
        day = told.pop(name)
        told[name.removesuffix("_on")] = (
            format_date(date.fromisoformat(day), "long", locale=locale) if day else None
        )
    if ends is not None:
        told["until"] = format_date(date.fromisoformat(ends), "long", locale=locale)
    if minutes is not None:
        told["valid_for"] = format_timedelta(timedelta(minutes=int(minutes)), threshold=2, locale=locale)
    return told
