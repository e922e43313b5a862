"""What the portal is told by its environment."""

import base64
from urllib.parse import urlsplit

from mrx_shared.kit.settings import SHARED, HttpSettings, Key
from pydantic import Field, field_validator
from pydantic_settings import SettingsConfigDict


class Settings(HttpSettings):
    """The portal's settings; `README.md` lists them. It has neither a database nor Kafka."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_PORTAL_")

    public_url: str
    """the portal's address as people type it; https but in a demonstration or on loopback"""
    secret_key: Key
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

    @property
    def sealing_key(self) -> bytes:
        """The secret key itself."""
        return base64.b64decode(self.secret_key.get_secret_value())
