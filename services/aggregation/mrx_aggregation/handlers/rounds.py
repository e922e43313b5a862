"""The secretariat's verbs: open and close a round, propose and approve its release."""

from datetime import date
from uuid import UUID

from mrx_shared.messages.aggregation import RoundOpened
from mrx_shared.refusals import Invalid

from mrx_aggregation.domain.disclosure import POLICY
from mrx_aggregation.domain.rounds import Round, RoundState
from mrx_aggregation.ports import Release, Work


async def open_round(as_of: date | None, work: Work) -> Round:
    """Open a round as of a day, by default today in UTC. One round is open at a time."""
    today = work.now.date()
    if as_of is not None and as_of > today:
        raise Invalid(
            f"{as_of} is in the future", field="as_of", remedy=f"open the round as of {today} or earlier"
        )
    opened = Round(round_id=work.new_id(), as_of=as_of or today)
    await work.rounds.add(opened, at=work.now)
    work.emit(
        RoundOpened(round_id=opened.round_id, as_of=opened.as_of, opened_at=work.now),
        about=str(opened.round_id),
    )
    return opened


async def close(round_id: UUID, work: Work, *, leave_waiting: bool) -> Round:
    """Take no more lists into a round; a loop judges what it holds again and freezes it."""
    # Whoever counts a list holds the open round, so nothing comes in between looking and closing.
    current = await work.rounds.get_for_step(round_id)
    waiting = await work.survey.unsettled(round_id)
    closing = current.close(
        waiting, leave_waiting=leave_waiting, unfinished=await work.rounds.older_unfinished(round_id)
    )
    await work.rounds.keep(closing, at=work.now)
    return closing


async def propose_release(round_id: UUID, work: Work, *, by: str) -> Round:
    """Propose to release a closed round's list."""
    current = await work.rounds.get_for_step(round_id)
    proposed = current.propose(
        by=by,
        needed=POLICY.min_independent_groups,
        newer_closed=await work.rounds.newer_closed(round_id),
        latest=await work.rounds.latest_release_id(),
    )
    await work.rounds.keep(proposed, at=work.now)
    return proposed


async def withdraw_release(round_id: UUID, work: Work) -> Round:
    """Take back what was proposed and nobody approved."""
    withdrawn = (await work.rounds.get_for_step(round_id)).withdraw()
    await work.rounds.keep(withdrawn, at=work.now)
    return withdrawn


async def approve_release(round_id: UUID, work: Work, *, by: str) -> Round:
    """Approve what another identity proposed; a loop writes the documents."""
    current = await work.rounds.get_for_step(round_id)
    approved = current.approve(
        by=by,
        release_id=work.new_id(),
        newer_closed=await work.rounds.newer_closed(round_id),
        latest=await work.rounds.latest_release_id(),
    )
    assert approved.release_id is not None
    await work.rounds.begin_release(
        Release(release_id=approved.release_id, round_id=round_id, as_of=approved.as_of), key=work.new_key()
    )
    await work.rounds.keep(approved, at=work.now)
    return approved


async def look_at(round_id: UUID, work: Work) -> Round:
    """A round with its numbers as they are now."""
    return await _with_numbers(await work.rounds.find(round_id), work)


async def look_at_all(work: Work) -> list[Round]:
    """All rounds, newest first."""
    return [await _with_numbers(one, work) for one in await work.rounds.newest_first()]


async def _with_numbers(current: Round, work: Work) -> Round:
    if current.state in (RoundState.OPEN, RoundState.CLOSING):
        return current.with_numbers(await work.survey.numbers(current.round_id))
    return current
