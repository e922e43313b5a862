"""Assessments as the benchmark service answers them."""

from typing import Any

from tests.unit.portal.scheme import ASSESSMENT, MEMBER, PROTOCOL


def criterion(name: str) -> dict[str, Any]:
    return {
        "id": name,
        "clause": name.split(".", maxsplit=1)[0],
        "pillar": "labour",
        "statement": f"What {name} asks for.",
        "essential": name == "C1.1",
        "weight": 50,
        "kind": "requirement",
    }


def answer(name: str, **more: str | None) -> dict[str, Any]:
    return {
        "criterion_id": name,
        "relation": "equal",
        "requirement_ref": f"NB {name}",
        "requirement_text": "The site keeps records.",
        "rationale": "the same words",
        "evidence": "page 7",
        "verdict": None,
        "corrected_to": None,
        "reviewers_rationale": "",
        **more,
    }


def assessment(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    figures = {"commonality": "71.42", "lower": "71.42", "upper": "88.09"}
    return {
        **figures,
        "assessment_id": ASSESSMENT,
        "protocol_id": PROTOCOL,
        "version": "4.2",
        "criteria_version": "6.0-4p",
        "member_id": MEMBER,
        "state": "in-review",
        "submitted_at": "2026-11-01T08:00:00Z",
        "equivalent": "open",
        "undecided": 2,
        "may_judge": True,
        "by_pillar": {"labour": figures},
        "by_clause": {"C1": figures, "C2": figures},
        "answers": [answer("C1.1"), answer("C1.2", verdict="confirmed"), answer("C2.1")],
        **more,
    }
