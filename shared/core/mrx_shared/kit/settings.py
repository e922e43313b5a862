"""What every service is told by its environment. Only `__main__` builds settings; only `app` reads them."""

import base64
import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mrx_shared.messages.faults import plainly
from mrx_shared.slots import Slots

SHARED = SettingsConfigDict(
    env_ignore_empty=True, frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True
)


def _as_number(given: object) -> object:
    """Seconds as a number; pydantic takes a text without a unit for a time of day."""
    try:
        return float(given) if isinstance(given, str) else given
    except ValueError:
        return given


_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Seconds = Annotated[timedelta, BeforeValidator(_as_number)]
"""a duration stated as a number of seconds"""


def _as_key(secret: SecretStr) -> SecretStr:
    try:
        length = len(base64.b64decode(secret.get_secret_value(), validate=True))
    except ValueError:  # no base64, or not even ASCII
        length = 0
    if length != KEY_BYTES:
        raise ValueError("give 32 random bytes in base64, for example from `openssl rand -base64 32`")
    return secret


KEY_BYTES = 32
Key = Annotated[SecretStr, AfterValidator(_as_key)]
"""32 bytes, stated in base64"""


class KafkaSettings(BaseSettings):
    """Where Kafka is and how to speak to it; the same for every part."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_KAFKA_")

    bootstrap_servers: str
    """host:port, several joined by commas"""
    security_protocol: Literal["SASL_PLAINTEXT", "SASL_SSL"] = "SASL_SSL"
    """SASL_PLAINTEXT only where the network is private to the machine"""
    ca_file: Path | None = None
    """PEM file of the authority that signed the broker's certificate; the system's when empty"""


class HttpSettings(BaseSettings):
    """The settings of whatever answers over HTTP."""

    model_config = SHARED

    environment: Literal["production", "demonstration"] = Field(
        default="production", validation_alias="MRX_ENVIRONMENT"
    )
    """a demonstration may move the clock and state its release key; production may not"""
    clock_offset: Seconds = Field(default=timedelta(0), validation_alias="MRX_CLOCK_OFFSET")
    """seconds added to the clock"""
    log_level: str = Field(default="INFO", validation_alias="MRX_LOG_LEVEL")
    """least severity that is logged"""
    http_host: str = "127.0.0.1"
    """address that is listened on"""
    http_port: int
    """port that is listened on"""

    @model_validator(mode="after")
    def _no_moved_clock_in_production(self) -> "HttpSettings":
        if self.environment == "production" and self.clock_offset:
            raise ValueError("MRX_CLOCK_OFFSET is refused in production; unset it")
        return self


class ServiceSettings(HttpSettings):
    """The settings that every service has; each service adds its prefix and its own."""

    database_url: SecretStr
    """the database as the role that owns nothing"""
    relay_database_url: SecretStr
    """the database as the role that sees the delivery tables alone"""
    kafka_username: str
    """this service's Kafka user"""
    kafka_password: SecretStr
    """its password"""
    slot: str = "0"
    """which of several equal processes this is; two that live at once never share one"""


class SlotSettings(ServiceSettings):
    """The settings of a service that must know when request mails leave."""

    request_mail_days: str = Field(default="mon,wed,fri", validation_alias="MRX_REQUEST_MAIL_DAYS")
    """days of the week on which request mails leave, at most three, joined by commas"""
    request_mail_hour: int = Field(default=7, ge=0, le=23, validation_alias="MRX_REQUEST_MAIL_HOUR")
    """the hour at which they leave, UTC"""
    request_mail_every_s: Seconds | None = Field(default=None, validation_alias="MRX_REQUEST_MAIL_EVERY_S")
    """seconds between two slots, instead of days and hour; refused in production"""

    @model_validator(mode="after")
    def _slots_can_be_read(self) -> "SlotSettings":
        if self.environment == "production" and self.request_mail_every_s is not None:
            raise ValueError("MRX_REQUEST_MAIL_EVERY_S is refused in production; unset it")
        _ = self.slots
        return self

    @property
    def slots(self) -> Slots:
        """When request mails leave."""
        days = [day.strip().lower() for day in self.request_mail_days.split(",")]
        unknown = [day for day in days if day not in _WEEK]
        if unknown:
            raise ValueError(f"MRX_REQUEST_MAIL_DAYS: write days as {', '.join(_WEEK)}, joined by commas")
        return Slots(
            days=frozenset(_WEEK.index(day) for day in days),
            hour=self.request_mail_hour,
            every=self.request_mail_every_s,
        )


S = TypeVar("S", bound=BaseSettings)


def load(settings: type[S]) -> S:
    """Read settings from the environment; on a fault, name each variable and end the process with 2."""
    try:
        return settings()
    except ValidationError as error:
        prefix = str(settings.model_config.get("env_prefix", ""))
        for fault in error.errors(include_url=False, include_input=False):
            place = ".".join(str(step) for step in fault["loc"])
            name = place if place.startswith("MRX_") else f"{prefix}{place}".upper()
            sys.stderr.write(f"{name} {'; '.join(plainly(fault))}\n")
        raise SystemExit(2) from None
