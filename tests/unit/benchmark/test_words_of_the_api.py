"""The API says what the rules say, in the same words."""

from enum import StrEnum
from typing import get_args

import pytest
from mrx_benchmark.domain.assessments import Judgement, State
from mrx_benchmark.domain.consultation import Phase
from mrx_benchmark.domain.evidence import Kind
from mrx_benchmark.domain.history import EventKind
from mrx_criteria.domain.commonality import Equivalent
from mrx_criteria.domain.criteria import Relation
from mrx_shared.api import benchmark as api


@pytest.mark.parametrize(
    ("words", "rules"),
    [
        (api.Relation, Relation),
        (api.Judged, Judgement),
        (api.State, State),
        (api.Equivalent, Equivalent),
        (api.Phase, Phase),
        (api.EventKind, EventKind),
        (api.FileKind, Kind),
    ],
)
def test_the_api_knows_every_word_of_the_rules_and_no_other(words: object, rules: type[StrEnum]) -> None:
    _, known = get_args(words)
    assert list(known.words) == [one.value for one in rules]
