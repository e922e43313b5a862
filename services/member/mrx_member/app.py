"""The composition root: `MemberClient` for programs, `app` for the command line. Nothing is opened at import."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from mrx_shared.kit.clock import system_clock
from mrx_shared.messages.report_request import RequestStatus

from mrx_member.domain.editions import PublishOptions
from mrx_member.domain.requests import Asking, Fault, Request, Requester, Terms, Verdict
from mrx_member.domain.suppliers import Findings
from mrx_member.entrypoints.cli import commands
from mrx_member.handlers import lists, reports
from mrx_member.handlers import requests as asking
from mrx_member.handlers.lists import Fetched, Publication
from mrx_member.handlers.reports import Downloads
from mrx_member.handlers.requests import NOBODY, Asked, By, Settled
from mrx_member.ports import Backend, Files, Home, Matcher, Requests, Services, Topics

if TYPE_CHECKING:
    from mrx_member.adapters.http import Http
    from mrx_member.settings import MemberSettings

# Each adapter is imported when its port is first used: `check` need not load Kafka, nor `publish` the matcher.


class MemberBackend:
    """The port `Backend`: everything in its real form, opened when first used."""

    def __init__(self, settings: "MemberSettings", *, notice: Callable[[str], None]) -> None:
        self._settings = settings
        self._notice = notice

    @property
    def member_id(self) -> UUID:
        """Who this is."""
        member_id: UUID = self._settings.require("id")
        return member_id

    @property
    def now(self) -> datetime:
        """This machine's clock; nothing is decided by it."""
        return system_clock()()

    @cached_property
    def files(self) -> Files:
        """The file system."""
        from mrx_member.adapters.sheets import Sheets  # noqa: PLC0415

        return Sheets()

    @cached_property
    def home(self) -> Home:
        """The member's folder."""
        from mrx_member.adapters.home import FolderHome  # noqa: PLC0415

        return FolderHome(self._settings.folder)

    @cached_property
    def topics(self) -> Topics:
        """Kafka."""
        from mrx_member.adapters.kafka import KafkaAccess, KafkaTopics  # noqa: PLC0415

        access = KafkaAccess(
            bootstrap_servers=self._settings.require("kafka_bootstrap_servers"),
            security_protocol=self._settings.kafka_security_protocol,
            username=self._settings.require("kafka_username"),
            password=self._settings.require("kafka_password").get_secret_value(),
            ca_file=self._settings.kafka_ca_file,
        )
        return KafkaTopics(access, self.member_id, notice=self._notice)

    @cached_property
    def services(self) -> Services:
        """HTTP for lists."""
        from mrx_member.adapters.services import HttpServices  # noqa: PLC0415

        return HttpServices(self._http)

    @cached_property
    def requests(self) -> Requests:
        """HTTP for requests and reports."""
        from mrx_member.adapters.requests import HttpRequests  # noqa: PLC0415

        return HttpRequests(self._http)

    @cached_property
    def _http(self) -> "Http":
        from mrx_member.adapters.http import Http  # noqa: PLC0415

        return Http(
            self._settings.addresses,
            client_id=self._settings.require("client_id"),
            client_secret=self._settings.require("client_secret").get_secret_value(),
            notice=self._notice,
        )

    @cached_property
    def matcher(self) -> Matcher:
        """The matching library."""
        from mrx_member.adapters.matching import SiteMatcher  # noqa: PLC0415

        return SiteMatcher()

    def new_id(self) -> UUID:
        """A random id."""
        return uuid4()


