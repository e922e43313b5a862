"""Seeded lists of audited supplier sites as members would send them, with the truth known.

- `generate` invents sites and the lists of members that audited them; the same seed gives the same bytes.
- `suppliers` draws a member's supplier base from such a world.
- `write_list` writes a list in one of the eight `STYLES`, `write_truth` what is behind it.
"""

from mrx_matching.generator.faults import Fault, ProtocolChoice
from mrx_matching.generator.lists import (
    DEFAULT_PROTOCOLS,
    ListRow,
    MemberList,
    SupplierRow,
    World,
    generate,
    suppliers,
)
from mrx_matching.generator.sites import Site
from mrx_matching.generator.styles import (
    EXCEL_DATE,
    IDENTIFIER_COLUMNS,
    LIST_COLUMNS,
    STYLES,
    FileType,
    Style,
)
from mrx_matching.generator.writing import write_list, write_suppliers, write_truth

__all__ = [
    "DEFAULT_PROTOCOLS",
    "EXCEL_DATE",
    "IDENTIFIER_COLUMNS",
    "LIST_COLUMNS",
    "STYLES",
    "Fault",
    "FileType",
    "ListRow",
    "MemberList",
    "ProtocolChoice",
    "Site",
    "Style",
    "SupplierRow",
    "World",
    "generate",
    "suppliers",
    "write_list",
    "write_suppliers",
    "write_truth",
]
