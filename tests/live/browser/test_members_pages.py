"""A member's person: from the released list to a decision, in a real browser."""

import csv
import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from uuid import uuid4

import pytest
from mrx_local.demo.mailbox import Mailbox
from mrx_local.demo.scheme import Scheme
from playwright.async_api import expect

from tests.live.browser.conftest import ASKING, SignIn, Windows, World, as_member
from tests.live.browser.handing_over import hand_over, opened, until
from tests.live.browser.papers import report
from tests.live.conftest import Running

pytestmark = [pytest.mark.live, pytest.mark.timeout(240), pytest.mark.asyncio(loop_scope="session")]


async def checked(running: Running, world: World, folder: Path) -> tuple[Path, Path, list[str]]:
    """What `mrx member check` finds, and a file with the contacts of two of the suppliers; their addresses."""
    findings, contacts = folder / "check.csv", folder / "contacts.csv"
    await as_member(running, ASKING, "fetch", "--out", str(folder / "released"))
    await as_member(
        *(running, ASKING, "check", str(world.suppliers)),
        *("--released", str(folder / "released"), "--out", str(findings)),
    )
    listed = json.loads((folder / "released" / "list.json").read_text(encoding="utf-8"))
    place = {entry["entry_id"]: number for number, entry in enumerate(listed)}
    with findings.open(encoding="utf-8-sig", newline="") as file:
        to_ask = [
            row
            for row in csv.DictReader(file)
            if row["decision"] == "match" and row["audited_by_us"] == "false"
        ]
    # Other scenarios ask for the first sites of the list.
    wanted = [row["supplier_ref"] for row in sorted(to_ask, key=lambda row: place[row["entry_id"]])]
    addresses = [f"audits-{uuid4().hex[:12]}@supplier.example" for _ in wanted[-2:]]
    with contacts.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("supplier_ref", "name", "contact_email", "contact_name", "language"))
        for ref, address in zip(wanted[-2:], addresses, strict=True):
            table.writerow((ref, f"Supplier {ref}", address, "A. Contact", "en"))
    return findings, contacts, addresses


async def test_a_member_looks_through_the_list_and_searches_it(
    window: Windows, person: SignIn, world: World
) -> None:
    browser = await window()
    await browser.sign_in(person)
    await browser.sees("You take part in mutual recognition.", "audited sites, as of 30 June 2026")
    await browser.look("member overview", printed=True)
    await browser.on_a_phone("member overview")
    await browser.page.get_by_role("link", name="Released list").click()
    await browser.look("member list", printed=True)
    await browser.on_a_phone("member list")
    rows = browser.page.locator("tbody tr")
    [name, country] = [await rows.first.locator("td").nth(place).inner_text() for place in (0, 1)]
    await browser.page.get_by_label("Search").fill(name.split("\n")[0])
    choice = browser.page.get_by_label("Country").locator("option", has_text=country).first
    await browser.page.get_by_label("Country").select_option(await choice.get_attribute("value"))
    await browser.press("Search")
    assert 1 <= await rows.count() < 50
    for place in range(await rows.count()):
        await expect(rows.nth(place).locator("td").nth(1)).to_have_text(country)
    await browser.look("member list searched")
    await browser.page.get_by_label("Search").fill("no such site anywhere")
    await browser.press("Search")
    await browser.sees("No site on the list matches this search.")
    await browser.look("member list empty")


