"""Catalogues hold every text of the supplier's pages, with the same places to fill in."""

import re

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from mrx_portal.entrypoints.languages import CATALOGUES, LANGUAGES, negotiate

from tests.unit.portal.texts import forms, texts

OTHERS = [language for language in LANGUAGES if language != "en"]


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / language / "LC_MESSAGES" / "portal.po").open("rb") as file:
        return read_po(file, locale=language)


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_is_translated_and_none_is_left_over(language: str) -> None:
    known = {
        forms(one.id)[0] for one in catalogue(language) if one.id and not one.fuzzy and all(forms(one.string))
    }
    assert known == texts()


@pytest.mark.parametrize("language", OTHERS)
def test_places_and_marks_are_the_same_in_every_language(language: str) -> None:
    def fixed(text: str) -> set[str]:
        return set(re.findall(r"%\(\w+\)s|</?\w+[^>]*>", text))

    for one in catalogue(language):
        if one.id:
            assert fixed(forms(one.id)[-1]) == fixed(forms(one.string)[-1]), one.id


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("es-MX,es;q=0.9", "es"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh"),
        ("fr-FR,es;q=0.5", "es"),
        ("tr", "en"),
        ("", "en"),
        (";;,,=", "en"),
        ("x" * 5000, "en"),
    ],
)
def test_a_page_speaks_the_first_language_that_both_know(asked: str, given: str) -> None:
    assert negotiate(asked) == given
