"""Ask every service how it is, what it could not handle and what it could not send."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from mrx_shared.refusals import Invalid, Rejected, Unavailable, Unknown

from mrx_operator.ports import Service, Shown

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceAnswer(Generic[T]):
    """A service's answer, or why there is none."""

    service: str
    answer: T | None = None
    away: str | None = None


async def ask_all(
    services: Sequence[Service], ask: Callable[[Service], Awaitable[T]]
) -> list[ServiceAnswer[T]]:
    """Ask all services at once. One that is away keeps nobody from the answers of the others."""

    async def one(service: Service) -> ServiceAnswer[T]:
        try:
            return ServiceAnswer(service=service.name, answer=await ask(service))
        except Unavailable as error:
            return ServiceAnswer(service=service.name, away=str(error))

    return await asyncio.gather(*map(one, services))


async def status(services: Sequence[Service]) -> list[ServiceAnswer[Shown]]:
    """How every service is."""
    return await ask_all(services, lambda service: service.status())


def chosen(services: Mapping[str, Service], name: str | None) -> list[Service]:
    """The service of that name, or all. Raises `Invalid`."""
    if name is None:
        return list(services.values())
    if name not in services:
        raise Invalid(
            f"no service is called {name}", field="--service", remedy=f"write one of {', '.join(services)}"
        )
    return [services[name]]


async def find_dead_letter(services: Sequence[Service], letter: UUID) -> tuple[Service, Shown]:
    """The dead letter and the service that keeps it. Raises `Unknown`, or `Unavailable` where it may be hidden."""
    away = None
    for service in services:
        try:
            return service, await service.dead_letter(letter)
        except Unknown:
            continue
        except Unavailable as error:
            away = error
    if away is not None:
        raise away
    raise Unknown("no service keeps this dead letter", field="id", remedy="list them first")


@dataclass(frozen=True, slots=True, kw_only=True)
class Replayed:
    """What became of a dead letter's new try."""

    service: str
    letter: UUID
    outcome: str
    handled: bool


async def replay(service: Service, letters: Sequence[UUID]) -> list[Replayed]:
    """Have dead letters handled again, in this order. A refusal keeps nobody from the next."""
    outcomes = []
    for letter in letters:
        try:
            outcome, handled = await service.replay(letter), True
        except Rejected as refusal:
            outcome, handled = f"refused: {refusal.reason}", False
        outcomes.append(Replayed(service=service.name, letter=letter, outcome=outcome, handled=handled))
    return outcomes
