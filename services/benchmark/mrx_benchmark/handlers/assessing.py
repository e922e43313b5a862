"""Protocols, their assessment, and the verdict. `owner` is the member that asks, or None for the secretariat."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from mrx_shared.messages.benchmark import (
    AssessmentMoved,
    CriteriaPublished,
    ProtocolAssessed,
    ProtocolSubmitted,
)
from mrx_shared.refusals import Forbidden, Invalid, Rejected

from mrx_benchmark.domain.answers import read_answers
from mrx_benchmark.domain.assessments import Assessment, Decision, Outcome, check_measurable
from mrx_benchmark.domain.commonality import Equivalent, Score, Waiver, percent, score
from mrx_benchmark.domain.criteria import Catalogue
from mrx_benchmark.domain.process import Appeal, Event, Question, Step
from mrx_benchmark.domain.protocols import (
    OWN_FAMILY,
    Protocol,
    ProtocolVersion,
    check_own_code,
    last_day,
    one_line,
)
from mrx_benchmark.ports import Published, Verdict, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class AssessmentShown:
    """An assessment with what it comes to as it stands, and its verdict once there is one."""

    assessment: Assessment
    score: Score
    verdict: Verdict | None
    history: tuple[Event, ...] = ()
    questions: tuple[Question, ...] = ()
    appeal: Appeal | None = None


async def publish_criteria(work: Work) -> None:
    """Publish every version that comes with this release and is not published, or whose days have changed.

    A published version is never measured otherwise: other content under its name is refused. Where its last day
    changes, recognition under it ends with it, and the verdicts are said again.
    """
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
                remedy="put the published file back and give the change a version of its own",
            )
        if known != fresh:
            await work.criteria.keep(fresh)
            work.say(_criteria_published(catalogue), about=catalogue.version)
        if known is not None and known.valid_until != fresh.valid_until:
            for owner in await work.owners.all():
                async with work.acting_for(owner):
                    await say_with_new_end(version, owner, work)


async def list_criteria(work: Work) -> list[Catalogue]:
    """Every version with the last day that holds now."""
    return [await in_force(version, work) for version in work.catalogues]


async def register_protocol(
    *, code: str, name: str, scheme_family: str | None, public: bool, owner: UUID | None, work: Work
) -> Protocol:
    """Take up a protocol: a member's own, or a public one of the secretariat."""
    if public is not (owner is None):
        raise Forbidden(
            "only the secretariat keeps public protocols"
            if public
            else "the secretariat has no protocol of its own",
            field="public",
            remedy=f"send public: {str(owner is None).lower()}",
        )
    if owner is None and not scheme_family:
        raise Invalid(
            "a public protocol belongs to a family", field="scheme_family", remedy="name it, such as SMETA"
        )
    protocol = Protocol(
        protocol_id=work.new_id(),
        owner=owner,
        code=code,
        name=name,
        scheme_family=scheme_family if owner is None and scheme_family else OWN_FAMILY,
    )
    await _check_code(protocol, work)
    await work.protocols.add(protocol)
    return protocol


async def submit_version(version: ProtocolVersion, *, owner: UUID | None, work: Work) -> None:
    """Add a version of a protocol that the asker owns, and say so."""
    protocol = await owned(version.protocol_id, owner, work)
    await _check_code(protocol, work)
    await work.protocols.add_version(version, owner=owner)
    work.say(
        ProtocolSubmitted(
            protocol_id=protocol.protocol_id,
            protocol_code=protocol.code,
            protocol_version=version.version,
            public=protocol.public,
            member_id=protocol.owner,
            effective_from=version.effective_from,
            effective_until=version.effective_until,
            submitted_at=work.now,
        ),
        about=str(protocol.protocol_id),
    )


async def submit_answers(
    rows: Sequence[Mapping[str, str]],
    *,
    protocol_id: UUID,
    version: str,
    criteria_version: str,
    owner: UUID | None,
    by: str,
    work: Work,
) -> AssessmentShown:
    """Start an assessment with its owner's answers. It replaces one of the same kind that is not concluded."""
    one_line(version, field="version")
    protocol = await owned(protocol_id, owner, work)
    await _check_code(protocol, work)
    catalogue = await in_force(criteria_version, work)
    check_measurable(await work.protocols.version(protocol_id, version), catalogue)
    await _check_in_effect(catalogue, work)
    answers = read_answers(enumerate(rows, 1), catalogue)
    if not answers:
        raise Invalid("no criterion is answered", field="answers", remedy="answer at least one")
    older = await work.assessments.unfinished(protocol_id, version, criteria_version)
    if older is not None:
        await work.assessments.save(older.replace_by_newer())
        await note(older, Step.REPLACED, by, work)
    assessment = Assessment(
        assessment_id=work.new_id(),
        protocol_id=protocol.protocol_id,
        owner=owner,
        version=version,
        criteria_version=criteria_version,
        submitted_by=by,
        submitted_at=work.now,
        answers=answers,
    )
    await work.assessments.add(assessment)
    await note(assessment, Step.SUBMITTED, by, work)
    return AssessmentShown(assessment=assessment, score=score(catalogue, answers), verdict=None)


