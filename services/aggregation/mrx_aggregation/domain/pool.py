"""The pool: sites without members, in the form in which they may be published."""

import hmac
import json
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import date
from functools import cached_property
from hashlib import sha256
from typing import Protocol

from mrx_matching import SiteRecord
from mrx_matching.records import CONTENT_FIELDS

from mrx_aggregation.domain.window import half_year


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


class Match(Protocol):
    """Says which records are one site: equal labels, in the order of the records."""

    def __call__(self, records: Sequence[SiteRecord], /) -> Sequence[object]: ...


class Canonical(Protocol):
    """Gives a site's published form from its records."""

    def __call__(self, records: Sequence[SiteRecord], /) -> SiteRecord: ...


def resolve_pool(entries: Sequence[Audited], *, match: Match, canonical: Canonical) -> list[PoolSite]:
    """For each entry, the row of the pool that it is part of.

    A site is published with its latest audit, ties by scheme family. Nothing depends on the entries' order.
    """
    sites: dict[object, list[Audited]] = {}
    labels = match([entry.record for entry in entries])
    for label, entry in zip(labels, entries, strict=True):
        sites.setdefault(label, []).append(entry)
    rows = {label: _row(together, canonical) for label, together in sites.items()}
    return [rows[label] for label in labels]


def _row(together: Sequence[Audited], canonical: Canonical) -> PoolSite:
    site = canonical([entry.record for entry in together])
    latest = min(together, key=lambda entry: (-entry.audit_date.toordinal(), entry.scheme_family))
    return PoolSite(
        site_name=site.name,
        address=site.address,
        city=site.city,
        region=site.region,
        country=site.country,
        os_id=site.os_id,
        lei=site.lei,
        scheme_family=latest.scheme_family,
        audit_half_year=half_year(latest.audit_date),
    )


def in_order(sites: Iterable[PoolSite]) -> list[PoolSite]:
    """Sites in the order of their contents, each once."""
    return sorted(set(sites), key=astuple)
