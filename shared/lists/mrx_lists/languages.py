"""The languages that mails are written in."""

from mrx_shared.limits import MAIL_LANGUAGES
from mrx_shared.refusals import Invalid


def mail_language(text: str, *, field: str = "language") -> str:
    """The language of a mail: `zh-Hans` and `ZH_cn` are `zh`. Raises `Invalid` for one that is not written here."""
    language = text.strip().replace("_", "-").partition("-")[0].lower()
    if language not in MAIL_LANGUAGES:
        raise Invalid(
            f"mails are not available in {text[:40]!r}",
            field=field,
            remedy=f"write one of {', '.join(MAIL_LANGUAGES)}",
        )
    return language
