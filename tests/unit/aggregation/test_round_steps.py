"""A round's steps, in their order and by two identities."""

from datetime import date
from itertools import product
from uuid import UUID

import pytest
from mrx_aggregation.domain.rounds import Numbers, Round, RoundState, Waiting
from mrx_shared.refusals import Forbidden, Rejected

ENOUGH = Numbers(independent_groups=5)


def a_round(state: RoundState = RoundState.OPEN, numbers: Numbers = ENOUGH) -> Round:
    return Round(round_id=UUID(int=1), as_of=date(2026, 6, 30), state=state, numbers=numbers, proposed_by="a")


def test_a_round_goes_from_open_to_released() -> None:
    current = a_round().close(Waiting(), leave_waiting=False).freeze(ENOUGH)
    proposed = current.propose(by="a", needed=5, newer_closed=False)
    released = proposed.approve(by="b", release_id=UUID(int=2)).publish()
    assert released.state is RoundState.RELEASED
    assert (released.proposed_by, released.approved_by) == ("a", "b")


STEPS = {
    "close": lambda one: one.close(Waiting(), leave_waiting=False),
    "freeze": lambda one: one.freeze(ENOUGH),
    "release": lambda one: one.propose(by="a", needed=5, newer_closed=False),
    "approve": lambda one: one.approve(by="b", release_id=UUID(int=2)),
    "publish": lambda one: one.publish(),
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
    with pytest.raises(Rejected, match="4 independent groups contributed to this round; a release needs 5"):
        current.propose(by="a", needed=5, newer_closed=False)


def test_who_proposed_may_not_approve() -> None:
    with pytest.raises(Forbidden):
        a_round(RoundState.PROPOSED).approve(by="a", release_id=UUID(int=2))
