"""A member's drafts and assessments as the benchmark service answers them."""

from typing import Any

import pytest
from mrx_portal.ports import Service

from tests.unit.portal.assessments import answer, assessment, criterion
from tests.unit.portal.scheme import ASSESSMENT, PROTOCOL, Scheme

PATH = "/member/assessments"
PLACE = f"protocol={PROTOCOL}&version=4.2&criteria=6.0-4p"
DRAFT = f"{PATH}/drafts?{PLACE}"
HIDDEN = {"protocol": PROTOCOL, "version": "4.2", "criteria": "6.0-4p"}
API = f"/v1/protocols/{PROTOCOL}/versions/4.2/drafts/6.0-4p"
BENCHMARK = Service.BENCHMARK


def criteria(name: str, **successor: str) -> dict[str, Any]:
    return {
        "version": name,
        "based_on": f"SMETA {name}",
        "valid_from": "2020-01-01",
        "valid_until": None,
        "criteria": 4,
        "weight": 200,
        "successor": successor or None,
    }


def draft(**more: Any) -> dict[str, Any]:  # noqa: ANN401
    figures = {"commonality": "50.00", "lower": "50.00", "upper": "100.00"}
    return {
        **figures,
        "protocol_id": PROTOCOL,
        "version": "4.2",
        "criteria_version": "6.0-4p",
        "saved_at": "2026-11-20T08:00:00Z",
        "equivalent": "open",
        "answered": 1,
        "open": 3,
        "by_pillar": {"labour": figures},
        "by_clause": {"C1": figures, "C2": figures},
        "cheapest_path": ["C1.2", "C2.1"],
        "answers": [answer("C1.1")],
        **more,
    }


@pytest.fixture
def scheme() -> Scheme:
    made = Scheme()
    version = {"version": "4.2", "effective_from": "2020-01-01", "effective_until": None}
    protocol = {"protocol_id": PROTOCOL, "code": "NB", "name": "Northwind Protocol", "versions": [version]}
    made.gives(BENCHMARK, "/v1/protocols", {"protocols": [protocol]})
    made.gives(BENCHMARK, "/v1/drafts", {"drafts": []})
    made.gives(
        BENCHMARK,
        "/v1/assessments",
        {
            "assessments": [
                assessment(recognised_from="2020-01-01", recognised_until="2027-12-31", questions_open=2)
            ]
        },
    )
    made.gives(BENCHMARK, "/v1/criteria", {"criteria": [criteria("6.0-4p"), criteria("7.0")]})
    made.gives(
        BENCHMARK,
        "/v1/criteria/6.0-4p",
        {
            "version": "6.0-4p",
            "based_on": "SMETA 6.0, 4-pillar",
            "gate": "85",
            "criteria": [criterion(name) for name in ("C1.1", "C1.2", "C2.1", "C2.2")],
        },
    )
    made.gives(BENCHMARK, API, draft())
    made.gives(BENCHMARK, f"/v1/assessments/{ASSESSMENT}", assessment())
    return made
