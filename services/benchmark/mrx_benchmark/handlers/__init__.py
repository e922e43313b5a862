"""One verb per use case. `owner` is the member that asks, or None for the secretariat, which owns what is public."""

from mrx_benchmark.handlers.assessing import (
    AssessmentShown,
    conclude,
    list_assessments,
    list_criteria,
    list_protocols,
    protocol_named,
    publish_criteria,
    register_protocol,
    review,
    show_assessment,
    submit_answers,
    submit_version,
)

__all__ = (
    "AssessmentShown",
    "conclude",
    "list_assessments",
    "list_criteria",
    "list_protocols",
    "protocol_named",
    "publish_criteria",
    "register_protocol",
    "review",
    "show_assessment",
    "submit_answers",
    "submit_version",
)
