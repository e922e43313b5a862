"""Whoever alters a token, a ticket or a signed link gets nothing: each case by name, on a real object storage."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, cast
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import httpx
import pytest
from mrx_exchange_adapter.app import Buckets, buckets_of
from mrx_exchange_adapter.handlers.checking import settle_due
from mrx_exchange_adapter.ports import Quarantine, QuarantinedFile
from mrx_exchange_adapter.settings import Settings
from mrx_shared.messages.notification import MailFailed
from mrx_shared.store.objects import S3Objects

from tests.component.exchange_adapter.conftest import (
    NOW,
    PRESIGNER,
    READER,
    Asked,
    Exchange,
    MakeExchange,
    checksum,
    pdf,
    promise,
)

pytestmark = pytest.mark.live

BODY = pdf("the promised report")
OTHER = BODY[:-8] + b"tampered"
NO_ENTRY = {400, 401, 403, 404, 405, 409, 411, 412, 422}


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A request with an open ticket, and another supplier's with one of its own."""

    exchange: Exchange
    asked: Asked
    ticket: dict[str, Any]
    others: Asked
    others_ticket: dict[str, Any]

    async def put(self, body: bytes = BODY, *, url: str | None = None, **headers: str | None) -> int:
        """PUT with the ticket's own link and headers, but for what is stated; None leaves a header out."""
        stated = {name.replace("_", "-").lower(): value for name, value in headers.items()}
        signed = {name.lower(): value for name, value in self.ticket["headers"].items()}
        sent = {name: value for name, value in (signed | stated).items() if value is not None}
        return (await self.exchange.s3("PUT", url or self.url, content=body, headers=sent)).status_code

    @property
    def url(self) -> str:
        url: str = self.ticket["url"]
        return url

    def altered(self, pattern: str, by: str) -> str:
        """The ticket's link with one part of it replaced."""
        changed = re.sub(pattern, by, self.url, count=1)
        assert changed != self.url
        return changed

    async def asks(self, method: str, url: str) -> int:
        return (await self.exchange.s3(method, url)).status_code

    async def calls(self, path: str, token: str) -> int:
        return (await self.exchange.post(path, token, promise(BODY))).status_code

    async def arrival(self, ticket: dict[str, Any], asked: Asked) -> int:
        path = f"/v1/pages/tickets/{ticket['ticket_id']}/arrival"
        return (await self.exchange.post(path, asked)).status_code


@pytest.fixture
async def scene(exchange: Exchange) -> Scene:
    asked, others = await exchange.asked(), await exchange.asked()
    return Scene(
        exchange=exchange,
        asked=asked,
        ticket=await exchange.ticket(asked, BODY),
        others=others,
        others_ticket=await exchange.ticket(others, OTHER),
    )


async def a_larger_file(scene: Scene) -> int:
    return await scene.put(BODY + b"\n", Content_Length=str(len(BODY) + 1))


async def a_smaller_file(scene: Scene) -> int:
    return await scene.put(BODY[:-1], Content_Length=str(len(BODY) - 1))


async def a_file_of_unstated_size(scene: Scene) -> int:
    async def pieces() -> Any:  # noqa: ANN401
        yield BODY

    headers = {name: value for name, value in scene.ticket["headers"].items() if name != "Content-Length"}
    return (await scene.exchange.s3("PUT", scene.url, content=pieces(), headers=headers)).status_code


async def other_bytes_of_the_same_size(scene: Scene) -> int:
    return await scene.put(OTHER)


async def other_bytes_with_their_own_checksum(scene: Scene) -> int:
    return await scene.put(OTHER, x_amz_checksum_sha256=checksum(OTHER))


async def other_bytes_without_the_checksum(scene: Scene) -> int:
    return await scene.put(OTHER, x_amz_checksum_sha256=None)


async def other_bytes_under_another_kind_of_checksum(scene: Scene) -> int:
    return await scene.put(OTHER, x_amz_checksum_sha256=None, x_amz_checksum_crc32="AAAAAA==")


async def another_media_type(scene: Scene) -> int:
    return await scene.put(Content_Type="text/html")


async def the_condition_left_out(scene: Scene) -> int:
    return await scene.put(If_None_Match=None)


async def the_condition_weakened(scene: Scene) -> int:
    return await scene.put(If_None_Match='"x"')


async def another_key(scene: Scene) -> int:
    return await scene.put(url=scene.altered(r"/quarantine/[^?]+", f"/quarantine/{uuid4()}/mine"))


async def another_ticket_s_key(scene: Scene) -> int:
    return await scene.put(url=scene.altered(r"/quarantine/[^?]+", urlsplit(scene.others_ticket["url"]).path))


