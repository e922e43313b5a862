"""People sign in over HTTP, on a real PostgreSQL."""

import json
from asyncio import gather
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

import httpx
import pytest
from mrx_registry.ports import Work
from mrx_shared.bus.keys import key_finder
from mrx_shared.bus.service import Service
from mrx_shared.kit.access import verify
from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.benchmark import RecognitionEnding
from mrx_shared.messages.notification import MailSent

from tests.component.registry.conftest import Caller, House, connected, together
from tests.conftest import ServiceDatabase

pytestmark = pytest.mark.live

EMAIL = "ada@acme.example"
PASSWORD = "correct horse battery staple"


async def mails(database: ServiceDatabase) -> list[dict[str, Any]]:
    """The mails that the registry asked for, oldest first."""
    async with connected(database.superuser_url) as connection:
        rows = await connection.fetch(
            "SELECT payload FROM outbox WHERE topic = 'mrx.registry.mails.v1' ORDER BY entry"
        )
    return [json.loads(row["payload"])["data"] for row in rows]


async def went_out(house: House, mail: dict[str, Any], *tokens: str) -> None:
    """Notification says that a mail was sent, with links of these tokens."""
    sent = MailSent(
        mail_id=UUID(mail["mail_id"]),
        kind=mail["kind"],
        asked_by="registry",
        about=UUID(mail["principal_id"]),
        token_hashes=[sha256(token.encode()).hexdigest() for token in tokens],
        sent_at=datetime.now(UTC),  # noqa: TID251  (the other service's clock)
    )
    await house.deliver(sent)


