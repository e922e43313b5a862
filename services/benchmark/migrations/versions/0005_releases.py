"""A reviewer's decisions can go again; a third may leave a criterion open."""

from mrx_shared.store.migrations import script

revision = "0005"
down_revision = "0004"

STATEMENTS = """
GRANT DELETE ON {table} TO benchmark_app;
CREATE POLICY own_removed ON {table} FOR DELETE
    USING (member_id IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);
ALTER TABLE {table} DROP CONSTRAINT {table}_judgement_check,
    ADD CONSTRAINT {table}_judgement_check CHECK (judgement IN ('confirmed', 'corrected', 'left-open'));
"""


def upgrade() -> None:
    for table in ("decision", "review"):
        script(STATEMENTS.format(table=table))
