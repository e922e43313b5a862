"""What an address may hold, in every service's API."""

import httpx
import pytest
from mrx_shared.kit.http import build_api


@pytest.mark.parametrize(
    ("address", "field"),
    [("/things/a%00b", "path"), ("/things/a?name=b%00", "name"), ("/things/a?na%00me=b", r"na\x00me")],
)
async def test_an_address_with_nul_is_refused_before_anything_looks_for_it(address: str, field: str) -> None:
    api = build_api(service="a", title="a", description="a")
    looked_for = []

    @api.get("/things/{thing}")
    async def thing(thing: str, name: str = "") -> str:
        looked_for.append((thing, name))
        return thing

    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://a") as http:
        refused = await http.get(address)
        assert (await http.get("/things/a%20b?name=c")).json() == "a b"
    assert (refused.status_code, refused.json()["field"]) == (422, field)
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["remedy"]
    assert looked_for == [("a b", "c")]
