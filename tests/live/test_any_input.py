"""Whatever is sent to an API is answered as its contract says: done, or refused in words, and never with a fault.

The cases are drawn from `contracts/http`: such as fit it, and such as do not.
"""

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.conftest import ROOT
from tests.live.conftest import Running, serving

CONTRACTS = sorted((ROOT / "contracts/http").glob("*.openapi.json"))
OURS = [path for path in CONTRACTS if not path.name.startswith("platform.")]
CONFORMS = [status_code_conformance, content_type_conformance, response_schema_conformance]
MODES = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
NOBODY = "nobody"

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]


@schemathesis.serializer("message/rfc822")
def _mail(_: object, value: object) -> bytes:
    """A mail travels as it is."""
    return value if isinstance(value, bytes) else str(value).encode()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A stack of its own: who may do everything does anything here."""
    with serving(tmp_path_factory.mktemp("stack"), ("Ash",)) as made:
        yield made


def tokens(running: Running, service: str) -> dict[str, str]:
    """An access token for one service, by role."""
    known = running.credentials
    people = {
        "secretariat": known.secretariat[0],
        "reviewer": known.person("reviewer"),
        "operator": known.person("operator"),
        "member": known.member("Ash"),
    }
    found = {}
    for role, person in people.items():
        assert person is not None
        asked = {
            "grant_type": "client_credentials",
            "client_id": person["client_id"],
            "client_secret": person["client_secret"],
            "audience": f"mrx.{service}",
        }
        answer = httpx.post(f"{running.urls['registry']}/v1/token", data=asked, trust_env=False)
        found[role] = answer.raise_for_status().json()["access_token"]
    return found


def answered(case: Case[Any], url: str, headers: Mapping[str, str]) -> None:
    """The answer fits the contract. A fault is none of the answers that a contract knows."""
    answer = case.call(base_url=url, headers=dict(headers), timeout=30)
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        assert answer.headers.get("retry-after"), case.as_curl_command()
    case.validate_response(answer, checks=CONFORMS)


@pytest.mark.parametrize("contract", OURS, ids=lambda path: path.name.partition(".")[0])
def test_an_api_answers_anything_as_its_contract_says(contract: Path, running: Running) -> None:
    service = contract.name.partition(".")[0]
    by_role = tokens(running, service)
    schema = schemathesis.openapi.from_dict(json.loads(contract.read_text("utf-8")))
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) > len(by_role)
    for operation in operations:
        cases = st.one_of(*(operation.as_strategy(mode) for mode in MODES))

        @settings(
            max_examples=20,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=cases, role=st.sampled_from([*by_role, NOBODY]))
        def whatever(case: Case[Any], role: str) -> None:
            headers = {} if role == NOBODY else {"Authorization": f"Bearer {by_role[role]}"}
            answered(case, running.urls[service], headers)

        whatever()
