"""Names, addresses and places as they are written, to what they say."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import groupby

from anyascii import anyascii

from mrx_matching.lexicon import (
    address_words,
    legal_forms,
    name_words,
    place_aliases,
    place_words,
    premises_words,
    script_words,
    trade_words,
)

_MOJIBAKE = re.compile("[\u00c2\u00c3\u00c4\u00c5\u00e2\u0102][\u0080-\u00bf\u0152-\u2122]")
_APOSTROPHES = re.compile(r"['`\u00b4\u2018\u2019\u02bc]")
_OTHER_SCRIPT = re.compile("[\u0400-\u04ff\u0600-\u06ff\u0e00-\u0e7f\u3040-\u9fff\uac00-\ud7af]")
_IDEOGRAPHS = re.compile("[\u3400-\u9fff]+")
_ORDINAL_IN_CHARACTERS = re.compile(
    "\u7b2c([0-9]+|[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u4e03\u516b\u4e5d\u5341])"
)
_DIGITS = {character: str(value) for value, character in enumerate("一二三四五六七八九十", start=1)}
_ALSO_CALLED = re.compile(
    r"(?<![\s,;:(\[])[\s,;:(\[]+(?:d\.?\s?/?\s?b\.?\s?/?\s?a|t/a|a\.?k\.?a|f\.?k\.?a|trading as|doing business as|also known as"
    r"|formerly(?: known as)?|nombre comercial|nome fantasia|nom commercial)\b\.?[\s:]*",
    re.IGNORECASE,
)
_MESSRS = re.compile(r"^\s*m/s\b\.?", re.IGNORECASE)
_PRIVATE = re.compile(r"\(\s*p(?:vt|riv)?\.?\s*\)", re.IGNORECASE)
_MARKS = re.compile(r"[/(]")
"""Without one of these neither `M/s` nor `(P)` is in a text."""

_DATE = re.compile(r"\b\d{1,4}[/.-]\d{1,2}[/.-]\d{2,4}\b")
_NOT_WORD = re.compile(r"[^0-9a-z]+")
_BRACKET = re.compile(r"[()\[\]{}]")
_LETTERS_THEN_DIGITS = re.compile(r"([a-z]{2,})(\d+)")
_ORDINAL = re.compile(r"(\d+)(?:st|nd|rd|th)")
_WIDE_GAP = re.compile(r"\s{2,}")
_ROMAN = {
    roman: str(value)
    for value, roman in enumerate(
        [
            "i",
            "ii",
            "iii",
            "iv",
            "v",
            "vi",
            "vii",
            "viii",
            "ix",
            "x",
            "xi",
            "xii",
            "xiii",
            "xiv",
            "xv",
            "xvi",
            "xvii",
            "xviii",
            "xix",
            "xx",
        ],
        start=1,
    )
}
_SYLLABLES_TOO = frozenset({"xi", "vi"})
_UNIT_LETTERS = frozenset("abcdefgh")
_NUMBER_WORDS = {
    word: str(value)
    for words in (
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
        ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"),
    )
    for value, word in enumerate(words, start=1)
}
_NUMBER_SIGNS = frozenset({"no", "nr", "number"})
_SPACED_OUT = 0.7
_LONGEST_TEXT = 400
_CUT_LENGTHS = frozenset({29, 30, 34, 35, 39, 40})
_CUT_FORM_LETTERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A site's name, taken apart.

    `words` are the distinguishing words and trade words in their order, `numbers` what tells units apart,
    `alias` the words of a bracket at the end, `legal` the legal forms as published, `plain` the words as they
    are spelt.
    """

    words: tuple[str, ...]
    numbers: frozenset[str]
    alias: tuple[str, ...]
    legal: tuple[str, ...]
    plain: tuple[str, ...]


