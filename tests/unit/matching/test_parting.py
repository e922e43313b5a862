"""What is one site of nodes whose scores are known: averages, vetoes, nodes that fit several groups."""

from itertools import combinations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from mrx_matching.grouping import Ids, grouped
from mrx_matching.scores import NEVER
from mrx_matching.tokens import Floats

AGAINST = -9.0


def sites(
    size: int,
    scored: dict[tuple[int, int], float],
    *,
    must: list[tuple[int, int]] | None = None,
    cannot: list[tuple[int, int]] | None = None,
) -> list[int]:
    """The smallest node of each node's site; pairs without a score speak against."""

    def log_odds(one: Ids, other: Ids) -> Floats:
        found = [scored.get(pair, AGAINST) for pair in zip(one.tolist(), other.tolist(), strict=True)]
        return np.array(found, dtype=np.float32)

    pairs = np.array(list(scored), dtype=np.int64).reshape(-1, 2)
    odds = np.array(list(scored.values()), dtype=np.float32)
    label, _ = grouped(size, pairs[:, 0], pairs[:, 1], odds, log_odds, must=must or [], cannot=cannot or [])
    return [int(one) for one in label]


def test_the_average_decides_and_a_rule_that_no_weight_outvotes_is_a_veto() -> None:
    joined = {(0, 1): 5.0, (0, 2): 4.0, (1, 2): -1.0}
    assert sites(3, joined) == [0, 0, 0]
    assert sites(3, joined | {(1, 2): NEVER}) == [0, 0, 2]


def test_a_node_that_fits_two_that_do_not_fit_each_other_goes_where_more_speak_for_it_or_nowhere() -> None:
    between = {(0, 1): 5.0, (0, 2): 5.0, (1, 2): NEVER}
    assert sites(3, between) == [0, 1, 2]
    more = {(0, 3): 5.0, (1, 3): 6.0, (2, 3): NEVER}
    assert sites(4, between | more) == [0, 0, 2, 0]


def test_a_decision_takes_precedence_of_a_node_that_would_be_left_alone_and_of_a_veto() -> None:
    between = {(0, 1): 5.0, (0, 2): 5.0, (1, 2): NEVER}
    assert sites(3, between, must=[(0, 1)]) == [0, 0, 0]
    assert sites(3, between, must=[(1, 2)]) == [0, 0, 0]
    assert sites(3, between, must=[(0, 2), (0, 1)], cannot=[(1, 2)]) == [0, 0, 2]


NODES = 6
PAIRS = list(combinations(range(NODES), 2))


@given(
    st.fixed_dictionaries(dict.fromkeys(PAIRS, st.sampled_from([NEVER, -3.0, 1.0, 5.0, 5.2, 11.0, 12.5]))),
    st.lists(st.sampled_from(PAIRS), max_size=6),
)
def test_no_cannot_link_is_ever_broken(
    scored: dict[tuple[int, int], float], cannot: list[tuple[int, int]]
) -> None:
    label = sites(NODES, scored, cannot=cannot)
    assert all(label[one] != label[other] for one, other in cannot)
