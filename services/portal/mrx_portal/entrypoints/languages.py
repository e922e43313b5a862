"""The languages of pages: catalogues beside the code, read as they are checked in."""

from collections.abc import Mapping
from datetime import date, datetime
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.core import negotiate_locale
from babel.dates import format_date, format_datetime
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_decimal
from babel.support import NullTranslations, Translations
from jinja2 import Environment

CATALOGUES: Final = Path(__file__).resolve().parent.parent / "locale"
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh": "中文", "es": "Español"}
"""each by its own name"""
TAGS: Final[Mapping[str, str]] = {"en": "en", "zh": "zh-Hans", "es": "es"}
"""as a page states its language"""


def translations(language: str) -> NullTranslations:
    """The catalogue of a language; English stands in the code."""
    if language == "en":
        return NullTranslations()
    with (CATALOGUES / language / "LC_MESSAGES" / "portal.po").open("rb") as file:
        catalogue = read_po(file, locale=language, domain="portal")
    compiled = BytesIO()
    write_mo(compiled, catalogue)
    compiled.seek(0)
    return Translations(compiled, domain="portal")


def speak(environment: Environment, language: str) -> None:
    """Make templates of this environment speak a language."""
    environment.install_gettext_translations(translations(language), newstyle=True)  # type: ignore[attr-defined]
    environment.filters["day"] = partial(_day, language=language)
    environment.filters["short_day"] = partial(_short_day, language=language)
    environment.filters["size"] = partial(_size, language=language)
    environment.filters["moment"] = partial(_moment, language=language)


def negotiate(accept_language: str) -> str:
    """The first of our languages that a browser asks for."""
    wanted = [part.split(";")[0].strip().replace("-", "_") for part in accept_language[:200].split(",")]
    found = negotiate_locale([one.split("_")[0] for one in wanted if one], LANGUAGES)
    return found or "en"


def _day(value: str | date | None, *, language: str) -> str:
    if value is None:
        return "–"
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return format_date(read, format="long", locale=_locale(language))


def _short_day(value: date, *, language: str) -> str:
    return format_date(value, format="medium", locale=_locale(language))


def _moment(value: str | datetime | None, *, language: str) -> str:
    if value is None:
        return "–"
    read = datetime.fromisoformat(value) if isinstance(value, str) else value
    return f"{format_datetime(read, 'd MMM y, HH:mm' if language != 'zh' else 'y年M月d日 HH:mm', locale=_locale(language))} UTC"


def _size(octets: int, *, language: str) -> str:
    unit, name = (1024**2, "MiB") if octets >= 1024**2 else (1024, "KiB")
    return f"{format_decimal(round(octets / unit, 1), locale=_locale(language))} {name}"


def _locale(language: str) -> str:
    """How days and numbers are written, the same as in mails."""
    return {"en": "en_GB", "zh": "zh_Hans_CN"}.get(language, language)