async def another_bucket(scene: Scene) -> int:
    return await scene.put(url=scene.altered("/quarantine/", "/vault/"))


async def a_key_with_steps_upwards(scene: Scene) -> int:
    return await scene.put(url=scene.altered("/quarantine/", "/quarantine/../vault/"))


async def a_changed_signature(scene: Scene) -> int:
    return await scene.put(url=scene.altered("X-Amz-Signature=....", "X-Amz-Signature=0000"))


async def a_signature_left_out(scene: Scene) -> int:
    return await scene.put(url=scene.url.partition("?")[0])


async def a_changed_date(scene: Scene) -> int:
    later = (NOW() + timedelta(minutes=5)).strftime("%Y%m%dT%H%M%SZ")
    return await scene.put(url=scene.altered(r"X-Amz-Date=\w+", f"X-Amz-Date={later}"))


async def a_longer_life(scene: Scene) -> int:
    return await scene.put(url=scene.altered("X-Amz-Expires=600", "X-Amz-Expires=604800"))


async def fewer_signed_headers(scene: Scene) -> int:
    return await scene.put(url=scene.altered("X-Amz-SignedHeaders=[^&]+", "X-Amz-SignedHeaders=host"))


async def a_further_query(scene: Scene) -> int:
    return await scene.put(url=f"{scene.url}&tagging=")


async def a_part_of_many(scene: Scene) -> int:
    return await scene.put(url=f"{scene.url}&partNumber=1&uploadId=1")


async def reading_by_the_link(scene: Scene) -> int:
    await scene.put()
    return await scene.asks("GET", scene.url)


async def asking_what_lies_there_by_the_link(scene: Scene) -> int:
    await scene.put()
    return await scene.asks("HEAD", scene.url)


async def removing_by_the_link(scene: Scene) -> int:
    await scene.put()
    return await scene.asks("DELETE", scene.url)


async def listing_the_bucket_by_the_link(scene: Scene) -> int:
    return await scene.asks("GET", scene.altered(r"/quarantine/[^?]+", "/quarantine"))


async def a_form_posted_to_the_link(scene: Scene) -> int:
    return await scene.asks("POST", scene.url)


async def a_second_use(scene: Scene) -> int:
    assert await scene.put() == 200
    return await scene.put()


async def a_second_use_after_the_file_was_taken(scene: Scene) -> int:
    assert await scene.put() == 200
    await scene.arrival(scene.ticket, scene.asked)
    await scene.exchange.carry_on()
    return await scene.put()


async def a_truncated_token(scene: Scene) -> int:
    return await scene.calls("/v1/pages/tickets", scene.asked.token[:-1])


async def a_lengthened_token(scene: Scene) -> int:
    return await scene.calls("/v1/pages/tickets", scene.asked.token + "0")


async def an_empty_token(scene: Scene) -> int:
    return await scene.calls("/v1/pages/tickets", "")


async def the_hash_in_place_of_the_token(scene: Scene) -> int:
    return await scene.calls("/v1/pages/tickets", scene.asked.token_hash)


async def a_token_in_the_query(scene: Scene) -> int:
    answer = await scene.exchange.http.get(f"/v1/pages?MRX-Page-Token={scene.asked.token}")
    return answer.status_code


async def a_token_as_a_cookie(scene: Scene) -> int:
    answer = await scene.exchange.http.get(
        "/v1/pages", headers={"Cookie": f"MRX-Page-Token={scene.asked.token}"}
    )
    return answer.status_code


async def a_token_as_a_bearer_token(scene: Scene) -> int:
    answer = await scene.exchange.http.get(
        "/v1/reports", headers={"Authorization": f"Bearer {scene.asked.token}"}
    )
    return answer.status_code


async def a_bearer_token_as_a_page_token(scene: Scene) -> int:
    bearer = scene.exchange.bearer("member", scene.asked.member_id)["Authorization"].partition(" ")[2]
    return await scene.calls("/v1/pages/tickets", bearer[:200])


async def another_s_arrival(scene: Scene) -> int:
    return await scene.arrival(scene.others_ticket, scene.asked)


async def the_arrival_of_a_ticket_that_never_was(scene: Scene) -> int:
    return await scene.arrival({"ticket_id": str(uuid4())}, scene.asked)


