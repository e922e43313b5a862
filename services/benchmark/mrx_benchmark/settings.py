"""What the benchmark is told by its environment."""

from mrx_shared.kit.settings import SHARED, ServiceSettings
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """The benchmark's settings; `README.md` lists them."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_BENCHMARK_")

    s3_endpoint: str = Field(validation_alias="MRX_S3_ENDPOINT")
    """http://host:port of object storage"""
    s3_access_key: str
    """identity that reads and writes the bucket `evidence`, and nothing else"""
    s3_secret_key: SecretStr
    """its secret"""
