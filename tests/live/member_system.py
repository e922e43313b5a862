"""A member system of its own making: plain aiokafka with the member's credentials, no code of `mrx_member`."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from mrx_shared.messages.envelope import Message
from mrx_shared.messages.lists import ListManifest, ListPage, ListRow, rows_digest

PATIENCE_S = 40


def row(number: int, **changes: str) -> ListRow:
    """A good row."""
    values = {
        "row_ref": f"R{number}",
        "site_name": f"Halden Works {number}",
        "city": "Gdansk",
        "country": "Poland",
        "audit_date": "2026-01-15",
        "protocol": "SMETA",
        "protocol_version": "7.0",
        "audit_type": "Periodic",
        "notice": "Announced",
    }
    return ListRow(row=number, values={**values, **changes})


def event(message: Message, *, event_id: UUID | None = None, source: str = "/a-member-system") -> bytes:
    """An event as bytes, written by hand as another language would."""
    return json.dumps(
        {
            "specversion": "1.0",
            "id": str(event_id or uuid4()),
            "source": source,
            "type": message.type,
            "subject": "list",
            "time": "2026-06-30T12:00:00Z",
            "datacontenttype": "application/json",
            "correlationid": "a-correlation-id",
            "sequence": 1,
            "data": message.model_dump(mode="json"),
        }
    ).encode()


def paged(list_id: UUID, rows: Sequence[ListRow], *, size: int, revision: int = 1) -> list[Message]:
    """Pages and the manifest of a list."""
    pages = [rows[at : at + size] for at in range(0, len(rows), size)]
    return [
        *(
            ListPage(list_id=list_id, revision=revision, page=number, rows=list(page))
            for number, page in enumerate(pages, start=1)
        ),
        ListManifest(
            list_id=list_id,
            revision=revision,
            pages=len(pages),
            rows=len(rows),
            sha256=rows_digest(rows),
        ),
    ]


class MemberSystem:
    """Writes to the member's list topic and reads what is addressed to it."""

    def __init__(self, member: Mapping[str, Any], kafka: Mapping[str, str]) -> None:
        self._member = member
        self._access = {
            "bootstrap_servers": kafka["bootstrap_servers"],
            "security_protocol": kafka["security_protocol"],
            "sasl_mechanism": kafka["sasl_mechanism"],
            "sasl_plain_username": member["kafka_username"],
            "sasl_plain_password": member["kafka_password"],
        }

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(**self._access, acks="all")
        await self._producer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._producer.stop()

    async def write(self, *payloads: bytes) -> None:
        """Write records in this order."""
        for payload in payloads:
            await self._producer.send_and_wait(self._member["topics"]["lists"], payload)

    async def receipts(
        self, list_id: UUID, *, until: int = 1, listening: asyncio.Event | None = None
    ) -> list[dict[str, Any]]:
        """The receipts of a list from the beginning of the out-topic, once there are so many.

        `listening` is set when the consumer has its partition.
        """
        consumer = AIOKafkaConsumer(
            self._member["topics"]["out"],
            **self._access,
            group_id=f"{self._member['group_prefix']}{uuid4()}",
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        await consumer.start()
        found: list[dict[str, Any]] = []
        try:
            async with asyncio.timeout(PATIENCE_S):
                while listening is not None and not consumer.assignment():  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
                if listening is not None:
                    listening.set()
                while len(found) < until:
                    told = json.loads((await consumer.getone()).value or b"{}")
                    if told["data"].get("list_id") == str(list_id):
                        found.append(told["data"])
        finally:
            await consumer.stop()
        return found
