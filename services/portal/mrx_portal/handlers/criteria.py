"""The secretariat's pages on the criteria: successors, waivers, who may not review whom, what if."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from mrx_shared.api import benchmark, registry
from mrx_shared.api.bodies import fill

from mrx_portal.handlers.secretariat import members
from mrx_portal.ports import Api, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class CriteriaOverview:
    """The versions of the criteria, the reviewers, and the members that one may be kept from."""

    criteria: tuple[benchmark.CriteriaVersion, ...]
    members: tuple[registry.Member, ...]
    reviewers: tuple[registry.Reviewer, ...]

    def owner(self, member_id: UUID | None) -> str | None:
        """The name of a protocol's owner; none of a public one."""
        names = {one.member_id: one.name for one in self.members}
        return names.get(member_id, "a member") if member_id else None

    def reviewer(self, principal: str) -> str:
        """The name of a reviewer, if that is still one."""
        named = (one.name for one in self.reviewers if str(one.principal_id) == principal)
        return next(named, "a former reviewer")


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What a protocol version would come to, and whose it is; a public one is nobody's."""

    what: benchmark.WhatIf
    owner: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the criteria with everything that the secretariat decides on it."""

    shown: benchmark.CriteriaVersion
    clauses: tuple[str, ...]
    others: tuple[benchmark.CriteriaVersion, ...]
    comments: tuple[benchmark.Comment, ...]
    waivers: tuple[benchmark.Waiver, ...]
    foreseen: tuple[Forecast, ...]


async def overview(api: Api) -> CriteriaOverview:
    """Every version, the newest first."""
    found, known, judging = await asyncio.gather(
        api.get(Service.BENCHMARK, "/v1/criteria", benchmark.CriteriaVersions),
        members(api),
        api.get(Service.REGISTRY, "/v1/reviewers", registry.Reviewers),
    )
    return CriteriaOverview(
        criteria=tuple(reversed(found.criteria)),
        members=known,
        reviewers=judging.reviewers,
    )


async def version(name: str, api: Api) -> Version | None:
    """One version; none where there is none of this name."""
    listed = await overview(api)
    shown = next((one for one in listed.criteria if one.version == name), None)
    if shown is None:
        return None
    whole, waivers, foreseen = await asyncio.gather(
        api.get(Service.BENCHMARK, f"/v1/criteria/{name}", benchmark.Criteria),
        api.get(Service.BENCHMARK, f"/v1/criteria/{name}/waivers", benchmark.Waivers),
        api.get(Service.BENCHMARK, f"/v1/criteria/{name}/what-if", benchmark.WhatIfs),
    )
    comments: tuple[benchmark.Comment, ...] = ()
    if shown.successor:
        said = await api.get(Service.BENCHMARK, f"/v1/criteria/{name}/evolution", benchmark.Evolution)
        comments = said.comments
    return Version(
        shown=shown,
        clauses=tuple(dict.fromkeys(one.clause for one in whole.criteria)),
        others=tuple(one for one in listed.criteria if one.version != name),
        comments=comments,
        waivers=waivers.waivers,
        foreseen=tuple(Forecast(what=one, owner=listed.owner(one.member_id)) for one in foreseen.protocols),
    )


async def announce(name: str, dates: Mapping[str, str], api: Api, *, key: str) -> None:
    """Announce what follows a version."""
    await api.post(
        Service.BENCHMARK, f"/v1/criteria/{name}/evolution", fill(benchmark.NewEvolution, **dates), key=key
    )


async def waive(name: str, waiver: Mapping[str, str], api: Api, *, key: str) -> None:
    """Leave a clause out of verdicts until a day."""
    await api.post(
        Service.BENCHMARK, f"/v1/criteria/{name}/waivers", fill(benchmark.NewWaiver, **waiver), key=key
    )


async def at_work(api: Api) -> tuple[benchmark.AssessmentAtWork, ...]:
    """What is not concluded, the oldest first, and who judges it."""
    return (await api.get(Service.BENCHMARK, "/v1/reviews", benchmark.AssessmentsAtWork)).reviews


async def unassign(assessment_id: UUID, reviewer: str, api: Api, *, key: str) -> None:
    """Put out a reviewer who will not finish."""
    body = fill(benchmark.NewRelease, reviewer=reviewer)
    await api.post(Service.BENCHMARK, f"/v1/assessments/{assessment_id}/releases", body, key=key)


async def declare_conflict(reviewer: str, member_id: UUID, api: Api, *, key: str) -> None:
    """Keep a reviewer away from a member's group."""
    conflict = fill(benchmark.NewConflict, reviewer=reviewer, member_id=member_id)
    await api.post(Service.BENCHMARK, "/v1/reviewers/ties", conflict, key=key)