@lru_cache(maxsize=1 << 17)
def fold(text: str, *, in_syllables: bool = False) -> tuple[str, ...]:
    """Return the words of a text in lower-case ASCII, without punctuation, letters no longer spaced out.

    Spellings that differ only in case, accents, punctuation or white space fold to the same words. A run of Chinese
    characters is one word, or `in_syllables` one for each character.
    """
    text = text[:_LONGEST_TEXT]
    if not text.isascii():
        text = _repaired(unicodedata.normalize("NFKC", text))
        if _OTHER_SCRIPT.search(text):
            text = _ORDINAL_IN_CHARACTERS.sub(lambda found: f" {_DIGITS.get(found[1], found[1])} ", text)
            text = _written_words().sub(lambda found: f" {script_words()[found[0]]} ", text)
            between = " " if in_syllables else ""
            text = _IDEOGRAPHS.sub(lambda found: f" {between.join(_spelt(found[0]))} ", text)
        text = anyascii(_APOSTROPHES.sub("", text))
    text = _PRIVATE.sub(" pvt ", _MESSRS.sub("", text)) if _MARKS.search(text) else text
    text = _APOSTROPHES.sub("", text).lower().replace("&", " and ")
    words = _NOT_WORD.sub(" ", text).split()
    letters = sum(len(word) == 1 for word in words)
    if letters > len(words) * _SPACED_OUT and _WIDE_GAP.search(text.strip()):
        return tuple(joined for part in _WIDE_GAP.split(text) if (joined := _NOT_WORD.sub("", part)))
    return tuple(_join_single_letters(words)) if letters > 1 else tuple(words)


@lru_cache(maxsize=1 << 17)
def parse_name(text: str) -> Name:
    text = _DATE.sub(" ", text) if _DATE.search(text) and _DATE.sub("", text).strip() else text
    main, alias = _with_its_other_name(text)
    core, legal = without_legal_forms(_without_cut_form(fold(main), len(text.strip())))
    if tail := _unit_at_the_end(core):
        head, before = without_legal_forms(core[:-tail])
        core, legal = (*head, *core[-tail:]), legal or before
    tokens = numbered(core)
    plain = tuple(token for token in tokens if not is_number(token))
    numbers = frozenset(token for token in tokens if is_number(token))
    tokens = trade_words().rewrite(premises_words().rewrite(name_words().rewrite(tokens)))
    words = tuple(token for token in tokens if not is_number(token))
    alias_core, alias_legal = without_legal_forms(fold(alias))
    alias_tokens = numbered(alias_core)
    if not alias_legal or alias_core:
        numbers |= {token for token in alias_tokens if is_number(token)}
    return Name(
        words=words or tuple(tokens),
        numbers=numbers if words else frozenset(),
        alias=tuple(token for token in alias_core if not is_number(token)),
        legal=legal or alias_legal,
        plain=plain or tuple(tokens),
    )


def _unit_at_the_end(tokens: Sequence[str]) -> int:
    """Return how many words at the end name a unit, `no 3 plant` for example; 0 where all do."""
    units = premises_words().by_spelling
    for size, token in enumerate(reversed(tokens)):
        if not (token.isdigit() or token in _NUMBER_SIGNS or token in _ROMAN or (token,) in units):
            return size
    return 0


def _with_its_other_name(text: str) -> tuple[str, str]:
    """Part a name from another that it says the company has, or from a bracket at its end."""
    also = _ALSO_CALLED.search(text)
    if also and fold(text[: also.start()]) and fold(text[also.end() :]):
        return text[: also.start()], text[also.end() :].rstrip(" )]")
    whole = text.rstrip()
    whole = whole[:-1] if whole.endswith((")", "]", "}")) else whole
    opened = max(map(whole.rfind, "([{"))
    if opened >= 0 and not _BRACKET.search(whole, opened + 1) and fold(before := whole[:opened].rstrip()):
        return before, whole[opened + 1 :]
    return text, ""


def parse_address_in_order(text: str) -> tuple[list[str], list[str]]:
    """Return the words and the numbers of an address as they follow each other."""
    tokens = address_words().rewrite(
        [part for token in fold(text) for part in _split_letters_and_digits(token)]
    )
    numbers = [token.lstrip("0") or "0" for token in tokens if token[0].isdigit()]
    return [token for token in tokens if not token[0].isdigit()], numbers


@lru_cache(maxsize=1 << 16)
def parse_place(text: str, country: str) -> frozenset[str]:
    """Return the words of a city or region without its rank (city, district), directions in English."""
    tokens = place_words().rewrite(place_aliases(country).rewrite(fold(text)))
    return frozenset(place_aliases(country).rewrite(tokens))


@lru_cache(maxsize=1 << 16)
def fold_postcode(text: str) -> str:
    return "".join(fold(text))


