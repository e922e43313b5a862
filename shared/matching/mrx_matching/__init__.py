"""Which rows are the same supplier site: a library, and the commands `mrx match`.

Takes rows of supplier lists as `SiteRecord` and knows nothing of members, lists or messages.

- `resolve` puts the rows of many lists into sites; the answer depends on their content alone.
- `published` gives what a record says as it may be published, `agreed` what values have in common that say the same;
  `display_name` and its like give the published form of a field.
- `link` finds the entries of a released list in a member's own supplier base.
- `normalise_country`, `country_name` and `check_identifier` check what comes in.
- `pairwise` measures a grouping against a known truth.
- `mrx_matching.generator` makes seeded lists with a known truth, for demonstrations and tests.
"""

from mrx_matching.accuracy import Accuracy, pairwise
from mrx_matching.canonical import agreed, published
from mrx_matching.clusters import resolve
from mrx_matching.countries import country_name, normalise_country
from mrx_matching.display import display_address, display_city, display_name, display_region
from mrx_matching.identifiers import IDENTIFIER_KINDS, check_identifier
from mrx_matching.link import Decision, Link, link
from mrx_matching.records import SiteRecord

__all__ = [
    "IDENTIFIER_KINDS",
    "Accuracy",
    "Decision",
    "Link",
    "SiteRecord",
    "agreed",
    "check_identifier",
    "country_name",
    "display_address",
    "display_city",
    "display_name",
    "display_region",
    "link",
    "normalise_country",
    "pairwise",
    "published",
    "resolve",
]
