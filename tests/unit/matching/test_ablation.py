"""Every part that the ablation leaves out is still there to be left out."""

from pathlib import Path

import polars as pl
import pytest
from mrx_matching.generator.directory import directory


def test_each_part_can_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(Path(__file__).parents[3] / "tests" / "bench" / "matching")
    import ablation  # noqa: PLC0415 - a program in a folder of its own
    from matchers import content  # noqa: PLC0415

    rows, truth = zip(*directory(5, 200), strict=True)
    table = content(pl.DataFrame(rows).with_columns(site=pl.Series(truth)))
    found = {part: ablation.measured(table, part) for part in ablation.PARTS}
    assert found["without keys"]["recall"] < found["all"]["recall"]
    plain = found["equal words of name and city in place of scores"]
    assert plain["f1"] < found["all"]["f1"]
    assert ablation.measured(table, "all") == pytest.approx(found["all"])
