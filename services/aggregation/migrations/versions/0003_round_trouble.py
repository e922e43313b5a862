"""Why a round does not come on: the step that fails, its cause, since when, and when it is tried again."""

from mrx_shared.store.migrations import script

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    script("ALTER TABLE round ADD COLUMN trouble jsonb")
