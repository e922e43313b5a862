"""Supplier-site matching on the member's own machine."""

from collections.abc import Sequence

from mrx_matching import IDENTIFIER_KINDS, SiteRecord, check_identifier, link, normalise_country

from mrx_member.domain.reading import Entry
from mrx_member.domain.suppliers import Link


class SiteMatcher:
    """The port `Matcher` on `mrx_matching`."""

    def link(self, sites: Sequence[Entry], targets: Sequence[Entry]) -> Sequence[Link]:
        """For each site, in their order, the best target, named by its `entry_id` or else by its row."""
        found = link([_record(site) for site in sites], [_record(target) for target in targets])
        return [
            Link(
                target="" if one.right_key is None else str(one.right_key),
                score=one.score,
                decision=one.decision.value,
            )
            for one in found
        ]


def _record(entry: Entry) -> SiteRecord:
    values = entry.values
    country = values.get("country", "")
    return SiteRecord(
        key=values.get("entry_id") or entry.row,
        name=values.get("site_name", ""),
        # An unknown country is kept as written: it meets the same spelling, and no other country.
        country=normalise_country(country) or country.casefold(),
        address=values.get("address", ""),
        city=values.get("city", ""),
        region=values.get("region", ""),
        postcode=values.get("postcode", ""),
        **{kind: _identifier(kind, values.get(kind, "")) for kind in IDENTIFIER_KINDS},
    )


def _identifier(kind: str, text: str) -> str:
    """Return an identifier in its one form; one that cannot be right says nothing about its site."""
    try:
        return check_identifier(kind, text) if text else ""
    except ValueError:
        return ""
