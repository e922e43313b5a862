"""Mails, and the hashes of the tokens in their links."""

from mrx_shared.bus.schema import delivery_v1
from mrx_shared.store.migrations import script

revision = "0001"
down_revision = None

TABLES = """
-- Address and words are personal: the words go when the mail was sent or failed, the address a week later.
CREATE TABLE mail (
    mail_id uuid PRIMARY KEY,
    event_id uuid NOT NULL UNIQUE,
    story text NOT NULL,
    kind text NOT NULL,
    asked_by text NOT NULL CHECK (asked_by IN ('report_request', 'registry')),
    about uuid NOT NULL,
    language text NOT NULL,
    with_link boolean NOT NULL,
    address text,
    words jsonb,
    asked_at timestamptz NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'sent', 'failed')),
    tries integer NOT NULL,
    due_at timestamptz NOT NULL,
    status text,
    cause text CHECK (cause IN ('refused', 'bounced', 'given-up')),
    sent_at timestamptz,
    ended_at timestamptz,
    CHECK ((state = 'failed') = (cause IS NOT NULL)),
    CHECK ((state = 'waiting') = (ended_at IS NULL)),
    CHECK ((state = 'waiting') = (words IS NOT NULL)),
    CHECK (state <> 'waiting' OR address IS NOT NULL)
);
CREATE INDEX mail_due ON mail (due_at, mail_id) WHERE state = 'waiting';
CREATE INDEX mail_to_forget ON mail (ended_at) WHERE address IS NOT NULL;
GRANT SELECT, INSERT, UPDATE ON mail TO notification_app;

-- Stands before its mail is handed to the mail server: whatever link arrives is known.
CREATE TABLE link_token (
    hash text PRIMARY KEY,
    mail_id uuid NOT NULL REFERENCES mail,
    made_at timestamptz NOT NULL
);
CREATE INDEX link_token_of ON link_token (mail_id);
GRANT SELECT, INSERT ON link_token TO notification_app;
"""


def upgrade() -> None:
    script(delivery_v1("notification"))
    script(TABLES)
