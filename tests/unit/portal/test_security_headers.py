"""What holds for every answer of the portal, and what its settings refuse."""

import pytest
from mrx_portal.settings import Settings
from pydantic import ValidationError

from tests.unit.portal.conftest import TOKEN, Browser, Client
from tests.unit.portal.simulated import Simulated

PATHS = ["/", "/sign-in", f"/r/{TOKEN}", "/supplier", "/member", "/nothing-here", "/reset/x", "/health/ready"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_answer_keeps_to_itself(supplier: Client, path: str) -> None:
    headers = (await supplier.get(path)).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "base-uri 'none'" in policy
    assert "unsafe" not in policy
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/sign-in", f"/r/{TOKEN}", "/nothing-here"])
async def test_pages_hold_nothing_inline_and_nothing_of_others(supplier: Client, path: str) -> None:
    text = (await supplier.get(path)).text
    for inline in ("<style", " style=", "<script>", " onclick=", "javascript:", "//"):
        assert inline not in text


async def test_styles_and_scripts_are_named_by_their_content_and_kept_for_ever(supplier: Client) -> None:
    text = (await supplier.get("/sign-in")).text
    address = text.partition('rel="stylesheet" href="')[2].partition('"')[0]
    assert "?v=" in address
    answer = await supplier.get(address)
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert len(answer.content) < 12_000


async def test_a_body_that_is_too_large_is_refused(supplier: Client) -> None:
    await supplier.open("/sign-in")
    answer = await supplier.fill("/sign-in", email="x" * 2_000_000)
    assert answer.status_code == 413
    assert "This is too large" in answer.text


async def test_https_is_asked_for_ever_after(browser: Browser) -> None:
    answer = await browser(public_url="https://mrx.example").get("/sign-in")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_the_portal_is_ready_while_the_registry_answers(supplier: Client, services: Simulated) -> None:
    assert (await supplier.get("/health/ready")).status_code == 200
    services.away.add("registry")
    assert (await supplier.get("/health/ready")).status_code == 503
    assert (await supplier.get("/health/live")).status_code == 200


async def test_answers_are_counted_by_route_and_never_by_token(supplier: Client) -> None:
    await supplier.get(f"/r/{TOKEN}")
    metrics = (await supplier.get("/metrics")).text
    assert 'mrx_portal_answers_total{route="/r/{token}",status="200"}' in metrics
    assert TOKEN not in metrics


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("public_url", "mrx.example"),
        ("public_url", "https://mrx.example/portal"),
        ("storage_url", "https://s3.example; script-src *"),
        ("secret_key", "short"),
        ("MRX_CLOCK_OFFSET", "3600"),
    ],
)
def test_settings_that_would_open_a_wall_are_refused(services: Simulated, name: str, value: str) -> None:
    with pytest.raises(ValidationError):
        services.settings(**{name: value})


def test_settings_show_no_secret(services: Simulated) -> None:
    settings: Settings = services.settings()
    assert settings.secret_key.get_secret_value() not in repr(settings)
