"""A report of an assessment."""

from datetime import UTC, datetime

from mrx_criteria.domain.answers import Answer
from mrx_criteria.domain.commonality import GapReport, score
from mrx_criteria.domain.criteria import Relation
from mrx_criteria.files import shipped_catalogue

CRITERIA = shipped_catalogue("6.1-4p")
RELATIONS = list(Relation)
GIVEN = tuple(
    Answer(
        criterion_id=one.id, relation=RELATIONS[place % 5], requirement_ref=f"§ {place}", rationale="so <b>"
    )
    for place, one in enumerate(CRITERIA.criteria)
    if place % 7
)
REPORT = GapReport(
    protocol="Acme <Audit>",
    catalogue=CRITERIA,
    answers=GIVEN,
    score=score(CRITERIA, GIVEN),
    made_at=datetime(2026, 6, 30, tzinfo=UTC),
)
