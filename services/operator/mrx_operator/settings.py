"""What the operator's commands are told by the environment. Only `app` reads them."""

import json
from pathlib import Path

from mrx_shared.kit.settings import SHARED, KafkaSettings, load
from mrx_shared.refusals import Invalid
from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

USUAL_CREDENTIALS = Path("var/credentials.json")
"""where the local stack writes them"""


class PostgresAdministration(BaseSettings):
    """PostgreSQL's superuser, for `prepare` alone."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_PREPARE_")

    postgres_url: SecretStr
    """postgresql://user:password@host:port/postgres"""


class KafkaAdministrationSettings(KafkaSettings):
    """Kafka's super-user, for `prepare` alone."""

    username: str = Field(validation_alias="MRX_PREPARE_KAFKA_USERNAME")
    """name of the super-user"""
    password: SecretStr = Field(validation_alias="MRX_PREPARE_KAFKA_PASSWORD")
    """its password"""


class ObjectAdministration(BaseSettings):
    """The S3 server's administrator, for `prepare` alone."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_PREPARE_")

    endpoint: str = Field(validation_alias="MRX_S3_ENDPOINT")
    """http://host:port"""
    s3_access_key: str
    """the administrator's access key"""
    s3_secret_key: SecretStr
    """its secret key"""
    portal_origin: str | None = Field(default=None, validation_alias="MRX_EXCHANGE_ADAPTER_PORTAL_ORIGIN")
    """scheme://host:port of the portal, from whose pages suppliers upload"""


class ServiceDatabaseSettings(BaseSettings):
    """The roles of one service's database, as its URLs name them."""

    model_config = SHARED

    owner_database_url: SecretStr
    """the database as its owner, which runs migrations"""
    database_url: SecretStr
    """the database as the role that owns nothing"""
    relay_database_url: SecretStr
    """the database as the role that sees the delivery tables alone"""

    @property
    def logins(self) -> tuple[str, ...]:
        """Every role's URL but the owner's."""
        urls = (getattr(self, name) for name in type(self).model_fields if name != "owner_database_url")
        return tuple(url.get_secret_value() for url in urls)


class AggregationDatabaseSettings(ServiceDatabaseSettings):
    """Aggregation has two roles more."""

    resolver_database_url: SecretStr
    """the database as the role that reads all links"""
    writer_database_url: SecretStr
    """the database as the role that reads the pool only"""


class ServiceKafkaSettings(BaseSettings):
    """One service's Kafka user."""

    model_config = SHARED

    kafka_username: str
    """name of the user"""
    kafka_password: SecretStr
    """its password"""


def database_settings(service: str) -> type[ServiceDatabaseSettings]:
    """The class that reads one service's database URLs."""
    kind = AggregationDatabaseSettings if service == "aggregation" else ServiceDatabaseSettings

    class Named(kind):  # type: ignore[misc,valid-type]  # one of two classes
        model_config = _prefixed(service)

    return Named


def kafka_settings(service: str) -> type[ServiceKafkaSettings]:
    """The class that reads one service's Kafka user."""

    class Named(ServiceKafkaSettings):
        model_config = _prefixed(service)

    return Named


def _prefixed(service: str) -> SettingsConfigDict:
    return SettingsConfigDict(**SHARED, env_prefix=f"MRX_{service.upper()}_")


class OperatorSettings(BaseSettings):
    """Where the services are, and who comes."""

    model_config = SettingsConfigDict(**SHARED, env_prefix="MRX_OPERATOR_")

    client_id: str
    """the operator's OAuth2 client id"""
    client_secret: SecretStr
    """its secret"""
    registry_url: str = Field(validation_alias="MRX_REGISTRY_URL")
    """http(s)://host:port of the registry"""
    benchmark_url: str = Field(validation_alias="MRX_BENCHMARK_URL")
    """of the benchmark"""
    aggregation_url: str = Field(validation_alias="MRX_AGGREGATION_URL")
    """of the aggregation"""
    report_request_url: str = Field(validation_alias="MRX_REPORT_REQUEST_URL")
    """of the requests"""
    exchange_adapter_url: str = Field(validation_alias="MRX_EXCHANGE_ADAPTER_URL")
    """of the exchange adapter"""
    notification_url: str = Field(validation_alias="MRX_NOTIFICATION_URL")
    """of the notification"""

    @property
    def urls(self) -> dict[str, str]:
        """Every service's address, by its name."""
        suffix = "_url"
        return {
            name.removesuffix(suffix): getattr(self, name)
            for name in type(self).model_fields
            if name.endswith(suffix)
        }


def operator_settings(credentials: Path | None) -> OperatorSettings:
    """Read them from a stack's credentials file; without one from the environment, or else from the usual file."""
    if credentials is None:
        try:
            return OperatorSettings()
        except ValidationError:
            if not USUAL_CREDENTIALS.exists():
                return load(OperatorSettings)
            credentials = USUAL_CREDENTIALS
    try:
        stated = json.loads(credentials.read_text(encoding="utf-8"))
        return OperatorSettings.model_validate(
            {**stated["operator"], **{name: url for name, url in stated.items() if name.endswith("_url")}}
        )
    except (ValueError, KeyError, TypeError):  # a ValidationError is a ValueError; it could show a secret
        raise Invalid(
            f"{credentials} does not hold the operator's client_id and client_secret and each service's URL",
            field="--credentials",
        ) from None
