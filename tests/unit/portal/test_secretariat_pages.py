import re
from collections.abc import Mapping
from html import unescape
from typing import Any
from uuid import UUID, uuid4

import pytest
from mrx_portal.handlers.secretariat import FILES_SHOWN
from mrx_portal.ports import Service
from mrx_shared.refusals import Invalid, Rejected

from tests.unit.portal.scheme import MEMBER, ROUND, Scheme, a_member, a_round, entry, numbers

PATH = f"/secretariat/rounds/{ROUND}"
API = f"/v1/rounds/{ROUND}"


@pytest.fixture
def scheme() -> Scheme:
    scheme = Scheme()
    scheme.releases([entry(1)], held=33)
    scheme.gives(
        Service.REGISTRY,
        "/v1/members",
        {"members": [a_member(), a_member("Contoso", participates=False, missing=["statement-not-signed"])]},
    )
    scheme.gives(Service.REGISTRY, f"/v1/members/{MEMBER}", a_member())
    scheme.gives(Service.EXCHANGE_ADAPTER, "/v1/quarantine", {"held": []})
    scheme.numbers(numbers(asked=20, avoided=4, avoided_eur=10_000))
    at(scheme, "closed")
    return scheme


def at(scheme: Scheme, state: str, **more: object) -> None:
    current = a_round(state, **more)
    scheme.gives(Service.AGGREGATION, API, current)
    scheme.gives(Service.AGGREGATION, "/v1/rounds", {"rounds": [current]})
    for step in ("close", "release", "withdrawal", "approve"):
        scheme.gives(Service.AGGREGATION, f"{API}/{step}", current)


def words(text: str) -> str:
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", text.partition("<main")[2])))


async def test_the_overview_puts_the_scheme_on_one_page(scheme: Scheme) -> None:
    read = words((await scheme.browser("secretariat").get("/secretariat")).text)

    assert "1 of 2 members take part" in read
    assert "33 held back" in read
    assert "Contoso Statement not signed" in read


async def test_a_release_is_proposed_by_one_person_and_the_page_asks_for_another(scheme: Scheme) -> None:
    browser = scheme.browser("secretariat", "p-1")
    await browser.send(PATH, f"{PATH}/release")
    at(scheme, "proposed", proposed_by="p-1")

    page = await browser.get(PATH)

    assert scheme.api.posted[-1].path == f"{API}/release"
    assert "A second person is needed." in words(page.text)
    assert "/approve" not in page.text
    assert f'action="{PATH}/withdrawal"' in page.text


async def test_the_second_person_finds_the_button(scheme: Scheme) -> None:
    at(scheme, "proposed", proposed_by="p-1")
    browser = scheme.browser("secretariat", "p-2")

    assert "A release is waiting for a second person: you." in words((await browser.get("/secretariat")).text)
    answer = await browser.send(PATH, f"{PATH}/approve")

    assert answer.headers["location"] == PATH
    assert scheme.api.posted[-1].path == f"{API}/approve"


async def test_the_service_has_the_last_word_on_who_approves(scheme: Scheme) -> None:
    at(scheme, "proposed", proposed_by="p-1")
    browser = scheme.browser("secretariat", "p-2")
    scheme.gives(
        Service.AGGREGATION,
        f"{API}/approve",
        Rejected(
            "the person who proposed a release cannot approve it", remedy="have another person approve it"
        ),
    )

    answer = await browser.send(PATH, f"{PATH}/approve")

    assert answer.status_code == 409
    assert "The person who proposed a release cannot approve it. Have another person approve it." in words(
        answer.text
    )


@pytest.mark.parametrize(("ticked", "leaves"), [({}, False), ({"leave_waiting": "yes"}, True)])
async def test_closing_moves_what_waits_only_where_it_was_ticked(
    scheme: Scheme, ticked: dict[str, str], leaves: bool
) -> None:
    at(scheme, "open")

    await scheme.browser("secretariat").send(PATH, f"{PATH}/close", ticked)

    assert scheme.api.posted[-1].body == {"leave_waiting": leaves}


