"""What the handlers need, in their words."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol, TypeVar
from uuid import UUID

from mrx_shared.messages import unit_of_work
from mrx_shared.messages.unit_of_work import UnitOfWork

from mrx_registry.domain.channels import Channel
from mrx_registry.domain.groups import Groups
from mrx_registry.domain.members import Group, Member, Recognition
from mrx_registry.domain.principals import Audience, Credential, Principal, Role, SigningKey
from mrx_registry.domain.sign_in import PasswordLink, Session, SignIn
from mrx_registry.domain.statement import Adoption, Signature, Statement

T = TypeVar("T")


class Members(Protocol):
    """Members and their corporate groups."""

    async def add(self, member: Member) -> bool:
        """Add a member. False when one of that name is there already."""

    async def get(self, member_id: UUID) -> Member:
        """The member, held until the transaction ends so that two changes follow one another. Raises `Unknown`."""

    async def find(self, member_id: UUID) -> Member | None:
        """The member as it stands, for reading."""

    async def every(self) -> Sequence[Member]:
        """All members by name."""

    async def keep(self, member: Member, *, judged_on: date | None) -> None:
        """Store the member's state and standing, and the day for which it was judged."""

    async def groups(self) -> Groups:
        """The corporate groups that there are, by name and by member."""

    async def group_named(self, name: str, *, new_id: UUID) -> Group:
        """The corporate group of that name, made with `new_id` when there was none."""

    async def add_holding(self, group: UUID, other: UUID) -> None:
        """The two groups are tied by a minority holding, whichever holds the share."""

    async def tied_to(self, group: UUID) -> frozenset[UUID]:
        """The groups tied to this one."""

    async def judge_again(self) -> None:
        """All members are due to be judged anew."""

    async def to_judge(self, today: date) -> Sequence[UUID]:
        """Members once admitted that were not judged for `today`, are due again, or have got other ties."""


class Principals(Protocol):
    """People and systems. Names stand in rows of the member that they belong to; credentials bear none."""

    async def add(self, principal: Principal, credential: Credential) -> None:
        """Add a principal with what it signs in with."""

    async def get(self, principal_id: UUID) -> Principal:
        """A principal of the member that this transaction concerns. Raises `Unknown`."""

    async def people(self, member_id: UUID | None, *, role: Role = Role.MEMBER) -> Sequence[Principal]:
        """People with an address who are not disabled, by id: of the member that this transaction concerns, or of none."""

    async def reviewers(self) -> Sequence[Principal]:
        """The reviewers that are not disabled, by name; for a transaction that concerns no member."""

    async def secretariat(self) -> Sequence[Principal]:
        """Who is or was of the secretariat, by name; for a transaction that concerns no member."""

    async def reach(self, principal_id: UUID, *, email: str, language: str) -> None:
        """Keep where mails to a principal go, and in which language."""

    async def credential(self, client_id: str) -> Credential | None:
        """The credential that a client id names."""

    async def credential_of(self, principal_id: UUID) -> Credential:
        """The credential of a principal, held until the transaction ends. Raises `Unknown`."""

    async def keep(self, credential: Credential) -> None:
        """Store a credential's new secret or state."""

    async def bootstrapped(self) -> UUID | None:
        """The first secretariat principal; asking holds everyone else who asks until the transaction ends."""

    async def bootstrap(self, principal_id: UUID) -> None:
        """Remember the first secretariat principal."""


class Statements(Protocol):
    """The joint statement, and who signed it or adopted a protocol for it."""

    async def publish(self, statement: Statement) -> bool:
        """Add a version. False when it is there already."""

    async def version(self, version: str) -> Statement | None:
        """That version."""

    async def current(self) -> Statement | None:
        """The version published last."""

    async def sign(self, signature: Signature) -> None:
        """Store a signature of the member that this transaction concerns."""

    async def signatures(self, member_id: UUID) -> Sequence[Signature]:
        """The member's signatures that stand, oldest first."""

    async def withdraw(self, signature: Signature, *, at: datetime) -> None:
        """The signature stands no more; its record stays."""

    async def adopt(self, adoption: Adoption) -> None:
        """Store an adoption of the member that this transaction concerns."""

    async def adoptions(self, member_id: UUID) -> Sequence[Adoption]:
        """What the member adopted, oldest first."""


class Recognitions(Protocol):
    """Read model of the benchmark's verdicts; a company's own protocol is seen for its owner alone."""

    async def apply(self, recognition: Recognition, *, sequence: int) -> bool:
        """Keep this verdict if it is newer than the one known under the same criteria. Says whether it was."""

    async def of_version(self, protocol_id: UUID, protocol_version: str) -> Sequence[Recognition]:
        """The verdicts on a protocol version, one for each version of the criteria."""

    async def counting_for(self, member_id: UUID) -> Sequence[Recognition]:
        """The verdicts on the member's own protocols and on those it adopted."""


class Channels(Protocol):
    """Members' access to their topics, as desired and as done."""

    async def get(self, member_id: UUID) -> Channel:
        """The channel, held until the transaction ends. Raises `Unknown`."""

    async def keep(self, channel: Channel) -> None:
        """Store the channel, new or changed."""

    async def alone(self) -> bool:
        """Whether no other process is at this; then none will be until the transaction ends."""

    async def due(self) -> Sequence[UUID]:
        """Members whose channel is not as desired, longest waiting first."""


