"""Why a file stays in quarantine, in words."""

from collections.abc import Mapping
from types import MappingProxyType

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "empty": "is empty",
        "not-a-pdf": "is not a PDF file",
        "damaged": "is damaged",
        "encrypted": "is encrypted",
        "active-content": "contains scripts or actions",
        "attachments": "contains other files",
        "xfa-form": "contains a fillable form",
        "rich-media": "contains video, sound or 3D",
        "external-content": "points to files elsewhere",
        "no-pages": "has no pages",
        "too-complex": "has too many parts",
        "size-differs": "does not have the announced size",
        "checksum-differs": "does not have the announced content",
        "object-missing": "disappeared before it could be checked",
        "unchecked": "has not been checked yet",
        "another-file-was-taken": "came with another file, which was accepted",
        "request-ended": "came after its request had ended",
        "never-used": "never arrived",
    }
)


def quarantine_said(reason: str) -> str:
    """What is wrong with a file; a reason that this page does not know yet is shown by its code."""
    return _REASONS.get(reason, reason.replace("-", " "))
