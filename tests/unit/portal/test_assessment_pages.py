"""A member's assessments: how they stand, and a filled-in template with what was refused of it."""

from mrx_portal.ports import Service
from mrx_shared.refusals import Invalid

from tests.unit.portal.scheme import PROTOCOL, Scheme
from tests.unit.portal.test_reviewer_pages import assessment, words

PATH = "/member/assessments"
BENCHMARK = Service.BENCHMARK


def scheme() -> Scheme:
    made = Scheme()
    version = {"version": "4.2", "effective_from": "2020-01-01", "effective_until": None}
    protocol = {"protocol_id": PROTOCOL, "code": "NB", "name": "Northwind Protocol", "versions": [version]}
    made.gives(BENCHMARK, "/v1/protocols", {"protocols": [protocol]})
    made.gives(BENCHMARK, "/v1/assessments", {"assessments": [assessment(recognised_until="2027-12-31")]})
    made.gives(BENCHMARK, "/v1/criteria", {"criteria": [{"version": "6.0-4p"}, {"version": "7.0"}]})
    return made


async def test_a_member_sees_where_its_assessments_stand_and_until_when_they_hold() -> None:
    read = words((await scheme().browser("member").get(PATH)).text)
    assert "Northwind Protocol, version 4.2" in read
    assert "commonality 71.42 % to 88.09 %, recognised until" in read


async def test_a_filled_in_template_is_sent_and_refused_rows_are_told() -> None:
    made = scheme()
    fault = {"row": 9, "field": "relation", "reason": "'same' is not a relation", "remedy": "write one of"}
    made.gives(BENCHMARK, "/v1/assessments/files", {"assessment": assessment(), "refused": [fault]})
    sent = await made.browser("member").send(
        PATH,
        PATH,
        {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0", "keep_good": "yes"},
        {"file": b"criterion_id,relation\nC1.1,equal\n"},
    )
    read = words(sent.text)
    assert sent.status_code == 200
    assert "1 row was refused: Row 9, relation: 'same' is not a relation; write one of." in read


async def test_a_file_that_is_refused_as_a_whole_says_why_on_the_page() -> None:
    made = scheme()
    refusal = Invalid("criterion 'Z' is not there", field="criterion_id", row=4, remedy="take it out")
    made.gives(BENCHMARK, "/v1/assessments/files", refusal)
    sent = await made.browser("member").send(
        PATH, PATH, {"protocol": f"{PROTOCOL} 4.2", "criteria": "7.0"}, {"file": b"x"}
    )
    assert sent.status_code == 422
    assert "riterion 'Z' is not there" in words(sent.text)
