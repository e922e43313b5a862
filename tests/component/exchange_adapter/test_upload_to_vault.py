"""From a ticket to the vault, and out of it again."""

import hashlib

import pytest

from tests.component.exchange_adapter.conftest import Exchange, pdf

pytestmark = pytest.mark.live


async def test_a_file_goes_from_the_suppliers_page_to_the_asking_member(exchange: Exchange) -> None:
    body = pdf()
    asked = await exchange.asked()
    await exchange.upload(asked, body)
    await exchange.carry_on()

    page = (await exchange.page(asked)).json()
    assert [one["state"] for one in page["uploads"]] == ["stored"]
    assert page["report"]["sha256"] == hashlib.sha256(body).hexdigest()
    assert page["accesses"] == []
    assert await exchange.said(asked.request_id) == ["upload-begun", "report-received", "report-stored"]

    listed = (await exchange.get_as("member", "/v1/reports", asked.member_id)).json()["reports"]
    link = (await exchange.link(asked.member_id, listed[0]["report_id"])).json()
    fetched = await exchange.s3("GET", link["url"])
    assert fetched.content == body
    assert fetched.headers["content-disposition"] == 'attachment; filename="MRX-2F7K9QWX.pdf"'
    assert (await exchange.said(asked.request_id))[-1] == "report-read"
    assert len((await exchange.page(asked)).json()["accesses"]) == 1
