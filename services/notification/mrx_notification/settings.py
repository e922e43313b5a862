"""What notification is told by its environment."""

from typing import Literal

from mrx_shared.kit.settings import SHARED, SlotSettings
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import SettingsConfigDict

from mrx_notification.domain.addresses import deliverable

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Settings(SlotSettings):
    """Notification's settings; `README.md` lists them."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_NOTIFICATION_")

    smtp_host: str
    """the mail server that takes our mails"""
    smtp_port: int
    """its port"""
    smtp_username: str | None = None
    """who we are to it; nobody when empty"""
    smtp_password: SecretStr | None = None
    """that user's password"""
    smtp_security: Literal["none", "starttls", "tls"] = "starttls"
    """none only for a demonstration, or a server on this machine"""
    sender: str
    """the address that mails come from, and bounces go to"""
    portal_url: str = Field(pattern=r"^https?://[^\s?#]+[^\s?#/]$")
    """the portal's public address, without a slash at its end; links begin with it"""
    bounce_secret: SecretStr = Field(min_length=16)
    """lets the mail server post what came back"""

    @field_validator("sender")
    @classmethod
    def _is_an_address(cls, sender: str) -> str:
        address = deliverable(sender)
        if address is None or not address.isascii():
            raise ValueError("give a plain address, such as no-reply@mrx.example")
        return address

    @model_validator(mode="after")
    def _nothing_in_clear(self) -> "Settings":
        at_home = self.environment == "demonstration" or self.smtp_host in LOOPBACK
        if self.smtp_security == "none" and not at_home:
            raise ValueError("MRX_NOTIFICATION_SMTP_SECURITY=none is refused here; use starttls or tls")
        if bool(self.smtp_username) != bool(self.smtp_password):
            raise ValueError("MRX_NOTIFICATION_SMTP_USERNAME and _SMTP_PASSWORD go together")
        return self
