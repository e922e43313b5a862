"""The member's own folder. Readable by its owner alone, every file written whole or not at all."""

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from uuid import UUID

from mrx_shared.messages.aggregation import ListReceived

from mrx_member.domain.editions import Edition
from mrx_member.domain.reading import Entry
from mrx_member.domain.requests import Submission


class FolderHome:
    """The port `Home` in a folder, made when something is first kept."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def edition(self, name: str) -> Edition | None:
        """The last edition of the list of that name."""
        kept = _read(self._list(name))
        if kept is None:
            return None
        return Edition(
            list_id=UUID(kept.pop("list_id")), said_at=datetime.fromisoformat(kept.pop("said_at")), **kept
        )

    def keep_edition(self, name: str, edition: Edition) -> None:
        """Remember an edition; on the disk when this returns."""
        _write(
            self._list(name),
            {
                "list_id": str(edition.list_id),
                "revision": edition.revision,
                "sha256": edition.sha256,
                "page_rows": edition.page_rows,
                "said_at": edition.said_at.isoformat(),
                "heard_from": edition.heard_from,
                "finished": edition.finished,
            },
        )

    def keep_own(self, entries: Sequence[Entry]) -> None:
        """Remember the member's own list, in place of the one before."""
        _write(
            self._folder / "own.json", [{"row": entry.row, "values": dict(entry.values)} for entry in entries]
        )

    def own(self) -> Sequence[Entry] | None:
        """The last published own list."""
        kept = _read(self._folder / "own.json")
        return None if kept is None else [Entry(row=one["row"], values=one["values"]) for one in kept]

    def keep_receipt(self, receipt: ListReceived) -> None:
        """Remember the newest receipt of a list and revision."""
        _write(self._receipt(receipt).with_suffix(".json"), receipt.model_dump(mode="json"))

    def receipts(self) -> Sequence[ListReceived]:
        """All receipts, oldest first."""
        kept = [
            ListReceived.model_validate(_read(path)) for path in (self._folder / "receipts").glob("*.json")
        ]
        return sorted(kept, key=lambda receipt: receipt.received_at)

    def refusals_path(self, receipt: ListReceived) -> Path:
        """Where the refused rows of a list are written unless the member says another place."""
        return self._receipt(receipt).with_suffix(".refused.csv")

    def release_folder(self, release_id: UUID) -> Path:
        """Where the documents of a release are kept."""
        return self._folder / "releases" / str(release_id)

    def keep_release(self, release_id: UUID) -> None:
        """Remember which release is the latest."""
        _write(self._folder / "releases" / "latest.json", {"release_id": str(release_id)})

    def latest_release(self) -> UUID | None:
        """The release that was fetched last."""
        kept = _read(self._folder / "releases" / "latest.json")
        return None if kept is None else UUID(kept["release_id"])

    def submissions(self) -> Mapping[UUID, Submission]:
        """What was asked, decided and withdrawn from here, by the id of its content."""
        kept: dict[str, dict[str, Any]] = _read(self._folder / "sayings.json") or {}
        return {
            UUID(key): Submission(said_at=at and datetime.fromisoformat(at), **one)
            for key, one in kept.items()
            for at in [one.pop("said_at")]
        }

    def keep_submissions(self, submissions: Mapping[UUID, Submission]) -> None:
        """Remember these submissions beside the others; on the disk when this returns."""
        if submissions:
            said = {**self.submissions(), **submissions}
            kept = {
                str(key): {**asdict(one), "said_at": one.said_at and one.said_at.isoformat()}
                for key, one in said.items()
                if one != Submission()
            }
            _write(self._folder / "sayings.json", kept)

    def heard_until(self) -> int:
        """How far in the out-topic a listening program came."""
        kept = _read(self._folder / "heard.json")
        return 0 if kept is None else int(kept["position"])

    def keep_heard(self, position: int) -> None:
        """Remember how far a listening program came."""
        _write(self._folder / "heard.json", {"position": position})

    def _list(self, name: str) -> Path:
        return self._folder / "lists" / f"{quote(name, safe=' ')}.json"

    def _receipt(self, receipt: ListReceived) -> Path:
        return self._folder / "receipts" / f"{receipt.list_id}-{receipt.revision}"


def _read(path: Path) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def _write(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    partial = path.with_name(f"{path.name}.partial")
    with open(partial, "w", encoding="utf-8", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        json.dump(value, file, ensure_ascii=False)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
