"""What aggregation is told by its environment."""

from mrx_shared.kit.settings import SHARED, ServiceSettings
from pydantic import Field, SecretStr, model_validator
from pydantic_settings import SettingsConfigDict

KEY_BYTES = 32


class Settings(ServiceSettings):
    """Addresses and secrets have no defaults."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_AGGREGATION_")

    resolver_database_url: SecretStr
    """the database as the role that reads all links"""
    writer_database_url: SecretStr
    """the database as the role that reads the pool alone"""
    s3_endpoint: str = Field(validation_alias="MRX_S3_ENDPOINT")
    """http://host:port of object storage"""
    s3_public_url: str = Field(validation_alias="MRX_S3_PUBLIC_URL")
    """the address of object storage that download links are signed for"""
    s3_access_key: str
    """identity that reads and writes the bucket of releases, and nothing else"""
    s3_secret_key: SecretStr
    """its secret"""
    release_key: SecretStr | None = None
    """hex, at least 32 bytes: every release's key and what decides between texts, so that a demonstration's bytes can be compared"""

    @model_validator(mode="after")
    def _a_stated_key_is_for_demonstrations(self) -> "Settings":
        if self.release_key is None:
            return self
        if self.environment == "production":
            raise ValueError("MRX_AGGREGATION_RELEASE_KEY is refused in production; unset it")
        if len(bytes.fromhex(self.release_key.get_secret_value())) < KEY_BYTES:
            raise ValueError(
                f"MRX_AGGREGATION_RELEASE_KEY needs {KEY_BYTES} bytes, {2 * KEY_BYTES} hex digits"
            )
        return self