Case = Callable[[Scene], Awaitable[int]]
CASES: list[Case] = [
    a_larger_file,
    a_smaller_file,
    a_file_of_unstated_size,
    other_bytes_of_the_same_size,
    other_bytes_with_their_own_checksum,
    other_bytes_without_the_checksum,
    other_bytes_under_another_kind_of_checksum,
    another_media_type,
    the_condition_left_out,
    the_condition_weakened,
    another_key,
    another_ticket_s_key,
    another_bucket,
    a_key_with_steps_upwards,
    a_changed_signature,
    a_signature_left_out,
    a_changed_date,
    a_longer_life,
    fewer_signed_headers,
    a_further_query,
    a_part_of_many,
    reading_by_the_link,
    asking_what_lies_there_by_the_link,
    removing_by_the_link,
    listing_the_bucket_by_the_link,
    a_form_posted_to_the_link,
    a_second_use,
    a_second_use_after_the_file_was_taken,
    a_truncated_token,
    a_lengthened_token,
    an_empty_token,
    the_hash_in_place_of_the_token,
    a_token_in_the_query,
    a_token_as_a_cookie,
    a_token_as_a_bearer_token,
    a_bearer_token_as_a_page_token,
    another_s_arrival,
    the_arrival_of_a_ticket_that_never_was,
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__.replace("_", " "))
async def test_it_is_refused_and_the_ticket_still_takes_its_own_file_alone(case: Case, scene: Scene) -> None:
    assert await case(scene) in NO_ENTRY
    await scene.put()  # taken, or there already
    await scene.arrival(scene.ticket, scene.asked)
    await scene.exchange.carry_on()
    page = (await scene.exchange.page(scene.asked)).json()
    assert [one["state"] for one in page["uploads"]] == ["stored"]
    assert page["report"]["sha256"] == promise(BODY)["sha256"]
    others = (await scene.exchange.page(scene.others)).json()
    assert [one["state"] for one in others["uploads"]] == ["waiting"]


def at(settings: Settings, moment: timedelta) -> Buckets:
    """The buckets of a service whose machine's clock is wrong by so much: what it signs is from then."""
    whole = buckets_of(settings)

    def shifted(name: str, access_key: str, secret: Any) -> S3Objects:  # noqa: ANN401
        return S3Objects(
            endpoint=settings.s3_endpoint,
            public_url=settings.s3_public_url,
            access_key=access_key,
            secret_key=secret,
            bucket=name,
            clock=lambda: NOW() + moment,
        )

    return Buckets(
        presigner=shifted("quarantine", PRESIGNER.access_key, settings.presigner_secret_key),
        scanner=whole.scanner,
        vault=whole.vault,
        reader=whole.reader,
    )


async def test_an_expired_upload_link_takes_nothing(make_exchange: MakeExchange, settings: Settings) -> None:
    exchange = make_exchange(buckets=at(settings, -timedelta(minutes=11)))
    asked = await exchange.asked()
    assert (await exchange.put(await exchange.ticket(asked, BODY), BODY)).status_code == 403


async def test_a_link_of_the_last_minute_still_takes_its_file(
    make_exchange: MakeExchange, settings: Settings
) -> None:
    exchange = make_exchange(buckets=at(settings, -timedelta(minutes=9)))
    asked = await exchange.asked()
    assert (await exchange.put(await exchange.ticket(asked, BODY), BODY)).status_code == 200


async def test_an_expired_page_token_opens_nothing(exchange: Exchange) -> None:
    answers = []
    for days in (179, 181):
        asked = Asked()
        await exchange.request_is(asked, "accepted")
        await exchange.mail_was_sent(asked, days_ago=days)
        answers.append(await exchange.page(asked))
    assert [one.status_code for one in answers] == [200, 404]
    assert "ask the member that wrote to you for a new link" in answers[1].json()["remedy"]


async def test_unknown_and_expired_tokens_are_answered_alike(exchange: Exchange) -> None:
    expired = Asked()
    await exchange.request_is(expired, "accepted")
    await exchange.mail_was_sent(expired, days_ago=200)
    answers = [await exchange.page(token) for token in (expired.token, "never-made", "")]
    assert {(one.status_code, one.content) for one in answers} == {(404, answers[0].content)}


async def test_a_link_of_a_failed_mail_that_arrived_nevertheless_opens_the_page_and_one_to_the_member_does_not(
    exchange: Exchange,
) -> None:
    for kind, status in (("invitation", 200), ("ready", 404)):
        asked = Asked()
        await exchange.request_is(asked, "accepted")
        failed = MailFailed(
            mail_id=asked.mail_id,
            kind=kind,
            asked_by="report_request",
            about=asked.request_id,
            cause="refused",
            status="5.1.1",
            token_hashes=[asked.token_hash],
            failed_at=NOW(),
        )
        await exchange.hear(failed)
        assert (await exchange.page(asked)).status_code == status


