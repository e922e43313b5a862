"""The member's own files, read for one page and kept nowhere: what `mrx member check` found, and contacts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from mrx_lists.cells import Sheet
from mrx_lists.languages import mail_language
from mrx_lists.tables import Line, lines
from mrx_shared.refusals import Invalid

from mrx_portal.domain.released import Entry, ReleasedList

FINDING_COLUMNS = ("supplier_ref", "entry_id", "decision", "audited_by_us")
CONTACT_COLUMNS = ("supplier_ref", "contact_email")


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
    """empty where the file states none, or none that mails are written in"""
    fault: Invalid | None = None
    """what keeps the row of the file from being used as it stands"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Before:
    """A request of the member for the site that is over."""

    request_id: str
    state: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A site that the member uses and has not audited, with the contact that its own file gives."""

    entry: Entry
    supplier_ref: str
    contact: Contact
    before: Before | None = None
    """the latest request for the site, where it is over: nobody is asked again but on purpose"""


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
    over: Mapping[str, Before] = MappingProxyType({}),
) -> Overlap:
    """The listed sites that the member has not audited and not asked yet, one candidate a site.

    `over` are its requests that are over, by entry and by the member's own number of the site: an entry has another id
    in every release.
    """
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
                before=over.get(finding.entry_id) or over.get(finding.supplier_ref),
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


def read_findings(sheet: Sheet) -> tuple[Finding, ...]:
    """The rows of a check's result. Raises `Invalid` with row, field and remedy."""
    return tuple(
        Finding(
            supplier_ref=line.values.get("supplier_ref", ""),
            entry_id=line.values.get("entry_id", ""),
            decision=_word(line, "decision", ("match", "review", "none")),
            audited_by_us=_word(line, "audited_by_us", ("true", "false")) == "true",
        )
        for line in lines(sheet, needed=FINDING_COLUMNS)
    )


def read_contacts(sheet: Sheet) -> dict[str, Contact]:
    """Contacts by the member's own reference of the supplier; what is wrong with one stands beside it.

    Raises `Invalid` with row, field and remedy where the file as a whole cannot be read.
    """
    contacts: dict[str, Contact] = {}
    for line in lines(sheet, needed=CONTACT_COLUMNS):
        ref = line.values.get("supplier_ref", "")
        if ref in contacts:
            contacts[ref] = Contact(
                fault=Invalid(
                    "the contacts name this supplier more than once",
                    row=line.row,
                    remedy="keep one of its rows",
                )
            )
        else:
            contacts[ref] = _contact(line)
    return contacts


def _contact(line: Line) -> Contact:
    said = line.values
    language, fault = "", None
    try:
        language = mail_language(said["language"]) if "language" in said else ""
    except Invalid as refusal:
        fault = Invalid(refusal.reason, field=refusal.field, row=line.row, remedy=refusal.remedy)
    return Contact(
        name=said.get("supplier_name", ""),
        contact_email=said.get("contact_email", ""),
        contact_name=said.get("contact_name", ""),
        language=language,
        fault=fault,
    )


def _word(line: Line, name: str, words: Sequence[str]) -> str:
    value = line.values.get(name, "").lower()
    if value not in words:
        raise Invalid(
            f"{value[:40]!r} is not one of {', '.join(words)}",
            field=name,
            row=line.row,
            remedy="choose the check.csv that `mrx member check` wrote",
        )
    return value
