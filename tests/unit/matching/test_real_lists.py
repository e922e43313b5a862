"""Accuracy on real lists whose sites are known, by names and places alone."""

import csv
from pathlib import Path

import pytest
from mrx_matching import Accuracy, SiteRecord, normalise_country, pairwise, resolve

LISTS = Path(__file__).parents[4] / "shared" / "data" / "member_lists"
LABELLED = ("unilever_2020.csv", "hershey_2020H2.csv")

pytestmark = pytest.mark.skipif(not LISTS.is_dir(), reason=f"the real lists are not at {LISTS}")


def accuracy(names: list[str]) -> Accuracy:
    records: list[SiteRecord] = []
    truth: list[str | None] = []
    for name in names:
        with (LISTS / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                country = normalise_country(row["country"])
                assert country is not None, row
                truth.append(row["uml_id"] or None)
                records.append(
                    SiteRecord(
                        key=len(records),
                        name=row["site_name"],
                        address=row["address"],
                        city=row["district"],
                        region=row["province"],
                        country=country,
                    )
                )
    return pairwise(truth, resolve(records))


def test_two_labelled_lists_are_resolved_precisely() -> None:
    found = accuracy(list(LABELLED))
    assert found.precision >= 0.96
    assert found.recall >= 0.85


def test_the_labelled_lists_are_resolved_precisely_among_all_eight() -> None:
    found = accuracy(sorted(path.name for path in LISTS.glob("*.csv")))
    assert found.precision >= 0.96
    assert found.recall >= 0.85
