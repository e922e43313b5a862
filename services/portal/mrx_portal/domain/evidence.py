"""Files behind answers: an answer's evidence names their SHA-256 among its words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_SHA256 = re.compile("[0-9a-f]{64}")
_END_OF_WORD = re.compile(r"\w\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceFile:
    """A file that a protocol's owner keeps."""

    sha256: str
    name: str
    size: int


def named_in(text: str, files: Sequence[EvidenceFile]) -> tuple[EvidenceFile, ...]:
    """Those of the files that a text names."""
    return tuple(one for one in files if one.sha256 in text.lower())


def apart(text: str, files: Sequence[EvidenceFile]) -> tuple[str, str]:
    """The words, and the SHA-256 that they end with where it is one of these files'."""
    words, _, digest = text.rpartition("sha256:")
    if _SHA256.fullmatch(digest) and not _END_OF_WORD.match(words[-1:]) and named_in(digest, files):
        return words.rstrip(), digest
    return text, ""


def joined(words: str, digest: str) -> str:
    """The words with the file that they are about at their end."""
    return f"{words} sha256:{digest}".strip() if digest else words
