"""What tells a site in every release, under one key of the scheme."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

# Two random UUIDs are 244 bits of the server's own randomness. The key never leaves the writer's transactions.
TABLES = """
CREATE TABLE scheme_key (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    key bytea NOT NULL CHECK (length(key) >= 32)
);
INSERT INTO scheme_key (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
GRANT SELECT ON scheme_key TO aggregation_writer;

ALTER TABLE released_site ADD COLUMN site_token text;
CREATE INDEX released_site_by_token ON released_site (release_id, site_token);
"""


def upgrade() -> None:
    script(TABLES)
