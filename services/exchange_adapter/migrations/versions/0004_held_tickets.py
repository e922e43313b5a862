"""Which tickets' files are held back, and since when, so that the secretariat's list is read page by page."""

from mrx_shared.store.migrations import script

revision = "0004"
down_revision = "0003"

TABLES = """
ALTER TABLE ticket_schedule ADD COLUMN held_since timestamptz;
CREATE INDEX ticket_held ON ticket_schedule (ticket_id) WHERE held_since IS NOT NULL;

-- Tickets are isolated by member, from the owner too: go as each of them once.
DO $$
DECLARE
    member uuid;
BEGIN
    FOR member IN SELECT DISTINCT member_id FROM ticket_schedule LOOP
        PERFORM set_config('mrx.tenant', member::text, true);
        UPDATE ticket_schedule s SET held_since = COALESCE(t.settled_at, t.minted_at)
        FROM ticket t
        WHERE t.ticket_id = s.ticket_id AND (t.state = 'refused' OR (t.state = 'checking' AND t.reasons <> '{}'));
    END LOOP;
    PERFORM set_config('mrx.tenant', '', true);
END
$$;
"""


def upgrade() -> None:
    script(TABLES)
