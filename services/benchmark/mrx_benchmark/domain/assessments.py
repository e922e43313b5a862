"""An assessment: the owner answers, two reviewers judge every answer independently, the verdict follows."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType
from uuid import UUID

from mrx_criteria.domain.answers import Answer, plain_text
from mrx_criteria.domain.commonality import Equivalent, Score, Waiver, score
from mrx_criteria.domain.criteria import Catalogue, Relation
from mrx_shared.refusals import Invalid, Rejected, counted

from mrx_benchmark.domain.agreement import cohens_kappa
from mrx_benchmark.domain.protocols import ProtocolVersion, Recognition, recognition

REVIEWERS = 2
"""How many people judge every answer independently before there is a verdict."""


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
    LEFT_OPEN = "left-open"
    """Of a criterion without an answer, where two reviewers differ: it stays without one."""


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
                remedy="give the correct relation and say why it is correct",
            )
        if not corrects and self.relation is not None:
            raise Invalid(
                f"{self.criterion_id} is {self.judgement}, but another relation is given",
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
    """What counts: what the two reviewers agree on and a third resolved."""
    reviews: Mapping[str, Mapping[str, Decided]] = field(default_factory=lambda: MappingProxyType({}))
    """Each of the two reviewers' own decisions, which the other does not see before both are done."""

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
        if self.settled:
            return replace(moved, decisions=self._resolved(decisions, confirm_rest, by, at, catalogue))
        decisions = _without_left_open(decisions)
        if by not in self.reviews and len(self.reviews) == REVIEWERS:
            raise Rejected(
                "two reviewers are judging this independently and have not finished",
                field="decisions",
                remedy="wait until both have finished; a third decides where they differ",
            )
        mine = self.reviews.get(by, {})
        fresh = self._read(decisions, mine, confirm_rest, by, at, catalogue)
        reviews = MappingProxyType({**self.reviews, by: MappingProxyType({**mine, **fresh})})
        judged = replace(moved, reviews=reviews)
        return replace(judged, decisions=judged._agreed())  # noqa: SLF001 - its own kind

    @property
    def settled(self) -> bool:
        """Whether two reviewers are done, each with every answer."""
        return len(self.reviews) == REVIEWERS and all(self.has_judged_all(who) for who in self.reviews)

    def has_judged_all(self, who: str) -> bool:
        """Whether somebody is one of the two, and done with every answer."""
        mine = self.reviews.get(who)
        return mine is not None and all(answer.criterion_id in mine for answer in self.answers)

    def open_to(self, reviewer: str) -> bool:
        """Whether she may decide on answers: as one of the two until both are done, then where they differ if she is not."""
        if self.state not in {State.SUBMITTED, State.IN_REVIEW}:
            return False
        if self.settled:
            return reviewer not in self.reviews and bool(self.differences())
        return reviewer in self.reviews or len(self.reviews) < REVIEWERS

    def compared(self) -> dict[str, tuple[Relation | None, Relation | None]]:
        """What each of two reviewers makes of each criterion that one of them judged; nothing before both are done."""
        if not self.settled:
            return {}
        answered = {answer.criterion_id: answer.relation for answer in self.answers}
        first, second = self.reviews.values()
        return {
            name: (_relation(first.get(name), answered), _relation(second.get(name), answered))
            for name in [*answered, *sorted((first.keys() | second.keys()) - answered.keys())]
        }

    def differences(self) -> dict[str, tuple[Relation | None, Relation | None]]:
        """Where two reviewers differ."""
        return {name: pair for name, pair in self.compared().items() if pair[0] is not pair[1]}

    def kappa(self) -> Fraction | None:
        """How far two reviewers agree, once both are done."""
        return cohens_kappa(list(self.compared().values()))

    def as_seen_by(self, reviewer: str) -> "Assessment":
        """Without what another reviewer has written, until both are done."""
        if not self.reviews or self.settled:
            return self
        return replace(
            self, decisions=self.reviews.get(reviewer, MappingProxyType({})), reviews=MappingProxyType({})
        )

    def took_part(self, who: str) -> bool:
        """Whether somebody has judged anything of it."""
        return who in self.judges()

    def judges(self) -> tuple[str, ...]:
        """Everybody whose decisions stand in it."""
        deciders = (name for decided in self.decisions.values() for name in decided.by.split(", "))
        return tuple(dict.fromkeys([*self.reviews, *deciders]))

    def without(self, who: str) -> "Assessment":
        """As if somebody had judged nothing. Where she was one of two, what was agreed or resolved falls with it."""
        if who in self.reviews:
            others = {name: mine for name, mine in self.reviews.items() if name != who}
            return replace(self, reviews=MappingProxyType(others), decisions=MappingProxyType({}))
        kept = {name: one for name, one in self.decisions.items() if who not in one.by.split(", ")}
        return replace(self, decisions=MappingProxyType(kept))

    def unassign(self, who: str) -> "Assessment":
        """Let somebody go who will not finish, so that another may judge in her place."""
        self._to(State.IN_REVIEW)
        if who not in self.judges():
            raise Invalid(
                f"{who[:64]!r} has judged nothing in this assessment",
                field="reviewer",
                remedy="name a reviewer from its history",
            )
        if self.settled:
            raise Rejected(
                "both reviews are finished, and each has been read",
                field="reviewer",
                remedy="let a third reviewer resolve the differences; a conflict of interest can still remove one",
            )
        return self.without(who)

    def _read(
        self,
        decisions: Iterable[Decision],
        before: Mapping[str, Decided],
        confirm_rest: bool,
        by: str,
        at: datetime,
        catalogue: Catalogue,
    ) -> dict[str, Decided]:
        answered = {answer.criterion_id: answer.relation for answer in self.answers}
        known = {criterion.id for criterion in catalogue.criteria}
        taken: dict[str, Decision] = {}
        for row, decision in enumerate(decisions, 1):
            if fault := _fault(decision, taken=taken, answered=answered, known=known):
                raise Invalid(fault, field="criterion_id", row=row, remedy="take it out or correct it")
            taken[decision.criterion_id] = decision
        if confirm_rest:
            for criterion_id in answered.keys() - taken.keys() - before.keys():
                taken[criterion_id] = Decision(criterion_id=criterion_id, judgement=Judgement.CONFIRMED)
        if not taken and not confirm_rest:
            raise Invalid("no decision", field="decisions", remedy="state one, or set confirm_rest")
        return {name: Decided(decision=decision, by=by, at=at) for name, decision in taken.items()}

    def _agreed(self) -> Mapping[str, Decided]:
        """What both reviewers say alike, once both are done."""
        if not self.settled:
            return self.decisions
        differing = self.differences()
        (one, first), (two, second) = self.reviews.items()
        agreed = {
            name: replace(first[name], by=f"{one}, {two}", at=max(first[name].at, second[name].at))
            for name in self.compared()
            if name not in differing
        }
        return MappingProxyType(agreed)

    def _resolved(
        self,
        decisions: Iterable[Decision],
        confirm_rest: bool,
        by: str,
        at: datetime,
        catalogue: Catalogue,
    ) -> Mapping[str, Decided]:
        if by in self.reviews:
            raise Rejected(
                "both reviews are finished; neither reviewer can change hers or decide between them",
                field="decisions",
                remedy="let a third reviewer resolve the differences",
            )
        if confirm_rest:
            raise Invalid(
                "differences are resolved one by one",
                field="confirm_rest",
                remedy="give a decision for each",
            )
        differing = self.differences()
        listed = list(decisions)
        for row, decision in enumerate(listed, 1):
            if decision.criterion_id not in differing:
                raise Invalid(
                    f"the two reviewers agree on {decision.criterion_id[:64]}",
                    field="criterion_id",
                    row=row,
                    remedy="resolve only their differences",
                )
        fresh = self._read(listed, {}, False, by, at, catalogue)  # noqa: FBT003
        return MappingProxyType({**self.decisions, **fresh})

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
        """The criteria on whose answers there is no decision that counts."""
        named = dict.fromkeys([*(answer.criterion_id for answer in self.answers), *self.differences()])
        return tuple(name for name in named if name not in self.decisions)

    def conclude(
        self, catalogue: Catalogue, version: ProtocolVersion, *, waivers: Sequence[Waiver] = ()
    ) -> tuple["Assessment", Outcome]:
        """Reach the verdict. Needs a decision on every answer, and answers enough for a yes or a no.

        Refuses criteria that ended before the version began: their end may have been set since the submission.
        """
        check_measurable(version, catalogue)
        concluded = self._to(State.CONCLUDED)
        if not self.settled:
            raise Rejected(
                f"a verdict needs {REVIEWERS} reviewers who have judged every answer",
                field="decisions",
                remedy="let another reviewer judge it too, who does not see the first one's decisions",
            )
        if undecided := self.undecided():
            raise Rejected(
                f"{counted(len(undecided), 'answer has', 'answers have')} no decision, the first is {undecided[0]}",
                field="decisions",
                remedy="confirm or correct every answer, or send the review again with confirm_rest",
            )
        return concluded, self.outcome(catalogue, version, waivers=waivers)

    def amend(
        self, decisions: Iterable[Decision], *, by: str, at: datetime, catalogue: Catalogue
    ) -> "Assessment":
        """With decisions that a granted appeal puts in place of those that stand. Keeps the state."""
        fresh = self._read(decisions, {}, False, by, at, catalogue)  # noqa: FBT003
        return replace(self, decisions=MappingProxyType({**self.decisions, **fresh}))

    def outcome(
        self, catalogue: Catalogue, version: ProtocolVersion, *, waivers: Sequence[Waiver] = ()
    ) -> Outcome:
        """What the decisions come to. A yes that waivers alone make possible ends with the first of them."""
        result = score(catalogue, self.judged(), waivers=waivers)
        if result.equivalent is Equivalent.OPEN:
            unanswered = [gap.criterion.id for gap in result.gaps if gap.relation is None]
            raise Rejected(
                f"the verdict is open: {counted(len(unanswered), 'criterion has', 'criteria have')} no answer, "
                f"the heaviest is {unanswered[0]}",
                field="answers",
                remedy="ask the owner to submit again with more answers",
            )
        days = recognition(version, self.last_day_of(catalogue, waivers))
        return Outcome(score=result, recognition=days if result.equivalent is Equivalent.YES else None)

    def last_day_of(self, catalogue: Catalogue, waivers: Sequence[Waiver]) -> date | None:
        """The last day on which the criteria hold for a yes: that of the first waiver where it needs them."""
        if not waivers or score(catalogue, self.judged()).equivalent is Equivalent.YES:
            return catalogue.valid_until
        return min(
            day for day in (catalogue.valid_until, *(waiver.until for waiver in waivers)) if day is not None
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
            remedy="choose a version of the criteria that is in force",
        )
    return days.first


def _without_left_open(decisions: Iterable[Decision]) -> list[Decision]:
    listed = list(decisions)
    for row, decision in enumerate(listed, 1):
        if decision.judgement is Judgement.LEFT_OPEN:
            raise Invalid(
                f"{decision.criterion_id[:64]} is left open by leaving it out",
                field="criterion_id",
                row=row,
                remedy="remove it; only a third reviewer can leave a difference open",
            )
    return listed


def _relation(decided: Decided | None, answered: Mapping[str, Relation]) -> Relation | None:
    if decided is None:
        return None
    return decided.decision.relation or answered.get(decided.decision.criterion_id)


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
    if decision.judgement is Judgement.LEFT_OPEN and criterion_id in answered:
        return f"criterion {criterion_id} has an answer, and cannot be left open"
    if decision.relation is not None and decision.relation is answered.get(criterion_id):
        return f"criterion {criterion_id} is corrected to what was answered"
    return None
