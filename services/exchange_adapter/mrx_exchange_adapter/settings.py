"""What exchange_adapter is told by its environment."""

from mrx_shared.kit.settings import SHARED, ServiceSettings
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """Addresses and secrets have no defaults."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_EXCHANGE_ADAPTER_")

    s3_endpoint: str = Field(validation_alias="MRX_S3_ENDPOINT")
    """http://host:port of object storage"""
    s3_public_url: str = Field(validation_alias="MRX_S3_PUBLIC_URL")
    """the address of object storage that links are signed for"""
    presigner_access_key: str
    """identity that may write into quarantine, and nothing else"""
    presigner_secret_key: SecretStr
    """its secret"""
    scanner_access_key: str
    """identity that reads, writes and lists quarantine and vault"""
    scanner_secret_key: SecretStr
    """its secret"""
    reader_access_key: str
    """identity that may read the vault, and nothing else"""
    reader_secret_key: SecretStr
    """its secret"""
    platform_url: str | None = None
    """http(s)://host:port of a data-sharing platform; with the three after it, or none of them"""
    platform_client_id: str | None = None
    """the exchange's own account there"""
    platform_client_secret: SecretStr | None = None
    """its secret"""
    platform_webhook_secret: SecretStr | None = None
    """what the platform signs its events with"""
    platform_poll_s: float = Field(default=60, gt=0)
    """how often the platform is looked at, whatever events come"""
    max_bytes: int = Field(default=256 * 1024 * 1024, ge=1024)
    """how large a report may be"""
    sweep_s: float = Field(default=60, gt=0)
    """how often quarantine is searched for files of which nobody told"""
    quarantine_days: int = Field(default=7, ge=1)
    """how long a file stays in quarantine after its verdict"""

    @model_validator(mode="after")
    def _a_platform_whole_or_none(self) -> "Settings":
        given = {
            name
            for name in ("url", "client_id", "client_secret", "webhook_secret")
            if getattr(self, f"platform_{name}") is not None
        }
        if len(given) not in {0, 4}:
            raise ValueError(
                "of MRX_EXCHANGE_ADAPTER_PLATFORM_URL, _CLIENT_ID, _CLIENT_SECRET and _WEBHOOK_SECRET state all or none"
            )
        return self
