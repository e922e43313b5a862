"""A member's own assessments."""

import asyncio
import base64
from dataclasses import dataclass

from mrx_portal.handlers.shapes import (
    Assessment,
    Assessments,
    CriteriaNames,
    FileTaken,
    Protocol,
    Protocols,
    read,
)
from mrx_portal.ports import Api, Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """What a member needs to answer the criteria."""

    assessments: tuple[tuple[Assessment, Protocol | None], ...]
    protocols: tuple[Protocol, ...]
    criteria: tuple[str, ...]


async def desk(api: Api) -> Bench:
    """Own assessments with their protocols, and the versions of the criteria, the newest first."""
    found, known, criteria = await asyncio.gather(
        api.get(Service.BENCHMARK, "/v1/assessments"),
        api.get(Service.BENCHMARK, "/v1/protocols"),
        api.get(Service.BENCHMARK, "/v1/criteria"),
    )
    protocols = {one.protocol_id: one for one in read(Protocols, known).protocols}
    own = [one for one in read(Assessments, found).assessments if one.member_id is not None]
    return Bench(
        assessments=tuple((one, protocols.get(one.protocol_id)) for one in own),
        protocols=tuple(one for one in protocols.values() if not one.public),
        criteria=tuple(reversed([one.version for one in read(CriteriaNames, criteria).criteria])),
    )


async def send_file(
    protocol_id: str,
    version: str,
    criteria: str,
    name: str,
    content: bytes,
    api: Api,
    *,
    keep_good: bool,
    key: str,
) -> FileTaken:
    """Begin an assessment with a filled-in template."""
    answer = await api.post(
        Service.BENCHMARK,
        "/v1/assessments/files",
        {
            "protocol_id": protocol_id,
            "version": version,
            "criteria_version": criteria,
            "file_name": name,
            "content_base64": base64.b64encode(content).decode(),
            "keep_good": keep_good,
        },
        key=key,
    )
    return read(FileTaken, answer)
