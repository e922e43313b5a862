"""What report_request is told by its environment."""

from mrx_shared.kit.settings import SHARED, SlotSettings
from pydantic_settings import SettingsConfigDict


class Settings(SlotSettings):
    """The settings of report_request; `README.md` lists them."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_REPORT_REQUEST_")
