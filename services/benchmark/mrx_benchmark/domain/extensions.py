"""What a protocol asks for beyond the criteria."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """A requirement that no criterion asks for."""

    topic: str
    requirement_ref: str
    requirement_text: str
