"""Why a file stays in quarantine, in words."""

from collections.abc import Mapping
from types import MappingProxyType

_REASONS: Mapping[str, str] = MappingProxyType(
    {
        "empty": "is empty",
        "not-a-pdf": "is not a PDF file",
        "damaged": "is damaged",
        "encrypted": "is encrypted",
        "active-content": "holds scripts or actions",
        "attachments": "holds other files",
        "xfa-form": "holds a fillable form",
        "rich-media": "holds video, sound or 3D",
        "external-content": "points to files elsewhere",
        "no-pages": "has no page",
        "too-complex": "has too many parts",
        "size-differs": "has another size than was announced",
        "checksum-differs": "has other content than was announced",
        "object-missing": "was gone before it could be checked",
        "unchecked": "could not be checked yet",
        "another-file-was-taken": "came beside another file, which was taken",
        "request-ended": "came after its request had ended",
        "never-used": "never arrived",
    }
)


def quarantine_said(reason: str) -> str:
    """What is wrong with a file; a reason that this page does not know yet is shown by its code."""
    return _REASONS.get(reason, reason.replace("-", " "))
