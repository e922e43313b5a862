"""Members, principals, the statement, recognitions, channels, signing keys."""

from mrx_shared.bus.schema import delivery_v1
from mrx_shared.store.migrations import script

revision = "0001"
down_revision = None

# Rows of one member alone: its people, signatures, adoptions, own protocols' verdicts, a waiting password.
CONFIDENTIAL = {
    "principal": "member_id",
    "signature": "member_id",
    "adoption": "member_id",
    "kafka_password": "member_id",
}

TABLES = """
CREATE TABLE corporate_group (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    folded text NOT NULL UNIQUE
);
GRANT SELECT, INSERT ON corporate_group TO registry_app;

-- Each tie stands twice, once from either side.
CREATE TABLE holding (
    group_id uuid NOT NULL REFERENCES corporate_group,
    other_id uuid NOT NULL REFERENCES corporate_group,
    PRIMARY KEY (group_id, other_id),
    CHECK (group_id <> other_id)
);
GRANT SELECT, INSERT ON holding TO registry_app;

CREATE TABLE member (
    id uuid PRIMARY KEY,
    name text NOT NULL,
    folded text NOT NULL UNIQUE,
    group_id uuid NOT NULL REFERENCES corporate_group,
    state text NOT NULL CHECK (state IN ('provisioning', 'admitted', 'suspended')),
    created_at timestamptz NOT NULL,
    admitted_at timestamptz,
    missing text[],
    tied_groups uuid[],
    since timestamptz,
    judged_on date,
    judge_again boolean NOT NULL DEFAULT false,
    CHECK ((state = 'provisioning') = (admitted_at IS NULL))
);
GRANT SELECT, INSERT, UPDATE ON member TO registry_app;

CREATE TABLE principal (
    id uuid PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('person', 'system')),
    name text NOT NULL,
    role text NOT NULL,
    member_id uuid REFERENCES member,
    created_at timestamptz NOT NULL,
    CHECK ((role = 'member') = (member_id IS NOT NULL))
);
GRANT SELECT, INSERT ON principal TO registry_app;

-- Nothing here tells who a principal is: the token endpoint finds it before it knows a tenant.
CREATE TABLE credential (
    client_id text PRIMARY KEY,
    principal_id uuid NOT NULL UNIQUE,
    role text NOT NULL CHECK (role IN ('member', 'reviewer', 'secretariat', 'operator')),
    member_id uuid REFERENCES member,
    secret_hash text NOT NULL,
    disabled boolean NOT NULL DEFAULT false,
    used boolean NOT NULL DEFAULT false
);
GRANT SELECT, INSERT, UPDATE ON credential TO registry_app;

CREATE TABLE bootstrap (
    once boolean PRIMARY KEY DEFAULT true CHECK (once),
    principal_id uuid NOT NULL
);
GRANT SELECT, INSERT ON bootstrap TO registry_app;

CREATE TABLE statement (
    entry bigint GENERATED ALWAYS AS IDENTITY,
    version text PRIMARY KEY,
    text text NOT NULL,
    published_at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON statement TO registry_app;

CREATE TABLE signature (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES member,
    statement_version text NOT NULL REFERENCES statement,
    text_sha256 text NOT NULL,
    signatory_id uuid NOT NULL,
    signatory_name text NOT NULL,
    signatory_title text NOT NULL,
    signed_at timestamptz NOT NULL,
    withdrawn_at timestamptz
);
CREATE UNIQUE INDEX signature_stands ON signature (member_id, statement_version) WHERE withdrawn_at IS NULL;
GRANT SELECT, INSERT, UPDATE (withdrawn_at) ON signature TO registry_app;

CREATE TABLE adoption (
    id uuid PRIMARY KEY,
    member_id uuid NOT NULL REFERENCES member,
    protocol_id uuid NOT NULL,
    protocol_version text NOT NULL,
    adopted_at timestamptz NOT NULL,
    UNIQUE (member_id, protocol_id, protocol_version)
);
GRANT SELECT, INSERT ON adoption TO registry_app;

CREATE TABLE recognition (
    protocol_id uuid NOT NULL,
    protocol_version text NOT NULL,
    criteria_version text NOT NULL,
    owner uuid REFERENCES member,
    equivalent boolean NOT NULL,
    recognised_from date,
    recognised_until date,
    sequence bigint NOT NULL,
    PRIMARY KEY (protocol_id, protocol_version, criteria_version)
);
CREATE INDEX recognition_of ON recognition (owner);
GRANT SELECT, INSERT, UPDATE ON recognition TO registry_app;
ALTER TABLE recognition ENABLE ROW LEVEL SECURITY;
ALTER TABLE recognition FORCE ROW LEVEL SECURITY;
CREATE POLICY public_or_own ON recognition
    USING (owner IS NULL OR owner = NULLIF(current_setting('mrx.tenant', true), '')::uuid);

CREATE TABLE channel (
    member_id uuid PRIMARY KEY REFERENCES member,
    open boolean NOT NULL,
    revision integer NOT NULL,
    done integer NOT NULL,
    password_waits boolean NOT NULL,
    since timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX channel_due ON channel (since) WHERE done < revision OR password_waits;
GRANT SELECT, INSERT, UPDATE ON channel TO registry_app;

CREATE TABLE kafka_password (
    member_id uuid PRIMARY KEY REFERENCES member,
    sealed bytea NOT NULL
);
GRANT SELECT, INSERT, UPDATE, DELETE ON kafka_password TO registry_app;

CREATE TABLE signing_key (
    entry bigint GENERATED ALWAYS AS IDENTITY,
    key_id text PRIMARY KEY,
    public_key text NOT NULL,
    sealed bytea NOT NULL,
    valid_from timestamptz NOT NULL
);
GRANT SELECT, INSERT ON signing_key TO registry_app;
"""

WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_rows ON {table}
    USING ({column} IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    script(delivery_v1("registry"))
    script(TABLES)
    for table, column in CONFIDENTIAL.items():
        script(WALL.format(table=table, column=column))
