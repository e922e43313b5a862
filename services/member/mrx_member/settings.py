"""What the member's side is told: by a profile file, by the environment, or by both."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from mrx_shared.messages.faults import plainly
from mrx_shared.refusals import Invalid, Unknown
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

_ADDRESSES = ("registry_url", "aggregation_url", "report_request_url", "exchange_adapter_url")


class MemberSettings(BaseSettings):
    """Who the member is and where the scheme's servers are. A command needs only what it uses."""

    model_config = SettingsConfigDict(
        env_prefix="MRX_MEMBER_",
        env_ignore_empty=True,
        frozen=True,
        extra="ignore",
        hide_input_in_errors=True,
    )

    profile: Path | None = None
    """a JSON file with the settings below; it stands above the environment"""
    id: UUID | None = None
    """the member id; `member_id` in a profile"""
    kafka_bootstrap_servers: str | None = None
    """host:port, several joined by commas"""
    kafka_security_protocol: Literal["SASL_PLAINTEXT", "SASL_SSL"] = "SASL_SSL"
    """SASL_PLAINTEXT only where the network is private to the machine"""
    kafka_ca_file: Path | None = None
    """PEM file of the authority that signed the broker's certificate; the system's when empty"""
    kafka_username: str | None = None
    """the member's Kafka user"""
    kafka_password: SecretStr | None = None
    """its password"""
    client_id: str | None = None
    """the member system's client id at the registry"""
    client_secret: SecretStr | None = None
    """its secret"""
    registry_url: str | None = None
    """where the registry answers"""
    aggregation_url: str | None = None
    """where aggregation answers"""
    report_request_url: str | None = None
    """where report_request answers; an older profile may lack it"""
    exchange_adapter_url: str | None = None
    """where exchange_adapter answers; an older profile may lack it"""
    home: Path | None = None
    """the member's own folder; by default ~/.mrx/<member id>"""

    def require(self, field: str) -> Any:  # noqa: ANN401 - whatever the field holds
        """A setting that must be there. Raises `Invalid` naming it."""
        value = getattr(self, field)
        if value is None:
            raise Invalid(
                f"{field} is not set",
                field=field,
                remedy=f"name a profile that has it with --profile, or set MRX_MEMBER_{field.upper()}",
            )
        return value

    @property
    def addresses(self) -> Mapping[str, str]:
        """Where each service answers. To ask for one that is not set raises `Invalid`."""
        return _Addresses(self)

    @property
    def folder(self) -> Path:
        """The member's own folder."""
        return self.home or Path.home() / ".mrx" / str(self.id or "member")


class _Addresses(dict[str, str]):
    def __init__(self, settings: MemberSettings) -> None:
        super().__init__()
        self._settings = settings

    def __missing__(self, service: str) -> str:
        field = f"{service}_url"
        url: str | None = getattr(self._settings, field)
        if url is None:
            raise Invalid(
                f"{field} is not set",
                field=field,
                remedy=f"add it to the profile (the secretariat knows it), or set MRX_MEMBER_{field.upper()}",
            )
        return url


def settings_of(
    profile: Path | None = None, credentials: Path | None = None, member: str | None = None
) -> MemberSettings:
    """Settings from a profile, from a member's part of a stack's `credentials.json`, or from the environment.

    What a file says stands above the environment, so that two members are never mixed by a left-over variable.
    """
    if credentials is not None:
        return _valid(_member_of(credentials, member))
    profile = profile or _valid({}).profile
    if profile is None:
        return _valid({})
    return _valid(_profile(profile))


def _profile(path: Path) -> dict[str, Any]:
    said = _json(path)
    if home := said.get("home"):
        said["home"] = path.parent / Path(home).expanduser()
    return {**said, "id": said.get("member_id")}


def _member_of(path: Path, name: str | None) -> dict[str, Any]:
    """Return the profile that the stack wrote beside its credentials, so that either way leads to the same home."""
    said = _json(path)
    members = said.get("members", {})
    if name not in members:
        raise Unknown(
            f"{path} knows no member {name!r}",
            field="member",
            remedy=f"name one of {', '.join(sorted(members))}",
        )
    for profile in (path.parent / "members").glob("*.json"):
        beside = _profile(profile)
        if beside["id"] == members[name].get("member_id"):
            return beside
    return {
        **{key: said.get(key) for key in _ADDRESSES},
        **{f"kafka_{key}": value for key, value in said.get("kafka", {}).items()},
        **members[name],
        "id": members[name].get("member_id"),
    }


def _json(path: Path) -> dict[str, Any]:
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        said = None
    if not isinstance(said, dict):
        raise Invalid(
            f"{path} is not a JSON object that can be read",
            remedy="name the file from the stack or the secretariat",
        )
    return said


def _valid(said: dict[str, Any]) -> MemberSettings:
    try:
        return MemberSettings(**{key: value for key, value in said.items() if value is not None})
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in fault["loc"])
        raise Invalid(
            f"{field} {plainly(fault)[0]}", field=field, remedy="correct it in the profile or the environment"
        ) from None
