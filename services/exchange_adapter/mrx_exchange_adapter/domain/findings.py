"""What can be wrong with a file, by code, and what its sender can do about it."""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

_AGAIN = "print or save the report as a new PDF, without {}, and upload that"

REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "empty": "choose the report itself; this file holds nothing",
        "not-a-pdf": "save the report as PDF; the name of a file does not make it one",
        "damaged": "open the file, print or save it as a new PDF, and upload that",
        "encrypted": _AGAIN.format("a password"),
        "active-content": _AGAIN.format("scripts, actions or forms that send data"),
        "attachments": _AGAIN.format("attached files; upload them one by one where they were asked for"),
        "xfa-form": _AGAIN.format("a fillable form"),
        "rich-media": _AGAIN.format("video, sound or 3D"),
        "external-content": _AGAIN.format("links to files elsewhere"),
        "no-pages": "choose the report itself; this file has no page",
        "too-complex": _AGAIN.format("so many parts, such as by printing it to PDF"),
        "size-differs": "upload the file again; another size arrived than was announced",
        "checksum-differs": "upload the file again; other bytes arrived than were announced",
        "object-missing": "upload the file again; it disappeared before it could be checked",
        "too-large": "save the report with smaller pictures, publish that on the platform, or upload it",
        "access-withdrawn": "grant access on the platform again, or upload the report",
        "unchecked": "nothing; the check has failed on our side and is tried again",
        "another-file-was-taken": "nothing; another file of this request was taken",
        "request-ended": "nothing; the request ended before the file was taken",
        "contact-replaced": "upload the file with the link of the latest mail; this one holds no longer",
        "never-used": "ask for a new link to upload; this one was not used in time",
    }
)


def remedy(reasons: Iterable[str]) -> str | None:
    """What to do about all of them, in one line."""
    told = dict.fromkeys(REMEDIES[reason] for reason in reasons)
    return "; ".join(told) or None
