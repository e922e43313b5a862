"""report_request's work without a database; a tenant sees its own rows alone, as on PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from typing import Any, TypeVar
from uuid import UUID, uuid4

from mrx_report_request.domain.decisions import Outcome, Recognised
from mrx_report_request.domain.requests import Request, SlotMail
from mrx_report_request.domain.transitions import State
from mrx_report_request.ports import Listed, NotListed, Numbers, Participant, SupplierPage
from mrx_shared.api.report_request import NewRequest, NewSupplier
from mrx_shared.messages.aggregation import ReleasePage
from mrx_shared.messages.report_request import MailAsked, RequestChanged, RequestStatus
from mrx_shared.refusals import Rejected, Unknown
from mrx_shared.slots import Slots
from mrx_shared.testing.work import MemoryUnitOfWork

T = TypeVar("T")
START = datetime(2026, 6, 1, 9, tzinfo=UTC)
ROUND = UUID(int=7)


def entry(number: int) -> str:
    return sha256(f"entry {number}".encode()).hexdigest()


def site(number: int) -> str:
    return sha256(f"site {number}".encode()).hexdigest()


def asking(number: int = 1, **changed: Any) -> NewRequest:  # noqa: ANN401
    """A good request for a site."""
    good: dict[str, Any] = {
        "request_id": uuid4(),
        "entry_id": entry(number),
        "site_number": f"S-{number}",
        "scope": "SMETA 4-pillar",
        "purpose": "Approval",
        "term_days": 28,
        "requester_email": "sourcing@buyer.example",
    }
    supplier: dict[str, Any] = {
        "name": changed.pop("supplier_name", f"Works {number}"),
        "contact_email": "quality@works.example",
        "contact_name": None,
        "language": "en",
    }
    named = {name: changed.pop(name) for name in supplier.keys() & changed.keys()}
    return NewRequest(supplier=NewSupplier(**(supplier | named)), **(good | changed))


class MemoryWork(MemoryUnitOfWork):
    """Keeps everything in dictionaries that a test may read. Sites 1 to 9 are listed."""

    def __init__(self, *participants: UUID) -> None:
        super().__init__(START)
        self.tenant: UUID | None = None
        self.facts = MemoryFacts()
        self.requests = MemoryRequests(self)
        self.mails = MemoryMails()
        self.contacts = MemoryContacts(self)
        self.slots = Slots()
        self.pages = MemoryPages(self)
        self.owners = MemoryOwners(self)
        self._references = count(1)
        for member_id in participants:
            self.facts.participants[member_id] = Participant(
                member_id=member_id, participates=True, missing=(), name=f"Member {member_id.int}"
            )

    def new_reference(self) -> str:
        return f"MRX-{next(self._references):08}"

    def pass_time(self, span: timedelta) -> None:
        self.moment += span

    @asynccontextmanager
    async def acting_for(self, member_id: UUID | None) -> AsyncIterator[None]:
        before, self.tenant = self.tenant, member_id
        yield
        self.tenant = before

    @asynccontextmanager
    async def attempt(self) -> AsyncIterator[None]:
        kept, said, told = dict(self.requests.kept), len(self.said), len(self.said_to)
        try:
            yield
        except Exception:
            self.requests.kept = kept
            del self.said[said:], self.said_to[told:]
            raise

    async def transact(
        self,
        verb: Callable[["MemoryWork"], Awaitable[T]],
        *,
        tenant: UUID | None = None,
        correlation_id: str | None = None,
    ) -> T:
        """Run a verb, as `Transact` does."""
        async with self.acting_for(tenant):
            return await verb(self)

    def told(self, member_id: UUID) -> list[RequestStatus]:
        return [one for to, one in self.said_to if to == member_id and isinstance(one, RequestStatus)]

    def mailed(self) -> list[MailAsked]:
        return [one for one in self.said if isinstance(one, MailAsked)]

    def changes(self) -> list[RequestChanged]:
        return [one for one in self.said if isinstance(one, RequestChanged)]


class MemoryFacts:
    """See `ports.Facts`."""

    def __init__(self) -> None:
        self.participants: dict[UUID, Participant] = {}
        self.entries = {entry(number): site(number) for number in range(1, 10)}
        self.half_years: dict[str, str | None] = {}

    async def participant(self, member_id: UUID) -> Participant | None:
        return self.participants.get(member_id)

    async def keep_participant(self, participant: Participant, *, sequence: int) -> None:
        self.participants[participant.member_id] = participant

    async def keep_page(self, page: ReleasePage) -> None:
        self.entries |= {one.entry_id: one.site_token for one in page.entries}
        self.half_years |= {one.entry_id: one.audit_half_year for one in page.entries}

    async def listed(self, entry_ids: Collection[str]) -> Mapping[str, Listed | NotListed]:
        def one(entry_id: str) -> Listed | NotListed:
            if entry_id not in self.entries:
                return NotListed.UNKNOWN
            return Listed(
                entry_id=entry_id,
                site_token=self.entries[entry_id],
                round_id=ROUND,
                half_year=self.half_years.get(entry_id),
            )

        return {entry_id: one(entry_id) for entry_id in entry_ids}


class MemoryRequests:
    """See `ports.Requests`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[UUID, Request] = {}

    def _own(self) -> list[Request]:
        return [one for one in self.kept.values() if one.member_id == self._work.tenant]

    async def add(self, requests: Sequence[Request]) -> None:
        for request in requests:
            if request.request_id in self.kept:
                raise Rejected("the id is taken", field="request_id")
            self.kept[request.request_id] = request

    async def find_all(self, request_ids: Collection[UUID]) -> Mapping[UUID, Request]:
        return {one.request_id: one for one in self._own() if one.request_id in request_ids}

    async def find(self, request_id: UUID) -> Request | None:
        return next((one for one in self._own() if one.request_id == request_id), None)

    async def get(self, request_id: UUID) -> Request:
        found = await self.find(request_id)
        if found is None:
            raise Unknown("there is no such request of yours", field="request_id")
        return found

    async def get_to_change(self, request_id: UUID) -> Request:
        return await self.get(request_id)

    async def save(self, request: Request) -> None:
        assert request.member_id == self._work.tenant
        rivals = [one for one in self._own() if one.site_token == request.site_token and not one.ended]
        assert request.ended or {one.request_id for one in rivals} <= {request.request_id}
        self.kept[request.request_id] = request

    async def open_for(self, site_tokens: Collection[str]) -> Mapping[str, UUID]:
        return {
            one.site_token: one.request_id
            for one in self._own()
            if one.site_token in site_tokens and not one.ended
        }

    async def over_for(self, site_tokens: Collection[str]) -> Sequence[Request]:
        return [one for one in self._own() if one.ended and one.site_token in site_tokens]

    async def closing(self, site_tokens: Collection[str]) -> Sequence[Request]:
        return [
            one
            for one in self._own()
            if one.site_token in site_tokens and one.due_mail and one.due_mail.kind is SlotMail.CLOSED
        ]

    async def newest_first(self, *, state: State | None, after: UUID | None, limit: int) -> Sequence[Request]:
        raise NotImplementedError

    async def with_files(self, files: Collection[str]) -> Sequence[Request]:
        return [one for one in self._own() if one.report and one.report.sha256 in files]

    async def recognised(self, site_token: str, sha256: str) -> Sequence[Recognised]:
        return [
            Recognised(
                sha256=one.report.sha256,
                audit_date=one.report.audit_date,
                valid_until=one.valid_until,
                avoided=one.decision.avoided,
            )
            for one in self._own()
            if one.decision and one.report and one.valid_until
            if one.site_token == site_token or one.report.sha256 == sha256
        ]

    async def numbers(self) -> Sequence[Numbers]:
        own = self._own()

        def decided(outcome: Outcome) -> int:
            return sum(one.outcome is outcome for one in own)

        if not own:
            return []
        return [
            Numbers(
                round_id=ROUND,
                as_of=None,
                asked=len(own),
                sent=sum(one.sent_at is not None for one in own),
                available=sum(one.report is not None for one in own),
                accepted=decided(Outcome.ACCEPTED),
                top_ups=decided(Outcome.TOP_UP),
                refused=decided(Outcome.REFUSED),
                declined=sum(one.state is State.DECLINED for one in own),
                expired=sum(one.state is State.EXPIRED for one in own),
                avoided=sum(bool(one.decision and one.decision.avoided) for one in own),
            )
        ]


