"""The registry answers a wrong password with 401, which elsewhere means that a session ended."""

import httpx
import pytest
from mrx_portal.adapters.services import HttpServices
from mrx_portal.ports import Service
from mrx_shared.kit.client import Services
from mrx_shared.refusals import Forbidden


async def test_a_wrong_password_is_no_ended_session() -> None:
    def registry(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401, json={"detail": "e-mail address and password do not go together"})

    urls = {Service.REGISTRY.value: "http://registry.example"}
    services = HttpServices(Services(urls, transport=httpx.MockTransport(registry)))
    try:
        with pytest.raises(Forbidden):
            await services.sign_in("robin@mrx.example", "not the password")
    finally:
        await services.close()
