"""A member's pages: where it stands, the released list, requests, decisions, numbers."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from mrx_shared.api.aggregation import Release
from mrx_shared.api.benchmark import Assessment, Assessments
from mrx_shared.api.bodies import fill
from mrx_shared.api.exchange_adapter import Link
from mrx_shared.api.registry import Participation
from mrx_shared.api.report_request import (
    NewContact,
    NewDecision,
    NewRequest,
    NewRequests,
    NewWithdrawal,
    Numbers,
    Request,
    RequestResult,
    RequestResults,
    Requests,
)
from mrx_shared.refusals import Rejected, Unavailable

from mrx_portal.domain.findings import Before
from mrx_portal.domain.numbers import COUNTS, RoundNumbers
from mrx_portal.domain.requests import OPEN, HistoryEntry, StateLabel, TimelineEntry, standing, timeline
from mrx_portal.handlers.released import latest_release
from mrx_portal.handlers.reviewer import waits_for_reply
from mrx_portal.ports import Api, Service

T = TypeVar("T")

MOST_AT_ONCE = 500
ASKED_AT_ONCE = 100
"""so many a busy service takes well within the time that a page has"""
MOST_COUNTED = 5_000
SOON = timedelta(days=7)
REQUESTS = "/v1/requests"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attention:
    """A request that waits for the member."""

    request: Request
    why: str
    saying: StateLabel


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """Where a member stands. A part that could not be had is None, and `away` names its service."""

    participation: Participation | None
    questions: tuple[Assessment, ...] | None
    """assessments on which a reviewer waits for the member's reply"""
    release: Release | None
    barred: str | None
    counts: Mapping[str, int] | None
    attention: tuple[Attention, ...]
    rounds: tuple[RoundNumbers, ...] | None
    away: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One request with its life so far and what is to come."""

    request: Request
    steps: tuple[TimelineEntry, ...]


async def overview(api: Api, *, now: datetime) -> Overview:
    """Everything on the member's first page; one service that is away leaves the rest readable."""
    away: list[str] = []
    participation, released, found, rounds, assessments = await asyncio.gather(
        _if_there(_participation(api), "registry", away),
        _if_there(_release_or_why_not(api), "aggregation", away),
        _if_there(every_request(api), "report_request", away),
        _if_there(numbers(api), "report_request", away),
        _if_there(_assessments(api), "benchmark", away),
    )
    release, barred = released or (None, None)
    return Overview(
        participation=participation,
        questions=None if assessments is None else tuple(one for one in assessments if waits_for_reply(one)),
        release=release,
        barred=barred,
        counts=Counter(one.state for one in found) if found is not None else None,
        attention=attention(found or (), now=now),
        rounds=rounds,
        away=tuple(dict.fromkeys(away)),
    )


def attention(requests: Sequence[Request], *, now: datetime) -> tuple[Attention, ...]:
    """What waits for the member, the most pressing first."""
    found = [(rank, why, one) for one in requests for rank, why in _why(one, now)]
    return tuple(
        Attention(request=one, why=why, saying=standing(one.state, one.mail))
        for _, why, one in sorted(found, key=lambda item: (item[0], item[2].term_ends_at))
    )


def _why(request: Request, now: datetime) -> list[tuple[int, str]]:
    if request.state == "available":
        return [(1, "The report is ready: download it and decide.")]
    if request.state in OPEN and request.mail in {"refused", "bounced"}:
        return [(0, "The e-mail did not reach the supplier: correct the address.")]
    if request.state in {"sent", "opened", "accepted"} and request.term_ends_at - now < SOON:
        return [(2, "The term ends soon and there is no report yet.")]
    return []


async def every_request(api: Api, *, state: str | None = None) -> tuple[Request, ...]:
    """The member's requests, the newest first, up to a limit that no page exceeds."""
    found: list[Request] = []
    after: UUID | None = None
    while len(found) < MOST_COUNTED:
        page = await api.get(
            Service.REPORT_REQUEST, REQUESTS, Requests, state=state, after=after, limit=MOST_AT_ONCE
        )
        found.extend(page.requests)
        if len(page.requests) < MOST_AT_ONCE:
            break
        after = found[-1].request_id
    return tuple(found)


async def asked_for(api: Api) -> tuple[frozenset[str], Mapping[str, Before]]:
    """The entries for which a request of the member is open, and those of its requests that are over.

    The latter by entry and by the member's own number of the site, the latest of each.
    """
    found = await every_request(api)
    over: dict[str, Before] = {}
    for one in reversed(found):
        if one.state not in OPEN:
            ended = one.history[-1].at if one.history else one.asked_at
            before = Before(request_id=str(one.request_id), state=one.state, at=ended)
            over |= {one.entry_id: before, one.site_number: before}
    return frozenset(one.entry_id for one in found if one.state in OPEN), over


