"""What the registry is told by its environment."""

import base64
import hmac

from mrx_shared.kit.settings import SHARED, Key, ServiceSettings
from pydantic import Field, SecretStr
from pydantic_settings import SettingsConfigDict


class Settings(ServiceSettings):
    """The registry's settings; `README.md` lists them."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_REGISTRY_")

    bootstrap_secret: SecretStr = Field(min_length=16)
    """lets whoever knows it make the first secretariat principal, once"""
    secret_key: Key
    """base64 of 32 bytes; encrypts the signing key and Kafka passwords that wait to be set, makes browsers' marks"""
    issuer: str
    """the registry's public URL, as tokens name it"""

    @property
    def sealing_key(self) -> bytes:
        """The secret key itself."""
        return base64.b64decode(self.secret_key.get_secret_value())

    @property
    def key_of_marks(self) -> bytes:
        """Made of the secret key: what browsers' marks are made with."""
        return hmac.digest(self.sealing_key, b"marks of browsers", "sha256")
