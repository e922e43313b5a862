"""Answers that their owner has not submitted yet; the waivers that a verdict was reached with."""

from mrx_shared.store.migrations import script

revision = "0003"
down_revision = "0002"

TABLES = """
-- Seen by its owner alone: not even the draft of a public protocol is anybody else's.
CREATE TABLE draft (
    protocol_id uuid NOT NULL,
    version text NOT NULL,
    criteria_version text NOT NULL,
    member_id uuid,
    answers jsonb NOT NULL,
    saved_by text NOT NULL,
    saved_at timestamptz NOT NULL,
    PRIMARY KEY (protocol_id, version, criteria_version),
    FOREIGN KEY (protocol_id, version) REFERENCES protocol_version
);
GRANT SELECT, INSERT, UPDATE, DELETE ON draft TO benchmark_app;
ALTER TABLE draft ENABLE ROW LEVEL SECURITY;
ALTER TABLE draft FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON draft
    USING (member_id IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);

ALTER TABLE verdict ADD COLUMN waived jsonb NOT NULL DEFAULT '[]';
GRANT UPDATE (waived) ON verdict TO benchmark_app;
"""


def upgrade() -> None:
    script(TABLES)
