"""What others hear of criteria and verdicts."""

from dataclasses import replace
from uuid import UUID

from mrx_criteria.domain.commonality import Equivalent, percent
from mrx_criteria.domain.criteria import Catalogue
from mrx_shared.messages.benchmark import CriteriaPublished, ProtocolAssessed
from mrx_shared.refusals import Rejected

from mrx_benchmark.domain.assessments import Assessment, Outcome
from mrx_benchmark.domain.protocols import Protocol, last_day
from mrx_benchmark.handlers.criteria import in_force
from mrx_benchmark.ports import Published, Verdict, Work


async def publish_criteria(work: Work) -> None:
    """Publish every version that comes with this release and is not published, or whose days have changed.

    A published version is never measured otherwise: other content under its name is refused. Where its last day
    changes, recognition under it ends with it, and the verdicts are said again.
    """
    await work.assessments.hold_verdicts()
    for version in work.catalogues:
        catalogue = await in_force(version, work)
        fresh = Published(
            version=catalogue.version,
            digest=catalogue.digest(),
            valid_from=catalogue.valid_from,
            valid_until=catalogue.valid_until,
        )
        known = await work.criteria.published(catalogue.version)
        if known is not None and known.digest != fresh.digest:
            raise Rejected(
                f"criteria {catalogue.version} were published with other content",
                field="criteria",
                remedy="restore the published file and give the change a new version",
            )
        if known != fresh:
            await work.criteria.keep(fresh)
            work.emit(_criteria_published(catalogue), about=catalogue.version)
        if known is not None and known.valid_until != fresh.valid_until:
            for owner in await work.owners.all():
                async with work.acting_for(owner):
                    await emit_with_new_end(version, owner, work)


async def emit_criteria(version: str, work: Work) -> None:
    """Keep and say a version with the days that hold now."""
    catalogue = await in_force(version, work)
    await work.criteria.keep(
        Published(
            version=catalogue.version,
            digest=catalogue.digest(),
            valid_from=catalogue.valid_from,
            valid_until=catalogue.valid_until,
        )
    )
    work.emit(_criteria_published(catalogue), about=version)


def _criteria_published(catalogue: Catalogue) -> CriteriaPublished:
    return CriteriaPublished(
        criteria_version=catalogue.version,
        based_on=catalogue.based_on,
        valid_from=catalogue.valid_from,
        valid_until=catalogue.valid_until,
        criteria=len(catalogue.criteria),
        weight=catalogue.weight,
    )


def as_kept(assessment: Assessment, outcome: Outcome, by: str, work: Work) -> Verdict:
    """An outcome as it is kept and published."""
    figures, days = outcome.score.overall, outcome.recognition
    return Verdict(
        assessment_id=assessment.assessment_id,
        equivalent=outcome.score.equivalent is Equivalent.YES,
        commonality=percent(figures.commonality),
        lower=percent(figures.lower),
        upper=percent(figures.upper),
        recognised_from=days.first if days else None,
        recognised_until=days.last if days else None,
        concluded_by=by,
        concluded_at=work.now,
        waived=outcome.score.waived,
    )


async def emit_with_new_end(version_of_criteria: str, owner: UUID | None, work: Work) -> None:
    """Recompute until when each yes of the owner's recognises audits; an older conclusion counts no more."""
    catalogue = await in_force(version_of_criteria, work)
    for assessment, verdict in await work.assessments.last_concluded(catalogue.version):
        version = await work.protocols.version(assessment.protocol_id, assessment.version)
        until = last_day(version, assessment.last_day_of(catalogue, verdict.waived))
        if assessment.owner == owner and verdict.equivalent and verdict.recognised_until != until:
            changed = replace(verdict, recognised_until=until)
            await work.assessments.change_end(changed)
            emit_assessed(assessment, await work.protocols.get(assessment.protocol_id), changed, work)


def emit_assessed(assessment: Assessment, protocol: Protocol, verdict: Verdict, work: Work) -> None:
    """Say a verdict as it stands."""
    fact = ProtocolAssessed(
        assessment_id=assessment.assessment_id,
        protocol_id=protocol.protocol_id,
        protocol_code=protocol.code,
        protocol_version=assessment.version,
        scheme_family=protocol.scheme_family,
        public=protocol.public,
        member_id=protocol.owner,
        criteria_version=assessment.criteria_version,
        commonality=verdict.commonality,
        lower=verdict.lower,
        upper=verdict.upper,
        equivalent=verdict.equivalent,
        recognised_from=verdict.recognised_from,
        recognised_until=verdict.recognised_until,
        assessed_at=verdict.concluded_at,
    )
    work.emit(fact, about=f"{protocol.protocol_id}:{assessment.version}")