async def life(request_id: UUID, api: Api) -> Life:
    """One request."""
    request = await api.get(Service.REPORT_REQUEST, f"{REQUESTS}/{request_id}", Request)
    history = [HistoryEntry(state=one.state, at=one.at, reason=one.reason) for one in request.history]
    return Life(request=request, steps=timeline(history, request.state))


async def ask(asked: NewRequest, api: Api, *, key: str) -> Request:
    """Ask one supplier."""
    return await api.post(Service.REPORT_REQUEST, REQUESTS, asked, Request, key=key)


async def ask_many(asked: Sequence[NewRequest], api: Api, *, key: str) -> tuple[RequestResult, ...]:
    """Ask several suppliers; what is good is done, what is not is named by row."""
    rows: list[RequestResult] = []
    for begin in range(0, len(asked), ASKED_AT_ONCE):
        several = asked[begin : begin + ASKED_AT_ONCE]
        body = NewRequests(requests=[one.model_dump(mode="json", exclude_unset=True) for one in several])
        answer = await api.post(
            Service.REPORT_REQUEST, f"{REQUESTS}/bulk", body, RequestResults, key=f"{key}.{begin}"
        )
        rows += [one.model_copy(update={"row": begin + one.row}) for one in answer.rows]
    return tuple(rows)


async def withdraw(request_id: UUID, reason: str, api: Api, *, key: str) -> None:
    """Ask no longer."""
    body = fill(NewWithdrawal, reason=reason or None)
    await api.post(Service.REPORT_REQUEST, f"{REQUESTS}/{request_id}/withdrawal", body, key=key)


async def correct_contact(request_id: UUID, contact: Mapping[str, str], api: Api, *, key: str) -> None:
    """Give another address; the mail goes out again."""
    body = fill(NewContact, **{name: value for name, value in contact.items() if value})
    await api.post(Service.REPORT_REQUEST, f"{REQUESTS}/{request_id}/contact", body, key=key)


async def decide(
    request_id: UUID,
    *,
    outcome: str,
    reason: str,
    valid_until: str,
    same_file_confirmed: bool,
    api: Api,
    key: str,
) -> None:
    """Record whether the report stands in for an audit of the member's own."""
    body = fill(
        NewDecision,
        outcome=outcome,
        reason=reason or None,
        valid_until=valid_until or None,
        same_file_confirmed=same_file_confirmed,
    )
    await api.post(Service.REPORT_REQUEST, f"{REQUESTS}/{request_id}/decision", body, key=key)


async def download(request_id: UUID, api: Api, *, key: str) -> str:
    """A link to the report, good for sixty seconds; that it was given is recorded."""
    request = (await life(request_id, api)).request
    if request.report is None:
        raise Rejected("there is no report yet", remedy="come back when the request says Report ready")
    path = f"/v1/reports/{request.report.report_id}/links"
    link = await api.post(Service.EXCHANGE_ADAPTER, path, None, Link, key=key)
    if link.url is None:
        raise Rejected("this link has already been issued", remedy="press Download again")
    return link.url


async def numbers(api: Api) -> tuple[RoundNumbers, ...]:
    """What the asker's requests come to, round by round, the oldest first."""
    found = await api.get(Service.REPORT_REQUEST, "/v1/numbers", Numbers)
    rounds = [
        RoundNumbers(
            round_id=str(one.round_id), as_of=one.as_of, **{name: getattr(one, name) for name in COUNTS}
        )
        for one in found.rounds
    ]
    return tuple(sorted(rounds, key=lambda one: (one.as_of is not None, str(one.as_of or ""), one.round_id)))


async def _participation(api: Api) -> Participation:
    return await api.get(Service.REGISTRY, "/v1/participation", Participation)


async def _assessments(api: Api) -> tuple[Assessment, ...]:
    return (await api.get(Service.BENCHMARK, "/v1/assessments", Assessments)).assessments


async def _release_or_why_not(api: Api) -> tuple[Release | None, str | None]:
    try:
        return await latest_release(api), None
    except Rejected as error:
        if error.kind == "forbidden":
            return None, error.reason
        raise


async def _if_there(answer: Awaitable[T], service: str, away: list[str]) -> T | None:
    try:
        return await answer
    except Unavailable:
        away.append(service)
        return None
