"""What happens around assessments, on PostgreSQL."""

from collections.abc import Collection
from datetime import date
from uuid import UUID

from mrx_criteria.domain.commonality import Waiver
from mrx_shared.bus.rows import WorkRows

from mrx_benchmark.domain.process import Appeal, Event, Evolution, Question, Step
from mrx_benchmark.ports import Comment, Extension


class SqlProcess(WorkRows):
    """See `ports.Process`."""

    async def note(self, assessment_id: UUID, event: Event, *, owner: UUID | None) -> None:
        await self._each(
            """
            INSERT INTO assessment_event (event_id, assessment_id, member_id, step, by_whom, at, detail)
            VALUES (:event_id, :assessment_id, :owner, :step, :by, :at, :detail)
            """,
            [
                {
                    "event_id": self._work.new_id(),
                    "assessment_id": assessment_id,
                    "owner": owner,
                    "step": event.step.value,
                    "by": event.by,
                    "at": event.at,
                    "detail": event.detail,
                }
            ],
        )

    async def history(self, assessment_id: UUID) -> list[Event]:
        rows = await self._all(
            "SELECT * FROM assessment_event WHERE assessment_id = :id ORDER BY entry", id=assessment_id
        )
        return [Event(step=Step(row.step), by=row.by_whom, at=row.at, detail=row.detail) for row in rows]

    async def keep_question(self, question: Question, *, owner: UUID | None) -> None:
        await self._each(
            """
            INSERT INTO question (question_id, assessment_id, member_id, criterion_id, text, asked_by, asked_at,
                reply, replied_by, replied_at)
            VALUES (:question_id, :assessment_id, :owner, :criterion_id, :text, :asked_by, :asked_at,
                :reply, :replied_by, :replied_at)
            ON CONFLICT (question_id) DO UPDATE
                SET reply = excluded.reply, replied_by = excluded.replied_by, replied_at = excluded.replied_at
            """,
            [{"owner": owner, **{name: getattr(question, name) for name in Question.__dataclass_fields__}}],
        )

    async def questions(self, assessment_id: UUID) -> list[Question]:
        rows = await self._all(
            "SELECT * FROM question WHERE assessment_id = :id ORDER BY asked_at, question_id",
            id=assessment_id,
        )
        return [
            Question(**{name: getattr(row, name) for name in Question.__dataclass_fields__}) for row in rows
        ]

    async def keep_appeal(self, appeal: Appeal, *, owner: UUID | None) -> None:
        await self._each(
            """
            INSERT INTO appeal (assessment_id, member_id, reason, appealed_by, appealed_at, granted, rationale,
                decided_by, decided_at)
            VALUES (:assessment_id, :owner, :reason, :by, :at, :granted, :rationale, :decided_by, :decided_at)
            ON CONFLICT (assessment_id) DO UPDATE
                SET granted = excluded.granted, rationale = excluded.rationale,
                    decided_by = excluded.decided_by, decided_at = excluded.decided_at
            """,
            [{"owner": owner, **{name: getattr(appeal, name) for name in Appeal.__dataclass_fields__}}],
        )

    async def appeal(self, assessment_id: UUID) -> Appeal | None:
        row = await self._first("SELECT * FROM appeal WHERE assessment_id = :id", id=assessment_id)
        if row is None:
            return None
        return Appeal(
            assessment_id=row.assessment_id,
            reason=row.reason,
            by=row.appealed_by,
            at=row.appealed_at,
            granted=row.granted,
            rationale=row.rationale,
            decided_by=row.decided_by,
            decided_at=row.decided_at,
        )

    async def keep_group(self, member_id: UUID, groups: Collection[UUID]) -> None:
        await self._each("DELETE FROM member_group WHERE member_id = :id", [{"id": member_id}])
        await self._each(
            "INSERT INTO member_group (member_id, group_id) VALUES (:id, :group)",
            [{"id": member_id, "group": group} for group in groups],
        )

    async def tie(self, reviewer: str, member_id: UUID) -> None:
        await self._each(
            "INSERT INTO reviewer_tie (reviewer, member_id) VALUES (:reviewer, :id) ON CONFLICT DO NOTHING",
            [{"reviewer": reviewer, "id": member_id}],
        )

    async def tied(self, reviewer: str, member_id: UUID) -> bool:
        found = await self._first(
            """
            SELECT 1 FROM reviewer_tie t WHERE t.reviewer = :reviewer AND (t.member_id = :id OR EXISTS (
                SELECT 1 FROM member_group a JOIN member_group b USING (group_id)
                WHERE a.member_id = t.member_id AND b.member_id = :id))
            """,
            reviewer=reviewer,
            id=member_id,
        )
        return found is not None

    async def keep_waiver(self, criteria_version: str, waiver: Waiver, *, by: str) -> None:
        await self._each(
            """
            INSERT INTO waiver (criteria_version, clause, reason, until, waived_by, waived_at)
            VALUES (:version, :clause, :reason, :until, :by, :now)
            ON CONFLICT (criteria_version, clause) DO UPDATE SET reason = excluded.reason,
                until = excluded.until, waived_by = excluded.waived_by, waived_at = excluded.waived_at
            """,
            [
                {
                    "version": criteria_version,
                    "clause": waiver.clause,
                    "reason": waiver.reason,
                    "until": waiver.until,
                    "by": by,
                    "now": self._work.now,
                }
            ],
        )

    async def waivers(self, criteria_version: str) -> list[Waiver]:
        rows = await self._all(
            "SELECT * FROM waiver WHERE criteria_version = :version ORDER BY clause", version=criteria_version
        )
        return [Waiver(clause=row.clause, reason=row.reason, until=row.until) for row in rows]

    async def keep_extension(
        self, protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None
    ) -> None:
        await self._each(
            """
            INSERT INTO extension (extension_id, protocol_id, version, member_id, topic, requirement_ref,
                requirement_text, kept_at)
            VALUES (:extension_id, :protocol_id, :version, :owner, :topic, :requirement_ref,
                :requirement_text, :now)
            """,
            [
                {
                    "extension_id": self._work.new_id(),
                    "protocol_id": protocol_id,
                    "version": version,
                    "owner": owner,
                    "now": self._work.now,
                    **{name: getattr(extension, name) for name in Extension.__dataclass_fields__},
                }
            ],
        )

    async def extensions(self, query: str) -> list[Extension]:
        rows = await self._all(
            """
            SELECT topic, requirement_ref, requirement_text FROM extension
            WHERE :query = '' OR to_tsvector('english', topic || ' ' || requirement_text)
                @@ websearch_to_tsquery('english', :query)
            ORDER BY topic, extension_id
            """,
            query=query,
        )
        return [Extension(**row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public way to a row's names

    async def keep_evolution(self, evolution: Evolution) -> None:
        await self._each(
            """
            INSERT INTO evolution (older, newer, announced_by, announced_at, consultation_until, effective_on,
                transition_until)
            VALUES (:older, :newer, :announced_by, :announced_at, :consultation_until, :effective_on,
                :transition_until)
            ON CONFLICT (older) DO UPDATE SET newer = excluded.newer, announced_by = excluded.announced_by,
                announced_at = excluded.announced_at, consultation_until = excluded.consultation_until,
                effective_on = excluded.effective_on, transition_until = excluded.transition_until
            """,
            [{name: getattr(evolution, name) for name in Evolution.__dataclass_fields__}],
        )

    async def evolution(self, older: str) -> Evolution | None:
        row = await self._first("SELECT * FROM evolution WHERE older = :older", older=older)
        return Evolution(**row._mapping) if row else None  # noqa: SLF001 - as above

    async def evolutions_to(self, newer: str) -> list[Evolution]:
        rows = await self._all("SELECT * FROM evolution WHERE newer = :newer ORDER BY older", newer=newer)
        return [Evolution(**row._mapping) for row in rows]  # noqa: SLF001 - as above

    async def keep_comment(self, older: str, text: str, *, by: str) -> None:
        await self._each(
            """
            INSERT INTO consultation_comment (comment_id, older, text, by_whom, at)
            VALUES (:comment_id, :older, :text, :by, :now)
            """,
            [
                {
                    "comment_id": self._work.new_id(),
                    "older": older,
                    "text": text,
                    "by": by,
                    "now": self._work.now,
                }
            ],
        )

    async def comments(self, older: str) -> list[Comment]:
        rows = await self._all(
            "SELECT * FROM consultation_comment WHERE older = :older ORDER BY at, comment_id", older=older
        )
        return [Comment(text=row.text, at=row.at) for row in rows]

    async def first_reminder(self, assessment_id: UUID, days: int, until: date) -> bool:
        added = await self._first(
            """
            INSERT INTO reminder (assessment_id, days, recognised_until) VALUES (:id, :days, :until)
            ON CONFLICT DO NOTHING RETURNING 1
            """,
            id=assessment_id,
            days=days,
            until=until,
        )
        return added is not None