async def test_too_few_groups_are_said_before_anyone_proposes(scheme: Scheme) -> None:
    at(scheme, "closed", numbers={"independent_groups": 4})

    assert "Only 4 independent groups; at least 5 are needed." in words(
        (await scheme.browser("secretariat").get(PATH)).text
    )


async def test_a_round_in_work_loads_again_by_itself(scheme: Scheme) -> None:
    at(scheme, "closing")

    assert 'http-equiv="refresh"' in (await scheme.browser("secretariat").get(PATH)).text


TROUBLE = {
    "step": "releasing",
    "cause": "object storage refused: InvalidRequest",
    "permanent": True,
    "since": "2026-10-01T14:05:10Z",
    "attempts": 12,
    "next_try_at": "2026-10-01T14:17:10Z",
}


@pytest.mark.parametrize(
    ("state", "changed", "told"),
    [
        (
            "releasing",
            {},
            (
                "Releasing has failed 12 times since 1 Oct 2026, 14:05 UTC. Object storage refused: InvalidRequest. "
                "This will not resolve itself: tell the operator. The next attempt is on 1 Oct 2026, 14:17 UTC"
            ),
        ),
        (
            "closing",
            {"attempts": 1, "permanent": False, "cause": "object storage is away: ConnectTimeoutError"},
            (
                "Closing failed on 1 Oct 2026, 14:05 UTC. Object storage is away: ConnectTimeoutError. "
                "It continues by itself once this has passed."
            ),
        ),
    ],
)
async def test_a_step_that_fails_is_told_with_its_cause_and_does_not_look_busy(
    scheme: Scheme, state: str, changed: dict[str, Any], told: str
) -> None:
    at(scheme, state, trouble={**TROUBLE, "step": state, **changed})
    browser = scheme.browser("secretariat")

    page = words((await browser.get(PATH)).text)

    assert told in page
    assert "This is in progress" not in page
    assert "This takes a moment" not in page
    label = "Release fails" if state == "releasing" else "Closing fails"
    assert label in page
    assert label in words((await browser.get("/secretariat")).text)


async def test_a_step_that_rounds_do_not_have_reaches_no_service(scheme: Scheme) -> None:
    browser = scheme.browser("secretariat")
    text = (await browser.get(PATH)).text
    form = {name: re.findall(rf'name="{name}" value="([^"]+)"', text)[0] for name in ("seal", "key")}

    answer = await browser.http.post(f"{PATH}/publish", data=form)

    assert answer.status_code == 422
    assert scheme.api.posted == []


@pytest.mark.parametrize(("given", "sent"), [("", None), ("2026-09-30", "2026-09-30")])
async def test_a_round_opens_as_of_the_day_or_of_today(scheme: Scheme, given: str, sent: str | None) -> None:
    scheme.gives(
        Service.AGGREGATION, "/v1/rounds", lambda said: a_round() if "as_of" in said else {"rounds": []}
    )

    answer = await scheme.browser("secretariat").send(
        "/secretariat/rounds", "/secretariat/rounds", {"as_of": given}
    )

    assert answer.headers["location"] == PATH
    assert scheme.api.posted[-1].body == {"as_of": sent}


async def test_a_day_that_is_none_is_refused_here(scheme: Scheme) -> None:
    answer = await scheme.browser("secretariat").send(
        "/secretariat/rounds", "/secretariat/rounds", {"as_of": "30.9.2026"}
    )

    assert answer.status_code == 422
    assert scheme.api.posted == []


