"""The published form of what members write: never a member's own spelling.

Two spellings that differ only in case, accents, punctuation or white space have the same published form,
and publishing a published form changes nothing.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache

from mrx_matching.lexicon import address_words, legal_forms
from mrx_matching.normalise import fold, numbered, without_legal_forms
from mrx_matching.records import SiteRecord

_LINKING = frozenset(
    {"and", "of", "the", "de", "du", "des", "del", "da", "do", "dos", "das", "di", "della", "van"}
    | {"von", "der", "et", "und", "y", "e", "ve", "la", "le", "el", "al"}
)
_VOWELS = frozenset("aeiouy")
_LONGEST_ABBREVIATION = 5


def display_name(record: SiteRecord) -> str:
    return published_name(record.name)


def display_address(record: SiteRecord) -> str:
    return published_address(record.address)


def display_city(record: SiteRecord) -> str:
    return published_place(record.city)


def display_region(record: SiteRecord) -> str:
    return published_place(record.region)


@lru_cache(maxsize=1 << 17)
def published_name(text: str) -> str:
    return _settled(_name, text)


@lru_cache(maxsize=1 << 17)
def published_address(text: str) -> str:
    return _settled(lambda once: _title(address_words().rewrite(fold(once, in_syllables=True))), text)


@lru_cache(maxsize=1 << 16)
def published_place(text: str) -> str:
    return _settled(lambda once: _title(fold(once, in_syllables=True)), text)


def _name(text: str) -> str:
    core, legal = without_legal_forms(fold(text, in_syllables=True))
    prefixes = legal_forms().prefixes
    return " ".join(
        part
        for part in (
            *(form for form in legal if form in prefixes),
            _title(numbered(core)),
            *(form for form in legal if form not in prefixes),
        )
        if part
    )


def _settled(publish: Callable[[str], str], text: str) -> str:
    """Publish until it changes nothing more: taking a form off an end can bare another one."""
    seen = {text: 0}
    while (text := publish(text)) not in seen:
        seen[text] = len(seen)
    return text


def _title(tokens: Sequence[str]) -> str:
    return " ".join(
        token
        if place and token in _LINKING
        else token.upper()
        if len(token) <= _LONGEST_ABBREVIATION and not _VOWELS & set(token)
        else token.capitalize()
        for place, token in enumerate(tokens)
    )
