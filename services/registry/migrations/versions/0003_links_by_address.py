"""Links to choose a password are counted by the address that they go to."""

from mrx_shared.store.migrations import script

revision = "0003"
down_revision = "0002"

TABLES = """
ALTER TABLE password_link ADD COLUMN email_digest bytea;
UPDATE password_link SET email_digest = sign_in.email_digest
    FROM sign_in WHERE sign_in.principal_id = password_link.principal_id;
ALTER TABLE password_link ALTER COLUMN email_digest SET NOT NULL;
CREATE INDEX password_link_to ON password_link (email_digest, asked_at);
"""


def upgrade() -> None:
    script(TABLES)
