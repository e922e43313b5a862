"""The first people of a local stack are made at its registry, whatever answer is lost."""

from pathlib import Path

import httpx
import pytest
from mrx_local.credentials import Credentials
from mrx_local.people import Chosen, acting_as, introduce_people, let_sign_in
from mrx_registry.ports import Work
from mrx_shared.api.registry import Members
from mrx_shared.bus.service import Service
from mrx_shared.kit.client import Services
from mrx_shared.refusals import Forbidden
from typing_extensions import override

from tests.component.registry.conftest import BOOTSTRAP

PASSWORD = "an umbrella in the hall"


class Losing(httpx.AsyncBaseTransport):
    """Loses the first answer of each path on its way back."""

    def __init__(self, registry: Service[Work]) -> None:
        self._inner = httpx.ASGITransport(registry.api)
        self.lost: set[str] = set()

    @override
    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        answer = await self._inner.handle_async_request(request)
        if (path := request.url.path) not in self.lost:
            self.lost.add(path)
            raise httpx.ReadError("lost", request=request)
        return answer


async def test_everybody_has_a_secret_that_holds_though_answers_were_lost(
    registry: Service[Work], tmp_path: Path
) -> None:
    credentials, transport = Credentials(tmp_path), Losing(registry)
    async with Services({"registry": "http://registry"}, transport=transport) as services:
        for _ in range(2):
            await introduce_people(services, bootstrap_secret=BOOTSTRAP, credentials=credentials)
        found = [credentials.person(key) for key in ("reviewer", "second_reviewer", "operator")]
        others = [one for one in found if one]
        people = [*credentials.secretariat, *others]
        assert len({one["principal_id"] for one in people}) == 5
        assert {"/v1/bootstrap", "/v1/principals"} <= transport.lost
        for one in credentials.secretariat:
            await acting_as(services, one).get("registry", "/v1/members", Members)
        for one in others:
            with pytest.raises(Forbidden, match="this is for secretariat"):
                await acting_as(services, one).get("registry", "/v1/members", Members)


async def test_a_person_signs_in_after_a_start_that_was_cut_short_and_a_chosen_password_stays(
    registry: Service[Work], tmp_path: Path
) -> None:
    credentials = Credentials(tmp_path)
    async with Services({"registry": "http://registry"}, transport=Losing(registry)) as services:
        await introduce_people(services, bootstrap_secret=BOOTSTRAP, credentials=credentials)
        first = credentials.secretariat[0]
        for _ in range(2):
            await let_sign_in(
                services, first, email="first@mrx.example", password=PASSWORD, credentials=credentials
            )
        assert credentials.sign_ins[first["name"]] == {"email": "first@mrx.example", "password": PASSWORD}
        with pytest.raises(Chosen):
            await let_sign_in(
                services,
                first,
                email="first@mrx.example",
                password=f"not {PASSWORD}",
                credentials=credentials,
            )
        assert credentials.sign_ins[first["name"]]["password"] == PASSWORD