async def test_a_company_is_admitted_with_its_group_and_its_holdings(scheme: Scheme) -> None:
    scheme.gives(
        Service.REGISTRY,
        "/v1/members",
        lambda said: a_member("Litware") if "name" in said else {"members": []},
    )

    answer = await scheme.browser("secretariat").send(
        "/secretariat/members",
        "/secretariat/members",
        {"name": "Litware", "group": "", "minority_holdings": "Fabrikam\r\n\r\n Proseware \r\n"},
    )

    assert answer.headers["location"] == f"/secretariat/members/{MEMBER}"
    assert scheme.api.posted[-1].body == {
        "name": "Litware",
        "group": "Litware",
        "new_group": False,
        "minority_holdings": ["Fabrikam", "Proseware"],
    }


async def test_a_group_is_made_new_only_by_who_ticks_it(scheme: Scheme) -> None:
    scheme.gives(
        Service.REGISTRY,
        "/v1/members",
        lambda said: (
            Rejected(
                "there is no corporate group 'Fabricam'; there is 'Fabrikam'",
                field="group",
                remedy="name an existing group, or create this one with new_group",
            )
            if said.get("new_group") is False
            else a_member("Litware")
            if said
            else {"members": [a_member()]}
        ),
    )
    browser, given = scheme.browser("secretariat"), {"name": "Litware", "group": "Fabricam"}

    refused = await browser.send("/secretariat/members", "/secretariat/members", given)
    assert refused.status_code == 409
    assert "there is &#39;Fabrikam&#39;" in refused.text
    assert "Name an existing group, or tick that this one is new." in words(refused.text)
    assert 'value="Fabricam"' in refused.text
    assert "checked" not in refused.text

    made = await browser.send("/secretariat/members", "/secretariat/members", given | {"new_group": "yes"})
    assert made.headers["location"] == f"/secretariat/members/{MEMBER}"
    assert scheme.api.posted[-1].body["new_group"] is True


async def test_a_refused_admission_keeps_what_was_typed(scheme: Scheme) -> None:
    listed = {"members": [a_member()]}
    scheme.gives(
        Service.REGISTRY,
        "/v1/members",
        lambda said: Invalid("this name is taken", field="name", remedy="x") if said else listed,
    )

    answer = await scheme.browser("secretariat").send(
        "/secretariat/members", "/secretariat/members", {"name": "Northwind", "group": "N"}
    )

    assert answer.status_code == 422
    assert 'value="Northwind"' in answer.text
    assert "This name is taken." in words(answer.text)


async def test_a_member_is_suspended_only_by_who_is_sure(scheme: Scheme) -> None:
    path = f"/secretariat/members/{MEMBER}"
    scheme.gives(Service.REGISTRY, f"/v1/members/{MEMBER}/suspension", a_member(state="suspended"))
    browser = scheme.browser("secretariat")

    assert (await browser.send(path, f"{path}/suspension")).status_code == 422
    assert scheme.api.posted == []
    assert (await browser.send(path, f"{path}/suspension", {"sure": "yes"})).status_code == 303
    assert scheme.api.posted[-1].path == f"/v1/members/{MEMBER}/suspension"


async def test_a_person_is_let_in_with_a_mail_to_choose_a_password(scheme: Scheme) -> None:
    path, made = f"/secretariat/members/{MEMBER}", str(uuid4())
    scheme.gives(Service.REGISTRY, "/v1/principals", {"principal_id": made})
    scheme.gives(Service.REGISTRY, f"/v1/principals/{made}/sign-in", {"principal_id": made})

    await scheme.browser("secretariat").send(
        path, f"{path}/people", {"name": "Ada", "email": "ada@northwind.example"}
    )

    person, sign_in = scheme.api.posted
    assert person.body == {"kind": "person", "name": "Ada", "role": "member", "member_id": MEMBER}
    assert sign_in.body == {"email": "ada@northwind.example"}


