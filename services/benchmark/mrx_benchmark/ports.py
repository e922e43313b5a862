"""What the handlers need, in their words."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import BinaryIO
from typing import Protocol as Port
from uuid import UUID

from mrx_criteria.domain.answers import Sifted
from mrx_criteria.domain.commonality import GapReport, Waiver
from mrx_criteria.domain.criteria import Catalogue, Relation
from mrx_criteria.domain.lineage import Lineage
from mrx_criteria.domain.suggestions import Suggestion
from mrx_shared.messages.unit_of_work import UnitOfWork

from mrx_benchmark.domain.appeals import Appeal
from mrx_benchmark.domain.assessments import Assessment
from mrx_benchmark.domain.consultation import Comment, Evolution
from mrx_benchmark.domain.drafts import Draft
from mrx_benchmark.domain.evidence import Evidence
from mrx_benchmark.domain.extensions import Extension
from mrx_benchmark.domain.history import Event
from mrx_benchmark.domain.impartiality import Conflicts
from mrx_benchmark.domain.protocols import Protocol, ProtocolVersion
from mrx_benchmark.domain.questions import Question


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """What is kept of a version of the criteria that was published."""

    version: str
    digest: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is kept of a verdict: figures as they were published."""

    assessment_id: UUID
    equivalent: bool
    commonality: Decimal
    lower: Decimal
    upper: Decimal
    recognised_from: date | None
    recognised_until: date | None
    concluded_by: str
    concluded_at: datetime
    waived: tuple[Waiver, ...] = ()
    """The clauses that it leaves out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the last conclusion on a protocol version under some criteria rests on."""

    protocol_id: UUID
    version: str
    owner: UUID | None
    criteria_version: str
    relations: Mapping[str, Relation]


class History(Port):
    """What happened to assessments."""

    async def add(self, assessment_id: UUID, event: Event, *, owner: UUID | None) -> None:
        """Enter a step."""

    async def of(self, assessments: Collection[UUID]) -> Mapping[UUID, list[Event]]:
        """The steps of each of these, the oldest first."""


class Questions(Port):
    """Reviewers' questions to owners."""

    async def keep(self, question: Question, *, owner: UUID | None) -> None:
        """Add a question, or its reply."""

    async def of(self, assessments: Collection[UUID]) -> Mapping[UUID, list[Question]]:
        """The questions on each of these, the oldest first."""


class Appeals(Port):
    """Appeals against verdicts."""

    async def keep(self, appeal: Appeal, *, owner: UUID | None) -> None:
        """Add an appeal, or its decision."""

    async def of(self, assessments: Collection[UUID]) -> Mapping[UUID, Appeal]:
        """The appeals, by assessment, of those of these that have one."""


class Impartiality(Port):
    """Reviewers' conflicts of interest with members and their groups."""

    async def keep_group(self, member_id: UUID, groups: Collection[UUID]) -> None:
        """A member's group and those tied to it."""

    async def declare(self, reviewer: str, member_id: UUID) -> None:
        """A reviewer has a conflict with a member."""

    async def conflicts(self) -> Conflicts:
        """Every conflict: with a member that was declared, or with another of its groups."""


class Waivers(Port):
    """Clauses that verdicts leave out."""

    async def keep(self, criteria_version: str, waiver: Waiver, *, by: str) -> None:
        """Add a waiver, or replace that of the clause."""

    async def of(self, criteria_version: str) -> list[Waiver]:
        """The waivers on a version, ended ones too."""


class Extensions(Port):
    """What protocols ask for beyond the criteria, as far as the tenant may see them."""

    async def keep(
        self, protocol_id: UUID, version: str, extension: Extension, *, owner: UUID | None
    ) -> None:
        """Add an extension."""

    async def find(self, query: str) -> list[Extension]:
        """Those that hold these words; all for no words."""


class Consultation(Port):
    """Announcements that a version of the criteria replaces another, and comments on them."""

    async def announce(self, evolution: Evolution) -> None:
        """Add an announcement, or replace that of the older version."""

    async def successor(self, older: str) -> Evolution | None:
        """What follows a version."""

    async def predecessors(self, newer: str) -> list[Evolution]:
        """The announcements that a version follows others."""

    async def add_comment(self, older: str, text: str, *, by: str) -> None:
        """Add a comment."""

    async def comments(self, older: str) -> list[Comment]:
        """The comments, the oldest first."""


