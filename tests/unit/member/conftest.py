"""A member's desk in memory: its files are real, everything beyond them is not."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar
from uuid import UUID, uuid4

import pytest
from mrx_member.adapters.home import FolderHome
from mrx_member.adapters.sheets import Sheets
from mrx_member.domain.reading import Entry
from mrx_member.domain.suppliers import Link
from mrx_member.ports import Ear, Event, Matcher, Progress, Release
from mrx_shared.messages.aggregation import ListReceived, RowRefusal
from mrx_shared.messages.envelope import Envelope, Message, decode, encode
from mrx_shared.messages.lists import ListManifest, ListPage, ListRow, rows_digest
from mrx_shared.refusals import Unavailable

T = TypeVar("T")

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def fact(data: Message, *, about: str = "member") -> bytes:
    """What aggregation says on an out-topic."""
    envelope: Envelope[Message] = Envelope(
        id=uuid4(),
        source="/aggregation",
        type=data.type,
        subject=about,
        time=NOW,
        data=data,
        correlationid="c",
        sequence=1,
    )
    return encode(envelope)


class MemoryTopics:
    """Topics whose other end takes a list as soon as it is whole, and says a receipt for it."""

    def __init__(self) -> None:
        self.sent: list[Event] = []
        self.said: list[bytes] = []
        self.refused_rows: list[int] = []
        self.state = "accepted"
        self.silent = False
        self.breaks_after: int | None = None

    async def position(self) -> int:
        return len(self.said)

    async def send(self, events: Sequence[Event], progress: Progress) -> None:
        for done, event in enumerate(events, 1):
            if self.breaks_after is not None and done > self.breaks_after:
                raise Unavailable("the machine was switched off")
            self.sent.append(event)
            progress(done, len(events))
        if not self.silent:
            self.said.append(fact(self.receipt()))

    async def listen(self, position: int, ear: Ear[T]) -> T:
        heard = self.said[position:]
        for behind, body in enumerate(heard, 1):
            if (answer := ear(body, behind < len(heard))) is not None:
                return answer
        raise TimeoutError

    @property
    def manifest(self) -> ListManifest:
        return decode(self.sent[-1].body, ListManifest).data

    def pages(self) -> list[ListPage]:
        """The pages of the last list, each event once, in page order."""
        manifest = self.manifest
        once = {
            envelope.id: envelope.data
            for event in self.sent
            if b"list-page" in event.body
            for envelope in [decode(event.body, ListPage)]
            if (envelope.data.list_id, envelope.data.revision) == (manifest.list_id, manifest.revision)
        }
        return sorted(once.values(), key=lambda page: page.page)

    def rows(self) -> list[ListRow]:
        return [row for page in self.pages() for row in page.rows]

    def receipt(self) -> ListReceived:
        manifest, rows = self.manifest, self.rows()
        assert (manifest.pages, manifest.rows) == (len(self.pages()), len(rows))
        assert manifest.sha256 == rows_digest(rows)
        refusals = [
            RowRefusal(
                row=row, row_ref=f"R{row}", field="country", reason="is no country", remedy="correct it"
            )
            for row in self.refused_rows
        ]
        return ListReceived(
            list_id=manifest.list_id,
            revision=manifest.revision,
            state=self.state,
            reason="the statement is not signed" if self.state == "refused" else None,
            remedy="sign it" if self.state == "refused" else None,
            rows=manifest.rows,
            accepted=manifest.rows - len(refusals),
            refused=len(refusals),
            waiting=0,
            round_id=None,
            refusals=refusals[:100],
            details_path=f"/v1/lists/{manifest.list_id}/revisions/{manifest.revision}/refusals",
            received_at=NOW,
        )


class MemoryServices:
    """HTTP services that hold one release and every refusal."""

    def __init__(self) -> None:
        self.all_refusals: list[RowRefusal] | None = None
        self.release: Release | None = None
        self.downloads: list[str] = []

    async def refusals(self, receipt: ListReceived) -> Sequence[RowRefusal]:
        if self.all_refusals is None:
            raise Unavailable("aggregation does not answer")
        return self.all_refusals

    async def latest_release(self) -> Release | None:
        return self.release

    async def documents(
        self, release: Release, names: Sequence[str], folder: Path, progress: Progress
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240
        for name in names:
            self.downloads.append(name)
            (folder / name).write_text("entry_id,site_name,country\ne1,ALPHA,CN\ne2,BETA,CN\n")

    async def participation(self) -> Mapping[str, object]:
        return {"participates": False, "missing": ["statement-not-signed"]}


class NameMatcher:
    """Equal names match; a name that begins another needs a person."""

    def link(self, sites: Sequence[Entry], targets: Sequence[Entry]) -> Sequence[Link]:
        return [self._link(site.values["site_name"].upper(), targets) for site in sites]

    def _link(self, name: str, targets: Sequence[Entry]) -> Link:
        for target in targets:
            key, other = target.values.get("entry_id") or str(target.row), target.values["site_name"].upper()
            if other == name:
                return Link(target=key, score=1.0, decision="match")
            if other.startswith(name):
                return Link(target=key, score=0.5, decision="review")
        return Link(target="", score=0.0, decision="none")


class MemoryDesk:
    """The port `Desk` over real files and a real home, with everything else in memory."""

    def __init__(self, folder: Path) -> None:
        self.member_id = UUID(int=7)
        self.now = NOW
        self.files = Sheets()
        self.home = FolderHome(folder / "home")
        self.topics = MemoryTopics()
        self.services = MemoryServices()
        self.matcher: Matcher = NameMatcher()

    def new_id(self) -> UUID:
        return uuid4()


@pytest.fixture
def desk(tmp_path: Path) -> MemoryDesk:
    return MemoryDesk(tmp_path)


WriteList = Callable[..., Path]


@pytest.fixture
def write_rows(tmp_path: Path) -> WriteList:
    """Write a list with the plain headings: `count` rows, with other columns where given."""

    def write(count: int = 3, *, name: str = "audits", **columns: str) -> Path:
        path = tmp_path / f"{name}.csv"
        plain = {
            "country": "China",
            "audit_date": "2025-03-14",
            "protocol": "SMETA",
            "protocol_version": "6.1",
        }
        values = plain | columns
        lines = [",".join(["row_ref", "site_name", *values])]
        lines += [",".join([f"R{row}", f"Site {row}", *values.values()]) for row in range(1, count + 1)]
        path.write_text("\n".join(lines), encoding="utf-8")
        return path

    return write
