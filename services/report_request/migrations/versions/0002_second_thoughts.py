"""Several uploads of one request at once."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE request ADD COLUMN earlier_uploads timestamptz[] NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    script(TABLES)
