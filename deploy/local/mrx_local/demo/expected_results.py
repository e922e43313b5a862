"""What the figures of a demo must be, reckoned from the lists alone, without asking a service."""

import csv
import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import openpyxl
from mrx_matching import (
    IDENTIFIER_KINDS,
    Accuracy,
    SiteRecord,
    check_identifier,
    display_address,
    display_city,
    display_name,
    display_region,
    normalise_country,
    pairwise,
    resolve,
)
from mrx_matching.normalise import fold, without_legal_forms

from mrx_local.demo.scenario import PUBLIC, Scenario, SentList, SentRow, Supplier

LEAST_FOUND = 0.8
"""share of suppliers drawn from the lists that must be found again, whatever their slips"""
MOST_MISTAKEN = 0.02
PLAIN_LENGTH = 100
DOCUMENTS = ("list.csv", "list.json", "list.xlsx")
PUBLISHED = (
    "site_name",
    "address",
    "city",
    "region",
    "country",
    "os_id",
    "lei",
    "scheme_family",
    "audit_half_year",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What must be released, and how well the rows were matched."""

    sites: Sequence[tuple[frozenset[tuple[str, ...]], frozenset[str]]]
    """for each site the rows that it may be released as, without entry ids, and the members whose lists have it

    Where groups disagree and none is outvoted, a secret of the exchange decides, so one of several rows may stand.
    """
    precision: float | None
    recall: float | None

    def holders(self, released: Collection[tuple[str, ...]]) -> Mapping[tuple[str, ...], Collection[str]]:
        """The row of each site, with the members whose lists have it: one that was released, if any may be it."""
        clear = {row for rows, _ in self.sites if len(rows) == 1 for row in rows}
        found: dict[tuple[str, ...], set[str]] = {}
        for rows, members in self.sites:
            # A row that another site must be is taken for this one only where no other is left.
            row = min(rows, key=lambda row: (row not in released, row in clear, row in found, row))
            found.setdefault(row, set()).update(members)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckoned:
    """The SHA-256 of each document, and how many sites there are."""

    hashes: Mapping[str, str]
    sites: int
    on_several_lists: int


@dataclass(slots=True)
class Findings:
    """What differs between the two ways."""

    differences: list[str] = field(default_factory=list)

    def same(self, what: str, told: object, reckoned: object) -> None:
        """Note a figure that the two ways do not agree on."""
        if told != reckoned:
            self.differences.append(
                f"{what}: the scheme says {told}, reckoned from the lists it is {reckoned}"
            )

    def true(self, what: str, holds: object) -> None:
        """Note a claim that does not hold."""
        if not holds:
            self.differences.append(what)


def refused_in(path: Path) -> set[str]:
    """References of the refused rows, from the file that `mrx member publish` wrote."""
    if not path.exists():
        return set()
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row["row_ref"] for row in csv.DictReader(file)}


def plainly_good(row: SentRow, names: Sequence[str]) -> bool:
    """Whether nothing could be held against a row that was given: a name in letters, a country, no name of a member."""
    texts = [row.values.get(column, "") for column in ("site_name", "address", "city", "region")]
    spoken = " ".join(texts).casefold()
    return (
        any(letter.isascii() and letter.isalnum() for letter in texts[0])
        and all(
            len(text) <= PLAIN_LENGTH and text.isprintable() and text[:1] not in set("=+-@'")
            for text in texts
        )
        and normalise_country(row.values["country"]) is not None
        and not any(part.casefold() in spoken for name in names for part in (name, name.split("_")[0]))
    )


def reckon(scenario: Scenario, refused: Mapping[str, set[str]]) -> Expected:
    """Match, merge and generalise the accepted rows of all lists in this process."""
    accepted = [
        (one, row)
        for one in sorted(scenario.lists, key=lambda one: one.member)
        for row in one.rows
        if row.values["row_ref"] not in refused[one.member]
    ]
    records = [_record(place, row) for place, (_, row) in enumerate(accepted)]
    labels = resolve(records)
    sites: dict[int, list[int]] = {}
    for place, label in enumerate(labels):
        sites.setdefault(label, []).append(place)
    group_of = {actor.name: actor.group for actor in scenario.actors}
    precision, recall = _accuracy(accepted, labels, scenario.truth)
    return Expected(
        sites=[
            (
                _may_be(
                    [
                        _Said(group_of[accepted[place][0].member], records[place], accepted[place][1])
                        for place in places
                    ]
                ),
                frozenset(accepted[place][0].member for place in places),
            )
            for places in sites.values()
        ],
        precision=precision,
        recall=recall,
    )


def _record(place: int, row: SentRow) -> SiteRecord:
    values = row.values
    identifiers = {
        kind: check_identifier(kind, text)
        for kind in IDENTIFIER_KINDS
        if (text := values.get(kind, "").strip())
    }
    return SiteRecord(
        key=place,
        name=values["site_name"].strip(),
        address=values.get("address", "").strip(),
        city=values.get("city", "").strip(),
        region=values.get("region", "").strip(),
        postcode=values.get("postcode", "").strip(),
        country=normalise_country(values["country"]) or "",
        **identifiers,
    )


class _Said(NamedTuple):
    group: str
    record: SiteRecord
    row: SentRow


Values = tuple[str, ...]
Voices = Mapping[str, str]
"""What each group says of one thing; who says nothing is not there."""


def _may_be(said: Sequence[_Said]) -> frozenset[tuple[str, ...]]:
    """The rows that a site may be released as for the first time: its latest audit, and what most groups say of it."""
    latest = max(one.row.values["audit_date"] for one in said)
    family = min(
        "SMETA" if one.row.values["protocol"] == PUBLIC else "equivalent"
        for one in said
        if one.row.values["audit_date"] == latest
    )
    half_year = f"{latest[:4]}-H{1 if date.fromisoformat(latest).month < 7 else 2}"  # noqa: PLR2004 - July
    begun: set[tuple[Values, frozenset[str]]] = {((), frozenset(one.group for one in said))}
    for kind, display in _SHOWN.items():
        shown = [(one.group, one.row.values["audit_date"], display(one.record)) for one in said]
        begun = {
            ((*values, value), frozenset(group for group in heard if _same(kind, voices.get(group), value)))
            for values, heard in begun
            for voices in _voices(shown)
            for value in _most_said(kind, voices, heard)
        }
    country = said[0].record.country
    return frozenset((*values[:4], country, *values[4:], family, half_year) for values, _ in begun)


def _voices(shown: Sequence[tuple[str, str, str]]) -> Iterator[Voices]:
    """One value a group, of its latest audit that has any; every way to take one of several."""
    days: dict[str, str] = {}
    for group, day, value in shown:
        if value:
            days[group] = max(day, days.get(group, ""))
    choices = [
        sorted({value for other, when, value in shown if value and (other, when) == (group, day)})
        for group, day in days.items()
    ]
    return (dict(zip(days, taken, strict=True)) for taken in product(*choices))


def _most_said(kind: str, voices: Voices, heard: Collection[str]) -> list[str]:
    """The values that may be chosen: of most groups, then of most that were heard with what is chosen already."""
    if not voices:
        return [""]

    def support(value: str) -> tuple[int, int]:
        groups = [group for group, other in voices.items() if _same(kind, other, value)]
        return len(groups), len({*groups} & {*heard})

    most = max(map(support, voices.values()))
    best = [value for value in voices.values() if support(value) == most]
    # Of spellings of one value the commonest.
    return sorted(
        {
            value
            for value in best
            if best.count(value) == max(best.count(o) for o in best if _same(kind, o, value))
        }
    )


def _same(kind: str, one: str | None, other: str) -> bool:
    return one is None or one == other or _letters(kind, one) == _letters(kind, other)


@lru_cache(maxsize=1 << 16)
def _letters(kind: str, value: str) -> str:
    return "".join(without_legal_forms(fold(value))[0] if kind == "name" else value.casefold().split())


_SHOWN: Mapping[str, Callable[[SiteRecord], str]] = {
    "name": display_name,
    "address": display_address,
    "city": display_city,
    "region": display_region,
    "os_id": lambda record: record.os_id,
    "lei": lambda record: record.lei,
}


def _accuracy(
    accepted: Sequence[tuple[SentList, SentRow]], labels: Sequence[int], truth: str
) -> tuple[float | None, float | None]:
    if not truth:
        return None, None
    found = pairwise([row.site for _, row in accepted], list(labels))
    if truth != "uml_id":
        return found.precision, found.recall
    # Two lists of one registry: what counts is whether a row of the one finds its site on the other.
    within: dict[str, tuple[list[str | None], list[int]]] = {}
    for (one, row), label in zip(accepted, labels, strict=True):
        sites, said = within.setdefault(one.member, ([], []))
        sites.append(row.site)
        said.append(label)
    inside = [pairwise(sites, said) for sites, said in within.values()]
    across = Accuracy(
        true_pairs=found.true_pairs - sum(one.true_pairs for one in inside),
        said_pairs=found.said_pairs - sum(one.said_pairs for one in inside),
        right_pairs=found.right_pairs - sum(one.right_pairs for one in inside),
    )
    return across.precision, across.recall


def check_release(folder: Path, expected: Expected, findings: Findings) -> Reckoned:
    """Compare the documents with each other, with the certificate and with what must be in them."""
    hashes = {name: sha256((folder / name).read_bytes()).hexdigest() for name in DOCUMENTS}
    certificate: dict[str, Any] = json.loads((folder / "certificate.json").read_text(encoding="utf-8"))
    findings.same("documents in the certificate", certificate["documents"], hashes)
    with (folder / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    findings.same("rows of list.json", json.loads((folder / "list.json").read_text(encoding="utf-8")), rows)
    findings.same("rows of list.xlsx", _workbook(folder / "list.xlsx"), rows)
    content = [tuple(row[column] for column in PUBLISHED) for row in rows]
    findings.true("list.csv is not ordered by content", content == sorted(content))
    findings.true("an entry id stands twice", len({row["entry_id"] for row in rows}) == len(rows))
    holders = expected.holders(set(content))
    findings.same("rows of list.csv", len(rows), len(holders))
    findings.same("rows in the certificate", certificate["rows"], len(holders))
    findings.same("released rows that the lists do not imply", len(set(content) - holders.keys()), 0)
    findings.same("sites of the lists that are not released", len(holders.keys() - set(content)), 0)
    return Reckoned(
        hashes=hashes,
        sites=len(holders),
        on_several_lists=sum(len(members) > 1 for members in holders.values()),
    )


def _workbook(path: Path) -> list[dict[str, str]]:
    sheet = openpyxl.load_workbook(path, read_only=True).worksheets[0]
    header, *rows = sheet.iter_rows(values_only=True)
    return [
        {str(name): "" if value is None else str(value) for name, value in zip(header, row, strict=True)}
        for row in rows
    ]


def check_suppliers(path: Path, suppliers: Sequence[Supplier], findings: Findings) -> None:
    """Hold a member's `check.csv` against what is known of its suppliers; matching may miss or mistake a few."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = {row["supplier_ref"]: row for row in csv.DictReader(file)}
    findings.same("suppliers of check.csv", sorted(rows), sorted(one.ref for one in suppliers))
    known = [one for one in suppliers if one.ref in rows]
    listed = sum(rows[one.ref]["decision"] == "match" for one in known)
    ours = [one for one in known if one.own]
    found = sum(rows[one.ref]["audited_by_us"] == "true" for one in ours)
    strangers = sum(
        rows[one.ref]["audited_by_us"] == "true" for one in known if not one.own and one.surely_not_ours
    )
    findings.true(
        f"only {listed} of {len(known)} suppliers, all of them on the list, were found",
        listed >= LEAST_FOUND * len(known),
    )
    findings.true(
        f"only {found} of {len(ours)} own sites were known as audited by us", found >= LEAST_FOUND * len(ours)
    )
    findings.true(
        f"{strangers} of others' sites were taken for our own", strangers <= MOST_MISTAKEN * len(known)
    )


def check_findings(path: Path, released: Path) -> dict[str, int]:
    """Count a member's `check.csv` anew; every entry it names must stand in the released list."""
    with (released / "list.csv").open(encoding="utf-8-sig", newline="") as file:
        entries = {row["entry_id"] for row in csv.DictReader(file)}
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    matched = [row for row in rows if row["decision"] == "match"]
    strangers = [row["supplier_ref"] for row in matched if row["entry_id"] not in entries]
    if strangers:
        raise AssertionError(f"suppliers matched to entries that were not released: {strangers[:5]}")
    ours = sum(row["audited_by_us"] == "true" for row in matched)
    return {
        "suppliers": len(rows),
        "listed": len(matched),
        "audited_by_us": ours,
        "to_request": len(matched) - ours,
    }
