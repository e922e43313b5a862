"""What earlier runs found and what people decided, out of files, for the rows of lists."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl
from scipy.cluster.hierarchy import DisjointSet

from mrx_matching.learning import from_decisions, without_labels
from mrx_matching.lists import (
    STRICT,
    InputRejected,
    Refusals,
    Say,
    read_table,
    refuse_repeated,
    write_table,
)
from mrx_matching.scores import Model
from mrx_matching.stable_ids import Carried, carry_on

_DECISION = ("a_source", "a_id", "b_source", "b_id", "decision")
_CLUSTER = ("source", "record_id", "site_id")
_REDIRECT = ("former_id", "site_id")
_WORTH_LEARNING = 24


@dataclass(frozen=True, slots=True)
class Decisions:
    """Pairs of places of rows that people said are one site, and that are not."""

    same: tuple[tuple[int, int], ...] = ()
    different: tuple[tuple[int, int], ...] = ()


def read_decisions(file: Path, rows: pl.DataFrame, *, refusals: Refusals = STRICT) -> Decisions:
    """Return what people decided about rows with `source`, `record_id` and `country`.

    Columns of a review queue may stand beside those of a decision, and a line without a decision is a question that is
    still open. A decision about rows that are not in the lists is refused by itself; decisions that contradict each
    other refuse the file, as nothing tells which of them is wrong.
    """
    table = read_table(
        file, needed=_DECISION, known=frozenset(_DECISION), say=_told_nothing, refusals=refusals
    )
    table = table.filter(pl.col("decision") != "")
    places = rows.select("source", "record_id", "country").with_row_index("place")
    for side in ("a", "b"):
        table = table.join(
            places.rename({"place": side, "country": f"{side}_country"}),
            left_on=[f"{side}_source", f"{side}_id"],
            right_on=["source", "record_id"],
            how="left",
            maintain_order="left",
        )
    decided: dict[str, list[tuple[int, int]]] = {"same": [], "different": []}
    said = DisjointSet()
    lines = []
    for at, line in enumerate(table.iter_rows(named=True)):
        if fault := _fault(line):
            one = table[at].select("row", *_DECISION)
            refusals.take_out(
                file,
                one,
                pl.Series([True]),
                column=fault.column,
                reason=pl.lit(fault.reason),
                remedy=fault.remedy,
            )
            continue
        lines.append(line)
        pair = (int(line["a"]), int(line["b"]))
        decided[line["decision"]].append(pair)
        for place in pair:
            said.add(place)
        if line["decision"] == "same":
            said.merge(*pair)
    for line in lines:
        if line["decision"] == "different" and said.connected(line["a"], line["b"]):
            raise InputRejected(
                f"{file}: row {line['row']}: decision 'different' contradicts what other rows call the same; "
                "remove one of them"
            )
    return Decisions(
        same=tuple(pair for pair in decided["same"] if pair[0] != pair[1]),
        different=tuple(decided["different"]),
    )


class _Fault(NamedTuple):
    column: str
    reason: str
    remedy: str


def _fault(line: Mapping[str, Any]) -> _Fault | None:
    decision = line["decision"]
    if decision not in {"same", "different"}:
        return _Fault("decision", f"{decision!r} is unknown", "write same or different")
    for side in ("a", "b"):
        if line[side] is None:
            return _Fault(
                f"{side}_id",
                f"{line[f'{side}_id']!r} of source {line[f'{side}_source']!r} is in no list, or is refused there",
                "name the list it is in, correct its row, or take the line out",
            )
    if decision == "same" and line["a_country"] != line["b_country"]:
        return _Fault(
            "decision",
            f"'same' cannot be: the rows are in {line['a_country']} and {line['b_country']}",
            "correct a country, or take the line out",
        )
    if decision == "different" and line["a"] == line["b"]:
        return _Fault("decision", "'different' cannot be: both are one row", "correct an id")
    return None


def learnt_from(decisions: Decisions, rows: pl.DataFrame, *, say: Say) -> dict[str, Model]:
    """Return a model for each country that something was decided in; tell where that is too little to learn from."""
    countries = rows["country"]
    found: dict[str, Model] = {}
    decided = (*decisions.same, *decisions.different)
    for country in sorted({countries[place] for pair in decided for place in pair}):
        places = (countries == country).arg_true()
        at = {place: number for number, place in enumerate(places.to_list())}
        same, different = (
            [(at[a], at[b]) for a, b in pairs if a in at and b in at]
            for pairs in (decisions.same, decisions.different)
        )
        if min(len(same), len(different)) < _WORTH_LEARNING:
            say(
                f"--learn: {country} has {len(same)} answers 'same' and {len(different)} 'different'; "
                f"weights moved by fewer than {_WORTH_LEARNING} of each kind may do harm"
            )
        found[country] = from_decisions(rows[places], country, same=same, different=different)
    return found


def learnt_without_labels(rows: pl.DataFrame) -> dict[str, Model]:
    """Return a model for each country, re-estimated on its rows alone."""
    return {
        str(part["country"][0]): without_labels(part, str(part["country"][0]))
        for part in rows.partition_by("country")
    }


@dataclass(frozen=True, slots=True)
class Former:
    """The site ids of an earlier run, and where the ids lead that were retired by then."""

    site_of: Mapping[Hashable, str]
    redirects: Mapping[str, str]


def read_former(file: Path) -> Former:
    """Return the sites that `mrx match resolve` wrote, with the redirects beside them if there are any."""
    table = read_table(file, needed=_CLUSTER, known=frozenset(_CLUSTER), say=_told_nothing)
    refuse_repeated([(file, table)])
    _refuse_empty(file, table, "site_id")
    beside = redirects_of(file)
    redirects: dict[str, str] = {}
    if beside.exists():
        led = read_table(beside, needed=_REDIRECT, known=frozenset(_REDIRECT), say=_told_nothing)
        _refuse_empty(beside, led, "former_id")
        redirects = dict(led.select(_REDIRECT).iter_rows())
    keys = zip(table["source"].to_list(), table["record_id"].to_list(), strict=True)
    return Former(site_of=dict(zip(keys, table["site_id"].to_list(), strict=True)), redirects=redirects)


def carried_on(
    former: Former, rows: pl.DataFrame, sites: pl.Series, *, before: Former | None = None
) -> Carried:
    """Return the ids of the sites of rows with `source` and `record_id`, kept from a former run where they can be.

    What comes apart gets the ids back that its rows had in the run `before`.
    """
    keys = zip(rows["source"].to_list(), rows["record_id"].to_list(), strict=True)
    return carry_on(
        former.site_of,
        dict(zip(keys, sites.to_list(), strict=True)),
        former.redirects,
        before=before.site_of if before else None,
    )


def write_redirects(out: Path, redirects: Mapping[str, str] | None) -> Path:
    """Write where retired ids lead, beside the sites; return the file. Without any run before, none is left there."""
    file = redirects_of(out)
    if redirects is None:
        file.unlink(missing_ok=True)
        return file
    former = sorted(redirects)
    write_table(
        file,
        pl.DataFrame(
            {"former_id": former, "site_id": [redirects[site] for site in former]},
            schema=dict.fromkeys(_REDIRECT, pl.String),
        ),
    )
    return file


def redirects_of(clusters: Path) -> Path:
    """Return where the redirects stand that belong to a file of sites."""
    return clusters.with_name(f"{clusters.stem}.redirects.csv")


def _refuse_empty(file: Path, table: pl.DataFrame, column: str) -> None:
    empty = table["row"].filter(table[column] == "")
    if len(empty):
        raise InputRejected(f"{file}: row {empty[0]}: {column} is empty; fill it in")


_told_nothing: Callable[[str], None] = lambda _: None  # noqa: E731 - a queue has more columns than a decision
