"""Several uploads of one request at once; days of audits; requests at which the clock failed."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE request ADD COLUMN earlier_uploads timestamptz[] NOT NULL DEFAULT '{}';
ALTER TABLE request ADD COLUMN audit_date date;

-- Set where looking at a request failed, so that those behind it have their turn.
ALTER TABLE request_owner ADD COLUMN put_off_until timestamptz;
GRANT UPDATE (put_off_until) ON request_owner TO report_request_app;

-- Reminders reach further than before: each request is looked at once, and its next moment kept anew.
UPDATE request_owner SET due_at = now() WHERE due_at > now();
"""


def upgrade() -> None:
    script(TABLES)
