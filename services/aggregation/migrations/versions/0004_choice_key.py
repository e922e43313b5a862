"""What decides between texts that equally many independent groups give of a site."""

from mrx_shared.store.migrations import script

revision = "0004"
down_revision = "0003"

# Two random UUIDs are 244 bits of the server's own randomness. Who knew the key could write what wins.
TABLES = """
CREATE TABLE choice_key (
    sole boolean PRIMARY KEY DEFAULT true CHECK (sole),
    key bytea NOT NULL CHECK (length(key) >= 32)
);
INSERT INTO choice_key (key)
VALUES (decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex'));
GRANT SELECT ON choice_key TO aggregation_resolver;
"""


def upgrade() -> None:
    script(TABLES)
