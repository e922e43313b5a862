"""Requests as they stand, page tokens, tickets, reports, and who was given a link."""

from mrx_shared.bus.schema import delivery_v1
from mrx_shared.store.migrations import script

revision = "0001"
down_revision = None

CONFIDENTIAL = ("request", "ticket", "report", "access")

TABLES = """
-- Without row-level security, because whoever comes has no tenant yet: hashes, ids and moments only.
CREATE TABLE page_token (
    token_hash bytea PRIMARY KEY,
    request_id uuid NOT NULL,
    valid_until timestamptz NOT NULL
);
CREATE TABLE request_owner (
    request_id uuid PRIMARY KEY,
    member_id uuid NOT NULL
);
CREATE TABLE ticket_schedule (
    ticket_id uuid PRIMARY KEY,
    member_id uuid NOT NULL,
    waiting boolean NOT NULL,
    due_at timestamptz
);
CREATE INDEX ticket_due ON ticket_schedule (due_at) WHERE due_at IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON page_token, ticket_schedule TO exchange_adapter_app;
GRANT SELECT, INSERT ON request_owner TO exchange_adapter_app;

CREATE TABLE request (
    request_id uuid PRIMARY KEY REFERENCES request_owner,
    member_id uuid NOT NULL,
    sequence bigint NOT NULL,
    state text NOT NULL,
    reference text NOT NULL,
    term_ends_at timestamptz NOT NULL
);

CREATE TABLE ticket (
    ticket_id uuid PRIMARY KEY REFERENCES ticket_schedule,
    request_id uuid NOT NULL REFERENCES request,
    member_id uuid NOT NULL,
    channel text NOT NULL CHECK (channel IN ('upload', 'platform')),
    object_key text NOT NULL UNIQUE,
    sha256 bytea NOT NULL CHECK (length(sha256) = 32),
    size bigint NOT NULL CHECK (size > 0),
    state text NOT NULL CHECK (state IN ('waiting', 'received', 'checking', 'stored', 'refused', 'lapsed')),
    minted_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    settled_at timestamptz CHECK ((settled_at IS NOT NULL) = (state IN ('stored', 'refused', 'lapsed'))),
    tries integer NOT NULL,
    reasons text[] NOT NULL,
    audit_date date,
    protocol text,
    protocol_version text
);
CREATE INDEX ticket_of_request ON ticket (request_id);

CREATE TABLE report (
    report_id uuid PRIMARY KEY,
    request_id uuid NOT NULL UNIQUE REFERENCES request,
    ticket_id uuid NOT NULL UNIQUE REFERENCES ticket,
    member_id uuid NOT NULL,
    channel text NOT NULL,
    vault_key text NOT NULL UNIQUE,
    sha256 bytea NOT NULL,
    size bigint NOT NULL,
    stored_at timestamptz NOT NULL,
    withdrawn_at timestamptz
);

CREATE TABLE access (
    access_id uuid PRIMARY KEY,
    report_id uuid NOT NULL REFERENCES report,
    member_id uuid NOT NULL,
    read_by text NOT NULL,
    read_at timestamptz NOT NULL
);
CREATE INDEX access_of_report ON access (report_id);

GRANT SELECT, INSERT ON request, ticket, report, access TO exchange_adapter_app;
GRANT UPDATE (sequence, state, reference, term_ends_at) ON request TO exchange_adapter_app;
GRANT UPDATE (state, settled_at, tries, reasons) ON ticket TO exchange_adapter_app;
GRANT UPDATE (withdrawn_at) ON report TO exchange_adapter_app;
"""

WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON {table}
    USING (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid)
    WITH CHECK (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    script(delivery_v1("exchange_adapter"))
    script(TABLES)
    for table in CONFIDENTIAL:
        script(WALL.format(table=table))
