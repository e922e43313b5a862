"""When a failing server is left alone, and how it is tried again."""

import pytest
from mrx_exchange_adapter.adapters.circuit_breaker import CircuitBreaker, CircuitOpen


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def failing(times: int, clock: Clock) -> CircuitBreaker:
    """A breaker after so many failures in a row."""
    breaker = CircuitBreaker(limit=3, pause_s=30, clock=clock)
    for _ in range(times):
        breaker.admit()
        breaker.failed()
    return breaker


def test_it_stays_closed_until_as_many_failures_in_a_row_as_its_limit() -> None:
    clock = Clock()
    failing(2, clock).admit()
    with pytest.raises(CircuitOpen):
        failing(3, clock).admit()


def test_an_answer_between_failures_begins_the_count_anew() -> None:
    breaker = failing(2, Clock())
    breaker.admit()
    breaker.worked()
    for _ in range(2):
        breaker.admit()
        breaker.failed()
    breaker.admit()


def test_after_its_pause_one_call_is_let_through_and_its_outcome_decides() -> None:
    clock = Clock()
    breaker = failing(3, clock)
    clock.now += 31
    breaker.admit()
    with pytest.raises(CircuitOpen):
        breaker.admit()
    breaker.failed()
    with pytest.raises(CircuitOpen):
        breaker.admit()
    clock.now += 31
    breaker.admit()
    breaker.worked()
    breaker.admit()
    breaker.admit()


def test_a_call_that_its_caller_gave_up_leaves_room_for_another() -> None:
    clock = Clock()
    breaker = failing(3, clock)
    clock.now += 31
    breaker.admit()
    breaker.left()
    breaker.admit()


def test_a_server_that_asks_for_a_pause_gets_it() -> None:
    clock = Clock()
    breaker = CircuitBreaker(clock=clock)
    breaker.leave_alone(60)
    clock.now += 59
    with pytest.raises(CircuitOpen):
        breaker.admit()
    clock.now += 2
    breaker.admit()
