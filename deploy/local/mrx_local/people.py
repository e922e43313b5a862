"""The first people of a fresh stack: two of the secretariat, two reviewers, an operator; and how people sign in to the pages."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx

from mrx_local.credentials import Credentials, Person

FIRST = "First of the secretariat"
OTHERS = (
    ("secretariat", "secretariat", "Second of the secretariat"),
    ("reviewer", "reviewer", "Reviewer"),
    ("second_reviewer", "reviewer", "Second reviewer"),
    ("operator", "operator", "Operator"),
)
"""Under what each is kept, the role, the name."""
ANSWER_WITHIN = 10.0
GIVE_UP_AFTER = 60.0
PAUSE = 0.2
AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


class Refused(OSError):
    """The registry does not take what a start of the stack asks of it."""


class Chosen(Refused):
    """The person signs in already, with a password that this stack was not told."""


async def introduce_people(registry_url: str, *, bootstrap_secret: str, credentials: Credentials) -> None:
    """Make the people that are not there yet and keep their credentials. Rides over a registry that is being restarted."""
    async with httpx.AsyncClient(base_url=registry_url, timeout=ANSWER_WITHIN, trust_env=False) as client:
        registry = _Registry(client)
        if not credentials.secretariat:
            credentials.keep_person("secretariat", await registry.first_secretariat(bootstrap_secret))
        for key, role, name in OTHERS:
            known = credentials.secretariat[1:] if key == "secretariat" else credentials.person(key)
            if not known:
                token = await registry.token(credentials.secretariat[0])
                credentials.keep_person(key, await registry.person(name, role, token))


async def let_sign_in(
    registry_url: str, person: Person, *, email: str, password: str, credentials: Credentials
) -> None:
    """Give a person an e-mail address and a password for the pages, and keep both. Repeatable. Raises `Chosen`."""
    async with httpx.AsyncClient(base_url=registry_url, timeout=ANSWER_WITHIN, trust_env=False) as client:
        registry = _Registry(client)
        if not await registry.opens(email, password):
            token = await registry.token(credentials.secretariat[0])
            await registry.sign_in(person, email, password, secretariat=token)
    credentials.keep_sign_in(person["name"], {"email": email, "password": password})


async def introduce_person(
    registry_url: str, name: str, *, member_id: str, credentials: Credentials
) -> Person:
    """Let a person of a member in."""
    async with httpx.AsyncClient(base_url=registry_url, timeout=ANSWER_WITHIN, trust_env=False) as client:
        registry = _Registry(client)
        token = await registry.token(credentials.secretariat[0])
        return await registry.person(name, "member", token, member_id=member_id)


class _Registry:
    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def first_secretariat(self, bootstrap_secret: str) -> Person:
        """Until somebody has signed in as the first, asking again gives it another secret."""
        header = {"MRX-Bootstrap-Secret": bootstrap_secret}
        return await self._made("/v1/bootstrap", {"name": FIRST}, header)

    async def token(self, person: Person) -> str:
        form = {
            "grant_type": "client_credentials",
            "audience": "mrx.registry",
            "client_id": person["client_id"],
            "client_secret": person["client_secret"],
        }
        answer = await _riding_over(lambda: self._client.post("/v1/token", data=form))
        return str(answer["access_token"])

    async def person(self, name: str, role: str, token: str, *, member_id: str | None = None) -> Person:
        body = {
            "kind": "person",
            "name": name,
            "role": role,
            **({"member_id": member_id} if member_id else {}),
        }
        return await self._made("/v1/principals", body, {"Authorization": f"Bearer {token}"})

    async def opens(self, email: str, password: str) -> bool:
        """Whether a start that was cut short had come so far already."""
        typed = {"email": email, "password": password}
        try:
            session = await _riding_over(lambda: self._client.post("/v1/sign-ins", json=typed))
        except Refused:
            return False
        left = {"MRX-Session": str(session["session"])}
        await _riding_over(lambda: self._client.post("/v1/sign-ins/current/end", headers=left))
        return True

    async def sign_in(self, person: Person, email: str, password: str, *, secretariat: str) -> None:
        """The secretariat states the address; the person, known by its secret, need not wait for the mail."""
        path = f"/v1/principals/{person['principal_id']}"
        await self._told(f"{path}/sign-in", {"email": email}, secretariat)
        try:
            await self._told(f"{path}/password", {"password": password}, await self.token(person))
        except Refused as refusal:
            raise Chosen(*refusal.args) from refusal

    async def _told(self, path: str, body: dict[str, str], token: str) -> None:
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(uuid4())}
        await _riding_over(lambda: self._client.post(path, json=body, headers=headers))

    async def _made(self, path: str, body: dict[str, str], headers: dict[str, str]) -> Person:
        """A secret is shown once: a request whose answer was lost is made anew, not repeated under its old key."""
        answer = await _riding_over(
            lambda: self._client.post(path, json=body, headers={**headers, "Idempotency-Key": str(uuid4())})
        )
        kept = ("principal_id", "client_id", "client_secret")
        return {"name": body["name"], **{key: str(answer[key]) for key in kept}}


async def _riding_over(send: Callable[[], Awaitable[httpx.Response]]) -> dict[str, Any]:
    """Send until the registry answers; raises Refused on an answer that will not change."""
    give_up = time.monotonic() + GIVE_UP_AFTER
    while True:
        try:
            answer = await send()
        except httpx.TransportError as error:
            trouble = repr(error)
        else:
            if answer.is_success:
                found: dict[str, Any] = answer.json()
                return found
            trouble = f"{answer.request.url.path} answered {answer.status_code}: {answer.text[:500]}"
            if answer.status_code not in AWAY:
                raise Refused(trouble)
        if time.monotonic() > give_up:
            raise Refused(f"no answer within {GIVE_UP_AFTER:.0f} s: {trouble}")
        await asyncio.sleep(PAUSE)