async def test_quarantine_tells_why_in_words_and_no_member(scheme: Scheme) -> None:
    file = {
        "request_id": str(uuid4()),
        "ticket_id": str(uuid4()),
        "member_id": MEMBER,
        "channel": "upload",
        "reasons": ["encrypted", "brand-new-reason"],
        "since": "2026-11-22T09:00:00Z",
    }
    scheme.gives(Service.EXCHANGE_ADAPTER, "/v1/quarantine", {"held": [file]})

    text = (await scheme.browser("secretariat").get("/secretariat/quarantine")).text

    assert "is encrypted, brand new reason" in words(text)
    assert MEMBER not in text


async def test_quarantine_is_shown_page_by_page(scheme: Scheme) -> None:
    ids = [uuid4() for _ in range(FILES_SHOWN * 2)]

    def page(said: Mapping[str, Any]) -> dict[str, Any]:
        first = ids.index(UUID(str(said["after"]))) + 1 if said.get("after") else 0
        files = [
            {
                "request_id": str(uuid4()),
                "ticket_id": str(one),
                "channel": "upload",
                "since": "2026-11-22T09:00:00Z",
            }
            for one in ids[first : first + said["limit"]]
        ]
        return {"held": files}

    scheme.gives(Service.EXCHANGE_ADAPTER, "/v1/quarantine", page)
    browser = scheme.browser("secretariat")
    first = (await browser.get("/secretariat/quarantine")).text
    older = f"/secretariat/quarantine?after={ids[FILES_SHOWN - 1]}"
    second = (await browser.get(older)).text

    assert f'href="{older}"' in first
    assert [str(one) in first for one in ids] == [True] * FILES_SHOWN + [False] * FILES_SHOWN
    assert [str(one) in second for one in ids] == [False] * FILES_SHOWN + [True] * FILES_SHOWN
    assert "Older files" not in second
    assert f"{FILES_SHOWN} files and more in quarantine." in (await browser.get("/secretariat")).text


async def test_totals_name_no_member(scheme: Scheme) -> None:
    text = (await scheme.browser("secretariat").get("/secretariat/requests")).text

    assert "10,000" in words(text)
    assert "Northwind" not in text


@pytest.mark.parametrize("role", ["member", "reviewer"])
async def test_the_secretariats_pages_are_closed_to_others(scheme: Scheme, role: str) -> None:
    assert (await scheme.browser(role).get(PATH)).status_code == 403


PROPOSER, APPROVER = "01940000-0000-7000-8000-00000000aa01", "01940000-0000-7000-8000-00000000aa02"


@pytest.mark.parametrize("state", ["proposed", "released"])
async def test_who_proposed_and_approved_is_named_and_never_by_an_id(scheme: Scheme, state: str) -> None:
    at(scheme, state, proposed_by=PROPOSER, approved_by=APPROVER)
    page = (await scheme.browser("secretariat", "p-2").get(PATH)).text
    assert "A colleague proposed" in page or state == "released"
    assert PROPOSER[:8] not in page.replace(ROUND, "")
    scheme.gives(
        Service.REGISTRY,
        "/v1/secretariat",
        {
            "people": [
                {"principal_id": PROPOSER, "name": "Ida <b>"},
                {"principal_id": APPROVER, "name": "Otto"},
            ]
        },
    )
    read = words((await scheme.browser("secretariat", "p-2").get(PATH)).text)
    assert "Proposed by Ida <b> Approved by Otto" in read
    read = words((await scheme.browser("secretariat", PROPOSER).get(PATH)).text)
    assert "Proposed by you Approved by Otto" in read


@pytest.mark.parametrize(
    ("groups", "told"),
    [(1, "1 independent group; at least 5 are needed"), (10, "10 independent groups; at least 5 are needed")],
)
async def test_groups_are_told_beside_what_is_needed(scheme: Scheme, groups: int, told: str) -> None:
    at(scheme, "closed", numbers={"independent_groups": groups})
    assert told in words((await scheme.browser("secretariat").get("/secretariat")).text)
    read = words((await scheme.browser("secretariat").get(PATH)).text)
    assert (f"Only {told}." in read) is (groups == 1)
