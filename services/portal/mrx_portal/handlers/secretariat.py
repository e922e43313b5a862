"""The secretariat's pages: members, rounds, what stays in quarantine, totals."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from mrx_shared.api.aggregation import NewClosing, NewRound, Release, Round, Rounds
from mrx_shared.api.bodies import fill
from mrx_shared.api.exchange_adapter import Quarantine, QuarantinedFile
from mrx_shared.api.registry import (
    Member,
    Members,
    NewMember,
    NewPrincipal,
    NewSignIn,
    Principal,
    Secretariat,
)
from mrx_shared.refusals import Rejected, Unavailable

from mrx_portal.domain.numbers import RoundNumbers
from mrx_portal.handlers.member import numbers
from mrx_portal.handlers.released import latest_release
from mrx_portal.ports import Api, Service

GROUPS_NEEDED = 5
FILES_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFiles:
    """Files that stay in quarantine, a page of them."""

    files: tuple[QuarantinedFile, ...]
    more: bool
    """whether there are older ones"""

    @property
    def last(self) -> UUID:
        """The file after which the next page begins."""
        return self.files[-1].ticket_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Where the scheme stands."""

    members: tuple[Member, ...]
    rounds: tuple[Round, ...]
    release: Release | None
    quarantine: HeldFiles
    totals: tuple[RoundNumbers, ...]

    @property
    def current(self) -> Round | None:
        """The newest round that is not released yet, or the newest."""
        unfinished = (one for one in self.rounds if one.state != "released")
        return next(unfinished, next(iter(self.rounds), None))


async def overview(api: Api) -> Overview:
    """Everything on the secretariat's first page."""
    found_members, found_rounds, release, waiting, totals = await asyncio.gather(
        members(api), rounds(api), latest_release(api), quarantine(api), numbers(api)
    )
    return Overview(
        members=found_members, rounds=found_rounds, release=release, quarantine=waiting, totals=totals
    )


async def members(api: Api) -> tuple[Member, ...]:
    """All members, by name."""
    return (await api.get(Service.REGISTRY, "/v1/members", Members)).members


async def member(member_id: UUID, api: Api) -> Member:
    """One member."""
    return await api.get(Service.REGISTRY, f"/v1/members/{member_id}", Member)


async def admit(
    name: str, group: str, minority_holdings: Sequence[str], api: Api, *, new_group: bool, key: str
) -> Member:
    """Take a company on; `new_group` makes its group, which is not there yet."""
    company = fill(
        NewMember, name=name, group=group, new_group=new_group, minority_holdings=tuple(minority_holdings)
    )
    return await api.post(Service.REGISTRY, "/v1/members", company, Member, key=key)


async def suspend(member_id: UUID, api: Api, *, key: str) -> None:
    """Suspend a member."""
    await api.post(Service.REGISTRY, f"/v1/members/{member_id}/suspension", key=key)


async def reinstate(member_id: UUID, api: Api, *, key: str) -> None:
    """End a suspension."""
    await api.post(Service.REGISTRY, f"/v1/members/{member_id}/reinstatement", key=key)


async def let_in(member_id: UUID, *, name: str, email: str, api: Api, key: str) -> None:
    """Let a person of a member sign in; a welcome mail with a link to choose a password goes out."""
    person = fill(NewPrincipal, kind="person", name=name, role="member", member_id=member_id)
    made = await api.post(Service.REGISTRY, "/v1/principals", person, Principal, key=f"{key}-person")
    path = f"/v1/principals/{made.principal_id}/sign-in"
    await api.post(Service.REGISTRY, path, fill(NewSignIn, email=email), key=f"{key}-sign-in")


async def rounds(api: Api) -> tuple[Round, ...]:
    """All rounds, newest first."""
    return (await api.get(Service.AGGREGATION, "/v1/rounds", Rounds)).rounds


async def round_of(round_id: UUID, api: Api) -> Round:
    """One round with its numbers."""
    return await api.get(Service.AGGREGATION, f"/v1/rounds/{round_id}", Round)


async def colleagues(api: Api) -> Mapping[str, str]:
    """Who is or was of the secretariat, by principal id; nobody while the registry is away or does not know."""
    try:
        found = await api.get(Service.REGISTRY, "/v1/secretariat", Secretariat)
    except (Unavailable, Rejected):
        return {}
    return {str(one.principal_id): one.name for one in found.people}


async def open_round(as_of: str, api: Api, *, key: str) -> Round:
    """Open a round as of a day, or of today."""
    body = fill(NewRound, as_of=as_of or None)
    return await api.post(Service.AGGREGATION, "/v1/rounds", body, Round, key=key)


async def close(round_id: UUID, api: Api, *, leave_waiting: bool, key: str) -> None:
    """Take no more lists into a round."""
    closing = NewClosing(leave_waiting=leave_waiting)
    await api.post(Service.AGGREGATION, f"/v1/rounds/{round_id}/close", closing, key=key)


async def propose(round_id: UUID, api: Api, *, key: str) -> None:
    """Propose that a round's list is released; another person approves it."""
    await api.post(Service.AGGREGATION, f"/v1/rounds/{round_id}/release", key=key)


async def withdraw(round_id: UUID, api: Api, *, key: str) -> None:
    """Take a proposal back."""
    await api.post(Service.AGGREGATION, f"/v1/rounds/{round_id}/withdrawal", key=key)


async def approve(round_id: UUID, api: Api, *, key: str) -> None:
    """Approve what another person proposed."""
    await api.post(Service.AGGREGATION, f"/v1/rounds/{round_id}/approve", key=key)


STEPS = {"release": propose, "withdrawal": withdraw, "approve": approve}
"""what moves a closed round on, as pages name it"""


async def quarantine(api: Api, *, after: UUID | None = None) -> HeldFiles:
    """What stays in quarantine, and why: the newest first, or those after one."""
    found = await api.get(
        Service.EXCHANGE_ADAPTER, "/v1/quarantine", Quarantine, after=after, limit=FILES_SHOWN + 1
    )
    held = found.held
    return HeldFiles(files=held[:FILES_SHOWN], more=len(held) > FILES_SHOWN)
