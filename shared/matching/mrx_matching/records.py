"""What the matcher reads about a site."""

from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True, kw_only=True)
class SiteRecord:
    """One row of a list. `key` is the caller's handle and never influences a result.

    `country` is an ISO 3166 alpha-2 code; whatever is absent is the empty string.
    """

    key: int | str
    name: str
    country: str
    address: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    os_id: str = ""
    lei: str = ""
    duns: str = ""
    gln: str = ""
    vat: str = ""
    zs: str = ""
    zc: str = ""


CONTENT_FIELDS = tuple(field.name for field in fields(SiteRecord) if field.name != "key")