@pytest.mark.parametrize("order", ["mail first", "revocation first"])
async def test_the_links_of_a_replaced_contact_open_nothing_and_the_new_ones_do(
    order: str, exchange: Exchange
) -> None:
    old = Asked()
    new = replace(old, token="of-the-new-mail", mail_id=uuid4())
    ticket: dict[str, Any] = {"ticket_id": uuid4()}
    await exchange.request_is(old, "accepted")
    if order == "mail first":
        await exchange.mail_was_sent(old)
        ticket = await exchange.ticket(old, BODY)
        await exchange.put(ticket, BODY)
    await exchange.request_is(old, "accepted", revoked_mails=[old.mail_id])
    if order != "mail first":
        await exchange.mail_was_sent(old)
    await exchange.mail_was_sent(new)

    unknown = await exchange.page("never-made")
    answers = [
        await exchange.page(old),
        await exchange.post("/v1/pages/tickets", old, promise(BODY)),
        await exchange.post("/v1/pages/platform", old, {"site_code": "ZS1234567"}),
        await exchange.post(f"/v1/pages/tickets/{ticket['ticket_id']}/arrival", old),
    ]
    assert {(one.status_code, one.content) for one in answers} == {(404, unknown.content)}
    page = await exchange.page(new)
    assert page.status_code == 200
    await exchange.sweep()
    await exchange.carry_on()
    uploads = (await exchange.page(new)).json()["uploads"]
    assert [(one["state"], one["reasons"]) for one in uploads] == (
        [("lapsed", ["contact-replaced"])] if order == "mail first" else []
    )
    await exchange.ticket(new, BODY)


class WhileAsked:
    """The quarantine, where something happens while it is asked what lies there."""

    def __init__(self, quarantine: Quarantine, happens: Callable[[], Awaitable[None]]) -> None:
        self._quarantine = quarantine
        self._happens = happens

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401
        return getattr(self._quarantine, name)

    async def head(self, key: str) -> QuarantinedFile | None:
        quarantined = await self._quarantine.head(key)
        await self._happens()
        return quarantined


async def test_a_file_is_not_taken_when_its_contact_is_replaced_while_storage_is_asked(
    exchange: Exchange,
) -> None:
    old = await exchange.asked()
    new = replace(old, token="of-the-new-mail", mail_id=uuid4())
    await exchange.upload(old, BODY)

    async def replaced() -> None:
        await exchange.request_is(old, "accepted", revoked_mails=[old.mail_id])
        await exchange.mail_was_sent(new)

    bench = exchange.bench
    await settle_due(replace(bench, quarantine=cast("Quarantine", WhileAsked(bench.quarantine, replaced))))
    await exchange.carry_on()
    [upload] = (await exchange.page(new)).json()["uploads"]
    assert (upload["state"], upload["reasons"]) == ("lapsed", ["contact-replaced"])
    assert "report-received" not in await exchange.said(old.request_id)


async def test_a_token_of_which_the_mail_is_not_known_ends_with_the_first_that_is_revoked(
    exchange: Exchange,
) -> None:
    asked, other = await exchange.asked(), await exchange.asked()
    await exchange.superuser.execute("UPDATE page_token SET mail_id = NULL")
    await exchange.request_is(asked, "accepted", revoked_mails=[uuid4()])
    assert [(await exchange.page(one)).status_code for one in (asked, other)] == [404, 200]


async def test_any_number_of_mails_is_revoked_at_once(exchange: Exchange) -> None:
    asked = await exchange.asked()
    many = [asked.mail_id, *(uuid4() for _ in range(20_000))]

    async def revoke(mails: list[UUID]) -> bool:
        return await exchange.service.transact(lambda work: work.pages.revoke(asked.request_id, mails))

    assert [await revoke(mails) for mails in ([], many, many[:1])] == [False, True, False]
    assert (await exchange.page(asked)).status_code == 404


async def stored(exchange: Exchange) -> tuple[Asked, str, str]:
    """A report in the vault: its request, its id, and a download link."""
    asked = await exchange.asked()
    await exchange.upload(asked, BODY)
    await exchange.carry_on()
    report_id = (await exchange.page(asked)).json()["report"]["report_id"]
    link = await exchange.link(asked.member_id, report_id)
    assert link.status_code == 201
    return asked, report_id, link.json()["url"]


