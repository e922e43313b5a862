"""The member's own files, read for one page and kept nowhere: what `mrx member check` found, and contacts."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from mrx_shared.refusals import Invalid

from mrx_portal.domain.released import Entry, ReleasedList

FINDING_COLUMNS = ("supplier_ref", "entry_id", "score", "decision", "audited_by_us")
CONTACT_COLUMNS = ("supplier_ref", "name", "contact_email", "contact_name", "language")
MOST_ROWS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One supplier against the released list, as the member's own machine judged it."""

    supplier_ref: str
    entry_id: str
    decision: str
    audited_by_us: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """Whom the member writes to, from its own supplier base."""

    name: str = ""
    contact_email: str = ""
    contact_name: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A site that the member uses and has not audited, with the contact that its own file gives."""

    entry: Entry
    supplier_ref: str
    contact: Contact


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlap:
    """What the findings come to for a person who wants to ask for reports."""

    candidates: tuple[Candidate, ...]
    suppliers: int
    listed: int
    audited_by_us: int
    to_review: int
    asked_already: int
    gone: int
    """listed in the release that the check was made with, and not in the one that is shown"""
    repeated: int
    """suppliers that stand for a site which another supplier of the file stands for already"""


def overlap(
    findings: Sequence[Finding],
    released: ReleasedList,
    *,
    asked: frozenset[str],
    contacts: Mapping[str, Contact],
) -> Overlap:
    """The listed sites that the member has not audited and not asked yet, one candidate a site."""
    matched = [finding for finding in findings if finding.decision == "match"]
    wanted = [finding for finding in matched if not finding.audited_by_us]
    candidates: dict[str, Candidate] = {}
    asked_already = gone = repeated = 0
    for finding in wanted:
        entry = released.by_id.get(finding.entry_id)
        if entry is None:
            gone += 1
        elif finding.entry_id in asked:
            asked_already += 1
        elif finding.entry_id in candidates:
            repeated += 1
        else:
            candidates[finding.entry_id] = Candidate(
                entry=entry,
                supplier_ref=finding.supplier_ref,
                contact=contacts.get(finding.supplier_ref, Contact()),
            )
    return Overlap(
        candidates=tuple(candidates.values()),
        suppliers=len(findings),
        listed=len(matched),
        audited_by_us=len(matched) - len(wanted),
        to_review=sum(finding.decision == "review" for finding in findings),
        asked_already=asked_already,
        gone=gone,
        repeated=repeated,
    )


def read_findings(content: bytes) -> tuple[Finding, ...]:
    """The rows of `check.csv`. Raises `Invalid` with row, field and remedy."""
    remedy = "choose the check.csv that `mrx member check` wrote"
    return tuple(
        Finding(
            supplier_ref=cells["supplier_ref"],
            entry_id=cells["entry_id"],
            decision=_word(cells, "decision", ("match", "review", "none"), row, remedy),
            audited_by_us=_word(cells, "audited_by_us", ("true", "false"), row, remedy) == "true",
        )
        for row, cells in _table(content, FINDING_COLUMNS, "check.csv", remedy)
    )


def read_contacts(content: bytes) -> dict[str, Contact]:
    """Contacts by the member's own reference of the supplier. Raises `Invalid` with row, field and remedy."""
    remedy = f"write a CSV file with the columns {', '.join(CONTACT_COLUMNS)}"
    contacts: dict[str, Contact] = {}
    for row, cells in _table(content, CONTACT_COLUMNS, "contacts", remedy):
        if cells["supplier_ref"] in contacts:
            raise Invalid(
                f"contacts: {cells['supplier_ref'][:40]!r} stands twice",
                field="supplier_ref",
                row=row,
                remedy="keep one contact for each supplier",
            )
        contacts[cells["supplier_ref"]] = Contact(**{name: cells[name] for name in CONTACT_COLUMNS[1:]})
    return contacts


def _table(
    content: bytes, columns: Sequence[str], what: str, remedy: str
) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows under the heading, from 1, as text by column; commas or semicolons, as spreadsheets save them."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid(f"{what}: not UTF-8 text", field=what, remedy=remedy) from None
    heading = text.partition("\n")[0]
    table = csv.reader(io.StringIO(text, newline=""), delimiter=";" if ";" in heading else ",")
    try:
        names = [name.strip() for name in next(table, [])]
        if missing := [name for name in columns if name not in names]:
            raise Invalid(f"{what}: the column {missing[0]} is missing", field=missing[0], remedy=remedy)
        for row, cells in enumerate(table, 1):
            if row > MOST_ROWS:
                raise Invalid(
                    f"{what}: more than {MOST_ROWS:,} rows", field=what, remedy="split the file in parts"
                )
            if len(cells) > len(names):
                raise Invalid(
                    f"{what}: more cells than columns", row=row, remedy="put values with commas in quotes"
                )
            if any(cells):
                padded = [*cells, *[""] * len(names)]
                yield (
                    row,
                    {
                        name: value.strip()
                        for name, value in zip(names, padded, strict=False)
                        if name in columns
                    },
                )
    except csv.Error as error:
        raise Invalid(f"{what}: not a CSV file", field=what, remedy=remedy) from error


def _word(cells: Mapping[str, str], name: str, words: Sequence[str], row: int, remedy: str) -> str:
    value = cells[name].lower()
    if value not in words:
        raise Invalid(
            f"check.csv: {value[:40]!r} is not one of {', '.join(words)}", field=name, row=row, remedy=remedy
        )
    return value
