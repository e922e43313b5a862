"""Lists, rounds, links, pool, releases."""

from mrx_shared.bus.schema import delivery_v1
from mrx_shared.store.migrations import script

revision = "0001"
down_revision = None

TABLES = """
CREATE TABLE participation (
    member_id uuid PRIMARY KEY,
    group_id uuid NOT NULL,
    tied_groups uuid[] NOT NULL,
    participates boolean NOT NULL,
    missing text[] NOT NULL,
    company_names text[] NOT NULL,
    sequence bigint NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON participation TO aggregation_app;
GRANT SELECT ON participation TO aggregation_resolver;

CREATE TABLE recognition (
    protocol_id uuid NOT NULL,
    protocol_version text NOT NULL,
    criteria_version text NOT NULL,
    protocol_code text NOT NULL,
    code_key text NOT NULL,
    version_key text NOT NULL,
    scheme_family text NOT NULL,
    public boolean NOT NULL,
    equivalent boolean NOT NULL,
    recognised_from date,
    recognised_until date,
    member_id uuid,
    sequence bigint NOT NULL,
    PRIMARY KEY (protocol_id, protocol_version, criteria_version)
);
CREATE INDEX recognition_by_key ON recognition (code_key, version_key);
GRANT SELECT, INSERT, UPDATE ON recognition TO aggregation_app;
GRANT SELECT ON recognition TO aggregation_resolver;

CREATE TABLE round (
    round_id uuid PRIMARY KEY,
    number integer GENERATED ALWAYS AS IDENTITY UNIQUE,
    as_of date NOT NULL,
    state text NOT NULL CHECK (state IN ('open', 'closing', 'closed', 'proposed', 'releasing', 'released')),
    leave_waiting boolean NOT NULL DEFAULT false,
    opened_at timestamptz NOT NULL,
    closed_at timestamptz,
    proposed_by text,
    approved_by text CHECK (approved_by <> proposed_by),
    release_id uuid UNIQUE,
    compared_with uuid,
    numbers jsonb NOT NULL DEFAULT '{}'
);
CREATE UNIQUE INDEX round_one_open ON round ((true)) WHERE state = 'open';
GRANT SELECT, INSERT, UPDATE ON round TO aggregation_app;
GRANT SELECT ON round TO aggregation_resolver;

-- What a member sent: its own under row-level security, all of it for the resolver alone.

CREATE TABLE received_list (
    member_id uuid NOT NULL,
    list_id uuid NOT NULL,
    revision integer NOT NULL,
    received_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('incomplete', 'waiting', 'accepted', 'refused', 'replaced')),
    pages integer,
    rows integer,
    sha256 text,
    cause text CHECK (cause IN ('participation', 'round')),
    reason text,
    remedy text,
    round_id uuid REFERENCES round,
    accepted integer NOT NULL DEFAULT 0,
    refused integer NOT NULL DEFAULT 0,
    waiting integer NOT NULL DEFAULT 0,
    left_rows integer[],
    PRIMARY KEY (member_id, list_id, revision)
);
CREATE INDEX received_list_of_round ON received_list (round_id);
CREATE INDEX received_list_unsettled ON received_list (state) WHERE state IN ('incomplete', 'waiting') OR cause IS NOT NULL;

CREATE TABLE page (
    member_id uuid NOT NULL,
    list_id uuid NOT NULL,
    revision integer NOT NULL,
    page integer NOT NULL,
    rows integer NOT NULL,
    digest bytea NOT NULL,
    body bytea STORAGE EXTERNAL NOT NULL,
    unread text[] NOT NULL,
    PRIMARY KEY (member_id, list_id, revision, page)
);

CREATE TABLE entry (
    member_id uuid NOT NULL,
    list_id uuid NOT NULL,
    revision integer NOT NULL,
    round_id uuid NOT NULL,
    row integer NOT NULL,
    row_ref text NOT NULL,
    waits_for_code text,
    waits_for_version text,
    site_name text NOT NULL,
    address text NOT NULL,
    city text NOT NULL,
    region text NOT NULL,
    postcode text NOT NULL,
    country text NOT NULL,
    audit_date date NOT NULL,
    scheme_family text,
    os_id text NOT NULL,
    lei text NOT NULL,
    duns text NOT NULL,
    gln text NOT NULL,
    vat text NOT NULL,
    zs text NOT NULL,
    zc text NOT NULL,
    PRIMARY KEY (member_id, list_id, revision, row),
    CHECK ((waits_for_code IS NULL) = (scheme_family IS NOT NULL))
);
CREATE INDEX entry_waiting ON entry (waits_for_code, waits_for_version) WHERE waits_for_code IS NOT NULL;

CREATE TABLE refused_row (
    member_id uuid NOT NULL,
    list_id uuid NOT NULL,
    revision integer NOT NULL,
    row integer NOT NULL,
    row_ref text NOT NULL,
    field text NOT NULL,
    reason text NOT NULL,
    remedy text NOT NULL,
    PRIMARY KEY (member_id, list_id, revision, row)
);
"""

