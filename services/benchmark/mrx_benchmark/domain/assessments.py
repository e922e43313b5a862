"""An assessment: the owner answers, a reviewer decides on every answer, the verdict follows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from types import MappingProxyType
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected

from mrx_benchmark.domain.answers import Answer, plain_text
from mrx_benchmark.domain.commonality import Equivalent, Score, score
from mrx_benchmark.domain.criteria import Catalogue, Relation
from mrx_benchmark.domain.protocols import ProtocolVersion, Recognition, recognition


class State(StrEnum):
    """How far an assessment is."""

    SUBMITTED = "submitted"
    IN_REVIEW = "in-review"
    CONCLUDED = "concluded"
    REPLACED = "replaced"


TRANSITIONS: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.SUBMITTED: frozenset({State.IN_REVIEW, State.REPLACED}),
        State.IN_REVIEW: frozenset({State.IN_REVIEW, State.CONCLUDED, State.REPLACED}),
        State.CONCLUDED: frozenset(),
        State.REPLACED: frozenset(),
    }
)


class Judgement(StrEnum):
    """What a reviewer says of an answer."""

    CONFIRMED = "confirmed"
    CORRECTED = "corrected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """A reviewer's word on one criterion. A correction states the right relation and why."""

    criterion_id: str
    judgement: Judgement
    relation: Relation | None = None
    rationale: str = ""

    def __post_init__(self) -> None:
        plain_text(self.rationale, field="rationale")
        corrects = self.judgement is Judgement.CORRECTED
        if corrects and (self.relation is None or not self.rationale.strip()):
            raise Invalid(
                f"the correction of {self.criterion_id} lacks its {'rationale' if self.relation else 'relation'}",
                field="rationale" if self.relation else "relation",
                remedy="state the right relation and why it is right",
            )
        if not corrects and self.relation is not None:
            raise Invalid(
                f"{self.criterion_id} is confirmed, and yet another relation is stated",
                field="relation",
                remedy="leave the relation out, or correct the answer",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A decision with who took it and when."""

    decision: Decision
    by: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The verdict, and the days for which it lets audits be recognised; none when it is no."""

    score: Score
    recognition: Recognition | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Assessment:
    """One comparison of a protocol version with a version of the criteria."""

    assessment_id: UUID
    protocol_id: UUID
    owner: UUID | None
    version: str
    criteria_version: str
    submitted_by: str
    submitted_at: datetime
    answers: tuple[Answer, ...]
    state: State = State.SUBMITTED
    decisions: Mapping[str, Decided] = field(default_factory=lambda: MappingProxyType({}))

    def review(
        self,
        decisions: Iterable[Decision],
        *,
        confirm_rest: bool,
        by: str,
        at: datetime,
        catalogue: Catalogue,
    ) -> "Assessment":
        """Take a reviewer's decisions; a later one on the same criterion replaces the earlier.

        A correction may also answer what the owner left open. `confirm_rest` confirms every answer that has no
        decision.
        """
        moved = self._to(State.IN_REVIEW)
        answered = {answer.criterion_id: answer.relation for answer in self.answers}
        known = {criterion.id for criterion in catalogue.criteria}
        taken: dict[str, Decision] = {}
        for row, decision in enumerate(decisions, 1):
            if fault := _fault(decision, taken=taken, answered=answered, known=known):
                raise Invalid(fault, field="criterion_id", row=row, remedy="take it out or correct it")
            taken[decision.criterion_id] = decision
        if confirm_rest:
            for criterion_id in answered.keys() - taken.keys() - self.decisions.keys():
                taken[criterion_id] = Decision(criterion_id=criterion_id, judgement=Judgement.CONFIRMED)
        if not taken and not confirm_rest:
            raise Invalid("no decision", field="decisions", remedy="state one, or set confirm_rest")
        fresh = {name: Decided(decision=decision, by=by, at=at) for name, decision in taken.items()}
        return replace(moved, decisions=MappingProxyType({**self.decisions, **fresh}))

    def judged(self) -> tuple[Answer, ...]:
        """The answers as the decisions leave them."""
        answers = {answer.criterion_id: answer for answer in self.answers}
        for criterion_id, decided in self.decisions.items():
            if decided.decision.relation is not None:
                before = answers.get(criterion_id) or Answer(
                    criterion_id=criterion_id, relation=Relation.NONE
                )
                answers[criterion_id] = replace(before, relation=decided.decision.relation)
        return tuple(answers.values())

    def undecided(self) -> tuple[str, ...]:
        """The criteria whose answers no reviewer has decided on."""
        return tuple(
            answer.criterion_id for answer in self.answers if answer.criterion_id not in self.decisions
        )

    def conclude(self, catalogue: Catalogue, version: ProtocolVersion) -> tuple["Assessment", Outcome]:
        """Reach the verdict. Needs a decision on every answer, and answers enough for a yes or a no.

        Refuses criteria that ended before the version began: their end may have been set since the submission.
        """
        check_measurable(version, catalogue)
        concluded = self._to(State.CONCLUDED)
        if undecided := self.undecided():
            raise Rejected(
                f"{len(undecided)} answers have no decision, the first is {undecided[0]}",
                field="decisions",
                remedy="confirm or correct every answer, or review once more with confirm_rest",
            )
        result = score(catalogue, self.judged())
        if result.equivalent is Equivalent.OPEN:
            unanswered = [gap.criterion.id for gap in result.gaps if gap.relation is None]
            raise Rejected(
                f"the verdict is open: {len(unanswered)} criteria have no answer, the heaviest is {unanswered[0]}",
                field="answers",
                remedy="let the owner submit again with more answers, or correct them to what the evidence shows",
            )
        days = recognition(version, catalogue.valid_until)
        return concluded, Outcome(
            score=result, recognition=days if result.equivalent is Equivalent.YES else None
        )

    def replace_by_newer(self) -> "Assessment":
        """Step back for a newer submission of the same protocol version and criteria."""
        return self._to(State.REPLACED)

    def _to(self, state: State) -> "Assessment":
        if state not in TRANSITIONS[self.state]:
            raise Rejected(
                f"an assessment that is {self.state} cannot become {state}",
                field="state",
                remedy="submit a new assessment"
                if self.state in {State.CONCLUDED, State.REPLACED}
                else "review it first",
            )
        return replace(self, state=state)


def check_measurable(version: ProtocolVersion, catalogue: Catalogue) -> date:
    """The first day that a yes could recognise. Refuses criteria that ended before the version began."""
    days = recognition(version, catalogue.valid_until)
    if days is None:
        raise Rejected(
            f"criteria {catalogue.version} ended on {catalogue.valid_until}, "
            f"before version {version.version} takes effect on {version.effective_from}",
            field="criteria_version",
            remedy="take a version of the criteria that is in force",
        )
    return days.first


def _fault(
    decision: Decision, *, taken: Mapping[str, Decision], answered: Mapping[str, Relation], known: set[str]
) -> str | None:
    criterion_id = decision.criterion_id
    if criterion_id not in known:
        return f"criterion {criterion_id[:64]!r} is not in these criteria"
    if criterion_id in taken:
        return f"criterion {criterion_id} is decided twice"
    if decision.judgement is Judgement.CONFIRMED and criterion_id not in answered:
        return f"criterion {criterion_id} has no answer to confirm"
    if decision.relation is not None and decision.relation is answered.get(criterion_id):
        return f"criterion {criterion_id} is corrected to what was answered"
    return None
