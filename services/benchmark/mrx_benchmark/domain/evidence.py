"""Files that stand behind answers. An answer refers to one by writing its SHA-256 into its evidence."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from mrx_shared.refusals import Rejected

from mrx_benchmark.domain.protocols import one_line

FILE_BYTES = 20 * 1024 * 1024
PROTOCOL_BYTES = 500 * 1024 * 1024
_SHA256 = re.compile("(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
_ENDINGS = {"jpg": (".jpg", ".jpeg"), "txt": (".txt", ".csv")}


class Kind(StrEnum):
    """What a file is, as its bytes say."""

    PDF = "pdf"
    PNG = "png"
    JPEG = "jpg"
    XLSX = "xlsx"
    TEXT = "txt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A file of a protocol's owner. The same bytes under another name are the same file."""

    protocol_id: UUID
    owner: UUID | None
    sha256: str
    name: str
    kind: Kind
    size: int
    kept_by: str
    kept_at: datetime


def named(name: str, kind: Kind) -> str:
    """The name without folders, ending as the bytes ask for, whatever it ended with."""
    last = re.split(r"[/\\]", name)[-1].strip()
    one_line(last, field="file_name")
    return last if last.lower().endswith(_ENDINGS.get(kind, (f".{kind}",))) else f"{last}.{kind}"


def referred(texts: Iterable[str]) -> set[str]:
    """Every SHA-256 that these texts name."""
    return {digest for text in texts for digest in _SHA256.findall(text.lower())}


def check_room(kept: Iterable[Evidence], size: int) -> None:
    """Raises `Rejected` where a protocol's files would come to too much."""
    if sum(one.size for one in kept) + size > PROTOCOL_BYTES:
        raise Rejected(
            f"the files of this protocol would exceed {PROTOCOL_BYTES // 1024 // 1024} MiB",
            field="file",
            remedy="refer to a file that is already stored, or describe the document in words",
        )
