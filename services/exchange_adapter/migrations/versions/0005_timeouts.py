"""How often the check of a ticket's file ran out of time."""

from mrx_shared.store.migrations import script

revision = "0005"
down_revision = "0004"

TABLES = """
ALTER TABLE ticket ADD COLUMN timeouts integer NOT NULL DEFAULT 0;
GRANT UPDATE (timeouts) ON ticket TO exchange_adapter_app;
"""


def upgrade() -> None:
    script(TABLES)
