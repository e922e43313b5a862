"""What other services said, kept as it bears on lists."""

from mrx_shared.messages.benchmark import ProtocolAssessed
from mrx_shared.messages.registry import ParticipationChanged

from mrx_aggregation.domain.groups import Participation
from mrx_aggregation.domain.protocols import Recognition
from mrx_aggregation.ports import Work


async def note_participation(changed: ParticipationChanged, work: Work, *, sequence: int) -> None:
    """Keep whether a member takes part. Its lists that wait for it are taken up by a loop."""
    await work.facts.keep_participation(
        Participation(
            member_id=changed.member_id,
            group_id=changed.group_id,
            tied_groups=frozenset(changed.tied_groups),
            participates=changed.participates,
            missing=tuple(changed.missing),
            company_names=tuple(changed.company_names),
        ),
        sequence=sequence,
    )


async def note_assessment(assessed: ProtocolAssessed, work: Work, *, sequence: int) -> None:
    """Keep how a protocol version stands. Entries that wait for it are taken up by a loop."""
    await work.facts.keep_recognition(
        Recognition(
            protocol_code=assessed.protocol_code,
            protocol_version=assessed.protocol_version,
            scheme_family=assessed.scheme_family,
            public=assessed.public,
            equivalent=assessed.equivalent,
            recognised_from=assessed.recognised_from,
            recognised_until=assessed.recognised_until,
            member_id=assessed.member_id,
        ),
        protocol_id=assessed.protocol_id,
        criteria_version=assessed.criteria_version,
        sequence=sequence,
    )
