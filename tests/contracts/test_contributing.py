"""The walk-through in CONTRIBUTING.md can be walked: its blocks apply to a copy, and the checks pass there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PARTS = ("contracts", "deploy", "docs", "services", "shared", "tests")
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## A walk-through")[2]
BLOCKS = re.findall(r"^```(diff|python) (\S+)\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
TOUCHED = re.findall(r"^```text\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)[0].split()
CHECKS = (
    ("ruff", "format", "--check", "--quiet", "."),
    ("ruff", "check", "--quiet", "."),
    ("mypy",),
    ("lint-imports",),
    ("python", "-m", "tests.contracts.generate"),
    (
        "pytest",
        "-q",
        "tests/unit/test_order_numbers.py",
        "tests/unit/report_request",
        "tests/unit/notification",
    ),
    ("pytest", "-q", "tests/contracts/test_messages.py", "tests/contracts/test_published.py"),
    ("pytest", "-q", "-m", "live", "tests/component/store", "-k", "report_request or notification"),
)


def changed(before: str, diff: str) -> str:
    """A text after a diff without line numbers: what each part takes away stands there exactly once."""
    for part in diff.split("@@\n"):
        lines = part.splitlines(keepends=True)
        old = "".join(line[1:] for line in lines if line[0] in " -")
        assert before.count(old) == 1, f"not there exactly once:\n{old}"
        before = before.replace(old, "".join(line[1:] for line in lines if line[0] in " +"))
    return before


def walk(root: Path) -> set[str]:
    """Apply every block to a tree, and name the files that they touch."""
    for kind, name, text in BLOCKS:
        path = root / name
        assert path.exists() is (kind == "diff"), name
        path.write_text(
            changed(path.read_text(encoding="utf-8"), text) if kind == "diff" else text, encoding="utf-8"
        )
    return {name for _, name, _ in BLOCKS}


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The repository without what it made itself."""
    there = tmp_path / "mrx"
    unwanted = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for part in PARTS:
        shutil.copytree(ROOT / part, there / part, ignore=unwanted)
    for file in ROOT.iterdir():
        if file.is_file():
            shutil.copy2(file, there / file.name)
    return there


def contents(root: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(root)): path.read_bytes()
        for part in PARTS
        for path in (root / part).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_every_file_of_the_walk_is_listed(copy: Path) -> None:
    assert walk(copy) == {name for name in TOUCHED if not name.startswith("contracts/")}
    assert sorted(TOUCHED) == TOUCHED


@pytest.mark.live
@pytest.mark.timeout(900)
def test_the_walk_passes_the_checks_and_touches_what_it_lists(copy: Path) -> None:
    if (types_found_before := ROOT / ".mypy_cache").exists():
        shutil.copytree(types_found_before, copy / ".mypy_cache")
    before = contents(copy)
    walk(copy)
    scripts = Path(sys.executable).parent
    parts = [str(path.parent.relative_to(ROOT)) for path in ROOT.glob("*/*/pyproject.toml")]
    paths = os.pathsep.join(str(copy / part) for part in (".", *parts))
    for command, *arguments in CHECKS:
        done = subprocess.run(
            ["/usr/bin/env", f"PYTHONPATH={paths}", str(scripts / command), *arguments],
            cwd=copy,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{command} {arguments}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
    after = contents(copy)
    assert sorted(name for name in after if before.get(name) != after[name]) == TOUCHED
