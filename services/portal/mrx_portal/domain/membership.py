"""A member's standing in words: what is missing, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Something that keeps a member from taking part."""

    short: str
    long: str
    remedy: str


_LACKS: Mapping[str, Missing] = MappingProxyType(
    {
        "not-admitted": Missing(
            short="Being set up",
            long="The secretariat is still setting up your membership.",
            remedy="You do not need to do anything; it takes a few minutes.",
        ),
        "no-equivalent-protocol": Missing(
            short="No equivalent protocol",
            long="None of your audit protocols is recognised as equivalent yet.",
            remedy="Submit your protocol for assessment, or adopt a public one.",
        ),
        "statement-not-signed": Missing(
            short="Statement not signed",
            long="Your company has not signed the Mutual Recognition statement.",
            remedy="Have an authorised person sign it once one of your protocols is equivalent.",
        ),
        "suspended": Missing(
            short="Suspended",
            long="Your membership is suspended.",
            remedy="Write to the secretariat.",
        ),
    }
)


def lacks(missing: Iterable[str]) -> tuple[Missing, ...]:
    """What is missing, in words; what this page does not know yet is shown by its own name."""
    return tuple(
        _LACKS.get(one, Missing(short=one.replace("-", " "), long=one.replace("-", " "), remedy=""))
        for one in missing
    )
