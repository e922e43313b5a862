"""The published site of a cluster: what its members say together, in published form."""

from collections.abc import Iterable, Sequence

from rapidfuzz.distance import Levenshtein

from mrx_matching.clusters import content_of
from mrx_matching.identifiers import IDENTIFIER_KINDS
from mrx_matching.records import SiteRecord

_PLACE_FIELDS = ("name", "address", "city", "region", "postcode")


def canonical(cluster_records: Sequence[SiteRecord]) -> SiteRecord:
    """Return the site as it is published; its key is empty.

    It depends on the distinct contents of the records alone, so neither on their order nor on how many
    lists hold a spelling, and it never holds a member's own spelling.
    """
    contents = sorted({content_of(record) for record in cluster_records})
    if not contents:
        raise ValueError("a cluster has at least one record")
    country, *columns = zip(*contents, strict=True)
    name, address, city, region, postcode = map(_middle, columns[: len(_PLACE_FIELDS)])
    identifiers = {
        kind: min(filter(None, values), default="")
        for kind, values in zip(IDENTIFIER_KINDS, columns[len(_PLACE_FIELDS) :], strict=True)
    }
    return SiteRecord(
        key="",
        country=country[0],
        name=name,
        address=address,
        city=city,
        region=region,
        postcode=postcode.upper(),
        **identifiers,
    )


def _middle(values: Iterable[str]) -> str:
    """Return the value most like all others; of equals the longest, then the first by content."""
    distinct = sorted(set(values) - {""})
    return min(
        distinct,
        key=lambda value: (
            round(sum(Levenshtein.normalized_distance(value, other) for other in distinct), 9),
            -len(value),
            value,
        ),
        default="",
    )
