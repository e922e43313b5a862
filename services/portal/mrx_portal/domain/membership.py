"""A member's standing in words: what is missing, and what to do about it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """Something that keeps a member from taking part."""

    short: str
    long: str
    remedy: str


_LACKS: Mapping[str, Lack] = MappingProxyType(
    {
        "not-admitted": Lack(
            short="Being set up",
            long="The secretariat is still setting up your membership.",
            remedy="You do not need to do anything; it takes a few minutes.",
        ),
        "no-equivalent-protocol": Lack(
            short="No equivalent protocol",
            long="None of your audit protocols is recognised as equivalent yet.",
            remedy="Submit your protocol for assessment, or adopt a public one.",
        ),
        "statement-not-signed": Lack(
            short="Statement not signed",
            long="Your company has not signed the Mutual Recognition statement.",
            remedy="Have an authorised person sign it once one of your protocols is equivalent.",
        ),
        "suspended": Lack(
            short="Suspended",
            long="Your membership is suspended.",
            remedy="Write to the secretariat.",
        ),
    }
)


def lacks(missing: Iterable[str]) -> tuple[Lack, ...]:
    """What is missing, in words; what this page does not know yet is shown by its own name."""
    return tuple(
        _LACKS.get(one, Lack(short=one.replace("-", " "), long=one.replace("-", " "), remedy=""))
        for one in missing
    )
