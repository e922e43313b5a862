"""Every pattern of the house costs no worse than linearly, whatever text it meets."""

import ast
import importlib
import itertools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.growth import worse_than_linear

sre: Any = importlib.import_module("re._constants")
sre_parser: Any = importlib.import_module("re._parser")

ROOT = Path(__file__).resolve().parent.parent.parent
_METHODS = ("search", "match", "fullmatch", "sub", "subn", "split", "findall", "finditer")
MADE_WHERE_USED = {
    "mrx_exchange_adapter/domain/platform.py": (r"(?<![A-Z0-9])MRX[\s\-]*7K2M9QXA(?![A-Z0-9])",),
    "mrx_matching/identifiers.py": (r"ZS\d{5,15}",),
    "mrx_shared/bus/service.py": (r"^mrx\.in\.lists\..+$",),
}
"""What the patterns that are made of a function's own words look like; the others are read from the code."""
OF_OWN_WORDS = {"mrx_matching/generator/directory.py": "_SYLLABLE"}
"""Patterns that read the words of the house's own lexicons alone."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A pattern as the code has it, and how it is used."""

    place: str
    text: str | bytes
    flags: int
    methods: tuple[str, ...]


def _sources() -> Iterator[Path]:
    for folder in ("services", "shared", "deploy"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                yield path


@cache
def _trees() -> dict[Path, ast.Module]:
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in _sources()}


@cache
def _uses() -> dict[tuple[Path | None, str], set[str]]:
    """The methods that are called on a name: in its own module, and anywhere where the name is public."""
    uses: dict[tuple[Path | None, str], set[str]] = defaultdict(set)
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr in _METHODS:
                owner = node.value
                if isinstance(owner, ast.Call):
                    owner = owner.func
                name = owner.id if isinstance(owner, ast.Name) else getattr(owner, "attr", "")
                uses[path, name].add(node.attr)
                if not name.startswith("_"):
                    uses[None, name].add(node.attr)
    return uses


def _module(path: Path) -> dict[str, Any]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    package = next(at for at, part in enumerate(parts) if part.startswith("mrx_"))
    name = ".".join(parts[package:]).removesuffix(".__init__")
    return vars(importlib.import_module(name))


def _patterns() -> Iterator[Pattern]:
    for path, tree in _trees().items():
        named = {
            id(node.value): target.id
            for node in ast.walk(tree)
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
            for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
            if isinstance(target, ast.Name)
        }
        named |= {
            id(child.value): function.name
            for function in ast.walk(tree)
            if isinstance(function, ast.FunctionDef)
            for child in ast.walk(function)
            if isinstance(child, ast.Return) and child.value is not None
        }
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and _is_of_re(node.func)):
                continue
            assert isinstance(node.func, ast.Attribute)
            called = node.func.attr
            if called == "escape":
                continue
            name = named.get(id(node), "")
            if any(path.as_posix().endswith(end) and name == own for end, own in OF_OWN_WORDS.items()):
                continue
            methods = {called}
            if called == "compile":
                uses = _uses()
                methods = uses[path, name] | (uses[None, name] if not name.startswith("_") else set())
            place = f"{path.relative_to(ROOT)}:{node.lineno}"
            flags = _flags(path, node)
            for text in _texts(path, node.args[0]):
                yield Pattern(place, text, flags, tuple(sorted(methods)) or ("search",))


def _is_of_re(called: ast.expr) -> bool:
    return (
        isinstance(called, ast.Attribute)
        and isinstance(called.value, ast.Name)
        and called.value.id == "re"
        and called.attr in (*_METHODS, "compile", "escape", "template")
    )


def _texts(path: Path, node: ast.expr) -> Sequence[str | bytes]:
    try:
        return (_evaluated(path, node),)
    except NameError:
        for end, examples in MADE_WHERE_USED.items():
            if path.as_posix().endswith(end):
                return examples
        raise AssertionError(
            f"{path}:{node.lineno}: write the pattern as a constant, or an example of it in MADE_WHERE_USED"
        ) from None


def _flags(path: Path, call: ast.Call) -> int:
    at = {"compile": 1, "search": 2, "match": 2, "fullmatch": 2, "findall": 2, "finditer": 2}
    assert isinstance(call.func, ast.Attribute)
    place = at.get(call.func.attr)
    given = [one.value for one in call.keywords if one.arg == "flags"]
    if place is not None:
        given += call.args[place : place + 1]
    return int(_evaluated(path, given[0])) if given else 0


def _evaluated(path: Path, node: ast.expr) -> Any:  # noqa: ANN401 - a text, bytes or flags
    return eval(compile(ast.Expression(node), str(path), "eval"), _module(path))


# What a pattern's own tree says could hurt it.

_ORDINARY = (" ", "a", "0", ".", "-", "(")


def _one_of(of: Any, argument: Any, flags: int) -> str:  # noqa: ANN401 - nodes of the parser have no type
    """A character that a class of the tree takes."""
    if of is sre.LITERAL:
        return chr(argument)
    for candidate in itertools.chain(
        " -.@a0A_!()/,=|\t\n\x80\xa1\xc3é工",
        map(chr, range(0x100)),
        map(chr, range(0x2000, 0x2100)),
        "㐀\U0001f600",
    ):
        if _takes(of, argument, candidate):
            return candidate
    return chr(argument[-1][1][0]) if of is sre.IN and argument[-1][0] is sre.RANGE else "x"


