"""People sign in: addresses, passwords, sessions, one-time links, guesses."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

TABLES = """
-- The address stands beside the name, in the rows of the member that the person belongs to.
ALTER TABLE principal ADD COLUMN email text, ADD COLUMN language text NOT NULL DEFAULT 'en';
GRANT UPDATE (email, language) ON principal TO registry_app;

-- As in `credential`, nothing in these tables tells who somebody is: they are read before a tenant is known.
CREATE TABLE sign_in (
    principal_id uuid PRIMARY KEY,
    member_id uuid REFERENCES member,
    email_digest bytea NOT NULL UNIQUE,
    password_hash text
);
GRANT SELECT, INSERT, UPDATE ON sign_in TO registry_app;

CREATE TABLE session (
    token_hash text PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES sign_in,
    member_id uuid,
    began_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL
);
CREATE INDEX session_of_principal ON session (principal_id);
CREATE INDEX session_of_member ON session (member_id);
CREATE INDEX session_seen ON session (seen_at);
GRANT SELECT, INSERT, UPDATE (seen_at), DELETE ON session TO registry_app;

CREATE TABLE password_link (
    mail_id uuid PRIMARY KEY,
    principal_id uuid NOT NULL REFERENCES sign_in,
    why text NOT NULL CHECK (why IN ('welcome', 'password-reset')),
    asked_at timestamptz NOT NULL,
    used_at timestamptz
);
CREATE INDEX password_link_of ON password_link (principal_id, asked_at);
GRANT SELECT, INSERT, UPDATE (used_at) ON password_link TO registry_app;

CREATE TABLE password_token (
    hash text PRIMARY KEY,
    mail_id uuid NOT NULL REFERENCES password_link,
    ends_at timestamptz NOT NULL
);
GRANT SELECT, INSERT ON password_token TO registry_app;

-- Whoever wishes for a new password is answered before anybody looks whether the address is known.
CREATE TABLE reset_wish (
    email_digest bytea PRIMARY KEY,
    wished_at timestamptz NOT NULL
);
GRANT SELECT, INSERT, DELETE ON reset_wish TO registry_app;

CREATE TABLE guess (
    entry bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    email_digest bytea NOT NULL,
    guessed_at timestamptz NOT NULL
);
CREATE INDEX guess_at ON guess (guessed_at);
CREATE INDEX guess_of ON guess (email_digest, guessed_at);
GRANT SELECT, INSERT, DELETE ON guess TO registry_app;
"""


def upgrade() -> None:
    script(TABLES)
