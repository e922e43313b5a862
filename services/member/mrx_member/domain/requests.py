"""Asking suppliers for their reports: what can be asked, what was decided, and how a request stands."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from uuid import UUID

from mrx_lists.languages import mail_language
from mrx_lists.tables import Line
from mrx_shared.limits import CHARACTERS, DEFAULT_TERM_DAYS, MAIL_LANGUAGES, TERM_DAYS
from mrx_shared.refusals import Invalid, Rejected
from mrx_shared.wording import check_no_links, check_plain

OUTCOMES = ("accepted", "accepted-with-top-up", "refused")
_READ_BY_SUPPLIERS = frozenset({"supplier_name", "contact_name", "scope", "purpose"})
ASKED_COLUMNS = ("entry_id", "supplier_ref", "contact_email")
CHECK_COLUMNS = ("supplier_ref", "entry_id", "decision", "audited_by_us")
SUPPLIER_COLUMNS = ("supplier_ref", "contact_email")
DECIDED_COLUMNS = ("request_id", "outcome")
ENDED = frozenset({"declined", "decided", "expired", "withdrawn"})
"""States of a request after which its site may be asked again."""

_LEAVE_OUT = "give an address, or leave it out"
_EMAIL = re.compile(r"[^\s@,;<>\"]+@[^\s@,;<>\".]+(?:\.[^\s@,;<>\".]+)+")
_NUMBER = re.compile(r"(\d+)(?:\.0+)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What holds for every row of a file that does not say it itself."""

    scope: str | None = None
    purpose: str | None = None
    language: str = "en"
    term_days: int = DEFAULT_TERM_DAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Requester:
    """Who is told by mail when a report is there, and in which language; nobody by default."""

    email: str | None = field(default=None, repr=False)
    language: str | None = None

    def __post_init__(self) -> None:
        """Raise `Invalid` where nobody could be told so."""
        said = {"requester_email": self.email, "requester_language": self.language}
        if self.email is not None and not _EMAIL.fullmatch(_word(said, "requester_email", _LEAVE_OUT)):
            raise Invalid(
                "is not an e-mail address",
                field="requester_email",
                remedy="write one address, as a@b.example",
            )
        if self.language is not None and self.language not in MAIL_LANGUAGES:
            raise Invalid(
                f"mails cannot be written in {self.language!r}",
                field="requester_language",
                remedy=f"write one of {', '.join(MAIL_LANGUAGES)}",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """One site whose supplier is to be asked. `row` is where it stands in the member's file."""

    row: int | None
    entry_id: str
    site_number: str
    supplier_name: str
    contact_email: str = field(repr=False)
    contact_name: str | None = field(repr=False)
    language: str
    scope: str
    purpose: str
    term_days: int

    @property
    def content(self) -> Mapping[str, str | int | None]:
        """All that is asked, wherever it stands: equal contents are one request."""
        return {name: getattr(self, name) for name in self.__slots__ if name != "row"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Whether a report stands in for an audit of the member's own."""

    row: int | None = None
    request_id: UUID
    outcome: str
    reason: str | None = None
    valid_until: date | None = None
    same_file_confirmed: bool = False
    """accept a file that was also given for another site of the member's own requests"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Why one row did not go through. `ref` is the member's own name for what it is about."""

    row: int | None
    ref: str
    field: str | None
    reason: str
    remedy: str | None
    kind: str = "invalid"
    """`invalid` where the row has to be corrected, else what the scheme's rule is about"""

    @classmethod
    def of(cls, error: Rejected, *, row: int | None, ref: str) -> "Fault":
        """The fault that a refusal is for a row."""
        return cls(
            row=row, ref=ref, field=error.field, reason=error.reason, remedy=error.remedy, kind=error.kind
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What is remembered of one content: which of its requests is the latest, and what waits for an answer."""

    edition: int = 1
    """counts the requests of one content: a new one is made once the one before is over"""
    said_at: datetime | None = None
    """None where nothing waits for an answer"""
    heard_from: int = 0
    """where in the member's out-topic its answer can begin"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report in the vault."""

    report_id: UUID
    sha256: str
    size: int
    opened: bool = field(default=True, compare=False)
    """whether the scheme knows that this member was given a link to it; nothing is accepted unopened"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateChange:
    """A state that a request came to."""

    state: str
    at: datetime
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """How a request stands."""

    request_id: UUID
    state: str
    mail: str
    entry_id: str
    site_number: str
    supplier: str
    reference: str
    asked_at: datetime
    term_ends_at: datetime
    report: Report | None
    outcome: str | None
    valid_until: date | None
    possible: tuple[str, ...]
    history: tuple[StateChange, ...]


def askings(rows: Iterable[Line], terms: Terms) -> tuple[list[Asking], list[Fault]]:
    """What can be asked of a file's rows, and for every other row why not."""
    found: list[Asking] = []
    faults: list[Fault] = []
    asked: dict[str, int | None] = {}
    for line in rows:
        try:
            asking = _asking(line, terms)
            if asking.entry_id in asked:
                raise Invalid(  # noqa: TRY301 - one way out for every fault of a row
                    f"row {asked[asking.entry_id]} already asks for this entry",
                    field="entry_id",
                    remedy="ask once for each site; remove one of the rows",
                )
        except Invalid as error:
            faults.append(Fault.of(error, row=line.row, ref=line.values.get("supplier_ref", "")))
            continue
        asked[asking.entry_id] = line.row
        found.append(asking)
    return found, faults


def one_asking(values: Mapping[str, str], terms: Terms) -> Asking:
    """One site to be asked for, from words by column. Raises `Invalid`."""
    return _asking(
        Line(row=None, values={name: " ".join(value.split()) for name, value in values.items()}), terms
    )


def chosen(
    findings: Sequence[Line], suppliers: Sequence[Line], terms: Terms
) -> tuple[list[Asking], list[Fault]]:
    """What can be asked of a check's findings: matches that the member did not audit, with its own contacts."""
    by_ref: dict[str, list[Line]] = defaultdict(list)
    for line in suppliers:
        by_ref[line.values.get("supplier_ref", "")].append(line)
    rows: list[Line] = []
    faults: list[Fault] = []
    for finding in findings:
        ref = finding.values.get("supplier_ref", "")
        # A workbook says true and false in its own spelling.
        said = tuple(finding.values.get(name, "").lower() for name in ("decision", "audited_by_us"))
        if said != ("match", "false"):
            continue
        if len(by_ref[ref]) == 1:
            [supplier] = by_ref[ref]
            values = {**supplier.values, "entry_id": finding.values.get("entry_id", "")}
            rows.append(Line(row=supplier.row, values=values))
            continue
        twice = ", ".join(str(line.row) for line in by_ref[ref])
        faults.append(
            Fault(
                row=finding.row,
                ref=ref,
                field="supplier_ref",
                reason=f"stands in rows {twice} of the suppliers" if twice else "is not among the suppliers",
                remedy="keep one of the rows" if twice else "add a row with the supplier's contact",
            )
        )
    found, others = askings(rows, terms)
    return found, faults + others


def verdicts(rows: Iterable[Line]) -> tuple[list[Verdict], list[Fault]]:
    """The decisions of a file, and for every row that holds none why not."""
    found: list[Verdict] = []
    faults: list[Fault] = []
    for line in rows:
        values = line.values
        try:
            found.append(
                replace(
                    verdict(
                        values.get("request_id", ""),
                        values.get("outcome", ""),
                        reason=values.get("reason"),
                        valid_until=values.get("valid_until"),
                        same_file_confirmed=_yes_or_no(values, "same_file_confirmed"),
                    ),
                    row=line.row,
                )
            )
        except Invalid as error:
            faults.append(Fault.of(error, row=line.row, ref=values.get("request_id", "")))
    return found, faults


def verdict(
    request_id: str,
    outcome: str,
    *,
    reason: str | None = None,
    valid_until: str | None = None,
    same_file_confirmed: bool = False,
) -> Verdict:
    """A decision from its words. Raises `Invalid`."""
    if outcome not in OUTCOMES:
        raise Invalid(
            f"{outcome!r} is not a decision", field="outcome", remedy=f"write one of {', '.join(OUTCOMES)}"
        )
    if outcome == "refused" and not reason:
        raise Invalid("a refusal has no reason", field="reason", remedy="say why the report is not accepted")
    if reason:
        _word({"reason": reason}, "reason")
    try:
        identified = UUID(request_id)
    except ValueError:
        raise Invalid(
            f"{request_id!r} is no request id",
            field="request_id",
            remedy="copy it from `mrx member requests --csv`",
        ) from None
    try:
        until = date.fromisoformat(valid_until) if valid_until else None
    except ValueError:
        raise Invalid(
            f"{valid_until!r} is not a date", field="valid_until", remedy="write it as 2027-03-14"
        ) from None
    return Verdict(
        request_id=identified,
        outcome=outcome,
        reason=reason,
        valid_until=until,
        same_file_confirmed=same_file_confirmed,
    )


def _asking(line: Line, terms: Terms) -> Asking:
    said = line.values
    values = {
        "scope": terms.scope,
        "purpose": terms.purpose,
        "language": terms.language,
        "term_days": str(terms.term_days),
        **said,
    }
    language = mail_language(values["language"] or "")
    email = _word(values, "contact_email", "add the supplier's address from your own supplier base")
    if not _EMAIL.fullmatch(email):
        raise Invalid(
            "is not an e-mail address", field="contact_email", remedy="write one address, as a@b.example"
        )
    return Asking(
        row=line.row,
        entry_id=_word(values, "entry_id", "take it from the released list or from `mrx member check`"),
        site_number=_word(values, "supplier_ref", "give the site's number in your own supplier base"),
        supplier_name=_word(values, "supplier_name", "give the supplier's name"),
        contact_email=email,
        contact_name=_word(values, "contact_name") if values.get("contact_name") else None,
        language=language,
        scope=_word(values, "scope", "fill the column, or give it for all rows with --scope"),
        purpose=_word(values, "purpose", "fill the column, or give it for all rows with --purpose"),
        term_days=_term(values["term_days"] or ""),
    )


def _yes_or_no(values: Mapping[str, str], column: str) -> bool:
    said = values.get(column, "no").lower()
    if said not in {"yes", "true", "no", "false"}:
        raise Invalid(f"{said[:40]!r} is neither yes nor no", field=column, remedy="write yes or no")
    return said in {"yes", "true"}


def _word(values: Mapping[str, str | None], column: str, remedy: str = "") -> str:
    value = values.get(column)
    if not value:
        raise Invalid("is empty", field=column, remedy=remedy)
    if len(value) > CHARACTERS:
        raise Invalid(f"is longer than {CHARACTERS} characters", field=column, remedy="shorten it")
    if not value.isprintable():
        raise Invalid("contains an invisible character", field=column, remedy="write it anew")
    check_plain(value, field=column)
    if column in _READ_BY_SUPPLIERS:
        check_no_links(value, field=column, name=column == "supplier_name")
    return value


def _term(text: str) -> int:
    number = _NUMBER.fullmatch(text)
    if number is None or int(number[1]) not in TERM_DAYS:
        raise Invalid(
            f"{text!r} is not a number of days that a supplier may be given",
            field="term_days",
            remedy=f"write a whole number from {TERM_DAYS[0]} to {TERM_DAYS[-1]}",
        )
    return int(number[1])
