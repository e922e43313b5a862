"""The first people of a fresh stack: two of the secretariat, two reviewers, an operator; and how people sign in to the pages."""

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeVar
from uuid import UUID

from mrx_shared.api.registry import (
    NewFirstPassword,
    NewFirstPrincipal,
    NewPrincipal,
    NewSession,
    NewSignIn,
    Principal,
    Role,
    Session,
)
from mrx_shared.kit.client import Client, Headers, Services, Tokens
from mrx_shared.refusals import Rejected, Unavailable

from mrx_local.credentials import Credentials, Person

T = TypeVar("T")
FIRST = "First of the secretariat"
OTHERS: tuple[tuple[str, Role, str], ...] = (
    ("secretariat", "secretariat", "Second of the secretariat"),
    ("reviewer", "reviewer", "Reviewer"),
    ("second_reviewer", "reviewer", "Second reviewer"),
    ("operator", "operator", "Operator"),
)
"""Under what each is kept, the role, the name."""
PATIENCE_S = 60.0
SECRETS_ASKED = 3


class Chosen(Rejected):
    """The person signs in already, with a password that this stack was not told."""


def patient(urls: Mapping[str, str]) -> Services:
    """The services of a stack; a service that restarts is waited for."""
    return Services(urls, patience_s=PATIENCE_S)


def acting_as(services: Services, person: Mapping[str, str]) -> Client:
    """The services as this person calls them."""
    return Client(services, Tokens.of_client(services, person["client_id"], person["client_secret"]))


async def introduce_people(services: Services, *, bootstrap_secret: str, credentials: Credentials) -> None:
    """Make the people that are not there yet and keep their credentials."""
    if not credentials.secretariat:
        # Until somebody has signed in as the first, asking again gives it another secret.
        nobody = Client(services, Headers({"MRX-Bootstrap-Secret": bootstrap_secret}))
        first = await _made(nobody, "/v1/bootstrap", NewFirstPrincipal(name=FIRST))
        credentials.keep_person("secretariat", first)
    for key, role, name in OTHERS:
        known = credentials.secretariat[1:] if key == "secretariat" else credentials.person(key)
        if not known:
            secretariat = acting_as(services, credentials.secretariat[0])
            asked = NewPrincipal(kind="person", name=name, role=role)
            credentials.keep_person(key, await let_in(secretariat, asked))


async def introduce_person(
    services: Services, name: str, *, member_id: str, email: str, password: str, credentials: Credentials
) -> None:
    """Let a person of a member in, who signs in to the pages with this address and password."""
    asked = NewPrincipal(kind="person", name=name, role="member", member_id=UUID(member_id))
    person = await let_in(acting_as(services, credentials.secretariat[0]), asked)
    await let_sign_in(services, person, email=email, password=password, credentials=credentials)


async def let_sign_in(
    services: Services, person: Person, *, email: str, password: str, credentials: Credentials
) -> None:
    """Give a person an e-mail address and a password for the pages, and keep both. Repeatable. Raises `Chosen`."""
    if not await _opens(services, email, password):
        path = f"/v1/principals/{person['principal_id']}"
        secretariat = acting_as(services, credentials.secretariat[0])
        await secretariat.post("registry", f"{path}/sign-in", NewSignIn(email=email))
        try:
            # The person is known by its secret, and need not wait for the mail.
            await acting_as(services, person).post(
                "registry", f"{path}/password", NewFirstPassword(password=password)
            )
        except Rejected as refusal:
            raise Chosen(refusal.reason) from refusal
    credentials.keep_sign_in(person["name"], {"email": email, "password": password})


async def _opens(services: Services, email: str, password: str) -> bool:
    """Whether a start that was cut short had come so far already."""
    try:
        opened = await Client(services).post(
            "registry", "/v1/sign-ins", NewSession(email=email, password=password), Session
        )
    except Rejected:
        return False
    await Client(services, Headers({"MRX-Session": opened.session})).post(
        "registry", "/v1/sign-ins/current/end"
    )
    return True


async def let_in(secretariat: Client, asked: NewPrincipal) -> Person:
    """Let a person or a system in. Returns what it calls the services with."""
    return await _made(secretariat, "/v1/principals", asked)


async def _made(client: Client, path: str, asked: NewFirstPrincipal | NewPrincipal) -> Person:
    made, secret = await shown_once(
        lambda: client.post("registry", path, asked, Principal), lambda one: one.client_secret
    )
    return {
        "name": asked.name,
        "principal_id": str(made.principal_id),
        "client_id": made.client_id,
        "client_secret": secret,
    }


async def shown_once(post: Callable[[], Awaitable[T]], secret: Callable[[T], str | None]) -> tuple[T, str]:
    """An answer with its secret, which is shown once: where the first answer was lost, another secret is asked for."""
    for _ in range(SECRETS_ASKED):
        made = await post()
        if (shown := secret(made)) is not None:
            return made, shown
    raise Unavailable(f"no secret came in {SECRETS_ASKED} answers")
