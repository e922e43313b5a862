"""Conflicts of interest: nobody judges a protocol of a group that they have to do with."""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from mrx_shared.refusals import Forbidden

from mrx_benchmark.domain.assessments import Assessment, State


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflicts:
    """Who has a conflict of interest with which members, directly or through another member of their groups."""

    pairs: Collection[tuple[str, UUID]]

    def bar(self, reviewer: str, owner: UUID | None) -> bool:
        """Whether a conflict keeps a reviewer from an owner's protocols; public ones have no owner."""
        return owner is not None and (reviewer, owner) in self.pairs

    def check(self, reviewer: str, owner: UUID | None) -> None:
        """Raise `Forbidden` where a conflict keeps a reviewer from an owner's protocols."""
        if self.bar(reviewer, owner):
            raise Forbidden(
                "this protocol belongs to a group with which you have a conflict of interest",
                field="assessment_id",
                remedy="leave it to another reviewer",
            )

    def of_judges(self, assessment: Assessment) -> list[str]:
        """Those who judged an assessment and have a conflict with its owner."""
        return [who for who in assessment.judges() if self.bar(who, assessment.owner)]

    def impartial(self, assessment: Assessment) -> Assessment:
        """Without the decisions of reviewers who have a conflict now; a verdict that was reached stands."""
        if assessment.state is State.IN_REVIEW:
            for who in self.of_judges(assessment):
                assessment = assessment.without(who)
        return assessment
