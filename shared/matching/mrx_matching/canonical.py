"""What one row says of its site in published form, and when two such values say the same."""

from functools import lru_cache

from mrx_matching.clusters import content_of
from mrx_matching.identifiers import IDENTIFIER_KINDS
from mrx_matching.normalise import fold, without_legal_forms
from mrx_matching.records import SiteRecord


def published(record: SiteRecord) -> SiteRecord:
    """Return what the record says as it may be published: no member's own spelling, no invalid identifier, no key."""
    country, name, address, city, region, postcode, *identifiers = content_of(record)
    return SiteRecord(
        key="",
        country=country,
        name=name,
        address=address,
        city=city,
        region=region,
        postcode=postcode.upper(),
        **dict(zip(IDENTIFIER_KINDS, identifiers, strict=True)),
    )


@lru_cache(maxsize=1 << 17)
def agreed(field: str, value: str) -> str:
    """Return what two published values of a field have in common when they say the same: of a name all but its legal form."""
    words = without_legal_forms(fold(value))[0] if field == "name" else fold(value)
    return "".join(words)
