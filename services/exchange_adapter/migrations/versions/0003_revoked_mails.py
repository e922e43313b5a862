"""Of which mail a token is, and which mails' links hold no longer."""

from mrx_shared.store.migrations import script

revision = "0003"
down_revision = "0002"

TABLES = """
-- Unknown for tokens that came before this: they open nothing once any mail of their request is revoked.
ALTER TABLE page_token ADD COLUMN mail_id uuid;

-- Without row-level security, as the tokens are: ids only. Kept apart from them, because either may be heard of first.
CREATE TABLE revoked_mail (
    request_id uuid NOT NULL,
    mail_id uuid NOT NULL,
    PRIMARY KEY (request_id, mail_id)
);
GRANT SELECT, INSERT ON revoked_mail TO exchange_adapter_app;
"""


def upgrade() -> None:
    script(TABLES)
