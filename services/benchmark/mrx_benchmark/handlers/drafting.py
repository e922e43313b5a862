"""Drafts: answers that are kept, completed and at last submitted. `owner` is None for the secretariat."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from mrx_criteria.domain.answers import Answer, Note, Sifted, row_of, sift
from mrx_criteria.domain.commonality import Score, score
from mrx_shared.refusals import Unknown

from mrx_benchmark.domain.drafts import Draft
from mrx_benchmark.handlers.assessing import AssessmentShown, submit_answers
from mrx_benchmark.handlers.carry_over import carry_over
from mrx_benchmark.handlers.criteria import catalogue_named, waivers_today
from mrx_benchmark.handlers.protocols import owned
from mrx_benchmark.ports import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftShown:
    """A draft with what it would come to if nothing were corrected."""

    draft: Draft
    score: Score


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a draft is of: one protocol version against one version of the criteria."""

    protocol_id: UUID
    version: str
    criteria_version: str


async def save_draft(
    rows: Sequence[Mapping[str, str]], *, place: Place, owner: UUID | None, by: str, work: Work
) -> DraftShown:
    """Keep answers for later. A row replaces what was there on its criterion; one without relation leaves it open.

    The words of an open one are kept; a row with neither takes away what was there.
    """
    catalogue = catalogue_named(place.criteria_version, work)
    read = sift(enumerate(rows, 1), catalogue).whole()
    return await _save(
        read.answers,
        read.notes,
        cleared={row.get("criterion_id", "").strip() for row in rows},
        place=place,
        owner=owner,
        by=by,
        work=work,
    )


async def keep_good(sifted: Sifted, *, place: Place, owner: UUID | None, by: str, work: Work) -> DraftShown:
    """Keep the good rows of a file of which others were refused."""
    return await _save(sifted.answers, sifted.notes, cleared=(), place=place, owner=owner, by=by, work=work)


async def start_from(
    assessment_id: UUID, *, place: Place, owner: UUID | None, by: str, work: Work
) -> DraftShown:
    """Start with the answers of an assessment, as far as they hold under these criteria."""
    answers, _ = await carry_over(assessment_id, place.criteria_version, work=work)
    return await _save(answers, (), cleared=(), place=place, owner=owner, by=by, work=work)


async def show_draft(place: Place, *, owner: UUID | None, work: Work) -> DraftShown:
    """A draft of the asker's own. Raises `Unknown` where there is none."""
    await owned(place.protocol_id, owner, work)
    return await _shown(await _there(place, work), work)


async def list_drafts(*, work: Work) -> list[DraftShown]:
    """The asker's drafts, the last saved first."""
    return [await _shown(one, work) for one in await work.drafts.own()]


async def submit_draft(place: Place, *, owner: UUID | None, by: str, work: Work) -> AssessmentShown:
    """Begin an assessment with a draft. Of that only the words about criteria that are still open stay."""
    await owned(place.protocol_id, owner, work)
    draft = await _there(place, work)
    submitted = await submit_answers(
        [row_of(one) for one in draft.answers],
        protocol_id=place.protocol_id,
        version=place.version,
        criteria_version=place.criteria_version,
        owner=owner,
        by=by,
        work=work,
    )
    if draft.notes:
        await work.drafts.keep(replace(draft, answers=()))
    else:
        await work.drafts.drop(draft)
    return submitted


async def discard_draft(place: Place, *, owner: UUID | None, work: Work) -> DraftShown:
    """Take a draft away, with every answer and word in it. Returns it as it stood."""
    await owned(place.protocol_id, owner, work)
    draft = await _there(place, work)
    await work.drafts.drop(draft)
    return await _shown(draft, work)


async def _save(
    answers: Sequence[Answer],
    notes: Sequence[Note],
    *,
    cleared: Sequence[str] | set[str],
    place: Place,
    owner: UUID | None,
    by: str,
    work: Work,
) -> DraftShown:
    await owned(place.protocol_id, owner, work)
    await work.protocols.version(place.protocol_id, place.version)
    catalogue = catalogue_named(place.criteria_version, work)
    before = await work.drafts.get(place.protocol_id, place.version, place.criteria_version)
    draft = (
        before
        or Draft(
            protocol_id=place.protocol_id,
            version=place.version,
            criteria_version=place.criteria_version,
            owner=owner,
            saved_by=by,
            saved_at=work.now,
        )
    ).with_answers(answers, notes, cleared=cleared, catalogue=catalogue, by=by, at=work.now)
    await work.drafts.keep(draft)
    return await _shown(draft, work)


async def _there(place: Place, work: Work) -> Draft:
    draft = await work.drafts.get(place.protocol_id, place.version, place.criteria_version)
    if draft is None:
        raise Unknown("there is no such draft", field="criteria_version", remedy="save one first")
    return draft


async def _shown(draft: Draft, work: Work) -> DraftShown:
    catalogue = catalogue_named(draft.criteria_version, work)
    waivers = await waivers_today(draft.criteria_version, work)
    return DraftShown(draft=draft, score=score(catalogue, draft.answers, waivers=waivers))
