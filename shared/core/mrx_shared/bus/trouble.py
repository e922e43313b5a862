"""Steps that fail again and again, as a service shows them."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import structlog

from mrx_shared.kit.logging import cause, where
from mrx_shared.refusals import Rejected, ServerRefused

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A step that failed when it was last tried. It holds no payload."""

    step: str
    cause: str
    permanent: bool
    """refused for good: it fails until somebody mends the cause"""
    since: datetime
    attempts: int
    """failures in a row"""
    next_try_at: datetime

    def shown(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "step": self.step,
            "cause": self.cause,
            "permanent": self.permanent,
            "since": self.since.isoformat(),
            "attempts": self.attempts,
            "next_try_at": self.next_try_at.isoformat(),
        }


def failed(step: str, error: Exception, before: Trouble | None, *, now: datetime, pause_s: float) -> Trouble:
    """The trouble after one more failure."""
    return Trouble(
        step=step,
        cause=cause(error),
        permanent=permanent(error),
        since=before.since if before else now,
        attempts=before.attempts + 1 if before else 1,
        next_try_at=now + timedelta(seconds=pause_s),
    )


def log_failure(what: str, error: Exception, **about: object) -> None:
    """Log that a step failed: `<what>.refused` where it fails until somebody mends it, else `<what>.again`."""
    tell, outcome = (log.error, "refused") if permanent(error) else (log.warning, "again")
    tell(f"{what}.{outcome}", error=where(error), cause=cause(error), **about)


def permanent(error: Exception) -> bool:
    """Whether trying again does not help by itself."""
    return isinstance(error, (Rejected, ServerRefused))