async def test_a_member_asks_for_several_reports_at_once(
    window: Windows, person: SignIn, running: Running, world: World, tmp_path: Path, mailbox: Mailbox
) -> None:
    findings, contacts, addresses = await checked(running, world, tmp_path)
    browser = await window()
    await browser.sign_in(person)
    await browser.page.get_by_role("link", name="Find suppliers to request").click()
    await browser.look("member check")
    await browser.on_a_phone("member check")
    await browser.page.get_by_label("check.csv").set_input_files(contacts)
    await browser.press("Show the sites")
    await browser.sees("Check.csv: no column for entry_id")
    await browser.look("member check refused")
    await browser.page.get_by_label("check.csv").set_input_files(findings)
    await browser.page.get_by_label("Contacts").set_input_files(contacts)
    await browser.press("Show the sites")
    await browser.sees("What the file says about 60 suppliers")
    await browser.look("member candidates")
    await browser.on_a_phone("member candidates")
    assert await browser.page.locator("input[name=ask]:checked").count() == 2
    # A row that nobody ticked holds nothing back, whatever stands in it.
    unticked = browser.page.locator(".asking", has=browser.page.locator("input[name=ask]:not(:checked)"))
    await unticked.first.get_by_label("Contact e-mail").fill("nowhere")
    await browser.press("Send the ticked requests")
    await browser.sees("Sent: 2 requests.")
    await browser.look("member asked several")
    for address in addresses:
        assert "/r/" in await mailbox.link_for(address)
    await browser.page.get_by_role("link", name="Requests", exact=True).click()
    await browser.look("member requests", printed=True)
    await browser.on_a_phone("member requests")


async def test_a_member_asks_receives_the_very_file_decides_and_has_avoided_an_audit(
    window: Windows,
    person: SignIn,
    running: Running,
    scheme: Scheme,
    mailbox: Mailbox,
    sites: Iterator[Mapping[str, str]],
    tmp_path: Path,
) -> None:
    address = f"audits-{uuid4().hex[:12]}@supplier.example"
    browser = await window()
    await browser.sign_in(person)
    await browser.open(f"/member/requests/new?entry={next(sites)['entry_id']}")
    await browser.look("member new request")
    await browser.on_a_phone("member new request")
    await browser.page.get_by_label("Your site number").fill("A-204")
    await browser.page.get_by_label("Supplier", exact=True).fill("Halden Works")
    await browser.page.get_by_label("Contact e-mail").fill(address)
    await browser.page.get_by_label("Days to answer").fill("21")
    await browser.press("Send the request")
    await browser.sees("History", "A-204")
    await browser.look("member request asked")
    request = browser.page.url
    request_id = request.rpartition("/")[2]

    file = report(tmp_path / "report.pdf", title="Halden Works", mebibytes=0.2)
    await hand_over(running.urls["portal"], await mailbox.link_for(address), file)
    await until(scheme.members[ASKING], request_id, "available")
    await browser.open("/member")
    await browser.sees("The report is ready: download it and decide.")
    await browser.open(request)
    await browser.look("member request available", printed=True)
    await browser.on_a_phone("member request available")
    accepted = browser.page.get_by_role("radio", name="Accepted No audit")
    await expect(accepted).to_have_count(0)
    await browser.sees("Nobody in your company has opened the report yet.")
    async with browser.page.expect_download() as downloading:
        await browser.press("Download the report")
    await (await downloading.value).save_as(tmp_path / "downloaded.pdf")
    assert digest(tmp_path / "downloaded.pdf") == digest(file)

    await opened(scheme.members[ASKING], request_id)
    await browser.page.get_by_role("link", name="reload this page").click()
    await expect(accepted).to_have_count(1)
    await browser.look("member request opened")
    await browser.on_a_phone("member request opened")
    await browser.page.get_by_role("radio", name="Refused").check()
    await browser.press("Record the decision")
    await browser.sees(re.compile("refusal needs a reason"))
    await browser.look("member refusal without reason")
    await accepted.check()
    await browser.press("Record the decision")
    await browser.sees("one audit avoided")
    await browser.look("member decided", printed=True)

    await browser.page.get_by_role("link", name="Numbers").click()
    plot = browser.page.get_by_role("img", name=re.compile("Audits avoided"))
    await expect(plot).to_have_js_property("complete", value=True)
    assert await plot.evaluate("image => image.naturalWidth") > 100
    await browser.look("member numbers", printed=True)
    await browser.on_a_phone("member numbers")


def digest(file: Path) -> str:
    return sha256(file.read_bytes()).hexdigest()
