"""Assessments with their answers, decisions and verdicts on PostgreSQL."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any
from uuid import UUID

from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.commonality import Waiver
from mrx_criteria.domain.criteria import Relation
from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Rejected
from mrx_shared.store.tables import among, columns, domain, upsert, values
from sqlalchemy import CTE, ColumnElement, ScalarSelect, delete, func, literal_column, or_, tuple_, update
from sqlalchemy import select as select_columns
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlmodel import col, select
from sqlmodel.sql.expression import SelectOfScalar

from mrx_benchmark.adapters.protocols import no_assessment
from mrx_benchmark.adapters.tables import (
    UNFINISHED,
    AnswerRow,
    AssessmentOwnerRow,
    AssessmentRow,
    DecisionRow,
    ReminderRow,
    ReviewRow,
    VerdictRow,
)
from mrx_benchmark.domain.assessments import Assessment, Decided, Decision, State
from mrx_benchmark.ports import Measured, Verdict

_DECISION = ("judgement", "relation", "rationale", "decided_at")


class SqlAssessments(Repository):
    """See `ports.Assessments`."""

    async def hold_verdicts(self) -> None:
        await self._hold("verdicts")

    async def add(self, assessment: Assessment) -> None:
        one = {"assessment_id": assessment.assessment_id, "member_id": assessment.owner}
        await self._do(insert(AssessmentOwnerRow).values(one))
        row = {**values(assessment, "owner", "answers", "decisions", "reviews"), **one}
        new = insert(AssessmentRow).values(row)
        one_at_a_time = new.on_conflict_do_nothing(
            index_elements=["protocol_id", "version", "criteria_version"], index_where=UNFINISHED
        )
        if not await self._do(one_at_a_time):
            raise Rejected(
                "other answers for this version arrived at the same time", remedy="send them again"
            )
        await self._each(
            insert(AnswerRow),
            (
                {**values(answer), **one, "position": position}
                for position, answer in enumerate(assessment.answers, 1)
            ),
        )

    async def get(self, assessment_id: UUID) -> Assessment:
        return _found(await self._whole(select(AssessmentRow).where(_named(assessment_id))))

    async def get_to_change(self, assessment_id: UUID) -> Assessment:
        locked = select(AssessmentRow).where(_named(assessment_id)).with_for_update()
        return _found(await self._whole(locked))

    async def unfinished(self, protocol_id: UUID, version: str, criteria_version: str) -> Assessment | None:
        of_its_kind = select(AssessmentRow).where(
            AssessmentRow.protocol_id == protocol_id,
            AssessmentRow.version == version,
            AssessmentRow.criteria_version == criteria_version,
            UNFINISHED,
        )
        found = await self._whole(of_its_kind.with_for_update())
        return found[0] if found else None

    async def save(self, assessment: Assessment) -> None:
        of = assessment.assessment_id
        await self._do(update(AssessmentRow).where(_named(of)).values(state=assessment.state))
        await self._do(
            delete(DecisionRow).where(
                col(DecisionRow.assessment_id) == of,
                col(DecisionRow.criterion_id).not_in(assessment.decisions),
            )
        )
        await self._do(
            delete(ReviewRow).where(
                col(ReviewRow.assessment_id) == of, col(ReviewRow.reviewer).not_in(assessment.reviews)
            )
        )
        one = {"assessment_id": of, "member_id": assessment.owner}
        await self._each(
            upsert(
                DecisionRow, None, key=("assessment_id", "criterion_id"), changed=(*_DECISION, "decided_by")
            ),
            (
                {**one, **values(decided.decision), "decided_by": decided.by, "decided_at": decided.at}
                for decided in assessment.decisions.values()
            ),
        )
        await self._each(
            upsert(ReviewRow, None, key=("assessment_id", "reviewer", "criterion_id"), changed=_DECISION),
            (
                {
                    **one,
                    **values(decided.decision),
                    "reviewer": reviewer,
                    "place": place,
                    "decided_at": decided.at,
                }
                for place, (reviewer, mine) in enumerate(assessment.reviews.items())
                for decided in mine.values()
            ),
        )

    async def conclude(self, assessment: Assessment, verdict: Verdict) -> None:
        await self.save(assessment)
        await self._do(insert(VerdictRow).values({**_columns(verdict), "member_id": assessment.owner}))

    async def replace_verdict(self, verdict: Verdict) -> None:
        changed = _columns(verdict)
        of = changed.pop("assessment_id")
        await self._do(update(VerdictRow).where(col(VerdictRow.assessment_id) == of).values(changed))

    async def change_end(self, verdict: Verdict) -> None:
        of_it = update(VerdictRow).where(col(VerdictRow.assessment_id) == verdict.assessment_id)
        await self._do(of_it.values(recognised_until=verdict.recognised_until))

    async def verdict(self, assessment_id: UUID) -> Verdict | None:
        return (await self.verdicts([assessment_id])).get(assessment_id)

    async def verdicts(self, assessments: Collection[UUID]) -> dict[UUID, Verdict]:
        rows = await self._all(select(VerdictRow).where(among(VerdictRow.assessment_id, assessments)))
        return {row.assessment_id: _verdict(row) for row in rows}

    async def last_concluded(self, criteria_version: str) -> list[tuple[Assessment, Verdict]]:
        last = _last()
        of_version = select(last.c.assessment_id).where(last.c.criteria_version == criteria_version)
        return await self._concluded(await self._all(of_version))

    async def ending(self, criteria_version: str, by: date) -> list[tuple[Assessment, Verdict]]:
        last = _last()
        other = last.alias("other")
        until = last.c.recognised_until
        lapse_told = (
            select(ReminderRow)
            .where(
                ReminderRow.assessment_id == last.c.assessment_id,
                ReminderRow.days == 0,
                ReminderRow.recognised_until == until,
            )
            .exists()
        )
        beyond = (
            select(other.c.assessment_id)
            .where(
                other.c.protocol_id == last.c.protocol_id,
                other.c.version == last.c.version,
                other.c.equivalent,
                or_(other.c.recognised_until.is_(None), other.c.recognised_until > until),
            )
            .exists()
        )
        ends = select(last.c.assessment_id).where(
            last.c.criteria_version == criteria_version, last.c.equivalent, until <= by, ~lapse_told, ~beyond
        )
        return await self._concluded(await self._all(ends))

    async def overtaken(self, assessment: Assessment) -> bool:
        later = select(AssessmentRow.assessment_id).where(
            AssessmentRow.protocol_id == assessment.protocol_id,
            AssessmentRow.version == assessment.version,
            AssessmentRow.criteria_version == assessment.criteria_version,
            AssessmentRow.state == State.CONCLUDED,
            tuple_(col(AssessmentRow.submitted_at), col(AssessmentRow.assessment_id))
            > (assessment.submitted_at, assessment.assessment_id),
        )
        return await self._first(later) is not None

    async def portfolio(self) -> list[Measured]:
        last = _last()

        def told(row: type[AnswerRow] | type[DecisionRow], *where: ColumnElement[bool]) -> ScalarSelect[Any]:
            by_criterion = func.jsonb_object_agg(row.criterion_id, row.relation)
            of_it = select(func.coalesce(by_criterion, literal_column("'{}'::jsonb")))
            return of_it.where(col(row.assessment_id) == last.c.assessment_id, *where).scalar_subquery()

        relations = told(AnswerRow).op("||")(told(DecisionRow, col(DecisionRow.relation).is_not(None)))
        measured = select(last.c.assessment_id, relations).select_from(last)
        told_of = dict(await self._all(measured))
        rows = select(AssessmentRow).where(among(AssessmentRow.assessment_id, told_of))
        in_order = rows.order_by(col(AssessmentRow.submitted_at), col(AssessmentRow.assessment_id))
        return [
            domain(
                Measured,
                row,
                owner=row.member_id,
                relations={name: Relation(one) for name, one in told_of[row.assessment_id].items()},
            )
            for row in await self._all(in_order)
        ]

    async def visible(self) -> list[Assessment]:
        return await self._whole(select(AssessmentRow).order_by(col(AssessmentRow.assessment_id).desc()))

    async def _concluded(self, ids: Sequence[UUID]) -> list[tuple[Assessment, Verdict]]:
        """Assessments with their verdicts; none costs nothing, since reminders look every few seconds."""
        if not ids:
            return []
        verdicts = await self.verdicts(ids)
        concluded = select(AssessmentRow).where(among(AssessmentRow.assessment_id, ids))
        in_order = (AssessmentRow.protocol_id, AssessmentRow.version, AssessmentRow.assessment_id)
        found = await self._whole(concluded.order_by(*map(col, in_order)))
        return [(one, verdicts[one.assessment_id]) for one in found]

    async def _whole(self, statement: SelectOfScalar[AssessmentRow]) -> list[Assessment]:
        """Assessments with all that belongs to them, each table asked once."""
        rows = await self._all(statement)
        ids = [row.assessment_id for row in rows]
        answers: defaultdict[UUID, list[Answer]] = defaultdict(list)
        given = select(AnswerRow).where(among(AnswerRow.assessment_id, ids))
        for answer in await self._all(given.order_by(col(AnswerRow.position))):
            answers[answer.assessment_id].append(domain(Answer, answer))
        decisions: defaultdict[UUID, dict[str, Decided]] = defaultdict(dict)
        counting = select(DecisionRow).where(among(DecisionRow.assessment_id, ids))
        for decision in await self._all(counting.order_by(col(DecisionRow.criterion_id))):
            decided = Decided(
                decision=domain(Decision, decision), by=decision.decided_by, at=decision.decided_at
            )
            decisions[decision.assessment_id][decision.criterion_id] = decided
        reviews: defaultdict[UUID, dict[str, dict[str, Decided]]] = defaultdict(dict)
        own = select(ReviewRow).where(among(ReviewRow.assessment_id, ids))
        for review in await self._all(own.order_by(col(ReviewRow.place), col(ReviewRow.criterion_id))):
            decided = Decided(decision=domain(Decision, review), by=review.reviewer, at=review.decided_at)
            mine = reviews[review.assessment_id].setdefault(review.reviewer, {})
            mine[review.criterion_id] = decided
        return [
            domain(
                Assessment,
                row,
                owner=row.member_id,
                answers=tuple(answers[row.assessment_id]),
                decisions=MappingProxyType(decisions[row.assessment_id]),
                reviews=MappingProxyType(
                    {who: MappingProxyType(mine) for who, mine in reviews[row.assessment_id].items()}
                ),
            )
            for row in rows
        ]


def _last() -> CTE:
    """The last conclusion on each protocol version under each version of the criteria, by submission."""
    of = col(AssessmentRow.assessment_id)
    kind = columns(AssessmentRow, "protocol_id", "version", "criteria_version")
    return (
        select_columns(of, *kind, col(VerdictRow.equivalent), col(VerdictRow.recognised_until))
        .join(VerdictRow, col(VerdictRow.assessment_id) == of)
        .ext(distinct_on(*kind))
        .order_by(*kind, col(AssessmentRow.submitted_at).desc(), of.desc())
        .cte("last")
    )


def _named(assessment_id: UUID) -> ColumnElement[bool]:
    return col(AssessmentRow.assessment_id) == assessment_id


def _found(assessments: Iterable[Assessment]) -> Assessment:
    for one in assessments:
        return one
    raise no_assessment()


def _columns(verdict: Verdict) -> dict[str, Any]:
    waived = [{**values(one), "until": one.until.isoformat()} for one in verdict.waived]
    return {**values(verdict), "waived": waived}


def _verdict(row: VerdictRow) -> Verdict:
    waived = [
        Waiver(clause=one["clause"], reason=one["reason"], until=date.fromisoformat(one["until"]))
        for one in row.waived
    ]
    return domain(Verdict, row, waived=tuple(waived))