def without_legal_forms(tokens: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Split off the legal forms at both ends. A name that is nothing but legal forms is left whole."""
    lexicon = legal_forms()
    found: list[str] = []
    start, end = 0, len(tokens)
    while start < end:
        if at_end := _longest_form(tokens[start:end], from_end=True):
            found.append(at_end[0])
            end -= at_end[1]
        elif (at_start := _longest_form(tokens[start:end])) and at_start[0] in lexicon.prefixes:
            found.append(at_start[0])
            start += at_start[1]
        else:
            return tuple(tokens[start:end]), tuple(sorted(set(found), key=lexicon.order.__getitem__))
    return tuple(tokens), ()


def _longest_form(tokens: Sequence[str], *, from_end: bool = False) -> tuple[str, int] | None:
    lexicon = legal_forms()
    for size in range(min(lexicon.longest, len(tokens)), 0, -1):
        spelling = tuple(tokens[-size:] if from_end else tokens[:size])
        if (form := lexicon.by_spelling.get(spelling)) is not None:
            return form, size
    return None


def _without_cut_form(tokens: tuple[str, ...], length: int) -> tuple[str, ...]:
    """Take off what a system with a limit of letters left of a legal form, `private limi` for example."""
    if length not in _CUT_LENGTHS:
        return tokens
    for size in range(min(legal_forms().longest, len(tokens) - 1), 0, -1):
        if " ".join(tokens[-size:]) in _beginnings_of_legal_forms():
            return tokens[:-size]
    return tokens


@cache
def _beginnings_of_legal_forms() -> frozenset[str]:
    spellings = (" ".join(spelling) for spelling in legal_forms().by_spelling)
    return frozenset(
        spelling[:size].rstrip()
        for spelling in spellings
        for size in range(_CUT_FORM_LETTERS, len(spelling) + 1)
    )


def numbered(tokens: Sequence[str]) -> list[str]:
    """Write unit numbers as digits: roman numerals, ordinals, numerals in words, digits stuck to a word."""
    parts: list[str] = []
    for token in [token for token in tokens if token not in _NUMBER_SIGNS] or tokens:
        if ordinal := _ORDINAL.fullmatch(token):
            parts.append(ordinal[1])
        elif stuck := _LETTERS_THEN_DIGITS.fullmatch(token):
            parts.extend(stuck.groups())
        else:
            parts.append(token)
    for place in range(len(parts)):
        if (number := _unit_number(parts, place)) is not None:
            parts[place] = number
    return [part.lstrip("0") or "0" if part.isdigit() else part for part in parts]


def _unit_number(parts: Sequence[str], place: int) -> str | None:
    """Return the number that a roman numeral, a numeral in words or a unit's letter stands for, if it is one here."""
    word = parts[place]
    units = premises_words().by_spelling
    after_unit = place > 0 and (parts[place - 1],) in units
    beside_unit = after_unit or (place > 0 and (*parts[place + 1 : place + 2],) in units)
    if place > 0 and word in _ROMAN:
        is_last = place == len(parts) - 1
        # `Xi` and `Vi` are syllables of names too.
        if beside_unit or (len(word) > 1 and word not in _SYLLABLES_TOO) or (len(word) == 1 and is_last):
            return _ROMAN[word]
        return None
    if beside_unit and word in _NUMBER_WORDS:
        return _NUMBER_WORDS[word]
    return f"0{word}" if after_unit and word in _UNIT_LETTERS else None


def is_number(token: str) -> bool:
    """Say whether a word tells units apart: digits, with at most one letter after them."""
    return token.isdigit() or (token[:-1].isdigit() and token[-1].isalpha())


@cache
def _written_words() -> re.Pattern[str]:
    """Match the words of other scripts that are known, the longest first."""
    return re.compile("|".join(re.escape(written) for written in script_words()))


def _spelt(ideographs: str) -> list[str]:
    """Spell Chinese characters, each as it is read beside its neighbours."""
    from pypinyin import lazy_pinyin  # noqa: PLC0415 - its phrases take 0.2 s and are seldom needed

    return list(lazy_pinyin(ideographs))


def _split_letters_and_digits(token: str) -> list[str]:
    if token.isalpha() or token.isdigit():
        return [token]
    return ["".join(run) for _, run in groupby(token, key=str.isdigit)]


def _join_single_letters(tokens: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for single, run in groupby(tokens, key=lambda token: len(token) == 1 and token.isalpha()):
        words = list(run)
        joined.extend(["".join(words)] if single else words)
    return joined


def _repaired(text: str) -> str:
    """Undo UTF-8 that was read as Windows-1252, where the whole text allows it."""
    if not _MOJIBAKE.search(text):
        return text
    try:
        return text.encode("cp1252").decode("utf-8")
    except UnicodeError:
        return text