class MemoryMails:
    """See `ports.Mails`."""

    def __init__(self) -> None:
        self.kept: dict[UUID, UUID] = {}

    async def note(self, mail_id: UUID, *, about: UUID) -> None:
        self.kept[mail_id] = about

    async def of(self, request_id: UUID) -> Sequence[UUID]:
        return [mail for mail, about in self.kept.items() if about == request_id]

    async def has(self, mail_id: UUID, *, about: UUID) -> bool:
        return self.kept.get(mail_id) == about


class MemoryContacts:
    """See `ports.Contacts`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[tuple[UUID | None, str, str], datetime] = {}

    async def named(self, site_tokens: Collection[str], *, since: datetime) -> Mapping[str, Collection[str]]:
        return {
            token: [
                hashed
                for (member, site_of, hashed), at in self.kept.items()
                if (member, site_of) == (self._work.tenant, token) and at >= since
            ]
            for token in site_tokens
        }

    async def name(self, named: Collection[tuple[str, str]]) -> None:
        self.kept |= {(self._work.tenant, token, hashed): self._work.now for token, hashed in named}

    async def forget(self, site_token: str, *, before: datetime) -> None:
        self.kept = {
            key: at
            for key, at in self.kept.items()
            if key[:2] != (self._work.tenant, site_token) or at >= before
        }


class MemoryPages:
    """See `ports.Pages`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.kept: dict[str, tuple[SupplierPage, datetime]] = {}

    async def find(self, token_hash: str) -> SupplierPage | None:
        page, until = self.kept.get(token_hash, (None, self._work.now))
        return page if until > self._work.now else None

    async def open(self, token_hash: str, page: SupplierPage, *, mail_id: UUID, until: datetime) -> None:
        self.kept.setdefault(token_hash, (page, until))

    async def close(self, request_id: UUID) -> None:
        self.kept = {name: one for name, one in self.kept.items() if one[0].request_id != request_id}


class MemoryOwners:
    """See `ports.Owners`."""

    def __init__(self, work: MemoryWork) -> None:
        self._work = work
        self.put_off_until: dict[UUID, datetime] = {}

    async def of(self, request_id: UUID) -> UUID | None:
        found = self._work.requests.kept.get(request_id)
        return found.member_id if found else None

    async def all(self) -> Sequence[UUID]:
        return sorted({one.member_id for one in self._work.requests.kept.values()})

    async def due(self, *, limit: int) -> Sequence[SupplierPage]:
        due = [(one.due_at(), one) for one in self._work.requests.kept.values()]
        return [
            SupplierPage(request_id=one.request_id, member_id=one.member_id)
            for moment, one in due
            if moment is not None and moment <= self._work.now
            if self.put_off_until.get(one.request_id, moment) <= self._work.now
        ][:limit]

    async def put_off(self, request_id: UUID) -> None:
        self.put_off_until[request_id] = self._work.now + timedelta(minutes=1)
