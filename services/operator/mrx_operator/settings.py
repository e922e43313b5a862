"""What the operator's commands are told by the environment. Only `app` reads them."""

from mrx_shared.kit.settings import SHARED, KafkaSettings
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


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