def open_backend(
    *,
    profile: Path | None = None,
    credentials: Path | None = None,
    member: str | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Backend:
    """A member's backend from a profile, from a stack's credentials and a member's name, or from the environment."""
    from mrx_member.settings import settings_of  # noqa: PLC0415

    return MemberBackend(settings_of(profile, credentials, member), notice=notice)


class MemberClient:
    """What a member's own programs may call; the commands do the same.

    A verb that asks a server takes `patience`, in seconds: it rides over outages that long, then raises `Unavailable`,
    and calling it again carries on. What a rule refuses raises `Rejected`, with field, row and remedy.
    """

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @classmethod
    def open(
        cls, *, profile: Path | None = None, credentials: Path | None = None, member: str | None = None
    ) -> "MemberClient":
        """Open from a profile, from a stack's credentials and a member's name, or from the environment."""
        return cls(open_backend(profile=profile, credentials=credentials, member=member))

    async def publish(
        self, path: Path, options: PublishOptions | None = None, *, wait: bool = True, patience: float = 120.0
    ) -> Publication:
        """Publish a file and wait for its receipt; calling again after a failure carries on."""
        reading = lists.read_list(path, self._backend)
        return await lists.publish(
            path.stem,
            reading.entries,
            options or PublishOptions(),
            self._backend,
            wait=wait,
            patience=patience,
        )

    async def fetch(self, *, out: Path | None = None, wait: bool = False, patience: float = 120.0) -> Fetched:
        """Download and verify the latest released list."""
        return await lists.fetch(self._backend, out=out, wait=wait, patience=patience)

    def check(self, suppliers: Path, *, own: Path | None = None, released: Path | None = None) -> Findings:
        """Match suppliers against the released list, on this machine."""
        return lists.check(suppliers, self._backend, own=own, released=released)

    async def request(
        self,
        wanted: Path | Sequence[Asking],
        *,
        terms: Terms | None = None,
        requester: Requester = NOBODY,
        by: By = "http",
        again: bool = False,
        patience: float = 120.0,
    ) -> Asked:
        """Ask suppliers for their reports, from a file or as given. Sending the same file again asks nobody twice.

        Rows that cannot be asked are among the `faults` of the answer; the others go out. `terms` is for what the
        file does not say. `again` asks anew where an earlier request is over.
        """
        faults: Sequence[Fault] = ()
        if isinstance(wanted, Path):
            wanted, faults = asking.read_askings(wanted, terms or Terms(), self._backend)
        asked = await asking.ask(
            wanted, self._backend, requester=requester, by=by, again=again, patience=patience
        )
        return replace(asked, faults=(*faults, *asked.faults))

    async def requests(self, *, state: str | None = None, patience: float = 120.0) -> Sequence[Request]:
        """How the requests of this member stand, all or those in one state."""
        return await asking.requests(self._backend, state=state, patience=patience)

    async def download(
        self, out: Path, requests: Sequence[UUID] | None = None, *, patience: float = 600.0
    ) -> Downloads:
        """Download the reports of these requests, or all that are available, each verified, none over another."""
        return await reports.download(requests, out, self._backend, patience=patience)

    async def decide(
        self, decisions: Sequence[Verdict], *, by: By = "http", patience: float = 120.0
    ) -> Settled:
        """Record recognition decisions. Those that the scheme refuses are among the `faults` of the answer."""
        return await asking.decide(decisions, self._backend, by=by, patience=patience)

    async def readdress(
        self,
        request_id: UUID,
        *,
        email: str,
        name: str | None = None,
        language: str | None = None,
        patience: float = 120.0,
    ) -> None:
        """Have the supplier written to at another contact."""
        await asking.readdress(
            request_id, self._backend, email=email, name=name, language=language, patience=patience
        )

    async def withdraw(
        self, request_id: UUID, *, reason: str | None = None, by: By = "http", patience: float = 120.0
    ) -> None:
        """Ask no longer."""
        await asking.withdraw(request_id, self._backend, reason=reason, by=by, patience=patience)

    async def numbers(self, *, patience: float = 120.0) -> Mapping[str, object]:
        """This member's requests, decisions and avoided audits, by round."""
        return await asking.numbers(self._backend, patience=patience)

    def statuses(self, *, from_the_beginning: bool = False) -> AsyncIterator[RequestStatus]:
        """Hear how requests come to stand, without end, from where the last listening stopped.

        A status counts as heard once the next one is asked for: after a crash in between it comes again.
        """
        return asking.statuses(self._backend, from_the_beginning=from_the_beginning)


app = commands(open_backend)
