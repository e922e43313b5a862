"""Proposals for a protocol's requirements, which a person confirms; what protocols ask for beyond the criteria."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from mrx_shared.api import benchmark
from mrx_shared.api.bodies import fill
from mrx_shared.refusals import Unknown

from mrx_portal.domain.mapping import Chosen, rows_of
from mrx_portal.handlers.assessing import Place, save
from mrx_portal.ports import Api, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A criterion that a requirement may meet, and how the draft answers it already."""

    criterion: benchmark.Criterion
    similarity: float
    answered: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """A requirement with its proposals, the likeliest first."""

    requirement_ref: str
    requirement_text: str
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What is proposed for a protocol's requirements."""

    requirements: tuple[Proposed, ...]
    without: tuple[benchmark.Requirement, ...]


async def propose_for_file(place: Place, name: str, content: bytes, api: Api, *, key: str) -> Proposals:
    """Proposals for the requirements of a file."""
    file = fill(
        benchmark.NewRequirementsFile,
        criteria_version=place.criteria,
        file_name=name,
        content_base64=base64.b64encode(content).decode(),
    )
    found = await api.post(Service.BENCHMARK, "/v1/suggestions/files", file, benchmark.Suggestions, key=key)
    return await _beside(place, found, api)


async def propose(place: Place, requirements: Sequence[tuple[str, str]], api: Api, *, key: str) -> Proposals:
    """Proposals for these requirements."""
    body = fill(
        benchmark.NewRequirements,
        criteria_version=place.criteria,
        requirements=[{"requirement_ref": ref, "requirement_text": text} for ref, text in requirements],
    )
    found = await api.post(Service.BENCHMARK, "/v1/suggestions", body, benchmark.Suggestions, key=key)
    return await _beside(place, found, api)


async def take(place: Place, chosen: Sequence[Chosen], api: Api, *, key: str) -> int:
    """Keep what a person confirmed as answers of the draft. Returns how many."""
    rows = rows_of(chosen, {one["criterion_id"]: one for one in await _answers(place, api)})
    await save(place, rows, api, key=key)
    return len(rows)


async def find_extensions(query: str, api: Api) -> tuple[benchmark.Extension, ...]:
    """Extensions that hold these words."""
    return (await api.get(Service.BENCHMARK, "/v1/extensions", benchmark.Extensions, q=query)).extensions


async def keep_extension(
    protocol_id: str, version: str, extension: Mapping[str, str], api: Api, *, key: str
) -> None:
    """Keep what a protocol asks for beyond the criteria."""
    await api.post(
        Service.BENCHMARK,
        f"/v1/protocols/{protocol_id}/versions/{version}/extensions",
        fill(benchmark.NewExtension, **extension),
        key=key,
    )


async def _beside(place: Place, found: benchmark.Suggestions, api: Api) -> Proposals:
    criteria = await api.get(Service.BENCHMARK, f"/v1/criteria/{place.criteria}", benchmark.Criteria)
    known = {one.id: one for one in criteria.criteria}
    answered = {one["criterion_id"]: one["relation"] for one in await _answers(place, api)}
    grouped = groupby(found.suggestions, key=lambda one: (one.requirement_ref, one.requirement_text))
    return Proposals(
        requirements=tuple(
            Proposed(
                requirement_ref=ref,
                requirement_text=text,
                proposals=tuple(
                    Proposal(
                        criterion=known[one.criterion_id],
                        similarity=one.similarity,
                        answered=answered.get(one.criterion_id, ""),
                    )
                    for one in several
                ),
            )
            for (ref, text), several in grouped
        ),
        without=found.without,
    )


async def _answers(place: Place, api: Api) -> list[dict[str, Any]]:
    """The rows of the draft; none where there is no draft yet."""
    try:
        found = await api.get(
            Service.BENCHMARK,
            f"/v1/protocols/{place.protocol_id}/versions/{place.quoted}/drafts/{place.criteria}",
            benchmark.DraftWhole,
        )
    except Unknown:
        return []
    return [one.model_dump() for one in found.answers]
