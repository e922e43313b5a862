"""The composition root: `MemberClient` for programs, `app` for the command line. Nothing is opened at import."""

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

from mrx_shared.kit.clock import system_clock

from mrx_member import handlers
from mrx_member.domain.editions import Wish
from mrx_member.domain.suppliers import Findings
from mrx_member.entrypoints.cli import commands
from mrx_member.handlers import Fetched, Publication
from mrx_member.ports import Desk, Files, Home, Matcher, Services, Topics

if TYPE_CHECKING:
    from mrx_member.settings import MemberSettings

# Each adapter is imported when its port is first used: `check` need not load Kafka, nor `publish` the matcher.


class MemberDesk:
    """The port `Desk`: everything in its real form, opened when first used."""

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
        """HTTP."""
        from mrx_member.adapters.services import HttpAccess, HttpServices  # noqa: PLC0415

        access = HttpAccess(
            registry_url=self._settings.require("registry_url"),
            aggregation_url=self._settings.require("aggregation_url"),
            client_id=self._settings.require("client_id"),
            client_secret=self._settings.require("client_secret").get_secret_value(),
        )
        return HttpServices(access, notice=self._notice)

    @cached_property
    def matcher(self) -> Matcher:
        """The matching library."""
        from mrx_member.adapters.matching import SiteMatcher  # noqa: PLC0415

        return SiteMatcher()

    def new_id(self) -> UUID:
        """A random id."""
        return uuid4()


def open_desk(
    *,
    profile: Path | None = None,
    credentials: Path | None = None,
    member: str | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Desk:
    """A member's desk from a profile, from a stack's credentials and a member's name, or from the environment."""
    from mrx_member.settings import settings_of  # noqa: PLC0415

    return MemberDesk(settings_of(profile, credentials, member), notice=notice)


class MemberClient:
    """What a member's own programs may call; the commands do the same."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    @classmethod
    def open(
        cls, *, profile: Path | None = None, credentials: Path | None = None, member: str | None = None
    ) -> "MemberClient":
        """Open from a profile, from a stack's credentials and a member's name, or from the environment."""
        return cls(open_desk(profile=profile, credentials=credentials, member=member))

    async def publish(
        self, path: Path, wish: Wish | None = None, *, wait: bool = True, patience: float = 120.0
    ) -> Publication:
        """Publish a file and wait for its receipt; calling again after a failure carries on."""
        reading = handlers.read_list(path, self._desk)
        return await handlers.publish(
            path.stem, reading.entries, wish or Wish(), self._desk, wait=wait, patience=patience
        )

    async def fetch(self, *, out: Path | None = None, wait: bool = False, patience: float = 120.0) -> Fetched:
        """Download and verify the latest released list."""
        return await handlers.fetch(self._desk, out=out, wait=wait, patience=patience)

    def check(self, suppliers: Path, *, own: Path | None = None, released: Path | None = None) -> Findings:
        """Match suppliers against the released list, on this machine."""
        return handlers.check(suppliers, self._desk, own=own, released=released)


app = commands(open_desk)
