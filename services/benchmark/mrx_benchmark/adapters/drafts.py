"""Drafts on PostgreSQL."""

from uuid import UUID

from mrx_criteria.domain.answers import Answer, Note, row_of
from mrx_criteria.domain.criteria import Relation
from mrx_shared.bus.repository import Repository
from mrx_shared.store.tables import domain, upsert, values
from sqlalchemy import delete
from sqlmodel import col, select

from mrx_benchmark.adapters.tables import DraftRow
from mrx_benchmark.domain.drafts import Draft

_PLACE = ("protocol_id", "version", "criteria_version")


class SqlDrafts(Repository):
    """See `ports.Drafts`."""

    async def get(self, protocol_id: UUID, version: str, criteria_version: str) -> Draft | None:
        await self._hold(f"draft {protocol_id} {version} {criteria_version}")
        place = {"protocol_id": protocol_id, "version": version, "criteria_version": criteria_version}
        row = await self._first(select(DraftRow).filter_by(**place))
        return _draft(row) if row else None

    async def keep(self, draft: Draft) -> None:
        row = {
            **values(draft, "owner", "answers", "notes"),
            "member_id": draft.owner,
            "answers": [row_of(one) for one in draft.written],
        }
        await self._do(upsert(DraftRow, row, key=_PLACE, changed=("answers", "saved_by", "saved_at")))

    async def drop(self, draft: Draft) -> None:
        await self._do(delete(DraftRow).filter_by(**{name: getattr(draft, name) for name in _PLACE}))

    async def own(self) -> list[Draft]:
        in_order = select(DraftRow).order_by(col(DraftRow.saved_at).desc(), col(DraftRow.version))
        return [_draft(row) for row in await self._all(in_order)]


def _draft(row: DraftRow) -> Draft:
    return domain(
        Draft,
        row,
        owner=row.member_id,
        answers=tuple(
            Answer(**{**one, "relation": Relation(one["relation"])}) for one in row.answers if one["relation"]
        ),
        notes=tuple(
            Note(**{name: text for name, text in one.items() if name != "relation"})
            for one in row.answers
            if not one["relation"]
        ),
    )