class Reminders(Port):
    """Which reminders have been sent."""

    async def first(self, assessment_id: UUID, days: int, until: date) -> bool:
        """Note a reminder. Says whether it is the first of its kind for this last day."""


class Criteria(Port):
    """The published versions of the criteria."""

    async def published(self, version: str) -> Published | None:
        """What was published under a version. Until the commit nobody else asks."""

    async def keep(self, published: Published) -> None:
        """Add a version, or change the days on which a known one holds."""


class Protocols(Port):
    """Protocols and their versions, as far as the tenant may see them: its own and the public ones."""

    async def add(self, protocol: Protocol) -> None:
        """Add a protocol. Raises `Rejected` when another one has the code, in whatever spelling.

        A public protocol and a member's own may have one code: the public one is never kept out.
        """

    async def public_names(self) -> list[str]:
        """The codes and families of all public protocols."""

    async def get(self, protocol_id: UUID) -> Protocol:
        """A protocol. Raises `Unknown`."""

    async def add_version(self, version: ProtocolVersion, *, owner: UUID | None) -> None:
        """Add a version. Raises `Rejected` when it is there already."""

    async def version(self, protocol_id: UUID, version: str) -> ProtocolVersion:
        """A version. Raises `Unknown`."""

    async def visible(self) -> list[tuple[Protocol, list[ProtocolVersion]]]:
        """All that the tenant may see, by code; the versions by their first day."""


class Assessments(Port):
    """Assessments, as far as the tenant may see them: its own and those of public protocols."""

    async def add(self, assessment: Assessment) -> None:
        """Add a new one. Raises `Rejected` when another of its kind came at the same moment."""

    async def get(self, assessment_id: UUID) -> Assessment:
        """One, to look at. Raises `Unknown`."""

    async def get_to_change(self, assessment_id: UUID) -> Assessment:
        """One, locked until the commit. Raises `Unknown`."""

    async def hold_verdicts(self) -> None:
        """Until the commit nobody else reaches a verdict or changes one, by an appeal or by the end of criteria."""

    async def unfinished(self, protocol_id: UUID, version: str, criteria_version: str) -> Assessment | None:
        """The one that is neither concluded nor replaced, locked until the commit."""

    async def save(self, assessment: Assessment) -> None:
        """Keep the state and the decisions as they are now; what is no longer among them goes."""

    async def conclude(self, assessment: Assessment, verdict: Verdict) -> None:
        """Keep the state and the verdict."""

    async def verdict(self, assessment_id: UUID) -> Verdict | None:
        """The verdict, once there is one."""

    async def verdicts(self, assessments: Collection[UUID]) -> Mapping[UUID, Verdict]:
        """The verdicts, by assessment, on those of these that have one."""

    async def last_concluded(self, criteria_version: str) -> list[tuple[Assessment, Verdict]]:
        """Of each protocol version that the tenant may see, the last submitted that these criteria concluded."""

    async def overtaken(self, assessment: Assessment) -> bool:
        """Whether a later submission of the same protocol version and criteria is concluded."""

    async def portfolio(self) -> list[Measured]:
        """The last conclusion on each protocol version under each version of the criteria, by submission."""

    async def ending(self, criteria_version: str, by: date) -> list[tuple[Assessment, Verdict]]:
        """Of those, each yes whose recognition ends by a day, unless its lapse was told.

        Left out where the protocol version is recognised beyond that end under other criteria.
        """

    async def replace_verdict(self, verdict: Verdict) -> None:
        """Put a verdict in place of that which stands."""

    async def change_end(self, verdict: Verdict) -> None:
        """Keep another last day of recognition."""

    async def visible(self) -> list[Assessment]:
        """All that the tenant may see, the newest first."""


