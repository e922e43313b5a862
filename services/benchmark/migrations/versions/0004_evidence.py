"""Files that an owner keeps as evidence for its answers; their bytes lie in object storage."""

from mrx_shared.store.migrations import script

revision = "0004"
down_revision = "0003"

TABLES = """
-- Seen by its owner alone, not even that of a public protocol by everyone; a reviewer's transaction goes on as the owner.
CREATE TABLE evidence (
    protocol_id uuid NOT NULL REFERENCES protocol,
    sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    member_id uuid,
    name text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('pdf', 'png', 'jpg', 'xlsx', 'txt')),
    size integer NOT NULL CHECK (size > 0),
    kept_by text NOT NULL,
    kept_at timestamptz NOT NULL,
    PRIMARY KEY (protocol_id, sha256)
);
GRANT SELECT, INSERT ON evidence TO benchmark_app;
ALTER TABLE evidence ENABLE ROW LEVEL SECURITY;
ALTER TABLE evidence FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON evidence
    USING (member_id IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    script(TABLES)
