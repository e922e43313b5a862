"""The secretariat's pages: members, rounds, what stays in quarantine, totals."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from mrx_shared.refusals import Rejected, Unavailable

from mrx_portal.domain.numbers import RoundNumbers
from mrx_portal.handlers.member import numbers
from mrx_portal.handlers.released import latest_release
from mrx_portal.handlers.shapes import (
    Member,
    Members,
    Principal,
    Quarantine,
    Quarantined,
    Release,
    Round,
    Rounds,
    Secretariat,
    read,
)
from mrx_portal.ports import Api, Service

GROUPS_NEEDED = 5
FILES_SHOWN = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldFiles:
    """Files that stay in quarantine, a page of them."""

    files: tuple[Quarantined, ...]
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
    return read(Members, await api.get(Service.REGISTRY, "/v1/members")).members


async def member(member_id: UUID, api: Api) -> Member:
    """One member."""
    return read(Member, await api.get(Service.REGISTRY, f"/v1/members/{member_id}"))


async def admit(
    name: str, group: str, minority_holdings: Sequence[str], api: Api, *, new_group: bool, key: str
) -> Member:
    """Take a company on; `new_group` makes its group, which is not there yet."""
    body = {
        "name": name,
        "group": group,
        "new_group": new_group,
        "minority_holdings": list(minority_holdings),
    }
    return read(Member, await api.post(Service.REGISTRY, "/v1/members", body, key=key))


async def suspend(member_id: UUID, api: Api, *, key: str) -> None:
    """Suspend a member."""
    await api.post(Service.REGISTRY, f"/v1/members/{member_id}/suspension", key=key)


async def reinstate(member_id: UUID, api: Api, *, key: str) -> None:
    """End a suspension."""
    await api.post(Service.REGISTRY, f"/v1/members/{member_id}/reinstatement", key=key)


async def let_in(member_id: UUID, *, name: str, email: str, api: Api, key: str) -> None:
    """Let a person of a member sign in; a welcome mail with a link to choose a password goes out."""
    body = {"kind": "person", "name": name, "role": "member", "member_id": str(member_id)}
    made = read(Principal, await api.post(Service.REGISTRY, "/v1/principals", body, key=f"{key}-person"))
    await api.post(
        Service.REGISTRY,
        f"/v1/principals/{made.principal_id}/sign-in",
        {"email": email},
        key=f"{key}-sign-in",
    )


async def rounds(api: Api) -> tuple[Round, ...]:
    """All rounds, newest first."""
    return read(Rounds, await api.get(Service.AGGREGATION, "/v1/rounds")).rounds


async def round_of(round_id: UUID, api: Api) -> Round:
    """One round with its numbers."""
    return read(Round, await api.get(Service.AGGREGATION, f"/v1/rounds/{round_id}"))


async def colleagues(api: Api) -> Mapping[str, str]:
    """Who is or was of the secretariat, by principal id; nobody while the registry is away or does not know."""
    try:
        found = read(Secretariat, await api.get(Service.REGISTRY, "/v1/secretariat"))
    except (Unavailable, Rejected):
        return {}
    return {str(one.principal_id): one.name for one in found.people}


async def open_round(as_of: str, api: Api, *, key: str) -> Round:
    """Open a round as of a day, or of today."""
    return read(Round, await api.post(Service.AGGREGATION, "/v1/rounds", {"as_of": as_of or None}, key=key))


async def close(round_id: UUID, api: Api, *, leave_waiting: bool, key: str) -> None:
    """Take no more lists into a round."""
    await api.post(
        Service.AGGREGATION, f"/v1/rounds/{round_id}/close", {"leave_waiting": leave_waiting}, key=key
    )


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
    answer = await api.get(
        Service.EXCHANGE_ADAPTER,
        "/v1/quarantine",
        after=None if after is None else str(after),
        limit=FILES_SHOWN + 1,
    )
    held = read(Quarantine, answer).held
    return HeldFiles(files=held[:FILES_SHOWN], more=len(held) > FILES_SHOWN)
