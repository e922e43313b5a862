"""One verb per use case. `owner` is the member that asks, or None for the secretariat, which owns what is public."""

from mrx_benchmark.handlers.assessing import (
    AssessmentShown,
    conclude,
    list_assessments,
    show_assessment,
    submit_answers,
)
from mrx_benchmark.handlers.criteria import catalogue_named, in_force, list_criteria
from mrx_benchmark.handlers.protocols import list_protocols, protocol_named, register_protocol, submit_version
from mrx_benchmark.handlers.publishing import publish_criteria
from mrx_benchmark.handlers.reviewing import AtWork, list_reviews, release, review

__all__ = (
    "AssessmentShown",
    "AtWork",
    "catalogue_named",
    "conclude",
    "in_force",
    "list_assessments",
    "list_criteria",
    "list_protocols",
    "list_reviews",
    "protocol_named",
    "publish_criteria",
    "register_protocol",
    "release",
    "review",
    "show_assessment",
    "submit_answers",
    "submit_version",
)
