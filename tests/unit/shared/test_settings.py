"""What services read from their environment."""

from datetime import timedelta

import pytest
from mrx_shared.kit.settings import SHARED, ServiceSettings, SlotSettings, load
from mrx_shared.slots import Slots
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


class OfMails(SlotSettings):
    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_SOME_")


def test_request_mails_leave_on_the_stated_days_at_the_stated_hour(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load(OfMails).slots == Slots()
    monkeypatch.setenv("MRX_REQUEST_MAIL_DAYS", "Tue, fri")
    monkeypatch.setenv("MRX_REQUEST_MAIL_HOUR", "9")
    assert load(OfMails).slots == Slots(days=frozenset({1, 4}), hour=9)
    monkeypatch.setenv("MRX_ENVIRONMENT", "demonstration")
    monkeypatch.setenv("MRX_REQUEST_MAIL_EVERY_S", "2")
    assert load(OfMails).slots.every == timedelta(seconds=2)


@pytest.mark.parametrize(
    ("name", "stated", "said"),
    [
        ("MRX_REQUEST_MAIL_EVERY_S", "1", "refused in production"),
        ("MRX_REQUEST_MAIL_DAYS", "mon,tue,wed,thu", "1 to 3 days"),
        ("MRX_REQUEST_MAIL_DAYS", "someday", "write days as mon, tue"),
        ("MRX_REQUEST_MAIL_HOUR", "24", "at most 23"),
    ],
)
def test_production_has_slots_on_three_days_a_week_at_most(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, stated: str, said: str
) -> None:
    monkeypatch.setenv(name, stated)
    with pytest.raises(SystemExit, match="2"):
        load(OfMails)
    assert said in capsys.readouterr().err