def _takes(of: Any, argument: Any, character: str) -> bool:  # noqa: ANN401, PLR0911
    code = ord(character)
    if of is sre.LITERAL:
        return bool(argument == code)
    if of is sre.NOT_LITERAL:
        return bool(argument != code)
    if of is sre.ANY:
        return character != "\n"
    if of is sre.RANGE:
        return bool(argument[0] <= code <= argument[1])
    if of is sre.CATEGORY:
        return {
            sre.CATEGORY_DIGIT: character.isdecimal(),
            sre.CATEGORY_NOT_DIGIT: not character.isdecimal(),
            sre.CATEGORY_SPACE: character.isspace(),
            sre.CATEGORY_NOT_SPACE: not character.isspace(),
            sre.CATEGORY_WORD: character.isalnum() or character == "_",
            sre.CATEGORY_NOT_WORD: not (character.isalnum() or character == "_"),
        }[argument]
    if of is sre.IN:
        inside, negated = argument, False
        if inside[0][0] is sre.NEGATE:
            inside, negated = inside[1:], True
        return negated != any(_takes(kind, value, character) for kind, value in inside)
    return False


class _Hostile:
    """Walks a tree: a word for every way through it, and what its repeats can be pumped with."""

    def __init__(self, flags: int) -> None:
        self._flags = flags
        self.pumps: set[str] = set()
        self.before: set[str] = {""}

    def words(self, tree: Any, before: str = "") -> list[str]:  # noqa: ANN401
        """A few words that the tree matches."""
        ways = [""]
        for of, argument in tree:
            here = [before + way for way in ways[:3]]
            found = self._of(of, argument, here)
            ways = [way + one for way in ways[:12] for one in found[:40]][:60]
        return ways or [""]

    def _of(self, of: Any, argument: Any, here: list[str]) -> list[str]:  # noqa: ANN401, PLR0911
        if of in (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT):
            least, most, body = argument
            inside = self.words(body, here[0])
            self.before.update(here)
            if most > 1:
                self.pumps.update(inside)
            return [one * least for one in inside] + ([inside[0] * 3] if most > 3 else inside if most else [])
        if of is sre.SUBPATTERN:
            return self.words(argument[3], here[0])
        if of is sre.ATOMIC_GROUP:
            return self.words(argument, here[0])
        if of is sre.BRANCH:
            return [word for branch in argument[1] for word in self.words(branch, here[0])[:4]]
        if of in (sre.AT, sre.ASSERT_NOT, sre.GROUPREF):
            return [""]
        if of is sre.ASSERT:
            self.words(argument[1], here[0])
            return [""]
        one = _one_of(of, argument, self._flags)
        self.pumps.add(one)
        return [one]


def hostile_texts(pattern: Pattern) -> list[Callable[[int], str]]:
    """Texts of any size: what nearly matches, over and over."""
    text = pattern.text.decode("latin-1") if isinstance(pattern.text, bytes) else pattern.text
    walk = _Hostile(pattern.flags)
    whole = walk.words(sre_parser.parse(text, pattern.flags))
    ones = sorted({*(one for one in walk.pumps if len(one) == 1), *_ORDINARY})[:20]
    pairs = {a + b for a in ones[:8] for b in ones[:8] if a < b}
    longer = {*(one for one in walk.pumps if len(one) > 1), *whole[:8], *pairs} - {""}
    starts = sorted(
        {"@", *(one[:64] for one in walk.before), *(one[:-1] for one in whole[:3])} - {""}, key=len
    )
    return [
        *(_pumped(start, one, end) for one in ones for start in ("", *starts[:3]) for end in ("", "!")),
        *(_pumped("", one, end) for one in sorted(longer)[:40] for end in ("", "!")),
    ]


def _pumped(start: str, pump: str, end: str) -> Callable[[int], str]:
    return lambda size: f"{start}{pump * (size // len(pump))}{end}"


def _reading(pattern: Pattern, method: str) -> Callable[[str], object]:
    compiled: Any = re.compile(pattern.text, pattern.flags)

    def read(text: str) -> object:
        given = text.encode("latin-1", "replace") if isinstance(pattern.text, bytes) else text
        if method in ("sub", "subn"):
            return compiled.sub(b"" if isinstance(given, bytes) else "", given)
        found = getattr(compiled, method)(given)
        return sum(1 for _ in found) if method == "finditer" else found

    return read


def _each_once() -> list[Pattern]:
    found: dict[tuple[str | bytes, int], Pattern] = {}
    for one in _patterns():
        known = found.setdefault((one.text, one.flags), one)
        found[one.text, one.flags] = replace(known, methods=tuple(sorted({*known.methods, *one.methods})))
    return list(found.values())


PATTERNS = _each_once()


def test_patterns_are_written_so_that_this_test_finds_them() -> None:
    assert len(PATTERNS) > 70
    for path, tree in _trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                assert node.module != "re", f"{path}:{node.lineno}: write `import re`"
            if isinstance(node, ast.Import):
                assert all(one.name not in ("re2", "regex") for one in node.names), f"{path}:{node.lineno}"
                assert all(one.name != "re" or one.asname is None for one in node.names), (
                    f"{path}:{node.lineno}: write `import re`"
                )
            if isinstance(node, ast.keyword):
                assert node.arg != "regex_engine", (
                    f"{path}:{node.value.lineno}: pydantic's own engine is linear"
                )


@pytest.mark.timeout(120)
@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda one: one.place)
def test_no_text_makes_a_pattern_cost_more_than_linearly(pattern: Pattern) -> None:
    for method in pattern.methods:
        read = _reading(pattern, method)
        for text_of in hostile_texts(pattern):
            grown = worse_than_linear(read, text_of)
            assert grown is None, f"{method} of {pattern.text!r} on {text_of(24)!r}…: {grown}"
