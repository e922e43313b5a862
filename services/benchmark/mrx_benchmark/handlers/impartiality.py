"""Conflicts of interest of reviewers with members and their groups."""

from uuid import UUID

from mrx_shared.messages.registry import MemberAdmitted

from mrx_benchmark.domain.protocols import one_line
from mrx_benchmark.ports import Work


async def declare_conflict(reviewer: str, member_id: UUID, *, work: Work) -> None:
    """A reviewer has to do with a member's group, and reviews nothing of that group or of those tied to it."""
    one_line(reviewer, field="reviewer")
    await work.impartiality.declare(reviewer, member_id)


async def note_group(admitted: MemberAdmitted, work: Work) -> None:
    """Remember a member's group, and those tied to it."""
    await work.impartiality.keep_group(admitted.member_id, {admitted.group_id, *admitted.tied_groups})
