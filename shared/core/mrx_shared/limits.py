"""Limits that a page, an API, a command and a rule state alike."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

MAIL_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {"en": "English", "zh": "Chinese (中文)", "es": "Spanish (español)"}
)
"""the languages that mails are written in, by code, with the names that a form offers"""
DEFAULT_MAIL_LANGUAGE: Final = "en"
TERM_DAYS: Final = range(7, 91)
"""how many days a supplier may be given to answer"""
DEFAULT_TERM_DAYS: Final = 28
CHARACTERS: Final = 200
"""how long a line of text may be"""
CHARACTERS_READ: Final = 1000
"""how long a line is read at all; a rule that names its field refuses what is longer than `CHARACTERS`"""
ANSWERS_BYTES: Final = 4 * 1024 * 1024
"""a file of answers or requirements"""
TEXT_CHARACTERS: Final = 8_000
"""a text in an answer, a question or an appeal"""
