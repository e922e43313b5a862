"""The simulated platform itself: what it keeps, shows and refuses."""

from pathlib import Path

import httpx
import pytest

from tests.component.platform.conftest import (
    CLIENT_ID,
    CLIENT_SECRET,
    CONTROL_SECRET,
    OTHER_SITE,
    SITE,
    Place,
    Stage,
    place,
    running,
)

pytestmark = pytest.mark.live


async def signed_in(http: httpx.AsyncClient) -> dict[str, str]:
    """The header that the exchange calls with."""
    answer = await http.post(
        "/oauth2/token", data={"grant_type": "client_credentials"}, auth=(CLIENT_ID, CLIENT_SECRET)
    )
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def test_a_restart_keeps_grants_audits_and_reports(tmp_path: Path) -> None:
    where = place(tmp_path)
    async with httpx.AsyncClient(base_url=where.url) as http:
        stage = Stage(http)
        with running(where):
            await stage.reset()
            grant_id = await stage.grant("MRX-1")
            audit = await stage.audit(b"%PDF-1.7 a report")
        with running(where):
            headers = await signed_in(http)
            audits = (await http.get(f"/v1/grants/{grant_id}/audits", headers=headers)).json()["items"]
            path = f"/v1/grants/{grant_id}/audits/{audit['audit_id']}/report"
            assert [one["audit_id"] for one in audits] == [audit["audit_id"]]
            assert (await http.get(path, headers=headers)).content == b"%PDF-1.7 a report"


async def test_audits_are_shown_under_an_active_grant_of_their_site_alone(stage: Stage) -> None:
    audit = await stage.audit(b"%PDF-1.7 a report")
    granted, elsewhere = await stage.grant("MRX-1"), await stage.grant("MRX-2", OTHER_SITE)
    headers = await signed_in(stage.http)
    path = f"audits/{audit['audit_id']}/report"
    assert (await stage.http.get(f"/v1/grants/{granted}/{path}", headers=headers)).status_code == 200
    assert (await stage.http.get(f"/v1/grants/{elsewhere}/{path}", headers=headers)).status_code == 404
    assert (await stage.http.get(f"/v1/grants/{granted}/{path}")).status_code == 401
    await stage.withdraw(granted)
    assert (await stage.http.get(f"/v1/grants/{granted}/{path}", headers=headers)).status_code == 403
    assert (await stage.http.get(f"/v1/grants/{granted}/audits", headers=headers)).status_code == 403


async def test_a_list_is_read_by_pages_and_by_what_changed_since(stage: Stage) -> None:
    codes = [f"ZS{number}" for number in range(2000001, 2000008)]
    await stage.add_sites(*codes)
    headers = await signed_in(stage.http)
    found, cursor, first = [], None, None
    while True:
        query = {"limit": "4"} | ({"cursor": cursor} if cursor else {})
        page = (await stage.http.get("/v1/sites", params=query, headers=headers)).json()
        found += [one["site_code"] for one in page["items"]]
        first = first or page["items"][0]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert found == [SITE, OTHER_SITE, *codes]
    assert first
    newest = (await stage.http.get(f"/v1/sites/{codes[-1]}", headers=headers)).json()["updated_at"]
    later = await stage.http.get("/v1/sites", params={"updated_since": newest}, headers=headers)
    assert [one["site_code"] for one in later.json()["items"]] == [codes[-1]]


async def test_behind_the_stage_nobody_comes_without_its_secret(stage: Stage, platform_place: Place) -> None:
    assert (await stage.http.get("/control")).status_code == 404
    wrong = {"Platform-Control-Secret": CONTROL_SECRET + "x"}
    assert (await stage.http.get("/control", headers=wrong)).status_code == 404
    assert "/control" not in (await stage.http.get("/openapi.json")).text
