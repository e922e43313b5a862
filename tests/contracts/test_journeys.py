"""What docs/journeys.md leads through is there."""

import ast
import re

import pytest

from tests.conftest import ROOT

STEP = re.compile(r"^\d+\. `([\w./]+)`(?: `([\w.]+)`)?", re.MULTILINE)
STEPS = STEP.findall((ROOT / "docs" / "journeys.md").read_text(encoding="utf-8"))


def names_in(source: str) -> set[str]:
    """Functions, classes and methods of a module, methods as `Class.method`."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    found = set()
    for node in ast.parse(source).body:
        if isinstance(node, kinds):
            found.add(node.name)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{inner.name}" for inner in node.body if isinstance(inner, kinds)}
    return found


def test_all_three_journeys_are_read() -> None:
    numbered = re.findall(
        r"^\d+\. ", (ROOT / "docs" / "journeys.md").read_text(encoding="utf-8"), re.MULTILINE
    )
    assert len(STEPS) == len(numbered) > 30


@pytest.mark.parametrize(("path", "name"), STEPS)
def test_a_step_names_a_file_and_what_is_in_it(path: str, name: str) -> None:
    source = (ROOT / path).read_text(encoding="utf-8")
    assert not name or name in names_in(source), f"{path} has no {name}"
