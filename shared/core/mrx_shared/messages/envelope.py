"""The envelope of every event: CloudEvents 1.0, structured JSON mode, with the extensions of MRX."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from mrx_shared.messages.faults import plainly
from mrx_shared.refusals import spelled

Word = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")]
"""a name on one line: no control characters, which no table and no log line can hold"""
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"


Travels = Literal["kept", "to-member", "from-member"]
"""on the owner's topic of kept facts, to one member's out-topic, or from a member's own topic"""


class Message(BaseModel):
    """A past-tense fact. Frozen, and tolerant of fields that a newer sender added."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    type: ClassVar[str]
    """The CloudEvents type, `mrx.<owner>.<fact>.v<n>`."""
    subject_is: ClassVar[str]
    """What the subject and the Kafka key name, for readers of the contracts."""
    travels: ClassVar[Travels] = "kept"
    apart: ClassVar[str | None] = None
    """the topic, where it is another than `travels` says: a prefix for what comes from a member"""

    @classmethod
    def owner(cls) -> str:
        """The part of MRX that alone says this."""
        return cls.type.split(".")[1]


class Part(BaseModel):
    """A value inside a message."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


M = TypeVar("M", bound=Message)


class Envelope(BaseModel, Generic[M]):
    """One event as it travels. `id` is unique within `source`; `sequence` counts the subject's versions."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    specversion: Literal["1.0"] = "1.0"
    id: UUID
    source: Word
    type: Word
    subject: Word
    time: AwareDatetime
    datacontenttype: Literal["application/json"] = "application/json"
    data: M
    correlationid: Word
    sequence: int = Field(ge=0)
    traceparent: Word | None = None


class Unreadable(ValueError):
    """The bytes are not an event of a known shape. The text names places, never contents."""


class Header(BaseModel):
    """What is read of an event before its type decides how the rest is read."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    id: UUID
    source: Word
    type: Word


def encode(envelope: Envelope[M]) -> bytes:
    """The event as UTF-8 JSON. A fact's field that is null is written: readers require every field."""
    absent = {"traceparent"} if envelope.traceparent is None else None
    return envelope.model_dump_json(exclude=absent).encode()


def read_header(raw: bytes) -> Header:
    """Id, source and type of an event. Raises `Unreadable`."""
    try:
        return Header.model_validate_json(raw)
    except ValidationError as error:
        raise Unreadable(places(error)) from None


def decode(raw: bytes, message: type[M]) -> Envelope[M]:
    """The event with its data as `message`. Raises `Unreadable`."""
    try:
        envelope = Envelope[message].model_validate_json(raw)  # type: ignore[valid-type]
    except ValidationError as error:
        raise Unreadable(places(error)) from None
    if envelope.type != message.type:
        raise Unreadable(f"type: this is not {message.type}")
    return envelope


def places(error: ValidationError) -> str:
    """Where an input broke which rule, without the input itself."""
    return "; ".join(
        f"{spelled(fault['loc']) or 'the document'} {plainly(fault)[0]}"
        for fault in error.errors(include_url=False, include_input=False)[:10]
    )


def canonical_json(value: Mapping[str, Any]) -> bytes:
    """JSON that is the same bytes for the same value: keys sorted, no spaces, UTF-8."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
