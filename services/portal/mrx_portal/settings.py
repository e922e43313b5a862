"""What the portal is told by its environment."""

import base64
import binascii
from datetime import timedelta
from typing import Literal
from urllib.parse import urlsplit

from mrx_shared.kit.settings import SHARED, Seconds
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

KEY_BYTES = 32


class Settings(BaseSettings):
    """The portal's settings; `README.md` lists them. It has neither a database nor Kafka."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_PORTAL_")

    environment: Literal["production", "demonstration"] = Field(
        default="production", validation_alias="MRX_ENVIRONMENT"
    )
    """only a demonstration may move the clock"""
    clock_offset: Seconds = Field(default=timedelta(0), validation_alias="MRX_CLOCK_OFFSET")
    """seconds added to the clock that days left are reckoned by"""
    log_level: str = Field(default="INFO", validation_alias="MRX_LOG_LEVEL")
    """least severity that is logged"""
    http_host: str = "127.0.0.1"
    """address that the pages are served on"""
    http_port: int
    """port that the pages are served on"""
    public_url: str
    """the portal's address as people type it; https but in a demonstration or on loopback"""
    secret_key: SecretStr
    """base64 of 32 bytes; makes the seals of forms. Every process of a portal has the same"""
    registry_url: str
    """the registry's HTTP API"""
    benchmark_url: str
    """the benchmark's HTTP API"""
    aggregation_url: str
    """aggregation's HTTP API"""
    report_request_url: str
    """report_request's HTTP API"""
    exchange_adapter_url: str
    """exchange_adapter's HTTP API"""
    storage_url: str = Field(validation_alias="MRX_S3_PUBLIC_URL")
    """object storage as browsers reach it; the only other place that a page may speak to"""

    @field_validator("secret_key")
    @classmethod
    def _is_a_key(cls, secret: SecretStr) -> SecretStr:
        try:
            length = len(base64.b64decode(secret.get_secret_value(), validate=True))
        except binascii.Error:
            length = 0
        if length != KEY_BYTES:
            raise ValueError("give 32 random bytes in base64, for example from `openssl rand -base64 32`")
        return secret

    @field_validator("public_url", "storage_url")
    @classmethod
    def _is_an_origin(cls, url: str) -> str:
        parts = urlsplit(url)
        if (
            parts.scheme not in {"http", "https"}
            or not parts.hostname
            or parts.path.strip("/")
            or parts.query
            or set(url) & set(" ;,'\"")
        ):
            raise ValueError("give an address without a path, such as https://mrx.example")
        return f"{parts.scheme}://{parts.netloc}"

    @model_validator(mode="after")
    def _production_is_strict(self) -> "Settings":
        if self.environment == "production" and self.clock_offset:
            raise ValueError("MRX_CLOCK_OFFSET is refused in production; unset it")
        return self

    @property
    def sealing_key(self) -> bytes:
        """The secret key itself."""
        return base64.b64decode(self.secret_key.get_secret_value())
