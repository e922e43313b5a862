"""Answers that are kept before they are submitted."""

from uuid import UUID, uuid4

import pytest
from mrx_benchmark.domain.assessments import State
from mrx_benchmark.handlers import assessing, drafting
from mrx_criteria.domain.answers import Answer, Note, Sifted
from mrx_criteria.domain.criteria import Relation
from mrx_shared.refusals import Forbidden, Invalid, Unknown

from tests.unit.benchmark.assessments import ACME, catalogue, protocol, submit
from tests.unit.benchmark.in_memory import MemoryWork


@pytest.fixture
def work() -> MemoryWork:
    """Work of the member Acme."""
    return MemoryWork({"own": catalogue()}, tenant=ACME)


async def place(work: MemoryWork, owner: UUID | None = ACME) -> drafting.Place:
    made = await protocol(work, owner)
    return drafting.Place(protocol_id=made.protocol_id, version="1", criteria_version="own")


async def save(work: MemoryWork, where: drafting.Place, **relations: str) -> drafting.DraftShown:
    rows = [
        {"criterion_id": name, "relation": relation, "rationale": relation}
        for name, relation in relations.items()
    ]
    return await drafting.save_draft(rows, place=where, owner=ACME, by="ann", work=work)


def relations(shown: drafting.DraftShown) -> dict[str, str]:
    return {one.criterion_id: one.relation.value for one in shown.draft.answers}


async def test_what_is_saved_again_replaces_what_was_there_and_an_empty_relation_takes_it_away(
    work: MemoryWork,
) -> None:
    where = await place(work)
    await save(work, where, C="equal", A="subset")
    shown = await save(work, where, A="equal", B="none")
    assert relations(shown) == {"A": "equal", "B": "none", "C": "equal"}
    assert relations(await save(work, where, B="")) == {"A": "equal", "C": "equal"}
    assert relations(await drafting.show_draft(where, owner=ACME, work=work)) == {"A": "equal", "C": "equal"}
    assert (await drafting.list_drafts(work=work))[0].score.overall.lower == 99
    assert work.said == [work.said[0]], "nobody hears of a draft"


async def test_a_draft_with_a_wrong_row_is_left_as_it_was(work: MemoryWork) -> None:
    where = await place(work)
    await save(work, where, A="equal")
    with pytest.raises(Invalid, match="not a relation") as caught:
        await save(work, where, B="equal", A="similar")
    assert caught.value.row == 2
    assert relations(await drafting.show_draft(where, owner=ACME, work=work)) == {"A": "equal"}


async def test_a_submitted_draft_is_an_assessment_and_no_draft_any_longer(work: MemoryWork) -> None:
    where = await place(work)
    await save(work, where, A="equal", C="superset")
    begun = await drafting.submit_draft(where, owner=ACME, by="ann", work=work)
    assert begun.assessment.state is State.SUBMITTED
    assert [(one.criterion_id, one.rationale) for one in begun.assessment.answers] == [
        ("A", "equal"),
        ("C", "superset"),
    ]
    with pytest.raises(Unknown):
        await drafting.show_draft(where, owner=ACME, work=work)


async def test_the_good_rows_of_a_file_join_what_is_there(work: MemoryWork) -> None:
    where = await place(work)
    await save(work, where, A="subset", B="equal")
    good = Sifted(
        answers=(Answer(criterion_id="A", relation=Relation.EQUAL),),
        faults=(),
        notes=(Note(criterion_id="C", rationale="to be asked"),),
    )
    shown = await drafting.keep_good(good, place=where, owner=ACME, by="ann", work=work)
    assert relations(shown) == {"A": "equal", "B": "equal"}
    assert shown.draft.notes == good.notes


async def test_words_about_an_open_criterion_are_kept_until_it_is_answered_or_they_are_taken_away(
    work: MemoryWork,
) -> None:
    where = await place(work)
    rows = [
        {"criterion_id": "A", "relation": "equal"},
        {"criterion_id": "B", "relation": "", "rationale": "who knows?", "evidence": "p. 4"},
        {"criterion_id": "C", "requirement_ref": "9.1"},
    ]
    shown = await drafting.save_draft(rows, place=where, owner=ACME, by="ann", work=work)
    notes = {
        one.criterion_id: (one.requirement_ref, one.rationale, one.evidence) for one in shown.draft.notes
    }
    assert notes == {"B": ("", "who knows?", "p. 4"), "C": ("9.1", "", "")}
    assert [gap.criterion.id for gap in shown.score.gaps if gap.relation is None] == ["C", "B"]
    answered = (await save(work, where, B="subset")).draft
    assert [one.criterion_id for one in answered.notes] == ["C"]
    begun = await drafting.submit_draft(where, owner=ACME, by="ann", work=work)
    assert [one.criterion_id for one in begun.assessment.answers] == ["A", "B"]
    left = (await drafting.show_draft(where, owner=ACME, work=work)).draft
    assert ([one.criterion_id for one in left.notes], left.answers) == (["C"], ())
    away = [{"criterion_id": "C"}]
    assert (await drafting.save_draft(away, place=where, owner=ACME, by="ann", work=work)).draft.notes == ()


async def test_a_draft_starts_from_an_assessment_as_its_reviewers_left_it(work: MemoryWork) -> None:
    made = await protocol(work)
    one = await submit(work, made, {"A": "equal", "B": "equal"})
    where = drafting.Place(protocol_id=made.protocol_id, version="1", criteria_version="own")
    shown = await drafting.start_from(one, place=where, owner=ACME, by="ann", work=work)
    assert relations(shown) == {"A": "equal", "B": "equal"}


async def test_a_draft_is_its_owners_alone(work: MemoryWork) -> None:
    where = await place(work)
    await save(work, where, A="equal")
    work.tenant = other = uuid4()
    with pytest.raises(Unknown):
        await drafting.show_draft(where, owner=other, work=work)
    assert await drafting.list_drafts(work=work) == []
    work.tenant = None
    public = await place(work, None)
    await drafting.save_draft([], place=public, owner=None, by="sue", work=work)
    work.tenant = ACME
    with pytest.raises(Forbidden):
        await save(work, public, A="equal")


async def test_criteria_and_versions_that_are_not_there_are_named(work: MemoryWork) -> None:
    where = await place(work)
    with pytest.raises(Invalid, match="no criteria"):
        await save(work, drafting.Place(protocol_id=where.protocol_id, version="1", criteria_version="x"))
    with pytest.raises(Unknown):
        await save(work, drafting.Place(protocol_id=where.protocol_id, version="9", criteria_version="own"))
    with pytest.raises(Unknown):
        await assessing.submit_answers(
            [],
            protocol_id=where.protocol_id,
            version="9",
            criteria_version="own",
            owner=ACME,
            by="a",
            work=work,
        )


async def test_a_discarded_draft_is_gone_whether_it_holds_something_or_not(work: MemoryWork) -> None:
    where = await place(work)
    for written in ({}, {"A": "equal"}):
        await save(work, where, **written)
        gone = await drafting.discard_draft(where, owner=ACME, work=work)
        assert relations(gone) == written
        with pytest.raises(Unknown):
            await drafting.show_draft(where, owner=ACME, work=work)
    with pytest.raises(Unknown):
        await drafting.discard_draft(where, owner=ACME, work=work)


async def test_nobody_discards_anothers_draft(work: MemoryWork) -> None:
    where = await place(work)
    await save(work, where, A="equal")
    with pytest.raises(Forbidden):
        await drafting.discard_draft(where, owner=uuid4(), work=work)
    assert relations(await drafting.show_draft(where, owner=ACME, work=work)) == {"A": "equal"}