async def test_a_download_link_reads_this_report_and_does_nothing_else(exchange: Exchange) -> None:
    _, _, url = await stored(exchange)
    _, _, others = await stored(exchange)
    assert (await exchange.s3("GET", url)).status_code == 200
    path, _, query = url.partition("?")
    other_path = others.partition("?")[0]
    altered = {
        "another report": ("GET", f"{other_path}?{query}"),
        "the whole vault": ("GET", f"{path.rpartition('/reports/')[0]}?{query}"),
        "no signature": ("GET", path),
        "a changed signature": ("GET", url[:-4] + ("0000" if not url.endswith("0000") else "1111")),
        "a longer life": ("GET", url.replace("X-Amz-Expires=60", "X-Amz-Expires=6000")),
        "another file name": ("GET", url.replace("MRX-", "EVIL-")),
        "shown in the browser": ("GET", url.replace("attachment", "inline")),
        "written to": ("PUT", url),
        "removed": ("DELETE", url),
    }
    for name, (method, address) in altered.items():
        assert address != url or method != "GET", name
        answer: httpx.Response = await exchange.s3(method, address)
        assert answer.status_code in {400, 403}, name
    assert (await exchange.s3("GET", url)).content == BODY


async def test_an_expired_download_link_reads_nothing(settings: Settings, exchange: Exchange) -> None:
    asked, _, _ = await stored(exchange)
    key = await exchange.superuser.fetchval(
        "SELECT vault_key FROM report WHERE request_id = $1", asked.request_id
    )
    reader = S3Objects(
        endpoint=settings.s3_endpoint,
        public_url=settings.s3_public_url,
        access_key=READER.access_key,
        secret_key=settings.reader_secret_key,
        bucket="vault",
    )
    url = await reader.link(key, file_name="x.pdf", lasting=timedelta(seconds=1))
    signed_at = NOW()

    async def answer() -> int:
        return (await exchange.s3("GET", url)).status_code

    while NOW() < signed_at + timedelta(seconds=10) and await answer() == 200:
        pass
    assert await answer() == 403


async def test_a_link_is_told_once_also_to_whoever_repeats_the_request(exchange: Exchange) -> None:
    asked, report_id, _ = await stored(exchange)
    first = await exchange.link(asked.member_id, report_id, key="the-same-key")
    again = await exchange.link(asked.member_id, report_id, key="the-same-key")
    assert first.json()["url"]
    assert (again.status_code, again.json()["url"]) == (201, None)


async def test_no_other_member_gets_a_link_or_learns_that_there_is_a_report(exchange: Exchange) -> None:
    asked, report_id, _ = await stored(exchange)
    stranger = uuid4()
    for answer in (
        await exchange.link(stranger, report_id),
        await exchange.link(stranger, str(uuid4())),
        await exchange.get_as("member", f"/v1/reports/{report_id}", stranger),
    ):
        assert (answer.status_code, answer.json()["detail"]) == (404, "there is no such report")
    assert (await exchange.get_as("member", "/v1/reports", stranger)).json() == {"reports": []}
    for role in ("secretariat", "reviewer", "operator"):
        assert (await exchange.get_as(role, f"/v1/reports/{report_id}")).status_code == 403
    assert len((await exchange.page(asked)).json()["accesses"]) == 1


async def test_an_object_that_somebody_else_laid_under_a_tickets_key_is_not_taken(
    exchange: Exchange, settings: Settings
) -> None:
    """Were the presigner's secret stolen: the check goes by the ticket, not by what lies there."""
    asked = await exchange.asked()
    ticket = await exchange.ticket(asked, BODY)
    thief = exchange.buckets.presigner
    key = urlsplit(ticket["url"]).path.removeprefix("/quarantine/")
    await thief.put(key, OTHER, content_type="application/pdf")
    assert (await exchange.put(ticket, BODY)).status_code == 412
    await exchange.post(f"/v1/pages/tickets/{ticket['ticket_id']}/arrival", asked)
    await exchange.carry_on()
    page = (await exchange.page(asked)).json()
    assert page["report"] is None
    assert page["uploads"][0]["reasons"] == ["checksum-differs"]
    assert await exchange.said(asked.request_id) == ["upload-begun", "report-refused"]


async def test_the_arrival_of_a_file_for_another_request_of_the_same_member_is_refused(
    exchange: Exchange,
) -> None:
    one = await exchange.asked()
    sibling = await exchange.asked(member_id=one.member_id)
    ticket = await exchange.ticket(one, BODY)
    assert (await exchange.put(ticket, BODY)).status_code == 200
    path = f"/v1/pages/tickets/{ticket['ticket_id']}/arrival"
    assert (await exchange.post(path, sibling)).status_code == 404
    await exchange.carry_on()
    assert (await exchange.page(one)).json()["uploads"][0]["state"] == "waiting"
    assert (await exchange.page(sibling)).json()["uploads"] == []
