"""How fast a list comes in: through Kafka into tables, against a raw consumer that only validates the same pages."""

import asyncio
import json
import time
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from mrx_local.demo.scenario import AS_OF
from mrx_local.demo.scheme import Scheme
from mrx_shared.bus.administration import KafkaAdministration
from mrx_shared.messages.envelope import Envelope
from mrx_shared.messages.lists import PAGE_ROWS, ListPage
from pydantic import TypeAdapter

from tests.live.conftest import Running, running, scheme
from tests.live.member_system import MemberSystem, event, paged, row

__all__ = ("running", "scheme")  # fixtures

ROWS = 100_000
LEAST_RATIO = 0.1


def access(running: Running, user: str, password: str) -> dict[str, str]:
    return {
        "bootstrap_servers": running.kafka["bootstrap_servers"],
        "security_protocol": running.kafka["security_protocol"],
        "sasl_mechanism": running.kafka["sasl_mechanism"],
        "sasl_plain_username": user,
        "sasl_plain_password": password,
    }


async def send(access: dict[str, str], topic: str, payloads: list[bytes]) -> None:
    producer = AIOKafkaProducer(**access, acks="all")
    await producer.start()
    await asyncio.gather(*[await producer.send(topic, payload) for payload in payloads])
    await producer.stop()


async def floor(access: dict[str, str], payloads: list[bytes]) -> float:
    """Rows a second of a raw consumer that validates pages which lie in a topic already, and keeps nothing.

    It is started and stands at the beginning before the clock runs: there is nothing but to fetch and validate.
    """
    topic = f"mrx.bench.{uuid4()}"
    administration = KafkaAdministration(
        access["bootstrap_servers"],
        security_protocol=access["security_protocol"],
        username=access["sasl_plain_username"],
        password=access["sasl_plain_password"],
    )
    await administration.ensure_topic(topic, 1, {})
    await send(access, topic, payloads)
    consumer = AIOKafkaConsumer(**access, enable_auto_commit=False)
    await consumer.start()
    place = TopicPartition(topic, 0)
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    validate = TypeAdapter(Envelope[ListPage]).validate_json
    rows = 0
    began = time.perf_counter()
    async with asyncio.timeout(120):
        while rows < ROWS:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                rows += sum(len(validate(record.value or b"").data.rows) for record in records)
    rate = rows / (time.perf_counter() - began)
    await consumer.stop()
    return rate


@pytest.mark.bench
@pytest.mark.timeout(600)
async def test_intake_reaches_a_tenth_of_a_consumer_that_only_validates(
    running: Running,
    scheme: Scheme,
) -> None:
    await scheme.open_round(AS_OF)
    secrets = json.loads((running.folder / "up" / "secrets.json").read_text(encoding="utf-8"))
    member = running.member("Ash")
    list_id = uuid4()
    rows = [
        row(number, address=f"{number} Harbour Street", region="Pomerania") for number in range(1, ROWS + 1)
    ]
    payloads = [event(message) for message in paged(list_id, rows, size=PAGE_ROWS)]
    raw = await floor(access(running, "admin", secrets["kafka_superuser_password"]), payloads[:-1])

    # The member hears of its list as soon as it is told, not when its consumer has found its group.
    listening = asyncio.Event()
    own = access(running, member["kafka_username"], member["kafka_password"])
    async with MemberSystem(member, running.kafka) as ash:
        hearing = asyncio.create_task(ash.receipts(list_id, listening=listening))
        await listening.wait()
        began = time.perf_counter()
        await send(own, member["topics"]["lists"], payloads)
        sent = time.perf_counter() - began
        [receipt] = await hearing
    rate = ROWS / (time.perf_counter() - began)
    assert receipt["accepted"] == ROWS
    print(
        f"\n{ROWS:,} rows sent in {sent:.1f} s; intake {rate:,.0f} rows/s from the first send to the receipt; "
        f"raw aiokafka with validate_json of the same pages {raw:,.0f} rows/s; ratio {rate / raw:.3f}"
    )
    assert rate / raw >= LEAST_RATIO
