"""Mails to suppliers that leave in slots; the mailboxes that a member named for a site, as hashes."""

from mrx_shared.store.migrations import script

revision = "0004"
down_revision = "0003"

TABLES = """
ALTER TABLE request ADD COLUMN due_mail text CHECK (due_mail IN ('invitation', 'reminder', 'closed'));
ALTER TABLE request ADD COLUMN due_mail_at timestamptz;
ALTER TABLE request ADD CHECK ((due_mail IS NULL) = (due_mail_at IS NULL));
ALTER TABLE request ADD COLUMN term_begins_at timestamptz;
UPDATE request SET term_begins_at = asked_at;
ALTER TABLE request ALTER COLUMN term_begins_at SET NOT NULL;
CREATE INDEX request_closing ON request (site_token) WHERE due_mail = 'closed';

CREATE TABLE site_contact (
    member_id uuid NOT NULL,
    site_token text NOT NULL,
    hash text NOT NULL,
    named_at timestamptz NOT NULL,
    PRIMARY KEY (member_id, site_token, hash)
);
ALTER TABLE site_contact ENABLE ROW LEVEL SECURITY;
ALTER TABLE site_contact FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON site_contact
    USING (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid)
    WITH CHECK (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON site_contact TO report_request_app;
"""


def upgrade() -> None:
    # Requests' rows are isolated, from their owner too.
    script("ALTER TABLE request NO FORCE ROW LEVEL SECURITY;")
    script(TABLES)
    script("ALTER TABLE request FORCE ROW LEVEL SECURITY;")
