"""What a form for a request says, read field by field so that every fault stands beside its field."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mrx_shared.api.bodies import fill
from mrx_shared.api.report_request import NewRequest, NewSupplier
from mrx_shared.limits import CHARACTERS, DEFAULT_MAIL_LANGUAGE, DEFAULT_TERM_DAYS, MAIL_LANGUAGES, TERM_DAYS
from mrx_shared.refusals import Rejected

from mrx_portal.entrypoints.frontend import Filled
from mrx_portal.entrypoints.words import words

SCOPE: Final = "Latest audit report with its corrective action plan"
PURPOSE: Final = "Mutual recognition: to accept this audit in place of one of our own"
COMMON: Final = ("scope", "purpose", "term_days", "requester_email")
OF_SUPPLIER: Final = ("site_number", "name", "contact_email", "contact_name", "language")
_NEEDED: Final = {
    "site_number": "Enter your own number for this site.",
    "name": "Enter the supplier's name, as in your supplier base.",
    "contact_email": "Enter the address for the e-mail.",
    "scope": "Say which report you are asking for.",
    "purpose": "Say what you need it for.",
    "term_days": "Say how many days the supplier has.",
}


class Words(dict[str, str]):
    """Texts by name, empty where there is none: a template asks for any field."""

    def __missing__(self, name: str) -> str:
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskingForm:
    """A form as it was filled: what stands in its fields, and what is wrong with them."""

    values: Mapping[str, str]
    faults: Mapping[str, str]
    again: bool = False
    """whether a supplier is asked once more whose request is over"""

    def asked(self, entry_id: str) -> NewRequest:
        """What the form asks for; only of a form without faults."""
        values = self.values
        return fill(
            NewRequest,
            entry_id=entry_id,
            site_number=values["site_number"],
            supplier=fill(
                NewSupplier,
                name=values["name"],
                contact_name=values["contact_name"] or None,
                contact_email=values["contact_email"],
                language=values["language"],
            ),
            scope=values["scope"],
            purpose=values["purpose"],
            term_days=int(values["term_days"]),
            requester_email=values["requester_email"] or None,
            requester_language=DEFAULT_MAIL_LANGUAGE if values["requester_email"] else None,
            again=self.again,
        )


def fresh(**values: str) -> AskingForm:
    """A form that nobody has filled yet."""
    defaults = {
        **dict.fromkeys(OF_SUPPLIER, ""),
        "language": DEFAULT_MAIL_LANGUAGE,
        "scope": SCOPE,
        "purpose": PURPOSE,
        "term_days": str(DEFAULT_TERM_DAYS),
        "requester_email": "",
    }
    return AskingForm(values=defaults | values, faults=Words())


def read_asking(form: Filled, *, row: str = "", names: Sequence[str] = (*OF_SUPPLIER, *COMMON)) -> AskingForm:
    """The fields of a form, or of one row of it."""
    values = {name: form.text(f"{name}{row}") for name in names}
    faults = Words({name: why for name, why in _NEEDED.items() if name in values and not values[name]})
    if (
        "contact_email" in values
        and values["contact_email"]
        and not _like_an_address(values["contact_email"])
    ):
        faults["contact_email"] = "This is not an e-mail address."
    if values.get("requester_email") and not _like_an_address(values["requester_email"]):
        faults["requester_email"] = "This is not an e-mail address."
    for name, value in values.items():
        if len(value) > CHARACTERS:
            faults[name] = f"Write at most {CHARACTERS} characters."
    if "language" in values and values["language"] not in MAIL_LANGUAGES:
        faults["language"] = "Choose one of the languages."
    term = values.get("term_days")
    if term and not (term.isascii() and term.isdigit() and int(term) in TERM_DAYS):
        faults["term_days"] = f"Enter a whole number of days from {TERM_DAYS.start} to {TERM_DAYS[-1]}."
    return AskingForm(values=values, faults=faults)


def beside(error: Rejected, names: Sequence[str]) -> Words:
    """A service's refusal beside the field that it names; empty where it names none of these."""
    name = (error.field or "").rpartition(".")[2]
    return Words({name: words(error)} if name in names else {})


def _like_an_address(text: str) -> bool:
    """Enough to catch a slip of the hand; the mail server has the last word."""
    name, at, host = text.rpartition("@")
    return bool(name and at and host) and not any(letter.isspace() for letter in text)