async def review(
    assessment_id: UUID, decisions: Iterable[Decision], *, confirm_rest: bool, by: str, work: Work
) -> AssessmentShown:
    """Keep a reviewer's decisions."""
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
    async with work.acting_for(owner):
        assessment = await work.assessments.get_to_change(assessment_id)
        catalogue = catalogue_named(assessment.criteria_version, work)
        reviewed = assessment.review(
            decisions, confirm_rest=confirm_rest, by=by, at=work.now, catalogue=catalogue
        )
        await work.assessments.save(reviewed)
        await note(reviewed, Step.RESOLVED if assessment.settled else Step.REVIEWED, by, work)
        if reviewed.settled and not assessment.settled:
            await note(reviewed, Step.SETTLED, by, work, detail=f"{len(reviewed.differences())} differences")
        seen = reviewed.as_seen_by(by)
        return AssessmentShown(assessment=seen, score=score(catalogue, seen.judged()), verdict=None)


async def conclude(assessment_id: UUID, *, by: str, work: Work) -> AssessmentShown:
    """Reach the verdict on an assessment whose every answer is decided, and say it."""
    owner = await work.owners.of_assessment(assessment_id)
    await check_free(by, owner, work)
    async with work.acting_for(owner):
        assessment = await work.assessments.get_to_change(assessment_id)
        protocol = await work.protocols.get(assessment.protocol_id)
        await _check_code(protocol, work)
        version = await work.protocols.version(assessment.protocol_id, assessment.version)
        unanswered = [one for one in await work.process.questions(assessment_id) if one.replied_at is None]
        if unanswered:
            raise Rejected(
                f"{len(unanswered)} questions to the owner have no reply, the first is on {unanswered[0].criterion_id}",
                field="questions",
                remedy="wait for the reply",
            )
        waivers = await waivers_today(assessment.criteria_version, work)
        concluded, outcome = assessment.conclude(
            await in_force(assessment.criteria_version, work), version, waivers=waivers
        )
        verdict = as_kept(concluded, outcome, by, work)
        await work.assessments.conclude(concluded, verdict)
        await note(concluded, Step.CONCLUDED, by, work, detail="equivalent" if verdict.equivalent else "")
    say_assessed(concluded, protocol, verdict, work)
    return AssessmentShown(assessment=concluded, score=outcome.score, verdict=verdict)


async def show_assessment(
    assessment_id: UUID, *, for_review: bool, work: Work, by: str = ""
) -> AssessmentShown:
    """One assessment, to its owner, to everyone where the protocol is public, or to a reviewer.

    Nobody sees what one of two reviewers has written before both are done, but she herself.
    """
    if not for_review:
        return await shown((await work.assessments.get(assessment_id)).as_seen_by(""), work)
    async with work.acting_for(await work.owners.of_assessment(assessment_id)):
        assessment = await work.assessments.get(assessment_id)
        found = await shown(assessment.as_seen_by(by), work)
        if assessment.settled or not assessment.reviews:
            return found
        return replace(found, questions=tuple(one for one in found.questions if one.asked_by == by))


async def list_assessments(*, for_review: bool, work: Work, by: str = "") -> list[AssessmentShown]:
    """The assessments that the asker may see, the newest first; a reviewer sees all."""
    if not for_review:
        return [
            replace(
                await _short(one.as_seen_by(""), work),
                questions=tuple(await work.process.questions(one.assessment_id)),
            )
            for one in await work.assessments.visible()
        ]
    found: dict[UUID, AssessmentShown] = {}
    for owner in await work.owners.all():
        async with work.acting_for(owner):
            for one in await work.assessments.visible():
                if one.owner == owner:
                    found[one.assessment_id] = await _short(one.as_seen_by(by), work)
    return sorted(found.values(), key=lambda shown: shown.assessment.assessment_id, reverse=True)


async def list_protocols(*, for_review: bool, work: Work) -> list[tuple[Protocol, list[ProtocolVersion]]]:
    """The protocols that the asker may see, by code; a reviewer sees all."""
    if not for_review:
        return await work.protocols.visible()
    found: dict[UUID, tuple[Protocol, list[ProtocolVersion]]] = {}
    for owner in await work.owners.all():
        async with work.acting_for(owner):
            found |= {one[0].protocol_id: one for one in await work.protocols.visible()}
    return sorted(found.values(), key=lambda one: one[0].code)


async def protocol_named(assessment: Assessment, *, for_review: bool, work: Work) -> str:
    """The name and version of the protocol that an assessment is of, which the asker may see."""
    if for_review:
        async with work.acting_for(assessment.owner):
            protocol = await work.protocols.get(assessment.protocol_id)
    else:
        protocol = await work.protocols.get(assessment.protocol_id)
    return f"{protocol.name} {assessment.version}"


