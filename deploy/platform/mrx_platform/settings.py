"""What the simulated platform is told by its environment."""

from pathlib import Path

from mrx_shared.kit.settings import SHARED
from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Addresses and secrets have no defaults."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_PLATFORM_")

    http_host: str = "127.0.0.1"
    """address that the platform listens on"""
    http_port: int
    """port that the platform listens on"""
    client_id: str
    """the one client: the exchange"""
    client_secret: SecretStr
    """its secret"""
    exchange_company: str = "ZC1000001"
    """the exchange as a company of the platform: whom suppliers grant access"""
    token_s: float = 300
    """seconds that an access token lives"""
    webhook_url: str | None = None
    """where events are sent; none are where it is empty"""
    webhook_secret: SecretStr
    """what events are signed with"""
    webhook_retry_s: float = 0.5
    """seconds before a refused event is sent again; doubled with each try"""
    control_secret: SecretStr
    """what the control interface asks for, besides a caller on the same machine"""
    data: Path
    """folder of the platform's data"""
    log_level: str = "WARNING"
    """least severity that is logged"""
