"""The platform's data in a folder: one JSON file, replaced as a whole, and the reports beside it."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

from mrx_shared.kit.clock import Clock

from mrx_platform.records import Kept, ReportFile


class Store:
    """What the platform knows, in memory and on disk. Every change is followed by `write`."""

    def __init__(self, folder: Path, clock: Clock) -> None:
        self._file = folder / "platform.json"
        self._reports = folder / "reports"
        self._clock = clock
        self._latest = datetime.min.replace(tzinfo=UTC)
        self.kept = Kept.model_validate_json(self._file.read_bytes()) if self._file.exists() else Kept()

    def now(self) -> datetime:
        """A moment later than every one before."""
        self._latest = max(self._clock(), self._latest + timedelta(microseconds=1))
        return self._latest

    def write(self) -> None:
        """Put all of it on disk, or nothing."""
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_suffix(".new")
        fresh.write_text(self.kept.model_dump_json(), encoding="utf-8")
        fresh.replace(self._file)

    def empty(self) -> None:
        """Forget everything."""
        self.kept = Kept()
        self.write()

    def add_report(self, body: bytes) -> ReportFile:
        """Keep a file under its checksum."""
        self._reports.mkdir(parents=True, exist_ok=True)
        digest = sha256(body).hexdigest()
        self.report(digest).write_bytes(body)
        return ReportFile(sha256=digest, size=len(body))

    def report(self, digest: str) -> Path:
        """Where a file is."""
        return self._reports / f"{digest}.pdf"
