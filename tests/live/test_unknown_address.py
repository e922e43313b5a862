"""The contact's address does not exist: the requester hears of it and names another, whose mail arrives."""

import pytest
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.scheme import Scheme

from tests.live.calls import get, post
from tests.live.conftest import Running
from tests.live.suppliers import AtTheDesk, access, ask, asked, read, release, until

pytestmark = [pytest.mark.live, pytest.mark.timeout(300)]

NOBODY, REQUESTER, SUCCESSOR = "quality@gone.invalid", "buyer@ash.example", "successor@halden.example"


async def test_a_requester_hears_that_an_address_is_unknown_and_names_another_where_the_mail_arrives(
    running: Running, scheme: Scheme
) -> None:
    ash, mailbox = scheme.members["Ash"], Mailbox(running.folder / "up" / "mail" / "mails")
    [site] = await release(running.aggregation, 1)
    shown = await ask(ash, asked(site, NOBODY, requester_email=REQUESTER))
    path = f"/v1/requests/{shown['request_id']}"

    async def mail_is(state: str) -> bool | None:
        return (await get(ash, "report_request", path))["mail"] == state or None

    await until(lambda: mail_is("refused"), "the refusal is not told")

    async def told() -> str | None:
        texts = [mail.text for mail in mailbox.mails() if mail.to == REQUESTER]
        return next((text for text in texts if shown["reference"] in text), None)

    text = await until(told, "the requester is not mailed")
    assert "The mail server did not accept the address. (5.1.2)" in text
    [status] = await statuses(running, shown["request_id"], mail="refused")
    assert (status["state"], status["field"]) == ("drafted", "supplier.contact_email")
    assert status["reason"] == "the latest mail to the supplier was refused"
    assert f"{path}/contact" in status["remedy"]

    again = await post(ash, "report_request", f"{path}/contact", {"contact_email": SUCCESSOR})
    assert (again["state"], again["mail"]) == ("drafted", "unsent")
    link = await mailbox.link_for(SUCCESSOR)
    await until(lambda: mail_is("sent"), "the second mail is not told")
    async with AtTheDesk(running.urls["portal"]) as web:
        assert shown["reference"] in (await web.open(link)).text
        await web.accept()
    assert (await get(ash, "report_request", path))["state"] == "accepted"
    assert [mail for mail in mailbox.mails() if mail.to == NOBODY] == []


async def statuses(running: Running, request_id: str, *, mail: str) -> list[dict[str, str]]:
    """What the member's system is told of a request whose latest mail stands so."""
    member = running.member("Ash")
    own = access(running.kafka, member["kafka_username"], member["kafka_password"])
    events = {one["id"]: one for one in await read(own, member["topics"]["out"])}
    said = [one["data"] for one in events.values() if one["type"] == "mrx.report_request.request-status.v1"]
    return [one for one in said if one["request_id"] == request_id and one["mail"] == mail]
