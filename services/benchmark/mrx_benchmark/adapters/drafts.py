"""Drafts on PostgreSQL."""

import json
from typing import Any
from uuid import UUID

from mrx_criteria.domain.answers import Answer, Note, row_of
from mrx_criteria.domain.criteria import Relation
from mrx_shared.bus.rows import WorkRows
from sqlalchemy import Row

from mrx_benchmark.domain.drafts import Draft

_PLACE = "protocol_id = :protocol_id AND version = :version AND criteria_version = :criteria_version"


class SqlDrafts(WorkRows):
    """See `ports.Drafts`."""

    async def get(self, protocol_id: UUID, version: str, criteria_version: str) -> Draft | None:
        place = {"protocol_id": protocol_id, "version": version, "criteria_version": criteria_version}
        await self._hold(f"draft {protocol_id} {version} {criteria_version}")
        row = await self._first(f"SELECT * FROM draft WHERE {_PLACE}", **place)  # noqa: S608 - ours
        return _draft(row) if row else None

    async def keep(self, draft: Draft) -> None:
        await self._each(
            """
            INSERT INTO draft (protocol_id, version, criteria_version, member_id, answers, saved_by, saved_at)
            VALUES (:protocol_id, :version, :criteria_version, :owner, CAST(:answers AS jsonb), :by, :at)
            ON CONFLICT (protocol_id, version, criteria_version) DO UPDATE
                SET answers = excluded.answers, saved_by = excluded.saved_by, saved_at = excluded.saved_at
            """,
            [
                {
                    "protocol_id": draft.protocol_id,
                    "version": draft.version,
                    "criteria_version": draft.criteria_version,
                    "owner": draft.owner,
                    "answers": json.dumps([row_of(one) for one in draft.written]),
                    "by": draft.saved_by,
                    "at": draft.saved_at,
                }
            ],
        )

    async def drop(self, draft: Draft) -> None:
        await self._each(
            f"DELETE FROM draft WHERE {_PLACE}",  # noqa: S608 - ours
            [
                {
                    "protocol_id": draft.protocol_id,
                    "version": draft.version,
                    "criteria_version": draft.criteria_version,
                }
            ],
        )

    async def own(self) -> list[Draft]:
        return [_draft(row) for row in await self._all("SELECT * FROM draft ORDER BY saved_at DESC, version")]


def _draft(row: Row[Any]) -> Draft:
    return Draft(
        protocol_id=row.protocol_id,
        version=row.version,
        criteria_version=row.criteria_version,
        owner=row.member_id,
        saved_by=row.saved_by,
        saved_at=row.saved_at,
        answers=tuple(
            Answer(**{**one, "relation": Relation(one["relation"])}) for one in row.answers if one["relation"]
        ),
        notes=tuple(
            Note(**{name: text for name, text in one.items() if name != "relation"})
            for one in row.answers
            if not one["relation"]
        ),
    )
