"""Requests, their mails and links, and what other services said."""

from mrx_shared.bus.schema import delivery_v1
from mrx_shared.store.migrations import script

revision = "0001"
down_revision = None

CONFIDENTIAL = ("request", "mail")

TABLES = """
-- What other services said.

CREATE TABLE participation (
    member_id uuid PRIMARY KEY,
    participates boolean NOT NULL,
    missing text[] NOT NULL,
    name text NOT NULL,
    sequence bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON participation TO report_request_app;

CREATE TABLE release (
    release_id uuid PRIMARY KEY,
    round_id uuid NOT NULL,
    as_of date NOT NULL,
    pages integer NOT NULL,
    whole boolean NOT NULL DEFAULT false
);
GRANT SELECT, INSERT, UPDATE ON release TO report_request_app;

CREATE TABLE release_page (
    release_id uuid NOT NULL REFERENCES release,
    page integer NOT NULL,
    PRIMARY KEY (release_id, page)
);
GRANT SELECT, INSERT ON release_page TO report_request_app;

CREATE TABLE released_entry (
    release_id uuid NOT NULL REFERENCES release,
    entry_id text NOT NULL,
    site_token text NOT NULL,
    PRIMARY KEY (release_id, entry_id)
);
CREATE INDEX released_entry_by_id ON released_entry (entry_id);
CREATE INDEX released_entry_by_site ON released_entry (release_id, site_token);
GRANT SELECT, INSERT ON released_entry TO report_request_app;

-- Ids, hashes and moments, no more: so that a supplier's call, a fact or the clock can find out as whose transaction
-- it must go on.

CREATE TABLE request_owner (
    request_id uuid PRIMARY KEY,
    member_id uuid NOT NULL,
    due_at timestamptz
);
CREATE INDEX request_due ON request_owner (due_at) WHERE due_at IS NOT NULL;
GRANT SELECT, INSERT ON request_owner TO report_request_app;
GRANT UPDATE (due_at) ON request_owner TO report_request_app;

CREATE TABLE page_token (
    token_hash text PRIMARY KEY CHECK (token_hash ~ '^[0-9a-f]{64}$'),
    request_id uuid NOT NULL REFERENCES request_owner,
    member_id uuid NOT NULL,
    mail_id uuid NOT NULL,
    valid_until timestamptz NOT NULL
);
CREATE INDEX page_token_of_request ON page_token (request_id);
GRANT SELECT, INSERT, DELETE ON page_token TO report_request_app;

-- A member's own.

CREATE TABLE request (
    request_id uuid PRIMARY KEY REFERENCES request_owner,
    member_id uuid NOT NULL,
    reference text NOT NULL UNIQUE,
    round_id uuid NOT NULL,
    entry_id text NOT NULL,
    site_token text NOT NULL,
    site_number text NOT NULL,
    supplier_name text NOT NULL,
    language text NOT NULL,
    contact_email text,
    contact_name text,
    scope text NOT NULL,
    purpose text NOT NULL,
    requester_email text,
    requester_language text NOT NULL,
    asked_at timestamptz NOT NULL,
    term_ends_at timestamptz NOT NULL CHECK (term_ends_at > asked_at),
    state text NOT NULL CHECK (state IN ('drafted', 'sent', 'opened', 'accepted', 'declined', 'uploading', 'checking',
        'available', 'decided', 'expired', 'withdrawn')),
    history jsonb NOT NULL,
    mail text NOT NULL CHECK (mail IN ('unsent', 'sent', 'refused', 'bounced')),
    mail_id uuid,
    revoked_mails uuid[] NOT NULL,
    reminders integer NOT NULL,
    sent_at timestamptz,
    upload_begun_at timestamptz CHECK (upload_begun_at <= term_ends_at),
    report_id uuid,
    report_sha256 text,
    report_size bigint,
    channel text CHECK (channel IN ('upload', 'platform')),
    stored_at timestamptz,
    read_at timestamptz,
    access_withdrawn_at timestamptz,
    outcome text CHECK (outcome IN ('accepted', 'accepted-with-top-up', 'refused')),
    decision_reason text,
    valid_until date,
    decided_at timestamptz,
    avoided boolean NOT NULL CHECK (NOT avoided OR outcome = 'accepted'),
    CHECK ((state IN ('available', 'decided')) = (report_id IS NOT NULL)),
    CHECK ((state = 'decided') = (outcome IS NOT NULL)),
    CHECK ((valid_until IS NOT NULL) = (outcome IS NOT NULL AND outcome <> 'refused'))
);
CREATE UNIQUE INDEX request_open ON request (member_id, site_token)
    WHERE state NOT IN ('declined', 'decided', 'expired', 'withdrawn');
CREATE INDEX request_of_member ON request (member_id, asked_at, request_id);

CREATE TABLE mail (
    mail_id uuid PRIMARY KEY,
    request_id uuid NOT NULL REFERENCES request_owner,
    member_id uuid NOT NULL
);
CREATE INDEX mail_of_request ON mail (request_id);

GRANT SELECT, INSERT, UPDATE ON request TO report_request_app;
GRANT SELECT, INSERT ON mail TO report_request_app;
"""

WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON {table}
    USING (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid)
    WITH CHECK (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    script(delivery_v1("report_request"))
    script(TABLES)
    for table in CONFIDENTIAL:
        script(WALL.format(table=table))
