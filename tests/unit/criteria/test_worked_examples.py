"""Twelve examples, reckoned by hand, come out to the last digit; `docs/benchmark.md` shows them."""

import json
from pathlib import Path
from typing import Any

import pytest
from mrx_criteria.cli import app
from mrx_shared.kit.command import run

HERE = Path(__file__).parent / "examples"
EXAMPLES: list[dict[str, Any]] = json.loads((HERE / "expected.json").read_text(encoding="utf-8"))
DOCUMENT = Path(__file__).parents[3] / "docs" / "benchmark.md"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda one: str(one["answers"]))
def test_an_example_comes_to_what_was_reckoned_by_hand(
    example: dict[str, Any], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(HERE)
    status = run(
        app, ["score", example["answers"], "--criteria", example["catalogue"], "--json", *example["options"]]
    )
    found = json.loads(capsys.readouterr().out)
    assert status == (0 if example["equivalent"] == "yes" else 1)
    for name in ("commonality", "lower", "upper", "equivalent", "cheapest_path"):
        assert found[name] == example[name], name
    for name in ("by_pillar", "by_clause"):
        shown = {part: figures["commonality"] for part, figures in found[name].items()}
        assert shown == example[name], name


def test_the_document_shows_every_example_with_its_figure() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert len(EXAMPLES) == 12
    for example in EXAMPLES:
        [line] = [one for one in text.splitlines() if example["answers"].removesuffix(".csv") in one]
        assert f"| {example['commonality']} |" in line
        assert f"| {example['equivalent']} |" in line
