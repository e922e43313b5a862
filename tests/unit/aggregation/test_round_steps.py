"""A round's steps, in their order and by two identities."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from uuid import UUID

import pytest
from mrx_aggregation.domain.rounds import Numbers, Round, RoundState, Waiting
from mrx_shared.refusals import Forbidden, Rejected

ENOUGH = Numbers(independent_groups=5)


def a_round(state: RoundState = RoundState.OPEN, numbers: Numbers = ENOUGH) -> Round:
    return Round(round_id=UUID(int=1), as_of=date(2026, 6, 30), state=state, numbers=numbers, proposed_by="a")


def test_a_round_goes_from_open_to_released() -> None:
    current = a_round().close(Waiting(), leave_waiting=False).freeze(ENOUGH, compared_with=None)
    proposed = current.propose(by="a", needed=5, newer_closed=False, latest=None)
    approved = proposed.approve(by="b", release_id=UUID(int=2), newer_closed=False, latest=None)
    released = approved.publish(newer_closed=False, latest=None)
    assert released.state is RoundState.RELEASED
    assert (released.proposed_by, released.approved_by) == ("a", "b")


NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)


def test_a_step_that_fails_is_tried_again_after_pauses_that_double_up_to_a_minute() -> None:
    current, at, pauses = a_round(RoundState.RELEASING), NOON, []
    assert current.due(at)
    for _ in range(200):
        current = current.failed("storage is away", permanent=False, at=at)
        assert current.trouble is not None
        assert not current.due(at)
        pauses.append((current.trouble.next_try_at - at).total_seconds())
        at = current.trouble.next_try_at
        assert current.due(at)
    assert pauses[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert set(pauses[8:]) == {60}
    last = current.trouble
    assert last is not None
    assert (last.attempts, last.since) == (200, NOON)


def test_a_step_that_succeeds_ends_its_trouble() -> None:
    for state, step in ((RoundState.CLOSING, "freeze"), (RoundState.RELEASING, "publish")):
        failing = a_round(state).failed("storage is away", permanent=True, at=NOON)
        assert failing.trouble is not None
        assert failing.trouble.step is state
        assert STEPS[step](failing).trouble is None


STEPS = {
    "close": lambda one: one.close(Waiting(), leave_waiting=False),
    "freeze": lambda one: one.freeze(ENOUGH, compared_with=None),
    "release": lambda one: one.propose(by="a", needed=5, newer_closed=False, latest=None),
    "approve": lambda one: one.approve(by="b", release_id=UUID(int=2), newer_closed=False, latest=None),
    "publish": lambda one: one.publish(newer_closed=False, latest=None),
}
ALLOWED = {
    ("open", "close"),
    ("closing", "freeze"),
    ("closed", "release"),
    ("proposed", "release"),
    ("proposed", "approve"),
    ("releasing", "publish"),
}


@pytest.mark.parametrize(("state", "step"), sorted(product(RoundState, STEPS)))
def test_every_other_step_is_refused_and_says_what_it_needs(state: RoundState, step: str) -> None:
    if (state.value, step) in ALLOWED:
        assert STEPS[step](a_round(state)).state is not RoundState.OPEN
        return
    with pytest.raises(Rejected, match=f"the round is {state}; {step} needs a round that is"):
        STEPS[step](a_round(state))


@pytest.mark.parametrize("waiting", [Waiting(lists=1), Waiting(incomplete=1), Waiting(entries=1)])
def test_closing_is_refused_while_something_waits_unless_it_is_left(waiting: Waiting) -> None:
    with pytest.raises(Rejected, match="wait"):
        a_round().close(waiting, leave_waiting=False)
    assert a_round().close(waiting, leave_waiting=True).leave_waiting


def test_four_groups_are_too_few_and_the_refusal_names_them() -> None:
    current = a_round(RoundState.CLOSED, Numbers(independent_groups=4))
    with pytest.raises(
        Rejected, match="4 independent groups contributed to this round; at least 5 are needed"
    ):
        current.propose(by="a", needed=5, newer_closed=False, latest=None)


def test_who_proposed_may_not_approve() -> None:
    with pytest.raises(Forbidden):
        a_round(RoundState.PROPOSED).approve(by="a", release_id=UUID(int=2), newer_closed=False, latest=None)


def test_a_proposal_can_be_taken_back_until_it_is_approved() -> None:
    withdrawn = a_round(RoundState.PROPOSED).withdraw()
    assert (withdrawn.state, withdrawn.proposed_by) == (RoundState.CLOSED, None)
    for state in set(RoundState) - {RoundState.PROPOSED}:
        with pytest.raises(Rejected):
            a_round(state).withdraw()


LAST_STEPS: dict[str, tuple[RoundState, Callable[..., Round]]] = {
    "propose": (RoundState.CLOSED, lambda one, **now: one.propose(by="a", needed=5, **now)),
    "approve": (RoundState.PROPOSED, lambda one, **now: one.approve(by="b", release_id=UUID(int=2), **now)),
    "publish": (RoundState.RELEASING, lambda one, **now: one.publish(**now)),
}


@pytest.mark.parametrize("step", LAST_STEPS)
@pytest.mark.parametrize(("compared_with", "latest"), [(None, UUID(int=7)), (UUID(int=6), UUID(int=7))])
def test_no_step_towards_a_release_is_taken_once_another_list_was_released(
    step: str, compared_with: UUID | None, latest: UUID
) -> None:
    state, take = LAST_STEPS[step]
    current = replace(a_round(state), compared_with=compared_with)
    with pytest.raises(Rejected, match="another list was released") as refused:
        take(current, newer_closed=False, latest=latest)
    assert "open another round" in str(refused.value.remedy)
    assert take(current, newer_closed=False, latest=compared_with).state is not state


@pytest.mark.parametrize("step", LAST_STEPS)
def test_no_step_towards_a_release_is_taken_once_a_later_round_is_closed(step: str) -> None:
    state, take = LAST_STEPS[step]
    with pytest.raises(Rejected, match="later round"):
        take(a_round(state), newer_closed=True, latest=None)


@pytest.mark.parametrize("unfinished", [RoundState.PROPOSED, RoundState.RELEASING])
def test_closing_is_refused_while_an_older_round_is_about_to_be_released(unfinished: RoundState) -> None:
    with pytest.raises(Rejected, match=f"an older round is {unfinished}"):
        a_round().close(Waiting(), leave_waiting=True, unfinished=unfinished)


def test_what_waits_is_counted_as_english_counts() -> None:
    waiting = Waiting(lists=1, incomplete=0, entries=2)
    with pytest.raises(Rejected, match="1 list waits, 0 lists are incomplete and 2 entries wait"):
        a_round().close(waiting, leave_waiting=False)
