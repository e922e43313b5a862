"""A member's backend in memory: its files are real, everything beyond them is not."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, TypeVar
from uuid import UUID, uuid4

import pytest
from mrx_member.adapters.home import FolderHome
from mrx_member.adapters.sheets import Sheets
from mrx_member.domain.reading import Entry
from mrx_member.domain.requests import ENDED, Asking, Fault, Report, Request, Requester, StateChange, Verdict
from mrx_member.domain.suppliers import Link
from mrx_member.ports import Event, EventReader, Matcher, Progress, ReceivedEvent, Taken
from mrx_shared.api.aggregation import Release
from mrx_shared.messages.aggregation import ListReceived, RowRefusal
from mrx_shared.messages.envelope import Envelope, Message, decode, encode, read_header
from mrx_shared.messages.lists import ListManifest, ListPage, ListRow, rows_digest
from mrx_shared.messages.report_request import RequestStatus
from mrx_shared.messages.requests import RecognitionDecided, ReportAsked, RequestWithdrawn
from mrx_shared.refusals import Rejected, Unavailable, Unknown

T = TypeVar("T")

NOW = datetime(2026, 6, 30, 12, tzinfo=UTC)


def fact(data: Message, *, about: str = "member", answers: str = "c") -> bytes:
    """What a service says on an out-topic."""
    envelope: Envelope[Message] = Envelope(
        id=uuid4(),
        source="/aggregation",
        type=data.type,
        subject=about,
        time=NOW,
        data=data,
        correlationid=answers,
        sequence=1,
    )
    return encode(envelope)


class MemoryTopics:
    """Topics whose other ends take a list as soon as it is whole, and each request; both answer."""

    def __init__(self, requests: "MemoryRequests") -> None:
        self.requests = requests
        self.taken: set[UUID] = set()
        self.sent: list[Event] = []
        self.said: list[bytes] = []
        self.refused_rows: list[int] = []
        self.state: Literal["accepted", "waiting", "refused"] = "accepted"
        self.stands: Literal["accepted", "waiting", "refused"] | None = None
        self.silent = False
        self.breaks_after: int | None = None

    async def position(self) -> int:
        return len(self.said)

    async def send(
        self, events: Sequence[Event], progress: Progress, *, to: Literal["lists", "requests"] = "lists"
    ) -> None:
        for done, event in enumerate(events, 1):
            if self.breaks_after is not None and done > self.breaks_after:
                raise Unavailable("the machine was switched off")
            self.sent.append(event)
            progress(done, len(events))
        if self.silent:
            return
        if to == "lists":
            self.said.append(fact(self.receipt()))
        for event in events if to == "requests" else ():
            header = read_header(event.body)
            if header.id not in self.taken:
                self.taken.add(header.id)
                self.said.append(fact(self.requests.hear(event.body), answers=str(header.id)))

    async def listen(self, position: int, read_event: EventReader[T]) -> T:
        heard = self.said[position:]
        for behind, body in enumerate(heard, 1):
            if (answer := read_event(body, behind < len(heard))) is not None:
                return answer
        raise TimeoutError

    async def follow(self, position: int) -> AsyncIterator[ReceivedEvent]:
        for after, body in enumerate(self.said[position:], position + 1):
            yield ReceivedEvent(after, body)

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
        waiting = manifest.rows if self.state == "waiting" else 0
        refused = manifest.rows if self.state == "refused" else len(refusals)
        return ListReceived(
            list_id=manifest.list_id,
            revision=manifest.revision,
            state=self.state,
            reason="the statement is not signed" if self.state == "refused" else None,
            remedy="sign it" if self.state == "refused" else None,
            rows=manifest.rows,
            accepted=manifest.rows - refused - waiting,
            refused=refused,
            waiting=waiting,
            round_id=None,
            refusals=refusals[:100],
            details_path=f"/v1/lists/{manifest.list_id}/revisions/{manifest.revision}/refusals",
            received_at=NOW,
            stands=self.stands,
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


REPORT = Report(report_id=UUID(int=77), sha256="ab" * 32, size=3)


class MemoryRequests:
    """report_request and exchange_adapter as a member meets them: one open request for each entry."""

    def __init__(self) -> None:
        self.kept: dict[UUID, Request] = {}
        self.contacts: dict[UUID, str] = {}
        self.refuses: dict[str, Rejected] = {}
        self.breaks_after: int | None = None
        self.asked: list[UUID] = []
        self.downloads: list[Path] = []
        self.opened: list[UUID] = []

    async def until_opened(self, request_ids: Sequence[UUID]) -> None:
        self.opened = list(request_ids)

    async def ask(
        self, askings: Sequence[tuple[UUID, Asking]], requester: Requester, *, again: bool = False
    ) -> Sequence[Taken | Fault]:
        answers: list[Taken | Fault] = []
        for request_id, one in askings:
            try:
                kept = self.take(request_id, one.entry_id, one.site_number, one.supplier_name)
            except Rejected as error:
                answers.append(Fault.of(error, row=one.row, ref=one.site_number))
                continue
            self.contacts[request_id] = one.contact_email
            answers.append(Taken(request_id=kept.request_id, state=kept.state, mail=kept.mail))
        return answers

    def take(self, request_id: UUID, entry_id: str, site_number: str, supplier: str) -> Request:
        if self.breaks_after is not None and len(self.kept) >= self.breaks_after:
            raise Unavailable("the machine was switched off")
        self.asked.append(request_id)
        if entry_id in self.refuses:
            raise self.refuses[entry_id]
        if request_id in self.kept:
            return self.kept[request_id]
        for one in self.kept.values():
            if one.entry_id == entry_id and one.state not in ENDED:
                raise Rejected(f"your request {one.request_id} for this site is open", field="entry_id")
        self.kept[request_id] = Request(
            request_id=request_id,
            state="drafted",
            mail="unsent",
            entry_id=entry_id,
            site_number=site_number,
            supplier=supplier,
            reference=f"MRX-{len(self.kept) + 1:08}",
            asked_at=NOW,
            term_ends_at=NOW + timedelta(days=28),
            report=None,
            outcome=None,
            valid_until=None,
            possible=("withdrawal", "contact"),
            history=(StateChange(state="drafted", at=NOW, reason=None),),
        )
        return self.kept[request_id]

    def move(self, request_id: UUID, state: str, report: Report | None = None) -> Request:
        """Let a request come to a state."""
        before = self.kept[request_id]
        step = StateChange(state=state, at=NOW, reason=None)
        self.kept[request_id] = replace(
            before, state=state, report=report or before.report, history=(*before.history, step)
        )
        return self.kept[request_id]

    def hear(self, body: bytes) -> RequestStatus:
        """Take an event as report_request does, and give the status that it says."""
        refusal: Rejected | None = None
        said_type = read_header(body).type
        if said_type == ReportAsked.type:
            asked = decode(body, ReportAsked).data
            request_id = asked.request_id
            try:
                self.take(request_id, asked.entry_id, asked.site_number, asked.supplier.name)
            except Rejected as error:
                refusal = error
        elif said_type == RecognitionDecided.type:
            decided = decode(body, RecognitionDecided).data
            request_id = decided.request_id
            try:
                self._decided(request_id, decided.outcome)
            except Rejected as error:
                refusal = error
        else:
            request_id = decode(body, RequestWithdrawn).data.request_id
            try:
                self._withdrawn(request_id)
            except Rejected as error:
                refusal = error
        return self.status(request_id, refusal)

    def status(self, request_id: UUID, refusal: Rejected | None = None) -> RequestStatus:
        kept = self.kept.get(request_id)
        return RequestStatus.model_validate(
            {
                "request_id": request_id,
                "state": kept.state if kept else "refused",
                "entry_id": kept.entry_id if kept else "",
                "site_number": kept.site_number if kept else "",
                "mail": kept.mail if kept else "unsent",
                "field": refusal and refusal.field,
                "reason": refusal and refusal.reason,
                "remedy": refusal and refusal.remedy,
                "term_ends_at": kept and kept.term_ends_at,
                "report_id": None,
                "report_sha256": None,
                "report_size": None,
                "links_path": None,
                "outcome": kept and kept.outcome,
                "valid_until": None,
                "changed_at": NOW,
            }
        )

    async def requests(self, state: str | None) -> Sequence[Request]:
        return [one for one in self.kept.values() if state in {None, one.state}]

    async def request(self, request_id: UUID) -> Request:
        if request_id not in self.kept:
            raise Unknown("there is no such request", field="request_id")
        return self.kept[request_id]

    async def decide(self, verdict: Verdict) -> Request:
        return self._decided(verdict.request_id, verdict.outcome)

    def _decided(self, request_id: UUID, outcome: str) -> Request:
        kept = self.kept.get(request_id)
        if kept is None:
            raise Unknown("there is no such request", field="request_id")
        if kept.outcome != outcome:
            if kept.state != "available":
                raise Rejected(
                    f"the request is {kept.state}: no decision now",
                    field="state",
                    remedy="possible now: nothing more",
                )
            self.kept[request_id] = replace(self.move(request_id, "decided"), outcome=outcome)
        return self.kept[request_id]

    async def readdress(
        self, request_id: UUID, *, email: str, name: str | None, language: str | None
    ) -> Request:
        self.contacts[request_id] = email
        return self.kept[request_id]

    async def withdraw(self, request_id: UUID, reason: str | None) -> Request:
        return self._withdrawn(request_id)

    def _withdrawn(self, request_id: UUID) -> Request:
        if request_id not in self.kept:
            raise Unknown("there is no such request", field="request_id")
        if self.kept[request_id].state in ENDED | {"available"}:
            raise Rejected(f"the request is {self.kept[request_id].state}: no withdrawal now", field="state")
        return self.move(request_id, "withdrawn")

    async def numbers(self) -> Mapping[str, object]:
        return {"rounds": [{"round_id": "r1", "asked": len(self.kept), "avoided": 1}]}

    async def download(self, report: Report, path: Path, progress: Progress) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.stored[report.report_id])  # noqa: ASYNC240
        self.downloads.append(path)

    stored: Mapping[UUID, bytes] = {}


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


class MemoryBackend:
    """The port `Backend` over real files and a real home, with everything else in memory."""

    def __init__(self, folder: Path) -> None:
        self.member_id = UUID(int=7)
        self.now = NOW
        self.files = Sheets()
        self.home = FolderHome(folder / "home")
        self.requests = MemoryRequests()
        self.topics = MemoryTopics(self.requests)
        self.services = MemoryServices()
        self.matcher: Matcher = NameMatcher()

    def new_id(self) -> UUID:
        return uuid4()


@pytest.fixture
def backend(tmp_path: Path) -> MemoryBackend:
    return MemoryBackend(tmp_path)


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
