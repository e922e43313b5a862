"""Sharings on a data-sharing platform."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

TABLES = """
-- Without row-level security, so that the loop that looks at the platform knows as whom to go on: ids and states only.
CREATE TABLE share_watch (
    request_id uuid PRIMARY KEY REFERENCES request_owner,
    member_id uuid NOT NULL,
    grant_id text,
    resting boolean NOT NULL,
    watched boolean NOT NULL
);
CREATE INDEX share_watched ON share_watch (request_id) WHERE watched;
GRANT SELECT, INSERT, UPDATE ON share_watch TO exchange_adapter_app;

CREATE TABLE share (
    request_id uuid PRIMARY KEY REFERENCES request,
    member_id uuid NOT NULL,
    site_code text NOT NULL,
    reference text NOT NULL,
    verified boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting-for-access', 'checking', 'stored', 'refused', 'withdrawn')),
    since timestamptz NOT NULL,
    attempt integer NOT NULL,
    reason text,
    grant_id text,
    taken text,
    ticket_id uuid REFERENCES ticket
);
GRANT SELECT, INSERT ON share TO exchange_adapter_app;
GRANT UPDATE (site_code, verified, state, since, attempt, reason, grant_id, taken, ticket_id)
    ON share TO exchange_adapter_app;

ALTER TABLE share ENABLE ROW LEVEL SECURITY;
ALTER TABLE share FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON share
    USING (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid)
    WITH CHECK (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    script(TABLES)
