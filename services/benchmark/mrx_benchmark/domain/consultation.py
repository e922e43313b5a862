"""How a newer version of the criteria replaces an older one: consultation, effect, transition."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from mrx_shared.refusals import Invalid


class Phase(StrEnum):
    """How far a newer version of the criteria is on its way to replace an older one."""

    CONSULTATION = "consultation"
    DECIDED = "decided"
    TRANSITION = "transition"
    OVER = "over"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evolution:
    """A version of the criteria gives way to a newer one, by dates that follow one another."""

    older: str
    newer: str
    announced_by: str
    announced_at: datetime
    consultation_until: date
    effective_on: date
    transition_until: date

    def __post_init__(self) -> None:
        if self.older == self.newer:
            raise Invalid(
                f"{self.older} cannot succeed itself", field="newer", remedy="name the newer version"
            )
        days = (
            ("consultation_until", self.announced_at.date(), self.consultation_until),
            ("effective_on", self.consultation_until + timedelta(days=1), self.effective_on),
            ("transition_until", self.effective_on, self.transition_until),
        )
        for name, earliest, stated in days:
            if stated < earliest:
                raise Invalid(
                    f"{stated} is before {earliest}",
                    field=name,
                    remedy="order the dates: end of consultation, day of effect, end of transition",
                )

    def phase(self, day: date) -> Phase:
        """Where it stands on a day."""
        if day <= self.consultation_until:
            return Phase.CONSULTATION
        if day < self.effective_on:
            return Phase.DECIDED
        return Phase.TRANSITION if day <= self.transition_until else Phase.OVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A member's comment in a consultation."""

    text: str
    at: datetime
