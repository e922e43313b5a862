"""The heart of the product on a real database: lists go in, a list without members comes out."""

import json
from uuid import uuid4

import pytest

from tests.component.aggregation.conftest import AS_OF, Aggregation, SentList, site

pytestmark = pytest.mark.live


async def test_five_members_lists_become_one_released_list(aggregation: Aggregation) -> None:
    members = [uuid4() for _ in range(5)]
    round_id = await aggregation.open_round()
    for place, member in enumerate(members):
        await aggregation.participate(member)
        rows = [site(number) for number in range(place * 2, place * 2 + 4)]
        await aggregation.send(member, SentList(rows=rows, page_rows=3))
        receipt = await aggregation.receipt(member)
        assert (receipt.state, receipt.accepted, receipt.refused) == ("accepted", 4, 0)
        assert str(receipt.round_id) == round_id

    closed = await aggregation.close_round(round_id)
    assert closed["state"] == "closed"
    numbers = closed["numbers"]
    assert (numbers["lists"], numbers["rows"], numbers["accepted"]) == (5, 20, 20)
    assert (numbers["sites"], numbers["sites_on_several_lists"]) == (12, 8)
    assert numbers["independent_groups"] == 5

    released = await aggregation.release_round(round_id)
    assert released["state"] == "released"
    rows = json.loads(aggregation.objects.kept[f"{released['release_id']}/list.json"])
    assert len(rows) == 12
    assert rows[0]["country"] == "BD"
    assert {row["audit_half_year"] for row in rows} == {"2025-H1"}
    certificate = json.loads(aggregation.objects.kept[f"{released['release_id']}/certificate.json"])
    assert certificate["rows"] == 12
    assert certificate["as_of"] == str(AS_OF)
