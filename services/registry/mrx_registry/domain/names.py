"""Names that people give, and when two of them are the same."""

import unicodedata

from mrx_shared.refusals import Invalid
from mrx_shared.wording import check_no_links, check_plain

LONGEST = 200


def name_from(given: str, *, field: str) -> str:
    """The name, composed (NFC) and with single spaces. Raises `Invalid` for one that nobody could read back."""
    _check_length(given, field=field)
    name = " ".join(unicodedata.normalize("NFC", given).split(" ")).strip()
    if any(unicodedata.category(character) in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") for character in name):
        raise Invalid(
            f"{field} contains a control or invisible character",
            field=field,
            remedy="type the name again as plain text",
        )
    name = " ".join(name.split())
    if not name:
        raise Invalid(f"{field} is empty", field=field, remedy="give a name")
    _check_length(name, field=field)
    return name


def mailed_name_from(given: str, *, field: str) -> str:
    """As `name_from`, for a name that mails carry. Names that were taken up before stay as they are."""
    name = name_from(given, field=field)
    check_plain(name, field=field)
    check_no_links(name, field=field, name=True)
    return name


def _check_length(name: str, *, field: str) -> None:
    if len(name) > LONGEST:
        raise Invalid(
            f"{field} has {len(name)} characters",
            field=field,
            remedy=f"give a name of at most {LONGEST} characters",
        )


def folded(name: str) -> str:
    """What two names have in common when a reader would take them for the same."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
