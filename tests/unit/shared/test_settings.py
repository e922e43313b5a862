"""What services read from their environment."""

from datetime import timedelta

import pytest
from mrx_shared.kit.settings import SHARED, ServiceSettings, load
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_SOME_")


@pytest.fixture(autouse=True)
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DATABASE_URL", "RELAY_DATABASE_URL", "KAFKA_USERNAME", "KAFKA_PASSWORD"):
        monkeypatch.setenv(f"MRX_SOME_{name}", "x")
    monkeypatch.setenv("MRX_SOME_HTTP_PORT", "1")


@pytest.mark.parametrize(
    ("stated", "offset"), [("2505600", timedelta(days=29)), ("-90.5", timedelta(seconds=-90.5))]
)
def test_the_clock_is_moved_by_seconds(
    monkeypatch: pytest.MonkeyPatch, stated: str, offset: timedelta
) -> None:
    monkeypatch.setenv("MRX_ENVIRONMENT", "demonstration")
    monkeypatch.setenv("MRX_CLOCK_OFFSET", stated)
    assert load(Settings).clock_offset == offset


def test_production_refuses_a_moved_clock(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MRX_CLOCK_OFFSET", "60")
    with pytest.raises(SystemExit, match="2"):
        load(Settings)
    assert "refused in production" in capsys.readouterr().err


def test_what_is_missing_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("MRX_SOME_DATABASE_URL")
    with pytest.raises(SystemExit, match="2"):
        load(Settings)
    assert "MRX_SOME_DATABASE_URL is missing; fill it in" in capsys.readouterr().err
