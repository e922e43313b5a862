"""Members, their corporate groups, and whether a member takes part."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from mrx_shared.refusals import Rejected, TooEarly


class State(StrEnum):
    """Where a member stands with the secretariat."""

    PROVISIONING = "provisioning"
    ADMITTED = "admitted"
    SUSPENDED = "suspended"


class Action(StrEnum):
    """What moves a member from one state to another."""

    ADMIT = "admit"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"


TRANSITIONS: Mapping[tuple[State, Action], State] = {
    (State.PROVISIONING, Action.ADMIT): State.ADMITTED,
    (State.ADMITTED, Action.SUSPEND): State.SUSPENDED,
    (State.SUSPENDED, Action.REINSTATE): State.ADMITTED,
}

_REMEDIES: Mapping[State, str] = {
    State.PROVISIONING: "wait until its topics and rights stand and it is admitted",
    State.ADMITTED: "nothing is to be done: the member is admitted",
    State.SUSPENDED: "reinstate the member first",
}


class Missing(StrEnum):
    """What keeps a member from taking part."""

    ADMISSION = "not-admitted"
    PROTOCOL = "no-equivalent-protocol"
    STATEMENT = "statement-not-signed"
    SUSPENSION = "suspended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A corporate group. Groups are tied when one holds a minority share of the other."""

    id: UUID
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """A protocol version as the benchmark last judged it under one version of the criteria."""

    protocol_id: UUID
    protocol_version: str
    criteria_version: str
    owner: UUID | None
    """the member whose own protocol this is; None for a public one"""
    equivalent: bool
    recognised_from: date | None
    recognised_until: date | None

    def holds_on(self, day: date) -> bool:
        """Whether a member with this protocol has passed step 1 on that day."""
        return (
            self.equivalent
            and self.recognised_from is not None
            and self.recognised_from <= day
            and (self.recognised_until is None or day <= self.recognised_until)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Whether a member takes part, as it was last said."""

    missing: tuple[Missing, ...]
    tied_groups: frozenset[UUID]
    since: datetime

    @property
    def participates(self) -> bool:
        """A member takes part when nothing is missing."""
        return not self.missing


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A company that takes part in the scheme, or is about to."""

    id: UUID
    name: str
    group: Group
    state: State
    created_at: datetime
    admitted_at: datetime | None = None
    said: Standing | None = None
    """the standing that was last told to everyone; None until admission"""

    def take(self, step: Action, *, at: datetime) -> "Member":
        """The member after this step. Raises `Rejected` for a step that does not start where it stands."""
        reached = TRANSITIONS.get((self.state, step))
        if reached is None:
            raise Rejected(
                f"a member that is {self.state} cannot take this step: {step}",
                field="state",
                remedy=_REMEDIES[self.state],
            )
        return replace(self, state=reached, admitted_at=at if step is Action.ADMIT else self.admitted_at)

    def acts(self) -> None:
        """Raises unless this member may do something for itself now."""
        if self.state is State.PROVISIONING:
            raise TooEarly("the member is not admitted yet", waiting_for=f"member/{self.id}")
        if self.state is State.SUSPENDED:
            raise Rejected(
                "the member is suspended", field="state", remedy="ask the secretariat to reinstate it"
            )

    def stand(
        self,
        *,
        protocols: Iterable[Recognition],
        signed: bool,
        tied_groups: frozenset[UUID],
        at: datetime,
    ) -> Standing:
        """The standing at a moment; the one that was said last where nothing changed."""
        missing = []
        if self.state is State.PROVISIONING:
            missing.append(Missing.ADMISSION)
        if not any(protocol.holds_on(at.date()) for protocol in protocols):
            missing.append(Missing.PROTOCOL)
        if not signed:
            missing.append(Missing.STATEMENT)
        if self.state is State.SUSPENDED:
            missing.append(Missing.SUSPENSION)
        changed = self.said is None or self.said.missing != tuple(missing)
        return Standing(
            missing=tuple(missing),
            tied_groups=tied_groups,
            since=at if changed or self.said is None else self.said.since,
        )
