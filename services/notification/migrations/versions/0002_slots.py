"""Mails that leave in slots, together with others to the same mailbox; messages that must not be sent."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

TABLES = """
ALTER TABLE mail ADD COLUMN slot_at timestamptz;
ALTER TABLE mail ADD COLUMN letter_id uuid;
UPDATE mail SET letter_id = event_id;
ALTER TABLE mail ALTER COLUMN letter_id SET NOT NULL;
CREATE INDEX mail_of_letter ON mail (letter_id);
-- In a slot, one address follows another in the same order, whatever else is asked of either.
DROP INDEX mail_due;
CREATE INDEX mail_due ON mail (due_at, address, mail_id) WHERE state = 'waiting';
CREATE INDEX mail_in_slot ON mail (slot_at, address) WHERE state = 'waiting';
ALTER TABLE mail DROP CONSTRAINT mail_cause_check;
ALTER TABLE mail ADD CONSTRAINT mail_cause_check CHECK (cause IN ('refused', 'bounced', 'given-up', 'unsafe'));
"""


def upgrade() -> None:
    script(TABLES)
