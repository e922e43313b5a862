"""Members, their corporate groups, and the benchmark's verdicts on PostgreSQL."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from mrx_shared.bus.repository import Repository
from mrx_shared.refusals import Unknown
from mrx_shared.store.tables import domain, upsert, values
from sqlalchemy import and_, func, or_, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from mrx_registry.adapters.tables import (
    AdoptionRow,
    CorporateGroupRow,
    HoldingRow,
    MemberRow,
    RecognitionRow,
)
from mrx_registry.domain.groups import Groups
from mrx_registry.domain.members import Group, Member, Recognition, Standing, State
from mrx_registry.domain.names import folded

_MEMBERS = select(MemberRow, CorporateGroupRow).join(CorporateGroupRow)
_PROVISIONED = col(MemberRow.state) != State.PROVISIONING


class SqlMembers(Repository):
    """See `ports.Members`."""

    async def add(self, member: Member) -> bool:
        row = values(member, "group", "said") | {
            "folded": folded(member.name),
            "group_id": member.group.id,
        }
        return (
            await self._do(insert(MemberRow).values(row).on_conflict_do_nothing(index_elements=["folded"]))
            > 0
        )

    async def get(self, member_id: UUID) -> Member:
        of_id = _MEMBERS.where(MemberRow.id == member_id)
        found = await self._first(of_id.with_for_update(of=MemberRow))
        if found is None:
            raise Unknown("there is no such member", field="member_id")
        return _member(*found)

    async def find(self, member_id: UUID) -> Member | None:
        found = await self._first(_MEMBERS.where(MemberRow.id == member_id))
        return _member(*found) if found else None

    async def every(self) -> Sequence[Member]:
        by_name = _MEMBERS.order_by(col(MemberRow.folded))
        return [_member(member, group) for member, group in await self._all(by_name)]

    async def keep(self, member: Member, *, judged_on: date | None) -> None:
        said = member.said
        changed = {
            "state": member.state,
            "admitted_at": member.admitted_at,
            "missing": said and said.missing,
            "tied_groups": said and sorted(said.tied_groups),
            "since": said and said.since,
            "judged_on": judged_on,
            "judge_again": False,
        }
        await self._do(update(MemberRow).where(col(MemberRow.id) == member.id).values(changed))

    async def groups(self) -> Groups:
        every = select(CorporateGroupRow, MemberRow.folded).outerjoin(MemberRow)
        found = [(row.folded, domain(Group, row), member) for row, member in await self._all(every)]
        return Groups(
            by_name={name: group for name, group, _ in found},
            by_member={member: group for _, group, member in found if member},
        )

    async def group_named(self, name: str, *, new_id: UUID) -> Group:
        group = {"id": new_id, "name": name, "folded": folded(name)}
        await self._do(
            insert(CorporateGroupRow).values(group).on_conflict_do_nothing(index_elements=["folded"])
        )
        row = await self._first(select(CorporateGroupRow).where(CorporateGroupRow.folded == folded(name)))
        assert row is not None
        return domain(Group, row)

    async def add_holding(self, group: UUID, other: UUID) -> None:
        first, second = sorted((group, other))
        both = [{"group_id": first, "other_id": second}, {"group_id": second, "other_id": first}]
        await self._do(insert(HoldingRow).values(both).on_conflict_do_nothing())

    async def tied_to(self, group: UUID) -> frozenset[UUID]:
        return frozenset(await self._all(select(HoldingRow.other_id).where(HoldingRow.group_id == group)))

    async def judge_again(self) -> None:
        await self._do(update(MemberRow).where(_PROVISIONED).values(judge_again=True))

    async def to_judge(self, today: date) -> Sequence[UUID]:
        tied = select(HoldingRow.other_id).where(HoldingRow.group_id == MemberRow.group_id)
        tied_now = func.array(tied.order_by(col(HoldingRow.other_id)).scalar_subquery())
        due = or_(
            col(MemberRow.judge_again),
            col(MemberRow.judged_on).is_distinct_from(today),
            col(MemberRow.tied_groups) != tied_now,
        )
        return await self._all(select(MemberRow.id).where(_PROVISIONED, due).order_by(col(MemberRow.id)))


def _member(row: MemberRow, group: CorporateGroupRow) -> Member:
    said = None
    if row.since is not None:
        said = Standing(
            missing=tuple(row.missing or ()), tied_groups=frozenset(row.tied_groups or ()), since=row.since
        )
    return domain(Member, row, group=domain(Group, group), said=said)


class SqlRecognitions(Repository):
    """See `ports.Recognitions`."""

    async def apply(self, recognition: Recognition, *, sequence: int) -> bool:
        newer = upsert(
            RecognitionRow,
            values(recognition) | {"sequence": sequence},
            key=["protocol_id", "protocol_version", "criteria_version"],
            changed=["equivalent", "recognised_from", "recognised_until", "sequence"],
            where=col(RecognitionRow.sequence) < sequence,
        )
        return await self._do(newer) > 0

    async def of_version(self, protocol_id: UUID, protocol_version: str) -> Sequence[Recognition]:
        verdicts = select(RecognitionRow).where(
            RecognitionRow.protocol_id == protocol_id, RecognitionRow.protocol_version == protocol_version
        )
        rows = await self._all(verdicts.order_by(col(RecognitionRow.criteria_version)))
        return [domain(Recognition, row) for row in rows]

    async def counting_for(self, member_id: UUID) -> Sequence[Recognition]:
        adopted = select(AdoptionRow.id).where(
            AdoptionRow.member_id == member_id,
            AdoptionRow.protocol_id == RecognitionRow.protocol_id,
            AdoptionRow.protocol_version == RecognitionRow.protocol_version,
        )
        owner = col(RecognitionRow.owner)
        counting = select(RecognitionRow).where(
            or_(owner == member_id, and_(owner.is_(None), adopted.exists()))
        )
        rows = await self._all(
            counting.order_by(
                col(RecognitionRow.protocol_id),
                col(RecognitionRow.protocol_version),
                col(RecognitionRow.criteria_version),
            )
        )
        return [domain(Recognition, row) for row in rows]
