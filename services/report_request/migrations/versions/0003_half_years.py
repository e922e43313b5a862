"""The half-year of a listed audit, from which the limit of a decision is reckoned; files that came for two sites."""

from mrx_shared.store.migrations import script

revision = "0003"
down_revision = "0002"

TABLES = """
ALTER TABLE released_entry ADD COLUMN half_year text;
ALTER TABLE request ADD COLUMN half_year text;
CREATE INDEX request_by_file ON request (member_id, report_sha256) WHERE report_sha256 IS NOT NULL;
"""


def upgrade() -> None:
    script(TABLES)
