"""Every page and every refusal that a supplier may see, in every language, without a sentence of another."""

import re
from collections.abc import Awaitable, Callable
from functools import partial
from html import unescape
from typing import Any

import pytest
from mrx_portal.domain.requests import STATES
from mrx_portal.entrypoints.forms import PURPOSE, SCOPE
from mrx_portal.entrypoints.languages import LANGUAGES, TAGS, translations
from mrx_shared.kit.http import problem
from mrx_shared.messages.exchange_adapter import REASONS

from tests.unit.portal.conftest import TOKEN, Client
from tests.unit.portal.simulated import NOW, Simulated, SimulatedRequest
from tests.unit.portal.texts import texts

OTHERS = [language for language in LANGUAGES if language != "en"]
NAMES = frozenset(
    {"PDF", "JavaScript", "Sedex", "SHA", "Cookie", "MRX", "UTC", "MiB", "English", "Español", "ZS"}
)
"""what a Chinese page writes in Latin letters, too"""
SENTENCES = [one for one in texts() if "%" not in one and len(one.split()) > 1]
ENGLISH = "a service's own words are English"
REPORT = {
    "report_id": "0192f0c1-0000-7000-8000-000000000003",
    "sha256": "1" * 64,
    "size": 5 * 1024 * 1024,
    "stored_at": NOW.isoformat(),
}


def request(**how: Any) -> SimulatedRequest:  # noqa: ANN401
    """A request whose own words are in no language."""
    return SimulatedRequest(**{"asks": "甲公司", "site": "乙工厂", "scope": SCOPE, "purpose": PURPOSE, **how})


def refused_file(code: str) -> dict[str, Any]:
    return {
        "ticket_id": "0192f0c1-0000-7000-8000-000000000002",
        "state": "refused",
        "reasons": [code] if code else [],
        "remedy": ENGLISH,
    }


STANDING: dict[str, dict[str, Any]] = {
    **{f"{state}": {"state": state, "reason": "not-our-site"} for state in STATES},
    "nothing known of the handover": {"state": "accepted", "known_to_exchange": False},
    "in check": {"state": "uploading", "uploads": [refused_file("") | {"state": "received"}]},
    "shared": {"state": "available", "report": REPORT, "accesses": [{"at": NOW.isoformat()}]},
    "access withdrawn": {"state": "available", "report": REPORT | {"withdrawn_at": NOW.isoformat()}},
    **{
        f"file refused: {code}": {"state": "accepted", "uploads": [refused_file(code)]}
        for code in (*REASONS, "a-code-of-tomorrow", "")
    },
    **{
        f"platform: {state} {code}": {
            "state": "uploading",
            "platform": {"site_code": "ZS1234567", "state": state, "reason": code},
        }
        for state in ("waiting-for-access", "refused", "withdrawn")
        for code in (None, "no-report-yet", "platform-unavailable", "unknown-site", "a-code-of-tomorrow")
    },
}
"""ways in which a request may stand"""
REQUESTS, EXCHANGE = "/report_request/v1/pages", "/exchange_adapter/v1/pages"
REFUSALS = {
    "the request went on": (f"{REQUESTS}/acceptance", {}, (409, "state")),
    "declined without a reason": (f"{REQUESTS}/refusal", {}, None),
    "declined with another reason": (f"{REQUESTS}/refusal", {"reason": "because"}, (422, "reason")),
    "a comment": (f"{REQUESTS}/refusal", {"reason": "other", "comment": "x"}, (422, "comment")),
    "a code that is none": (f"{EXCHANGE}/platform", {"site_code": "ZC1234567"}, None),
    "a code that the platform does not know": (
        f"{EXCHANGE}/platform",
        {"site_code": "ZS1234567"},
        (422, "site_code"),
    ),
    "no platform": (f"{EXCHANGE}/platform", {"site_code": "ZS1234567"}, (409, "site_code")),
    "something else": (f"{EXCHANGE}/platform", {"site_code": "ZS1234567"}, (403, None)),
    "too often": (f"{EXCHANGE}/platform", {"site_code": "ZS1234567"}, (429, None)),
    "a field that the page does not know": (f"{REQUESTS}/acceptance", {}, (422, "a_field")),
    "a service that is away": (f"{REQUESTS}/acceptance", {}, (503, None)),
}
"""what a form leads to: the path of the service, what was typed, status and field of the refusal"""
FORMS = {f"{REQUESTS}/acceptance": "/supplier/acceptance", f"{REQUESTS}/refusal": "/supplier/refusal"}