class SigningKeys(Protocol):
    """The keys that tokens are signed with."""

    async def add(self, key: SigningKey) -> None:
        """Add a key; tokens are checked with it here at once."""

    async def current(self) -> SigningKey | None:
        """The newest key."""

    async def hold(self) -> None:
        """Let nobody else make a key until the transaction ends."""

    async def every(self) -> Sequence[SigningKey]:
        """All keys, newest first."""


class SignIns(Protocol):
    """How people sign in, and how often somebody tried to."""

    async def keep(self, sign_in: SignIn) -> bool:
        """Store how a person signs in. False when somebody else does with this address."""

    async def by_email(self, digest: bytes) -> SignIn | None:
        """Who signs in with an address."""

    async def of(self, principal_id: UUID) -> SignIn | None:
        """How a person signs in, held until the transaction ends."""

    async def guesses(self, digest: bytes, *, since: datetime) -> Sequence[datetime]:
        """When this address, or browser, was tried, oldest first; no other try is made until the transaction ends."""

    async def count_guess(self, digest: bytes, *, forget_before: datetime) -> None:
        """Somebody tries an address now; older tries than that are forgotten."""

    async def forgive(self, digest: bytes) -> None:
        """Forget the tries of an address, or browser."""


class Sessions(Protocol):
    """Who is signed in."""

    async def add(self, session: Session) -> None:
        """Somebody signs in. Sessions that ended long ago are dropped."""

    async def get(self, token_hash: str) -> Session | None:
        """A session, ended or not."""

    async def seen(self, session: Session) -> None:
        """The session was used."""

    async def end(self, token_hash: str) -> None:
        """The session is no more."""

    async def end_of_principal(self, principal_id: UUID, *, but: str | None = None) -> None:
        """Nor is any of this person, except for the session with the token hash `but`."""

    async def end_of_member(self, member_id: UUID) -> None:
        """Nor is any of this member's people."""


class PasswordLinks(Protocol):
    """One-time links, and wishes for them."""

    async def add(self, link: PasswordLink) -> None:
        """A mail with a link is asked for."""

    async def get(self, mail_id: UUID) -> PasswordLink | None:
        """The link that a mail was asked for with."""

    async def expect(self, mail_id: UUID, token_hash: str, *, ends_at: datetime) -> None:
        """A token of the link; a repetition changes nothing."""

    async def redeemable(self, token_hash: str) -> PasswordLink | None:
        """The link of a token that has not ended and was not used."""

    async def use_up(self, principal_id: UUID) -> None:
        """No link that a person was sent so far works any more."""

    async def asked_since(self, digest: bytes, since: datetime) -> int:
        """How many links an address was sent since, for whatever reason."""

    async def request_reset(self, digest: bytes) -> None:
        """Somebody wishes for a new password for an address."""

    async def take_resets(self, few: int) -> Sequence[bytes]:
        """Some of the addresses that a reset was asked for, oldest first; they are wished for no more."""


class Work(UnitOfWork, Protocol):
    """One transaction of the registry."""

    @property
    def members(self) -> Members: ...

    @property
    def principals(self) -> Principals: ...

    @property
    def statements(self) -> Statements: ...

    @property
    def recognitions(self) -> Recognitions: ...

    @property
    def channels(self) -> Channels: ...

    @property
    def keys(self) -> SigningKeys: ...

    @property
    def sign_ins(self) -> SignIns: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def password_links(self) -> PasswordLinks: ...

    def concerning(self, member: UUID | None) -> AbstractAsyncContextManager[None]:
        """Inside, the transaction sees this member's confidential rows and no other's.

        Raises `Forbidden` when it was begun for another member: only the secretariat's and the house's own
        transactions, begun for nobody, may turn to one.
        """


Transact = unit_of_work.Transact[Work]


class Secrets(Protocol):
    """Client secrets: made here, shown once, kept as hashes."""

    def new(self) -> str:
        """A secret that nobody can guess."""

    async def hash(self, secret: str) -> str:
        """What is kept of a secret."""

    async def match(self, secret: str, kept: str | None) -> bool:
        """Whether the secret is the one kept. Takes as long when there is none to compare with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What a token says of its bearer."""

    principal_id: UUID
    role: Role
    member_id: UUID | None
    audience: Audience
    issued_at: datetime
    expires_at: datetime
    token_id: UUID


class Tokens(Protocol):
    """Makes signing keys and signs with them."""

    def new_key(self, *, valid_from: datetime) -> SigningKey:
        """A fresh key, its private half sealed."""

    def sign(self, claims: Claims, *, key: SigningKey) -> str:
        """The claims as a signed token."""


class Seal(Protocol):
    """Encrypts what must be read again, bound to what it belongs to."""

    def close(self, secret: str, *, belongs_to: str) -> bytes:
        """The secret, sealed."""

    def open(self, sealed: bytes, *, belongs_to: str) -> str:
        """The secret again."""


class MemberTopics(Protocol):
    """A member's topics, user and rights on Kafka. Everything may be done again. Raises `Unavailable`."""

    async def open(self, member_id: UUID) -> None:
        """The member's topics exist, and its user has its rights."""

    async def let_in(self, member_id: UUID, password: str) -> None:
        """The member's user signs in with this password and no other."""

    async def shut(self, member_id: UUID) -> None:
        """The member's user and its rights are gone; the topics stay."""
