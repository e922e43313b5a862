"""The pool: sites without members, in the form in which they may be published."""

import hmac
import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import date
from functools import cached_property
from hashlib import sha256

from mrx_matching import SiteRecord
from mrx_matching.records import CONTENT_FIELDS


@dataclass(frozen=True, kw_only=True)
class PoolSite:
    """One row of the pool. Its values are canonical: no member's spelling, no date, no company's protocol."""

    site_name: str
    address: str
    city: str
    region: str
    country: str
    os_id: str
    lei: str
    scheme_family: str
    audit_half_year: str

    @cached_property
    def canonical(self) -> bytes:
        """The row as bytes that are the same for the same row."""
        return json.dumps(astuple(self), ensure_ascii=False, separators=(",", ":")).encode()

    @cached_property
    def digest(self) -> bytes:
        """Names the row in the pool. Rows that are equal are one."""
        return sha256(self.canonical).digest()

    @property
    def place(self) -> tuple[str, ...]:
        """The site without its audit: what stays when it is audited again."""
        values: tuple[str, ...] = astuple(self)
        return values[:-2]

    def entry_id(self, key: bytes) -> str:
        """The row's id in one release."""
        return hmac.new(key, self.canonical, sha256).hexdigest()

    def site_token(self, key: bytes) -> str:
        """The same for the site in every release, whatever its latest audit is there."""
        place = json.dumps(self.place, ensure_ascii=False, separators=(",", ":")).encode()
        return hmac.new(key, place, sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleasedEntry:
    """An entry of a release, and what tells its site in other releases."""

    entry_id: str
    previous_entry_id: str | None
    site_token: str
    audit_half_year: str | None = None


POOL_COLUMNS = tuple(column.name for column in fields(PoolSite))


@dataclass(frozen=True, slots=True, kw_only=True)
class Audited:
    """An accepted entry without its member: what resolution may see. `record.key` is its place among all."""

    record: SiteRecord
    audit_date: date
    scheme_family: str

    @property
    def described(self) -> bytes:
        """Names what the entry says of the site; its audit is no part of it."""
        said = [getattr(self.record, name) for name in CONTENT_FIELDS]
        return sha256(json.dumps(said, ensure_ascii=False).encode()).digest()


def in_order(sites: Iterable[PoolSite]) -> list[PoolSite]:
    """Sites in the order of their contents, each once."""
    return sorted(set(sites), key=astuple)
