"""Connectors that wait only briefly, and the faults that pass."""

from typing import Any

import httpx
from mrx_exchange_adapter.adapters.circuit_breaker import CircuitBreaker
from mrx_exchange_adapter.adapters.platform import HttpPlatform, RetryPolicy
from pydantic import SecretStr

from tests.component.platform.conftest import CLIENT_ID, CLIENT_SECRET, Place

BRISK = RetryPolicy(tries=4, first_pause_s=0.01, longest_pause_s=0.3, answer_s=1, report_s=20, page=3)
PASSING: list[dict[str, Any]] = [
    {"kind": "rate-limited", "seconds": 0, "times": 2},
    {"kind": "server-error", "times": 3},
    {"kind": "slow", "seconds": 0.2},
    {"kind": "silent", "times": 2},
    {"kind": "truncated", "times": 2},
    {"kind": "trickling", "seconds": 0.4, "times": 1},
    {"kind": "endless", "times": 1},
    {"kind": "expired-token", "times": 2},
    {"kind": "wrong-content-type", "times": 3},
]


def called(case: object) -> str:
    """How a case is called."""
    return f"{case['kind']}-{case.get('seconds', '')}".rstrip("-") if isinstance(case, dict) else str(case)


def connect(
    where: Place,
    *,
    patience: RetryPolicy = BRISK,
    breaker: CircuitBreaker | None = None,
    secret: str = CLIENT_SECRET,
) -> HttpPlatform:
    """A connector to a platform. Unless a test is about the breaker, it never opens."""
    return HttpPlatform(
        httpx.AsyncClient(base_url=where.url, timeout=httpx.Timeout(0.5)),
        client_id=CLIENT_ID,
        client_secret=SecretStr(secret),
        patience=patience,
        breaker=breaker or CircuitBreaker(limit=1000),
    )
