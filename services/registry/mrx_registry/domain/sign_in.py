"""People sign in with an e-mail address and a password of their own; a session follows."""

import hashlib
import hmac
import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID

from mrx_shared.refusals import Invalid
from mrx_shared.wording import check_plain

IDLE: Final = timedelta(hours=12)
LONGEST: Final = timedelta(days=7)
GUESSES: Final = 10
GUESSES_WITHIN: Final = timedelta(minutes=15)
LINKS: Final = 5
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200
FEWEST_SIGNS: Final = 5
KNOWN_DAYS: Final = 180
_LONGEST_EMAIL: Final = 200

_EMAIL = re.compile(r"[^\s@\"(),:;<>\[\]\\]+@([^\s@.\"(),:;<>\[\]\\]+\.)+[^\s@.\"(),:;<>\[\]\\]{2,}")
_COMMONEST: Final = """
    000000000000 012345678910 0123456789ab 111222333444 112233445566 121212121212 123123123123 123412341234 1234567890123
    123456123456 123456654321 123456789012 123456789123 1234567890ab 1234567890qw 1234567891011 123456789abc 123456789qwe
    123456qwerty 123qweasdzxc 147258369147 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc 987654321000 987654321012 abc123456789
    abcd12345678 abcdefghijkl abcdefgh1234 administrator admin1234567 admin12345678 adminadmin12 adminadminadmin aa123456789
    asdfghjkl123 asdfghjkl1234 asdfasdfasdf asdfqwer1234 baseball1234 changeme1234 changeme12345 changemechangeme
    charlie12345 computer1234 dragon123456 football1234 football12345 iloveyou1234 iloveyou12345 iloveyouforever
    letmein12345 letmein123456 liverpool123 manchester123 master123456 michael12345 monkey123456 mypassword12
    mypassword123 p@ssw0rd1234 p@ssword1234 p@ssword12345 passw0rd1234 passw0rd12345 password!123 password1234 password12345
    password123456 password1234567 passwordpassword princess1234 q1w2e3r4t5y6 qazwsxedcrfv qwer1234qwer qwerasdfzxcv
    qwerty123456 qwerty1234567 qwertyqwerty qwertyuiop12 qwertyuiop123 qwertyuiop[] qwertyuiop1234 secret123456
    spiderman123 starwars1234 sunshine1234 superman1234 trustno11234 trustno1trustno1 welcome12345 welcome123456
    welcome1234567 zaq12wsxcde3 zxcvbnm12345 zxcvbnm123456 zxcvbnmasdfg
"""
COMMONEST: Final = frozenset(_COMMONEST.split())


def email_from(words: str) -> str:
    """The address that was given, ready to be kept. Raises `Invalid`."""
    email = unicodedata.normalize("NFC", words.strip()) if len(words) <= _LONGEST_EMAIL else ""
    if len(email) > _LONGEST_EMAIL or not email.isprintable() or not _EMAIL.fullmatch(email):
        raise Invalid(
            "this is not an e-mail address", field="email", remedy="give one such as name@firm.example"
        )
    check_plain(email, field="email")
    return email


def email_digest(email: str) -> bytes:
    """By what an address is found: the same for every way of writing it in capitals and small letters."""
    return hashlib.sha256(unicodedata.normalize("NFKC", email.strip()).casefold().encode()).digest()


def counted_for(principal_id: UUID) -> bytes:
    """As what tries at the current password are counted, which whoever is signed in alone can make."""
    return hashlib.sha256(b"change " + principal_id.bytes).digest()


def token_hash(token: str) -> str:
    """What is kept of a session or a one-time link: as random as 256 bits, so a fast hash is enough."""
    return hashlib.sha256(token.encode()).hexdigest()


def password_from(words: str) -> str:
    """A password in one form, whichever keyboard it was written on."""
    return unicodedata.normalize("NFKC", words)


def check_password(password: str, *, email: str) -> None:
    """Raises `Invalid` for a password that would be guessed."""
    plain = password.casefold()
    if len(password) < SHORTEST_PASSWORD:
        raise Invalid(
            f"the password has fewer than {SHORTEST_PASSWORD} characters",
            field="password",
            remedy="choose four or five unrelated words",
        )
    if len(password) > LONGEST_PASSWORD:
        raise Invalid(
            f"the password has more than {LONGEST_PASSWORD} characters", field="password", remedy="take fewer"
        )
    if plain in (email.casefold(), email.casefold().partition("@")[0]):
        raise Invalid(
            "the password is the e-mail address",
            field="password",
            remedy="choose something that nobody knows",
        )
    if plain in COMMONEST or len(set(plain)) < FEWEST_SIGNS:
        raise Invalid(
            "the password is very common and easy to guess",
            field="password",
            remedy="choose four or five unrelated words",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """How a person signs in. Of the address, a digest; of the password, a hash, once there is one."""

    principal_id: UUID
    member_id: UUID | None
    email_digest: bytes
    password_hash: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A person who is signed in. Ends after half a day without use, and after a week in any case."""

    token_hash: str = field(repr=False)
    principal_id: UUID
    member_id: UUID | None
    began_at: datetime
    seen_at: datetime

    @property
    def ends_at(self) -> datetime:
        """When it ends unless it is used again."""
        return min(self.seen_at + IDLE, self.began_at + LONGEST)


@dataclass(frozen=True, slots=True)
class Browsers:
    """Tells browsers that an address was signed in from before: their tries are counted apart from all others'."""

    key: bytes = field(repr=False)

    def mark(self, digest: bytes, nonce: str, *, now: datetime) -> str:
        """What such a browser keeps for this address. Nobody else can make one; it opens nothing by itself."""
        return self._sealed(digest, f"{now.date().toordinal()}.{nonce}")

    def knows(self, digest: bytes, mark: str) -> bool:
        """Whether the mark was made here, for this address, however long ago."""
        return hmac.compare_digest(self._sealed(digest, mark.rpartition(".")[0]).encode(), mark.encode())

    def counted_as(self, digest: bytes, mark: str | None, *, now: datetime) -> bytes:
        """Whose tries these are: a known browser's own, until its mark is too old, or anybody's at this address."""
        if mark is None or not self.knows(digest, mark):
            return digest
        day = mark.partition(".")[0]
        if not day.isdecimal() or now.date().toordinal() - int(day) > KNOWN_DAYS:
            return digest
        return hashlib.sha256(b"browser " + mark.encode()).digest()

    def _sealed(self, digest: bytes, said: str) -> str:
        return f"{said}.{hmac.new(self.key, digest + said.encode(), hashlib.sha256).hexdigest()}"


class Why(StrEnum):
    """Why somebody is sent a one-time link."""

    WELCOME = "welcome"
    RESET = "password-reset"


VALID: Final = {Why.WELCOME: timedelta(days=7), Why.RESET: timedelta(minutes=30)}
LINKS_WITHIN: Final = VALID[Why.RESET]
"""so whoever is sent no more links, because somebody else asked for them, was sent one that still works"""


@dataclass(frozen=True, slots=True, kw_only=True)
class PasswordLink:
    """A mail with a link that sets a password, once."""

    mail_id: UUID
    principal_id: UUID
    email_digest: bytes
    why: Why
    asked_at: datetime
