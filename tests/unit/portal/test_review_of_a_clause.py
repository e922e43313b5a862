import pytest
from mrx_portal.domain.reviews import Decision, Line, by_clause, clause_named, read_review
from mrx_shared.refusals import Invalid


def line(name: str, **more: str | None) -> Line:
    return Line(
        **{
            "criterion_id": name,
            "clause": name.split(".", maxsplit=1)[0],
            "pillar": "labour",
            "kind": "requirement",
            "statement": "Workers are paid.",
            "essential": True,
            "weight": 10,
            **more,
        }  # type: ignore[arg-type]
    )


LINES = [
    line("1.1", relation="equal"),
    line("1.2", relation="subset", verdict="confirmed"),
    line("1.3"),
    line("2.1", relation="none", verdict="corrected", corrected_to="equal", reviewers_rationale="see page 4"),
]
FIRST, SECOND = by_clause(LINES)


def test_clauses_keep_their_order_and_count_what_is_open() -> None:
    assert [(one.name, one.answered, one.decided, one.undecided) for one in (FIRST, SECOND)] == [
        ("1", 2, 1, 1),
        ("2", 1, 1, 0),
    ]


def test_what_is_not_touched_is_not_sent_again() -> None:
    form = {"verdict-1.2": "confirmed", "relation-1.2": "equal", "rationale-1.1": "a note without a verdict"}

    assert read_review(FIRST, form, confirm_rest=False).decisions == ()
    again = {"verdict-2.1": "corrected", "relation-2.1": "equal", "rationale-2.1": " see page 4 "}
    assert read_review(SECOND, again, confirm_rest=False).decisions == ()


def test_confirming_the_rest_takes_open_answers_of_the_clause_alone() -> None:
    reviewed = read_review(FIRST, {}, confirm_rest=True)

    assert reviewed.decisions == (Decision(criterion_id="1.1", verdict="confirmed"),)


def test_a_correction_may_answer_what_the_owner_left_open() -> None:
    form = {"verdict-1.3": "corrected", "relation-1.3": "subset", "rationale-1.3": "clause 9 covers half"}

    assert read_review(FIRST, form, confirm_rest=False).decisions == (
        Decision(
            criterion_id="1.3", verdict="corrected", relation="subset", rationale="clause 9 covers half"
        ),
    )


@pytest.mark.parametrize(
    ("form", "name", "field"),
    [
        ({"verdict-1.1": "corrected"}, "1.1", "relation"),
        ({"verdict-1.1": "corrected", "relation-1.1": "cousin"}, "1.1", "relation"),
        ({"verdict-1.1": "corrected", "relation-1.1": "equal", "rationale-1.1": "why"}, "1.1", "relation"),
        ({"verdict-1.1": "corrected", "relation-1.1": "none", "rationale-1.1": "  "}, "1.1", "rationale"),
        ({"verdict-1.3": "confirmed"}, "1.3", "verdict"),
    ],
)
def test_a_word_that_does_not_hold_is_named_with_its_field(
    form: dict[str, str], name: str, field: str
) -> None:
    reviewed = read_review(FIRST, form, confirm_rest=False)

    assert {key: fault.field for key, fault in reviewed.faults.items()} == {name: field}
    assert reviewed.decisions == ()


def test_a_clause_that_the_criteria_lack_is_refused() -> None:
    with pytest.raises(Invalid, match="no clause"):
        clause_named((FIRST, SECOND), "99")