CONTRIBUTION = """
CREATE TABLE contribution (
    round_id uuid NOT NULL REFERENCES round,
    member_id uuid NOT NULL,
    list_id uuid NOT NULL,
    revision integer NOT NULL,
    rows integer NOT NULL,
    accepted integer NOT NULL,
    refused integer NOT NULL,
    waiting integer NOT NULL,
    PRIMARY KEY (round_id, member_id, list_id, revision)
);
"""

OWN_ROWS = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON {table} TO aggregation_app
    USING (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid)
    WITH CHECK (member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE, DELETE ON {table} TO aggregation_app;
CREATE POLICY resolver_reads ON {table} FOR SELECT TO aggregation_resolver USING (true);
"""

LINKS_AND_POOL = """
GRANT SELECT ON received_list, entry, contribution TO aggregation_resolver;

-- Bulk intake goes through a temporary table: COPY does not work under row-level security.
DO $$ BEGIN
    EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO aggregation_app', current_database());
END $$;

-- Links: which member's row is which site. The resolver's alone.

CREATE TABLE link (
    round_id uuid NOT NULL REFERENCES round,
    member_id uuid NOT NULL,
    list_id uuid NOT NULL,
    revision integer NOT NULL,
    row integer NOT NULL,
    record bytea NOT NULL,
    audit_date date NOT NULL,
    scheme_family text NOT NULL,
    site bytea NOT NULL,
    stays boolean NOT NULL DEFAULT false,
    PRIMARY KEY (round_id, member_id, list_id, revision, row)
);
CREATE INDEX link_of_site ON link (round_id, site);
ALTER TABLE link ENABLE ROW LEVEL SECURITY;
ALTER TABLE link FORCE ROW LEVEL SECURITY;
CREATE POLICY resolver_owns ON link TO aggregation_resolver USING (true) WITH CHECK (true);
GRANT SELECT, INSERT, DELETE ON link TO aggregation_resolver;

-- The pool: sites without members. Decisions name its rows by digest. The app sees neither.

CREATE TABLE pool_site (
    round_id uuid NOT NULL REFERENCES round,
    site bytea NOT NULL,
    site_name text NOT NULL,
    address text NOT NULL,
    city text NOT NULL,
    region text NOT NULL,
    country text NOT NULL,
    os_id text NOT NULL,
    lei text NOT NULL,
    scheme_family text NOT NULL,
    audit_half_year text NOT NULL,
    PRIMARY KEY (round_id, site)
);
GRANT SELECT, INSERT, DELETE ON pool_site TO aggregation_writer;
GRANT SELECT ON pool_site TO aggregation_resolver;
-- Whoever writes the pool must know that the round is not frozen yet.
GRANT SELECT (round_id, state) ON round TO aggregation_writer;

CREATE TABLE held_site (
    round_id uuid NOT NULL REFERENCES round,
    site bytea NOT NULL,
    PRIMARY KEY (round_id, site)
);
GRANT SELECT, INSERT, DELETE ON held_site TO aggregation_resolver;
GRANT SELECT ON held_site TO aggregation_writer;

CREATE TABLE release (
    release_id uuid PRIMARY KEY,
    round_id uuid NOT NULL UNIQUE REFERENCES round,
    as_of date NOT NULL,
    rows integer,
    held integer,
    documents jsonb,
    released_at timestamptz
);
GRANT SELECT, INSERT, UPDATE ON release TO aggregation_app;
GRANT SELECT ON release TO aggregation_resolver;

CREATE TABLE release_key (
    release_id uuid PRIMARY KEY REFERENCES release,
    key bytea NOT NULL CHECK (length(key) >= 32)
);
GRANT INSERT ON release_key TO aggregation_app;
GRANT SELECT ON release_key TO aggregation_writer;

CREATE TABLE released_site (
    release_id uuid NOT NULL,
    site bytea NOT NULL,
    entry_id text NOT NULL,
    PRIMARY KEY (release_id, site),
    UNIQUE (release_id, entry_id)
);
GRANT SELECT, INSERT ON released_site TO aggregation_writer;
"""


def upgrade() -> None:
    script(delivery_v1("aggregation"))
    script(TABLES)
    script(CONTRIBUTION)
    for table in ("received_list", "page", "entry", "refused_row", "contribution"):
        script(OWN_ROWS.format(table=table))
    script(LINKS_AND_POOL)
