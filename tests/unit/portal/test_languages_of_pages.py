"""Catalogues hold every text of the supplier's pages, with the same places to fill in."""

import re
from pathlib import Path

import mrx_portal
import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from mrx_portal.entrypoints.languages import CATALOGUES, LANGUAGES, negotiate

TEMPLATES = Path(mrx_portal.__file__).parent / "templates"
OTHERS = [language for language in LANGUAGES if language != "en"]


def catalogue(language: str) -> Catalog:
    with (CATALOGUES / language / "LC_MESSAGES" / "portal.po").open("rb") as file:
        return read_po(file, locale=language)


def forms(text: object) -> list[str]:
    """One text, or the forms of its plural."""
    return (
        [text]
        if isinstance(text, str)
        else [str(one) for one in text]
        if isinstance(text, list | tuple)
        else []
    )


def texts() -> set[str]:
    found = extract_from_dir(
        str(TEMPLATES), method_map=[("**.html", "jinja2.ext:babel_extract")], options_map={"**.html": {}}
    )
    return {forms(text)[0] for _, _, text, *_ in found}


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