async def owned(protocol_id: UUID, owner: UUID | None, work: Work) -> Protocol:
    """A protocol of this owner's. Raises `Forbidden` for a public one that the asker does not keep."""
    protocol = await work.protocols.get(protocol_id)
    if protocol.owner != owner:
        raise Forbidden(
            f"{protocol.code} is public; the secretariat keeps it",
            field="protocol_id",
            remedy="adopt it at the registry, or register a protocol of your own",
        )
    return protocol


async def _check_code(protocol: Protocol, work: Work) -> None:
    """Checked at each step, because a public protocol may be registered between two of them."""
    if not protocol.public:
        check_own_code(protocol.code, await work.protocols.public_names())


async def _check_in_effect(catalogue: Catalogue, work: Work) -> None:
    """Refuse criteria that do not hold yet. What follows a version takes effect on the day that was announced."""
    announced = [one.effective_on for one in await work.process.evolutions_to(catalogue.version)]
    first = min(announced, default=catalogue.valid_from)
    if work.now.date() < first:
        raise Rejected(
            f"criteria {catalogue.version} take effect on {first}",
            field="criteria_version",
            remedy="keep the answers as a draft until then, or submit them against the version before",
        )


def catalogue_named(version: str, work: Work) -> Catalogue:
    """The criteria of a version, as they were shipped."""
    if version not in work.catalogues:
        raise Invalid(
            f"no criteria {version[:64]!r}",
            field="criteria_version",
            remedy=f"name one of {', '.join(work.catalogues)}",
        )
    return work.catalogues[version]


async def in_force(version: str, work: Work) -> Catalogue:
    """The criteria of a version with their last day: the shipped one, or an earlier end of the transition."""
    catalogue = catalogue_named(version, work)
    evolution = await work.process.evolution(version)
    if evolution is None:
        return catalogue
    ends = [day for day in (catalogue.valid_until, evolution.transition_until) if day is not None]
    return replace(catalogue, valid_until=min(ends))


async def waivers_today(version: str, work: Work) -> tuple[Waiver, ...]:
    """The waivers on these criteria that hold today."""
    return tuple(one for one in await work.process.waivers(version) if one.until >= work.now.date())


async def check_free(reviewer: str, owner: UUID | None, work: Work) -> None:
    """Raises `Forbidden` where a reviewer has to do with the owner's group."""
    if owner is not None and await work.process.tied(reviewer, owner):
        raise Forbidden(
            "this protocol is of a group that you are tied to",
            field="assessment_id",
            remedy="leave it to another reviewer",
        )


async def note(assessment: Assessment, step: Step, by: str, work: Work, *, detail: str = "") -> None:
    """Enter a step into the history, and say it."""
    event = Event(step=step, by=by, at=work.now, detail=detail)
    await work.process.note(assessment.assessment_id, event, owner=assessment.owner)
    work.say(
        AssessmentMoved(
            assessment_id=assessment.assessment_id,
            protocol_id=assessment.protocol_id,
            protocol_version=assessment.version,
            public=assessment.owner is None,
            member_id=assessment.owner,
            criteria_version=assessment.criteria_version,
            step=step.value,
            by=by,
            at=work.now,
        ),
        about=str(assessment.assessment_id),
    )


async def shown(assessment: Assessment, work: Work) -> AssessmentShown:
    """An assessment with everything around it."""
    return replace(
        await _short(assessment, work),
        history=tuple(await work.process.history(assessment.assessment_id)),
        questions=tuple(await work.process.questions(assessment.assessment_id)),
    )


async def _short(assessment: Assessment, work: Work) -> AssessmentShown:
    version = assessment.criteria_version
    verdict = await work.assessments.verdict(assessment.assessment_id)
    waivers = verdict.waived if verdict else await waivers_today(version, work)
    return AssessmentShown(
        assessment=assessment,
        score=score(catalogue_named(version, work), assessment.judged(), waivers=waivers),
        verdict=verdict,
        appeal=await work.process.appeal(assessment.assessment_id) if verdict else None,
    )


async def say_criteria(version: str, work: Work) -> None:
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
    work.say(_criteria_published(catalogue), about=version)


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


async def say_with_new_end(version_of_criteria: str, owner: UUID | None, work: Work) -> None:
    """Recompute until when each yes of the owner's recognises audits; an older conclusion counts no more."""
    catalogue = await in_force(version_of_criteria, work)
    for assessment, verdict in await work.assessments.last_concluded(catalogue.version):
        version = await work.protocols.version(assessment.protocol_id, assessment.version)
        until = last_day(version, assessment.last_day_of(catalogue, verdict.waived))
        if assessment.owner == owner and verdict.equivalent and verdict.recognised_until != until:
            changed = replace(verdict, recognised_until=until)
            await work.assessments.change_end(changed)
            say_assessed(assessment, await work.protocols.get(assessment.protocol_id), changed, work)


def say_assessed(assessment: Assessment, protocol: Protocol, verdict: Verdict, work: Work) -> None:
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
    work.say(fact, about=f"{protocol.protocol_id}:{assessment.version}")