async def signs_in(house: House, email: str = EMAIL, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await house.http.post("/v1/sign-ins", json={"email": email, "password": password, **more})


async def session_of(house: House) -> dict[str, str]:
    """The header of a session that begins now."""
    response = await signs_in(house)
    assert response.status_code == 201, response.text
    return {"MRX-Session": response.json()["session"]}


async def signed_in(house: House, session: dict[str, str]) -> bool:
    return (await house.http.get("/v1/sign-ins/current", headers=session)).status_code == 200


async def ada_at(house: House) -> tuple[Caller, dict[str, Any]]:
    """The secretariat, and a person of a member who has chosen a password."""
    secretariat = await house.secretariat()
    member_id, _ = await house.member(secretariat, "Acme")
    ada = await house.person(secretariat, "Ada Byron", member_id)
    herself = await house.signed_in(ada)
    path = f"/v1/principals/{ada['principal_id']}"
    await secretariat.done(f"{path}/sign-in", {"email": "Ada@Acme.example"})
    await herself.done(f"{path}/password", {"password": PASSWORD})
    return secretariat, ada


async def test_a_person_signs_in_gets_tokens_and_signs_out(house: House, registry: Service[Work]) -> None:
    _, ada = await ada_at(house)
    begun = await signs_in(house, " ADA@acme.example ")
    assert begun.status_code == 201
    assert begun.headers["cache-control"] == "no-store"
    body = begun.json()
    assert (body["principal_id"], body["name"], body["role"]) == (ada["principal_id"], "Ada Byron", "member")
    assert (body["member_id"], body["member_name"]) == (ada["member_id"], "Acme")
    session = {"MRX-Session": body["session"]}
    current = (await house.http.get("/v1/sign-ins/current", headers=session)).json()
    assert current == {key: value for key, value in body.items() if key not in ("session", "browser")}

    form = {
        "grant_type": "urn:mrx:params:oauth:grant-type:session",
        "session": body["session"],
        "audience": "mrx.report_request",
    }
    granted = await house.http.post("/v1/token", data=form)
    assert granted.status_code == 200, granted.text
    find_key, now = key_finder(registry.database), system_clock()()
    who = await verify(granted.json()["access_token"], service="report_request", find_key=find_key, now=now)
    assert (who.subject, str(who.member)) == (ada["principal_id"], ada["member_id"])

    for _ in range(2):
        assert (await house.http.post("/v1/sign-ins/current/end", headers=session)).status_code == 200
    refused = await house.http.get("/v1/sign-ins/current", headers=session)
    assert (refused.status_code, refused.json()["field"]) == (401, "MRX-Session")
    lost = await house.http.post("/v1/token", data=form)
    assert (lost.status_code, lost.json()["error"]) == (400, "invalid_grant")


async def test_a_welcome_link_sets_the_first_password_once(
    house: House, empty_database: ServiceDatabase
) -> None:
    secretariat = await house.secretariat()
    reviewer = await house.person(secretariat, "Rita Levi")
    path = f"/v1/principals/{reviewer['principal_id']}/sign-in"
    await secretariat.done(path, {"email": EMAIL, "language": "zh"})
    (mail,) = await mails(empty_database)
    assert (mail["kind"], mail["to"], mail["to_name"], mail["language"]) == (
        "welcome",
        EMAIL,
        "Rita Levi",
        "zh",
    )
    await went_out(house, mail, "token-1", "token-2")
    weak = {"token": "token-1", "password": "password1234"}
    refused = await house.http.post("/v1/password-resets/redemption", json=weak)
    assert (refused.status_code, refused.json()["field"]) == (422, "password")
    assert refused.json()["remedy"]

    async def redeem(token: str) -> int:
        body = {"token": token, "password": PASSWORD}
        return (await house.http.post("/v1/password-resets/redemption", json=body)).status_code

    assert sorted(await together(redeem("token-1"), redeem("token-2"), redeem("token-1"))) == [200, 404, 404]
    seen = await signs_in(house)
    assert (seen.json()["role"], seen.json()["member_name"]) == ("reviewer", None)


async def test_a_forgotten_password_is_replaced_and_every_session_ends(
    house: House, empty_database: ServiceDatabase, registry: Service[Work]
) -> None:
    await ada_at(house)
    session = await session_of(house)
    for email in (EMAIL, "nobody@acme.example"):
        answer = await house.http.post("/v1/password-resets", json={"email": email})
        assert (answer.status_code, answer.json()) == (202, {"done": True})
    assert await registry.loop("password-links").once()
    assert not await registry.loop("password-links").once()
    _, mail = await mails(empty_database)
    assert (mail["kind"], mail["valid_minutes"]) == ("password-reset", 30)
    await went_out(house, mail, "token-1")
    assert await signed_in(house, session)
    body = {"token": "token-1", "password": "another fine password"}
    assert (await house.http.post("/v1/password-resets/redemption", json=body)).status_code == 200
    assert not await signed_in(house, session)
    assert (await signs_in(house)).status_code == 401
    assert (await signs_in(house, password="another fine password")).status_code == 201


async def test_the_answer_does_not_tell_whether_an_address_is_known(house: House) -> None:
    await ada_at(house)
    known, unknown = await signs_in(house, EMAIL, "wrong"), await signs_in(house, "no@acme.example", "wrong")
    assert (known.status_code, known.json()) == (unknown.status_code, unknown.json())
    assert known.status_code == 401


async def test_ten_guesses_at_once_and_no_more_are_compared(house: House) -> None:
    await ada_at(house)

    async def guess() -> int:
        return (await signs_in(house, password="a wrong password")).status_code

    assert sorted(await together(*[guess() for _ in range(14)])) == [401] * 10 + [429] * 4
    refused = await signs_in(house)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 15 * 60
    assert (refused.json()["field"], refused.json()["retryable"]) == ("email", True)


async def test_a_crowd_of_strangers_costs_little_at_a_time_and_locks_nobody_out(house: House) -> None:
    await ada_at(house)
    begun = (await signs_in(house)).json()
    known, session = begun["browser"], {"MRX-Session": begun["session"]}

    async def guess(email: str) -> int:
        return (await signs_in(house, email, "a wrong password")).status_code

    async def return_() -> int:
        return (await signs_in(house, browser=known)).status_code

    async def change() -> int:
        body = {"current_password": PASSWORD, "password": PASSWORD}
        path = "/v1/sign-ins/current/password"
        return (await house.http.post(path, json=body, headers=session)).status_code

    async def return_then_change() -> tuple[int, int]:
        return await return_(), await change()

    strangers = [guess(f"stranger-{number}@acme.example") for number in range(200)]
    crowd, (returned, changed) = await gather(together(*strangers), return_then_change())
    assert set(crowd) == {401, 503}
    assert crowd.count(401) <= 64
    assert (returned, changed) == (201, 200)
    assert (await signs_in(house)).status_code == 201
    ten = await together(*[guess(EMAIL) for _ in range(10)])
    assert (ten, (await signs_in(house)).status_code) == ([401] * 10, 429)
    assert (await signs_in(house, browser=known)).status_code == 201


async def test_a_person_changes_its_password_and_stays_signed_in_here_alone(house: House) -> None:
    await ada_at(house)
    other, session = await session_of(house), await session_of(house)

    async def change(current: str, password: str, session: dict[str, str] = session) -> httpx.Response:
        body = {"current_password": current, "password": password}
        return await house.http.post("/v1/sign-ins/current/password", json=body, headers=session)

    wrong = await change("a wrong password", "another fine password")
    assert (wrong.status_code, wrong.json()["field"]) == (422, "current_password")
    weak = await change(PASSWORD, "password1234")
    assert (weak.status_code, weak.json()["field"]) == (422, "password")
    assert (await change(PASSWORD, "another fine password")).status_code == 200
    assert (await signed_in(house, session), await signed_in(house, other)) == (True, False)
    assert (await change("another fine password", PASSWORD, other)).status_code == 401
    assert (await signs_in(house)).status_code == 401
    assert (await signs_in(house, password="another fine password")).status_code == 201
    for _ in range(10):
        await change("a wrong password", PASSWORD)
    locked = await change("another fine password", PASSWORD)
    assert (locked.status_code, locked.json()["field"]) == (429, "current_password")
    assert (await signs_in(house, password="another fine password")).status_code == 201


async def test_a_first_password_is_chosen_once_and_answered_again(house: House) -> None:
    secretariat = await house.secretariat()
    rita = await house.person(secretariat, "Rita Levi")
    herself, path = await house.signed_in(rita), f"/v1/principals/{rita['principal_id']}"
    await secretariat.done(f"{path}/sign-in", {"email": EMAIL})
    for weak in ("password1234", EMAIL):
        refused = await herself.post(f"{path}/password", {"password": weak}, key="the-key-0")
        assert (refused.status_code, refused.json()["field"]) == (422, "password")
    both = [await herself.post(f"{path}/password", {"password": PASSWORD}, key="the-key-1") for _ in range(2)]
    assert [(one.status_code, one.json()) for one in both] == [(200, {"done": True})] * 2
    assert (await signs_in(house)).status_code == 201


async def test_suspension_and_disabling_sign_people_out(house: House) -> None:
    secretariat, ada = await ada_at(house)
    session = await session_of(house)
    await secretariat.done(f"/v1/members/{ada['member_id']}/suspension")
    assert not await signed_in(house, session)
    assert (await signs_in(house)).status_code == 403
    await secretariat.done(f"/v1/members/{ada['member_id']}/reinstatement")
    assert not await signed_in(house, session)
    session = await session_of(house)
    await secretariat.done(f"/v1/principals/{ada['principal_id']}/disabling")
    assert not await signed_in(house, session)
    assert (await signs_in(house)).status_code == 403


async def test_two_people_who_want_one_address_at_once_do_not_both_get_it(house: House) -> None:
    secretariat = await house.secretariat()
    people = [await house.person(secretariat, name) for name in ("Ada", "Eda")]

    async def set_for(person: dict[str, Any], email: str) -> int:
        path = f"/v1/principals/{person['principal_id']}/sign-in"
        return (await secretariat.post(path, {"email": email})).status_code

    both = await together(set_for(people[0], EMAIL), set_for(people[1], EMAIL.upper()))
    assert sorted(both) == [200, 409]


async def test_nobody_sets_how_another_signs_in(house: House) -> None:
    secretariat, ada = await ada_at(house)
    _, rival = await house.member(secretariat, "Other")
    reviewer = await house.signed_in(await house.person(secretariat, "Rita"))
    herself = await house.signed_in(ada)
    path = f"/v1/principals/{ada['principal_id']}"
    for one in (rival, reviewer, herself):
        assert (await one.post(f"{path}/sign-in", {"email": "evil@other.example"})).status_code == 403
    for one in (rival, reviewer, secretariat):
        assert (await one.post(f"{path}/password", {"password": "a third fine one"})).status_code == 404
    again = await herself.post(f"{path}/password", {"password": "a third fine one"})
    assert (again.status_code, again.json()["field"]) == (409, "password")
    assert (await signs_in(house)).status_code == 201


async def test_no_address_is_sent_welcomes_without_end(house: House, empty_database: ServiceDatabase) -> None:
    secretariat, ada = await ada_at(house)
    path = f"/v1/principals/{ada['principal_id']}/sign-in"
    answers = [await secretariat.post(path, {"email": EMAIL}) for _ in range(6)]
    assert [one.status_code for one in answers] == [200] * 4 + [409] * 2
    assert answers[-1].json()["field"] == "email"
    assert answers[-1].json()["remedy"]
    assert len(await mails(empty_database)) == 5
    assert (await signs_in(house)).status_code == 201


async def test_neither_password_nor_session_nor_a_quick_hash_of_the_password_is_kept(
    house: House, empty_database: ServiceDatabase
) -> None:
    _, ada = await ada_at(house)
    session = await session_of(house)
    body = {"password": PASSWORD}
    path = f"/v1/principals/{ada['principal_id']}/password"
    async with connected(empty_database.superuser_url) as connection:
        names = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = {
            row["tablename"]: await connection.fetch(f"SELECT * FROM {row['tablename']}") for row in names
        }
    dump = repr([list(row.values()) for rows in tables.values() for row in rows])
    assert PASSWORD not in dump
    assert session["MRX-Session"] not in dump
    addressed = {
        name for name, rows in tables.items() if EMAIL in repr([list(r.values()) for r in rows]).lower()
    }
    assert addressed == {"principal", "outbox"}  # there until its mail is sent, as the relay's tests say
    sent = f"POST {path}?\n".encode() + httpx.Request("POST", "http://x", json=body).content
    known_by = [bytes(row["request_hash"]) for row in tables["idempotency"]]
    assert sha256(sent).digest() not in known_by


async def test_an_address_stands_behind_the_wall_of_its_member(
    house: House, empty_database: ServiceDatabase
) -> None:
    _, ada = await ada_at(house)
    async with connected(empty_database.app) as connection, connection.transaction():
        assert await connection.fetch("SELECT 1 FROM principal WHERE email IS NOT NULL") == []
        await connection.execute("SELECT set_config('mrx.tenant', $1, true)", ada["member_id"])
        assert len(await connection.fetch("SELECT 1 FROM principal WHERE email IS NOT NULL")) == 1


async def test_a_members_people_are_mailed_once_however_often_the_benchmark_says_that_recognition_ends(
    house: House, empty_database: ServiceDatabase
) -> None:
    secretariat = await house.secretariat()
    members = {}
    for name in ("Acme", "Birch"):
        members[name], _ = await house.member(secretariat, name)
        person = await house.person(secretariat, f"Ada {name}", members[name])
        email = {"email": f"ada@{name.lower()}.example"}
        await secretariat.done(f"/v1/principals/{person['principal_id']}/sign-in", email)
    now = datetime.now(UTC)  # noqa: TID251  (the other service's clock)
    fact = RecognitionEnding(
        assessment_id=UUID(int=1),
        protocol_id=UUID(int=2),
        protocol_version="3",
        public=False,
        member_id=members["Acme"],
        criteria_version="6.1-4p",
        recognised_until=now.date(),
        days=7,
        reminded_at=now,
    )
    for _ in range(2):
        await house.deliver(fact, event_id=UUID(int=3))
    notices = [one for one in await mails(empty_database) if one["kind"] == "recognition-ending"]
    assert [(one["to"], one["to_name"]) for one in notices] == [("ada@acme.example", "Ada Acme")]


async def test_the_secretariat_sees_the_reviewers_by_name_and_nobody_else_does(house: House) -> None:
    secretariat = await house.secretariat()
    acme, _ = await house.member(secretariat, "Acme")
    ada = await house.person(secretariat, "Ada Byron", acme)
    rita, gone = [await house.person(secretariat, name) for name in ("Rita", "Gone")]
    await secretariat.done(f"/v1/principals/{gone['principal_id']}/disabling", {})
    listed = await secretariat.get("/v1/reviewers")
    assert listed.json() == {"reviewers": [{"principal_id": rita["principal_id"], "name": "Rita"}]}
    for other in (rita, ada):
        for path in ("/v1/reviewers", "/v1/secretariat"):
            assert (await (await house.signed_in(other)).get(path)).status_code == 403


async def test_the_secretariat_sees_its_own_people_by_name_also_those_who_left(house: House) -> None:
    secretariat = await house.secretariat()
    ida = await secretariat.done("/v1/principals", {"kind": "person", "name": "Ida", "role": "secretariat"})
    await secretariat.done(f"/v1/principals/{ida['principal_id']}/disabling", {})
    listed = (await secretariat.get("/v1/secretariat")).json()["people"]
    assert {"principal_id": ida["principal_id"], "name": "Ida"} in listed