class Drafts(Port):
    """The tenant's own drafts; nobody sees another's, not even of a public protocol."""

    async def get(self, protocol_id: UUID, version: str, criteria_version: str) -> Draft | None:
        """One. Until the commit nobody else asks for it."""

    async def keep(self, draft: Draft) -> None:
        """Add a draft, or put it in place of that which stands."""

    async def drop(self, draft: Draft) -> None:
        """Take a draft away."""

    async def own(self) -> list[Draft]:
        """All, the last saved first."""


class EvidenceFiles(Port):
    """What is known of the tenant's own files; nobody sees another's, not even those of a public protocol."""

    async def add(self, evidence: Evidence) -> Evidence:
        """Add a file. Returns what is known of these bytes, which may have been there before."""

    async def of_protocol(self, protocol_id: UUID) -> list[Evidence]:
        """Those of a protocol, the oldest first."""

    async def submitted(self, protocol_id: UUID) -> list[str]:
        """What the submitted answers of a protocol say of their evidence."""


class EvidenceStore(Port):
    """Where the files' bytes lie."""

    async def keep(self, evidence: Evidence, body: BinaryIO) -> None:
        """Keep the bytes; keeping them again is harmless. Raises `Unavailable`."""

    async def fetch(self, evidence: Evidence) -> bytes:
        """The bytes, as they came. Raises `Unavailable`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file to hand out."""

    body: bytes
    media_type: str
    name: str


class Documents(Port):
    """The files that people bring, and the documents that they take."""

    @property
    def reports(self) -> Collection[str]:
        """The kinds of a report."""

    async def answers(self, raw: bytes, name: str, catalogue: Catalogue) -> Sifted:
        """The good rows of a filled-in template, and the faults of the others. Raises `Invalid`."""

    async def requirements(self, raw: bytes, name: str) -> tuple[tuple[str, str], ...]:
        """A protocol's requirements, each with its reference. Raises `Faulty`."""

    async def suggestions(
        self, requirements: Sequence[tuple[str, str]], catalogue: Catalogue
    ) -> tuple[Suggestion, ...]:
        """Criteria that requirements may meet."""

    async def template(self, catalogue: Catalogue, kind: str) -> Document:
        """An empty template, csv or xlsx."""

    async def report(self, report: GapReport, kind: str) -> Document:
        """A gap report, or the answers as an OSCAL mapping collection."""


class Owners(Port):
    """Who owns what: ids only, so that a reviewer's transaction can go on as the owner's."""

    async def of_protocol(self, protocol_id: UUID) -> UUID | None:
        """The owner; None for a public protocol. Raises `Unknown`."""

    async def of_assessment(self, assessment_id: UUID) -> UUID | None:
        """The owner; None for a public protocol's. Raises `Unknown`."""

    async def all(self) -> list[UUID | None]:
        """Everyone who has a protocol here, and None for the public ones."""


class Work(UnitOfWork, Port):
    """One transaction's work."""

    @property
    def catalogues(self) -> Mapping[str, Catalogue]:
        """The criteria that come with this release, by version."""

    @property
    def lineages(self) -> Mapping[tuple[str, str], Lineage]:
        """What became of the criteria, by older and newer version."""

    @property
    def history(self) -> History:
        """What happened to assessments."""

    @property
    def questions(self) -> Questions:
        """Reviewers' questions."""

    @property
    def appeals(self) -> Appeals:
        """Appeals."""

    @property
    def impartiality(self) -> Impartiality:
        """Conflicts of interest."""

    @property
    def waivers(self) -> Waivers:
        """Waivers."""

    @property
    def extensions(self) -> Extensions:
        """Extensions."""

    @property
    def consultation(self) -> Consultation:
        """Announcements and comments."""

    @property
    def reminders(self) -> Reminders:
        """Reminders."""

    @property
    def criteria(self) -> Criteria:
        """Published criteria."""

    @property
    def protocols(self) -> Protocols:
        """Protocols."""

    @property
    def assessments(self) -> Assessments:
        """Assessments."""

    @property
    def drafts(self) -> Drafts:
        """Drafts."""

    @property
    def evidence(self) -> EvidenceFiles:
        """Files behind answers."""

    @property
    def owners(self) -> Owners:
        """Who owns what."""

    def acting_for(self, owner: UUID | None) -> AbstractAsyncContextManager[None]:
        """Inside, the transaction sees what this owner sees. For a reviewer only."""
