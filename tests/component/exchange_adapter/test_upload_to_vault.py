"""From a ticket to the vault, and out of it again; what is refused, lost, repeated, or comes at the wrong moment."""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import timedelta
from io import BytesIO
from typing import Any, BinaryIO
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

import pikepdf
import pytest
from mrx_exchange_adapter.domain.tickets import OUT_OF_TIME, TRIES
from mrx_exchange_adapter.handlers.checking import settle_due
from mrx_exchange_adapter.ports import NoVerdict, TookTooLong
from mrx_shared.refusals import Unavailable
from mrx_shared.store.objects import Objects

from tests.component.exchange_adapter.conftest import NOW, Asked, Exchange, MakeExchange, pdf, promise

pytestmark = pytest.mark.live

BODY = pdf()


def encrypted() -> bytes:
    out = BytesIO()
    with pikepdf.new() as made:
        made.add_blank_page()
        made.save(out, encryption=pikepdf.Encryption(owner="a", user="b"))
    return out.getvalue()


async def states(exchange: Exchange, asked: Asked) -> list[str]:
    return [one["state"] for one in (await exchange.page(asked)).json()["uploads"]]


async def moved(exchange: Exchange, by: timedelta) -> None:
    """So much time passes, as far as schedules and tickets are concerned."""
    await exchange.superuser.execute("UPDATE ticket_schedule SET due_at = due_at - $1::interval", by)
    await exchange.superuser.execute(
        "UPDATE ticket SET expires_at = expires_at - $1::interval, settled_at = settled_at - $1::interval", by
    )


async def quarantined(exchange: Exchange) -> set[str]:
    return {one.key for one in await exchange.buckets.scanner.listed()}


async def in_the_vault(exchange: Exchange, ticket: dict[str, Any]) -> int:
    """How many versions of the ticket's report the vault keeps."""
    client = exchange.buckets.vault._client  # type: ignore[attr-defined]
    key = f"reports/{ticket['ticket_id']}.pdf"
    return len(list(client.list_objects("vault", prefix=key, include_version=True)))


