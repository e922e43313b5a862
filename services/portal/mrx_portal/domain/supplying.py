"""A request as its supplier sees it: how far it is, and what may be done."""

import math
import re
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final


class Stage(StrEnum):
    """How far a request is, for its supplier."""

    ASKED = "asked"
    SHARING = "sharing"
    CHECKING = "checking"
    SHARED = "shared"
    OVER = "over"


_STAGES: Final = {
    "drafted": Stage.ASKED,
    "sent": Stage.ASKED,
    "opened": Stage.ASKED,
    "accepted": Stage.SHARING,
    "uploading": Stage.SHARING,
    "checking": Stage.CHECKING,
    "available": Stage.SHARED,
    "decided": Stage.SHARED,
    "declined": Stage.OVER,
    "expired": Stage.OVER,
    "withdrawn": Stage.OVER,
}
_SITE_CODE: Final = re.compile(r"ZS[0-9]{5,15}")


def stage(state: str) -> Stage:
    """How far a request is that has come to a state; one that this page does not know is over."""
    return _STAGES.get(state, Stage.OVER)


def site_code(typed: str) -> str | None:
    """A site code of a data-sharing platform as it is written there, or None if it is none."""
    code = re.sub(r"[\s-]", "", typed).upper()
    return code if _SITE_CODE.fullmatch(code) else None


def days_left(until: datetime, now: datetime) -> int:
    """Whole days until the end, the last one begun; nought when it is over."""
    return max(0, math.ceil((until - now) / timedelta(days=1)))
