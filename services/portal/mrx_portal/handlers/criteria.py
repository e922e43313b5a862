"""The secretariat's pages on the criteria: successors, waivers, who may not review whom, what if."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from mrx_portal.handlers.secretariat import members
from mrx_portal.handlers.shapes import (
    Comment,
    Criteria,
    CriteriaVersion,
    CriteriaVersions,
    Evolution,
    Member,
    Waiver,
    Waivers,
    WhatIf,
    WhatIfs,
    read,
)
from mrx_portal.ports import Api, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """The versions of the criteria, and the members that a reviewer may be kept from."""

    criteria: tuple[CriteriaVersion, ...]
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a protocol version would come to, and whose it is; a public one is nobody's."""

    what: WhatIf
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the criteria with everything that the secretariat decides on it."""

    shown: CriteriaVersion
    clauses: tuple[str, ...]
    others: tuple[CriteriaVersion, ...]
    comments: tuple[Comment, ...]
    waivers: tuple[Waiver, ...]
    foreseen: tuple[Foreseen, ...]


async def shelf(api: Api) -> Shelf:
    """Every version, the newest first."""
    found, known = await asyncio.gather(api.get(Service.BENCHMARK, "/v1/criteria"), members(api))
    return Shelf(criteria=tuple(reversed(read(CriteriaVersions, found).criteria)), members=known)


async def version(name: str, api: Api) -> Version | None:
    """One version; none where there is none of this name."""
    listed = await shelf(api)
    shown = next((one for one in listed.criteria if one.version == name), None)
    if shown is None:
        return None
    whole, waivers, foreseen = await asyncio.gather(
        api.get(Service.BENCHMARK, f"/v1/criteria/{name}"),
        api.get(Service.BENCHMARK, f"/v1/criteria/{name}/waivers"),
        api.get(Service.BENCHMARK, f"/v1/criteria/{name}/what-if"),
    )
    comments: tuple[Comment, ...] = ()
    if shown.successor:
        said = await api.get(Service.BENCHMARK, f"/v1/criteria/{name}/evolution")
        comments = read(Evolution, said).comments
    names = {one.member_id: one.name for one in listed.members}
    return Version(
        shown=shown,
        clauses=tuple(dict.fromkeys(one.clause for one in read(Criteria, whole).criteria)),
        others=tuple(one for one in listed.criteria if one.version != name),
        comments=comments,
        waivers=read(Waivers, waivers).waivers,
        foreseen=tuple(
            Foreseen(what=one, owner=names.get(one.member_id, "a member") if one.member_id else None)
            for one in read(WhatIfs, foreseen).protocols
        ),
    )


async def announce(name: str, dates: Mapping[str, str], api: Api, *, key: str) -> None:
    """Announce what follows a version."""
    await api.post(Service.BENCHMARK, f"/v1/criteria/{name}/evolution", dates, key=key)


async def waive(name: str, waiver: Mapping[str, str], api: Api, *, key: str) -> None:
    """Leave a clause out of verdicts until a day."""
    await api.post(Service.BENCHMARK, f"/v1/criteria/{name}/waivers", waiver, key=key)


async def tie(reviewer: str, member_id: UUID, api: Api, *, key: str) -> None:
    """Keep a reviewer away from a member's group."""
    await api.post(
        Service.BENCHMARK,
        "/v1/reviewers/ties",
        {"reviewer": reviewer, "member_id": str(member_id)},
        key=key,
    )
