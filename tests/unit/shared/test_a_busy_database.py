"""A request that gets no connection in time is told to come again, as where the database is away."""

import httpx
import pytest
from mrx_shared.bus.service import assemble, serve
from mrx_shared.bus.work import SqlWork
from mrx_shared.kit.http import build_api
from mrx_shared.kit.settings import KafkaSettings, ServiceSettings
from pydantic import SecretStr
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

UNUSED = SecretStr("postgresql://nobody:nothing@127.0.0.1:9/none")


async def answer_to(error: Exception) -> httpx.Response:
    """What a service answers when its database raises an error."""
    api = build_api(service="tallying", title="tallying", description="counts")
    settings = ServiceSettings(
        http_port=1,
        database_url=UNUSED,
        relay_database_url=UNUSED,
        kafka_username="svc-tallying",
        kafka_password=SecretStr("unused"),
    )
    kafka = KafkaSettings(bootstrap_servers="127.0.0.1:9", security_protocol="SASL_PLAINTEXT")
    served = serve(assemble(settings, SqlWork, api=api, schema="0001"), settings, kafka)

    @served.get("/v1/tally")
    async def tally() -> None:
        raise error

    transport = httpx.ASGITransport(served, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://tallying") as http:
        return await http.get("/v1/tally")


@pytest.mark.parametrize(
    "error",
    [
        PoolTimeout("QueuePool limit of size 5 overflow 5 reached"),
        OperationalError("SELECT 1", None, ConnectionRefusedError()),
    ],
)
async def test_a_database_without_a_free_connection_is_one_to_try_again(error: Exception) -> None:
    answer = await answer_to(error)
    assert (answer.status_code, answer.headers["Retry-After"], answer.json()["retryable"]) == (503, "2", True)


async def test_any_other_fault_of_the_database_is_ours() -> None:
    answer = await answer_to(DBAPIError("SELECT 1", None, ValueError()))
    assert (answer.status_code, answer.json()["retryable"]) == (500, False)
