"""The correlation id of what asked for a mail, under its name."""

from mrx_shared.store.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    script("ALTER TABLE mail RENAME COLUMN story TO correlation_id")
