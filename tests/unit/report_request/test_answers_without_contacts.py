"""What an answer that is kept, or goes to someone else, may say of people: nothing."""

from uuid import UUID

from mrx_report_request.entrypoints.http import answers
from mrx_report_request.handlers.asking import ask
from mrx_report_request.handlers.suppliers import Shown

from tests.unit.report_request.in_memory import MemoryWork, asking

MEMBER = UUID(int=1)
ADDRESSES = ("quality@works.example", "sourcing@buyer.example")


async def test_only_an_answer_that_is_not_kept_shows_the_contact_and_none_the_requester() -> None:
    work = MemoryWork(MEMBER)
    async with work.acting_for(MEMBER):
        request = await ask(asking(contact_name="Li Na"), work, member_id=MEMBER)
    kept = answers.request(request, today=work.now.date()).model_dump_json()
    shown = answers.request(request, today=work.now.date(), contact=True).model_dump_json()
    supplier = answers.page(Shown(request=request, asks="Acme")).model_dump_json()
    for answer in (kept, supplier):
        assert not [one for one in (*ADDRESSES, "Li Na") if one in answer]
    assert [one for one in (*ADDRESSES, "Li Na") if one in shown] == [ADDRESSES[0], "Li Na"]