async def test_a_file_goes_from_the_suppliers_page_to_the_asking_member(exchange: Exchange) -> None:
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    await exchange.carry_on()

    page = (await exchange.page(asked)).json()
    assert [one["state"] for one in page["uploads"]] == ["stored"]
    assert page["report"]["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert page["accesses"] == []
    assert await exchange.said(asked.request_id) == ["upload-begun", "report-received", "report-stored"]

    listed = (await exchange.get_as("member", "/v1/reports", asked.member_id)).json()["reports"]
    link = (await exchange.link(asked.member_id, listed[0]["report_id"])).json()
    fetched = await exchange.s3("GET", link["url"])
    assert fetched.content == BODY
    assert fetched.headers["content-disposition"] == 'attachment; filename="MRX-2F7K9QWX.pdf"'
    assert (await exchange.said(asked.request_id))[-1] == "report-read"
    assert len((await exchange.page(asked)).json()["accesses"]) == 1


async def test_a_refused_file_stays_in_quarantine_and_the_right_one_comes_after_it(
    exchange: Exchange,
) -> None:
    asked = await exchange.asked()
    wrong = await exchange.upload(asked, encrypted())
    await exchange.carry_on()

    shown = (await exchange.page(asked)).json()["uploads"][0]
    assert (shown["state"], shown["reasons"]) == ("refused", ["encrypted"])
    assert "without a password" in shown["remedy"]
    held = (await exchange.get_as("secretariat", "/v1/quarantine")).json()["held"]
    assert [(one["ticket_id"], one["reasons"]) for one in held] == [(wrong["ticket_id"], ["encrypted"])]
    assert str(asked.member_id) not in str(held)
    assert any(key.startswith(wrong["ticket_id"]) for key in await quarantined(exchange))
    assert await in_the_vault(exchange, wrong) == 0

    await exchange.upload(asked, BODY)
    await exchange.carry_on()
    assert await states(exchange, asked) == ["refused", "stored"]
    assert await exchange.said(asked.request_id) == [
        *("upload-begun", "report-received", "report-refused"),
        *("upload-begun", "report-received", "report-stored"),
    ]


async def test_the_secretariats_list_is_read_page_by_page_and_forgets_old_refusals(
    exchange: Exchange,
) -> None:
    async def held(**query: str | int) -> list[str]:
        answer = await exchange.get_as("secretariat", f"/v1/quarantine?{urlencode(query)}")
        assert answer.status_code == 200, answer.text
        return [one["ticket_id"] for one in answer.json()["held"]]

    refused: list[str] = []
    for _ in range(5):
        ticket = await exchange.upload(await exchange.asked(), encrypted())
        await exchange.carry_on()
        refused.insert(0, ticket["ticket_id"])
    await exchange.upload(await exchange.asked(), BODY)
    await exchange.carry_on()

    assert await held() == refused
    assert await held(limit=2) == refused[:2]
    assert await held(limit=2, after=refused[1]) == refused[2:4]
    assert await held(after=refused[4]) == []
    assert (await exchange.get_as("secretariat", "/v1/quarantine?limit=501")).status_code == 422

    aged = "UPDATE ticket_schedule SET held_since = held_since - interval '91 days', due_at = $2 WHERE ticket_id = $1"
    await exchange.superuser.execute(aged, UUID(refused[0]), NOW())  # its file lies there still
    await exchange.superuser.execute(aged, UUID(refused[1]), None)
    assert await held() == [refused[0], *refused[2:]]


@pytest.mark.parametrize(
    ("promised", "field"),
    [
        ({"size": 0}, "size"),
        ({"size": 1024 * 1024 + 1}, "size"),
        ({"size": -1}, "size"),
        ({"media_type": "text/html"}, "media_type"),
        ({"sha256": "ab"}, "sha256"),
        ({"key": "mine"}, "key"),
    ],
)
async def test_what_can_be_no_report_gets_no_ticket(
    promised: dict[str, object], field: str, exchange: Exchange
) -> None:
    asked = await exchange.asked()
    answer = await exchange.post("/v1/pages/tickets", asked, {**promise(BODY), **promised})
    assert (answer.status_code, answer.json()["field"]) == (422, field)
    assert await exchange.said() == []


@pytest.mark.parametrize(
    ("state", "retryable"),
    [("sent", True), ("opened", True), ("declined", False), ("expired", False), ("withdrawn", False)],
)
async def test_a_request_that_takes_no_file_gives_no_ticket(
    state: str, retryable: bool, exchange: Exchange
) -> None:
    asked = await exchange.asked(state=state)
    answer = await exchange.post("/v1/pages/tickets", asked, promise(BODY))
    assert (answer.status_code, answer.json().get("retryable", False)) == (409, retryable)


async def test_a_few_links_may_be_open_at_once_and_one_more_may_not(exchange: Exchange) -> None:
    asked = await exchange.asked()
    tickets = [await exchange.ticket(asked, BODY) for _ in range(3)]
    assert len({urlsplit(one["url"]).path for one in tickets}) == 3
    assert (await exchange.post("/v1/pages/tickets", asked, promise(BODY))).status_code == 409
    await moved(exchange, timedelta(minutes=11))
    assert (await exchange.post("/v1/pages/tickets", asked, promise(BODY))).status_code == 201


async def test_a_file_whose_arrival_nobody_told_is_found(exchange: Exchange) -> None:
    asked = await exchange.asked()
    await exchange.put(await exchange.ticket(asked, BODY), BODY)
    await exchange.carry_on()
    assert await states(exchange, asked) == ["waiting"]
    assert await exchange.sweep() == 1
    await exchange.carry_on()
    assert await states(exchange, asked) == ["stored"]
    assert await exchange.sweep() == 0


async def test_an_arrival_that_is_a_lie_changes_nothing(exchange: Exchange) -> None:
    asked = await exchange.asked()
    ticket = await exchange.ticket(asked, BODY)
    for _ in range(3):
        await exchange.post(f"/v1/pages/tickets/{ticket['ticket_id']}/arrival", asked)
        await exchange.carry_on()
    assert await states(exchange, asked) == ["waiting"]
    assert await exchange.said(asked.request_id) == ["upload-begun"]


async def test_a_ticket_that_was_never_used_is_closed_and_one_in_use_is_not(exchange: Exchange) -> None:
    asked = await exchange.asked()
    await exchange.ticket(asked, BODY)
    await moved(exchange, timedelta(minutes=69))
    await exchange.carry_on()
    assert await states(exchange, asked) == ["waiting"]
    await moved(exchange, timedelta(minutes=2))
    await exchange.carry_on()
    assert await states(exchange, asked) == ["lapsed"]
    assert await exchange.said(asked.request_id) == ["upload-begun", "upload-lapsed"]


async def test_nothing_is_said_of_a_ticket_that_lapses_until_it_was_the_last(exchange: Exchange) -> None:
    asked = await exchange.asked()
    earlier, later = [await exchange.ticket(asked, BODY) for _ in range(2)]
    for ticket in (earlier, later):
        assert (await exchange.said(asked.request_id)).count("upload-lapsed") == 0
        await exchange.superuser.execute(
            "UPDATE ticket_schedule SET due_at = now() WHERE ticket_id = $1", UUID(ticket["ticket_id"])
        )
        await exchange.superuser.execute(
            "UPDATE ticket SET expires_at = now() - interval '2 hours' WHERE ticket_id = $1",
            UUID(ticket["ticket_id"]),
        )
        await exchange.carry_on()
    assert await states(exchange, asked) == ["lapsed", "lapsed"]
    assert await exchange.said(asked.request_id) == ["upload-begun", "upload-begun", "upload-lapsed"]


async def test_a_ticket_that_lapses_beside_a_file_that_is_taken_is_not_said(exchange: Exchange) -> None:
    asked = await exchange.asked()
    await exchange.ticket(asked, BODY)
    await exchange.upload(asked, BODY)
    await exchange.carry_on()
    assert await states(exchange, asked) == ["lapsed", "stored"]
    assert "upload-lapsed" not in await exchange.said(asked.request_id)


async def test_of_two_files_for_one_request_one_is_taken(exchange: Exchange) -> None:
    asked = await exchange.asked()
    other = pdf("another")
    tickets = [await exchange.ticket(asked, body) for body in (BODY, other)]
    for ticket, body in zip(tickets, (BODY, other), strict=True):
        assert (await exchange.put(ticket, body)).status_code == 200
    await exchange.sweep()
    await exchange.carry_on()
    assert sorted(await states(exchange, asked)) == ["lapsed", "stored"]
    assert (await exchange.said(asked.request_id)).count("report-stored") == 1
    assert (await exchange.said(asked.request_id)).count("report-received") == 1


async def test_files_leave_quarantine_a_week_after_their_verdict(exchange: Exchange) -> None:
    asked = await exchange.asked()
    refused = await exchange.upload(asked, encrypted())
    await exchange.carry_on()
    taken = await exchange.upload(asked, BODY)
    await exchange.carry_on()
    ours = {one["ticket_id"] for one in (refused, taken)}
    for days, remain in ((6, ours), (2, set[str]())):
        await moved(exchange, timedelta(days=days))
        await exchange.carry_on()
        assert {key.partition("/")[0] for key in await quarantined(exchange)} & ours == remain
    assert await states(exchange, asked) == ["refused", "stored"]


async def test_what_belongs_to_no_ticket_is_taken_away_once_it_is_old(
    make_exchange: MakeExchange, exchange: Exchange
) -> None:
    stray = f"{uuid4()}/stray"
    await exchange.buckets.scanner.put(stray, b"x", content_type="text/plain")
    await exchange.sweep()
    assert stray in await quarantined(exchange)
    later = make_exchange(changed={"clock_offset": timedelta(days=8)})
    await later.sweep()
    assert stray not in await quarantined(exchange)


async def test_a_request_that_ends_meanwhile_takes_nothing(exchange: Exchange) -> None:
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    await exchange.request_is(asked, "withdrawn")
    await exchange.carry_on()
    assert await states(exchange, asked) == ["lapsed"]
    assert (await exchange.page(asked)).json()["report"] is None
    assert await exchange.said(asked.request_id) == ["upload-begun", "upload-lapsed"]


class Interrupted:
    """An inspector that finds nothing wrong unless told to, and while it looks something happens."""

    def __init__(self, meanwhile: Callable[[], Awaitable[None]], *found: str) -> None:
        self._meanwhile, self._found = meanwhile, found

    async def inspect(self, body: BinaryIO) -> tuple[str, ...]:
        await self._meanwhile()
        return self._found


async def test_room_that_lapsed_during_a_check_is_said_once_the_file_is_refused(
    exchange: Exchange, make_exchange: MakeExchange
) -> None:
    asked = await exchange.asked()
    earlier = await exchange.ticket(asked, BODY)
    await exchange.upload(asked, BODY)

    async def lapse() -> None:
        ticket_id = UUID(earlier["ticket_id"])
        sql = exchange.superuser
        await sql.execute("UPDATE ticket_schedule SET due_at = now() WHERE ticket_id = $1", ticket_id)
        await sql.execute(
            "UPDATE ticket SET expires_at = now() - interval '2 hours' WHERE ticket_id = $1", ticket_id
        )
        await exchange.carry_on()
        assert await states(exchange, asked) == ["lapsed", "checking"]
        assert "upload-lapsed" not in await exchange.said(asked.request_id)

    assert await settle_due(make_exchange(inspector=Interrupted(lapse, "not-a-pdf")).bench)
    assert await states(exchange, asked) == ["lapsed", "refused"]
    assert (await exchange.said(asked.request_id))[-2:] == ["report-refused", "upload-lapsed"]


@pytest.mark.parametrize("end", ["withdrawn", "declined"])
async def test_of_a_request_that_ends_during_the_check_nothing_is_kept_in_the_vault(
    end: str, exchange: Exchange, make_exchange: MakeExchange
) -> None:
    asked = await exchange.asked()
    ticket = await exchange.upload(asked, BODY)
    inspector = Interrupted(lambda: exchange.request_is(asked, end))
    assert await settle_due(make_exchange(inspector=inspector).bench)
    assert await states(exchange, asked) == ["lapsed"]
    assert "report-stored" not in await exchange.said(asked.request_id)
    assert await in_the_vault(exchange, ticket) == 0


async def test_a_file_that_was_sent_in_time_is_taken_although_the_request_expires_meanwhile(
    exchange: Exchange, make_exchange: MakeExchange
) -> None:
    before, within = await exchange.asked(), await exchange.asked()
    for asked in (before, within):
        await exchange.upload(asked, BODY)
    await exchange.request_is(before, "expired")
    inspector = Interrupted(lambda: exchange.request_is(within, "expired"))
    bench = make_exchange(inspector=inspector).bench
    while await settle_due(bench):
        pass
    for asked in (before, within):
        assert await states(exchange, asked) == ["stored"]
        assert await exchange.said(asked.request_id) == ["upload-begun", "report-received", "report-stored"]


async def test_a_file_of_a_ticket_from_after_the_term_is_not_taken_once_the_request_expired(
    exchange: Exchange,
) -> None:
    asked = await exchange.asked()
    over = NOW() - timedelta(seconds=1)
    await exchange.request_is(asked, "accepted", term_ends_at=over)
    await exchange.upload(asked, BODY)
    await exchange.request_is(asked, "expired", term_ends_at=over)
    await exchange.carry_on()
    assert await states(exchange, asked) == ["lapsed"]
    assert await exchange.said(asked.request_id) == ["upload-begun", "upload-lapsed"]


@pytest.mark.parametrize("end", ["withdrawn", "declined"])
async def test_a_request_that_was_taken_back_or_declined_gives_no_further_link(
    end: str, exchange: Exchange
) -> None:
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    await exchange.carry_on()
    report_id = (await exchange.page(asked)).json()["report"]["report_id"]
    assert (await exchange.link(asked.member_id, report_id)).status_code == 201
    await exchange.request_is(asked, end)
    answer = await exchange.link(asked.member_id, report_id)
    assert (answer.status_code, answer.json()["field"]) == (409, "report_id")
    assert (await exchange.said(asked.request_id)).count("report-read") == 1


@pytest.mark.parametrize("order", ["request first", "mail first"])
async def test_a_page_opens_once_both_facts_have_come_in_whatever_order(
    order: str, exchange: Exchange
) -> None:
    asked = Asked()
    if order == "request first":
        await exchange.request_is(asked, "accepted")
        assert (await exchange.page(asked)).status_code == 404
        await exchange.mail_was_sent(asked)
    else:
        await exchange.mail_was_sent(asked)
        early = await exchange.page(asked)
        assert (early.status_code, early.json()["retryable"]) == (409, True)
        await exchange.request_is(asked, "accepted")
    assert (await exchange.page(asked)).status_code == 200


async def test_a_mail_to_the_member_opens_no_suppliers_page(exchange: Exchange) -> None:
    asked = Asked()
    await exchange.request_is(asked, "available")
    await exchange.mail_was_sent(asked, kind="ready")
    assert (await exchange.page(asked)).status_code == 404


async def test_an_older_fact_that_comes_late_changes_nothing(exchange: Exchange) -> None:
    asked = await exchange.asked()
    await exchange.request_is(asked, "declined", sequence=9_000)
    await exchange.request_is(asked, "accepted", sequence=8_000)
    assert (await exchange.post("/v1/pages/tickets", asked, promise(BODY))).status_code == 409


class FailingInspector:
    """Gives no verdict so often, then finds nothing wrong."""

    def __init__(self, fails: int) -> None:
        self.fails = fails

    async def inspect(self, body: BinaryIO) -> tuple[str, ...]:
        self.fails -= 1
        if self.fails >= 0:
            raise NoVerdict("it fell over")
        return ()


async def test_without_a_verdict_a_file_stays_is_tried_again_and_shows_as_unchecked(
    make_exchange: MakeExchange,
) -> None:
    exchange = make_exchange(inspector=FailingInspector(TRIES + 1))
    await exchange.know_key()
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    for _ in range(TRIES + 1):
        await exchange.carry_on()
        await moved(exchange, timedelta(minutes=15))
    shown = (await exchange.page(asked)).json()["uploads"][0]
    assert (shown["state"], shown["reasons"]) == ("checking", ["unchecked"])
    held = (await exchange.get_as("secretariat", "/v1/quarantine")).json()["held"]
    assert [one["reasons"] for one in held] == [["unchecked"]]
    assert "report-refused" not in await exchange.said(asked.request_id)
    await exchange.carry_on()
    assert await states(exchange, asked) == ["stored"]


class SlowInspector:
    """Falls over first, then runs out of time at every try."""

    def __init__(self) -> None:
        self.falls = TRIES

    async def inspect(self, body: BinaryIO) -> tuple[str, ...]:
        self.falls -= 1
        raise NoVerdict("it fell over") if self.falls >= 0 else TookTooLong("the check took too long")


async def test_a_file_that_runs_out_of_time_again_and_again_is_refused_however_often_the_check_fell_over(
    make_exchange: MakeExchange,
) -> None:
    exchange = make_exchange(inspector=SlowInspector())
    await exchange.know_key()
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    for _ in range(TRIES + OUT_OF_TIME - 1):
        await exchange.carry_on()
        await moved(exchange, timedelta(minutes=15))
    assert await states(exchange, asked) == ["checking"]
    await exchange.carry_on()
    shown = (await exchange.page(asked)).json()["uploads"][0]
    assert (shown["state"], shown["reasons"]) == ("refused", ["too-complex"])


class Killed(Exception):
    """Here the process ends."""


class Dying:
    """A bucket whose caller is killed after one of its calls, once."""

    def __init__(self, objects: Objects, *, after: str) -> None:
        self._objects = objects
        self._after: str | None = after

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        call = getattr(self._objects, name)
        if name != self._after:
            return call

        async def once(*given: Any, **named: Any) -> Any:  # noqa: ANN401
            await call(*given, **named)
            self._after = None
            raise Killed

        return once


@pytest.mark.parametrize(
    ("bucket", "after"),
    [("scanner", "head"), ("scanner", "fetch"), ("vault", "put_once"), ("vault", "fetch")],
)
async def test_a_kill_at_any_point_loses_nothing_and_doubles_nothing(
    bucket: str, after: str, exchange: Exchange, make_exchange: MakeExchange
) -> None:
    buckets = exchange.buckets
    dying = Dying(getattr(buckets, bucket), after=after)
    doomed = make_exchange(buckets=type(buckets)(**{**_parts(buckets), bucket: dying}))
    asked = await exchange.asked()
    ticket = await exchange.upload(asked, BODY)
    with pytest.raises(Killed):
        await settle_due(doomed.bench)
    await moved(exchange, timedelta(minutes=1))
    await exchange.carry_on()
    assert await states(exchange, asked) == ["stored"]
    assert await in_the_vault(exchange, ticket) == 1
    assert await exchange.said(asked.request_id) == ["upload-begun", "report-received", "report-stored"]


def _parts(buckets: Any) -> dict[str, Objects]:  # noqa: ANN401
    return {name: getattr(buckets, name) for name in ("presigner", "scanner", "vault", "reader")}


async def test_two_processes_never_bring_the_same_ticket_further(
    exchange: Exchange, make_exchange: MakeExchange
) -> None:
    asked = await exchange.asked()
    ticket = await exchange.upload(asked, BODY)
    second = make_exchange()
    async with exchange.service.once.database.transaction(None) as (session, _):
        work = exchange.service.once.make_work(session, None)  # type: ignore[arg-type]  # no moment is needed
        assert await work.tickets.settle_alone(UUID(ticket["ticket_id"]))
        assert not await settle_due(second.bench)
    assert await settle_due(second.bench)
    assert await states(exchange, asked) == ["stored"]


async def test_other_bytes_in_the_vault_are_never_said_to_be_the_report(exchange: Exchange) -> None:
    asked = await exchange.asked()
    ticket = await exchange.upload(asked, BODY)
    await exchange.buckets.vault.put(
        f"reports/{ticket['ticket_id']}.pdf", b"other", content_type="application/pdf"
    )
    with pytest.raises(Exception, match="other bytes"):
        await settle_due(exchange.bench)
    assert await states(exchange, asked) == ["checking"]
    assert "report-stored" not in await exchange.said(asked.request_id)


async def test_storage_that_is_away_refuses_nothing(make_exchange: MakeExchange, exchange: Exchange) -> None:
    away = make_exchange(changed={"s3_endpoint": "http://127.0.0.1:9"})
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    with pytest.raises(Unavailable):
        await settle_due(away.bench)
    await exchange.carry_on()
    assert await states(exchange, asked) == ["stored"]