def foreign(text: str, language: str) -> list[str]:
    """What a page says in English, or in Latin letters on a Chinese one."""
    shown = re.sub(r"<(script|style)\b.*?</\1>", " ", text, flags=re.DOTALL)
    spoken = " ".join(re.findall(r'(?:aria-label|placeholder|data-words-\w+)="([^"]*)"', shown))
    read = unescape(re.sub(r"<code>.*?</code>|<[^>]+>", " ", shown) + " " + spoken)
    read = re.sub(r"\s+|MRX-\w+|{\w+}", " ", read)
    english = [one for one in SENTENCES if one in read]
    if language == "zh":
        english += [one for one in re.findall(r"[A-Za-zñ]{2,}", read) if one not in NAMES]
    return english + ([ENGLISH] if ENGLISH in read else [])


@pytest.mark.parametrize("language", OTHERS)
async def test_a_request_speaks_one_language_however_it_stands(
    supplier: Client, services: Simulated, language: str
) -> None:
    wrong: dict[str, list[str]] = {}
    for name, standing in STANDING.items():
        services.requests[TOKEN] = request(language=language, **standing)
        for shown in (await supplier.open(f"/r/{TOKEN}"), await supplier.follow()):
            assert f'<html lang="{TAGS[language]}">' in shown.text
            wrong.setdefault(name, []).extend(foreign(shown.text, language))
    assert {name: words for name, words in wrong.items() if words} == {}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", REFUSALS)
async def test_a_refusal_is_told_in_the_language_of_the_page(
    supplier: Client, services: Simulated, name: str, language: str
) -> None:
    path, typed, refusal = REFUSALS[name]
    asked = path.startswith(REQUESTS)
    services.requests[TOKEN] = request(language=language, state="opened" if asked else "accepted")
    await supplier.open("/supplier", **{"Accept-Language": language})
    await supplier.follow()
    if refusal:
        status, field = refusal
        services.refusals[path] = partial(
            problem, status, ENGLISH, field=field, remedy=ENGLISH, retryable=status == 503
        )
    page = await supplier.fill(FORMS.get(path, "/supplier/platform"), {"Accept-Language": language}, **typed)
    assert page.status_code >= 400
    assert foreign(page.text, language) == []
    if typed.get("comment"):
        assert f'value="{typed["comment"]}"' in page.text


def sent_from_elsewhere(client: Client, **headers: str) -> Awaitable[Any]:
    return client.post("/supplier/leave", headers={"Origin": "https://elsewhere.example", **headers})


def too_much(client: Client, **headers: str) -> Awaitable[Any]:
    return client.post("/r", content=b"x" * (2 * 1024 * 1024), headers=headers)


def closed(client: Client, **headers: str) -> Awaitable[Any]:
    return client.fill("/supplier/leave", headers, language=headers["Accept-Language"])


async def without_cookies(client: Client, **headers: str) -> Any:  # noqa: ANN401
    await client.open(f"/r/{TOKEN}")
    client.cookies.clear()
    return await client.fill("/r", headers)


def opened(path: str) -> Callable[..., Awaitable[Any]]:
    return lambda client, **headers: client.open(path, **headers)


ELSEWHERE: dict[str, Callable[..., Awaitable[Any]]] = {
    "a link of nothing": opened("/r/a-token-that-was-never-sent"),
    "no link": opened("/supplier"),
    "no page": opened("/supplier/nothing"),
    "a form's address": opened("/supplier/acceptance"),
    "sent from elsewhere": sent_from_elsewhere,
    "too much": too_much,
    "closed": closed,
    "without cookies": without_cookies,
}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("name", ELSEWHERE)
async def test_what_opens_nothing_is_told_in_the_browsers_language(
    supplier: Client, services: Simulated, name: str, language: str
) -> None:
    services.requests[TOKEN] = request(language=language)
    await supplier.open(f"/r/{TOKEN}")
    page = await ELSEWHERE[name](supplier, **{"Accept-Language": language})
    assert f'<html lang="{TAGS[language]}">' in page.text
    assert foreign(page.text, language) == []


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("text", [SCOPE, PURPOSE])
def test_what_a_members_form_proposes_is_translated(text: str, language: str) -> None:
    assert translations(language).gettext(text) != text


async def test_what_a_member_wrote_itself_is_shown_as_it_is(supplier: Client, services: Simulated) -> None:
    services.requests[TOKEN] = request(language="zh", scope="SMETA 6.1, 4-pillar")
    assert "SMETA 6.1, 4-pillar" in (await supplier.follow()).text
