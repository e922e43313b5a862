"""The delivery tables that every service's database has. A service's first migration executes them."""

DELIVERY_V1 = """
CREATE TABLE outbox (
    entry bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id uuid PRIMARY KEY,
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    type text NOT NULL,
    tenant uuid,
    payload bytea,
    salt bytea NOT NULL,
    digest bytea NOT NULL,
    said_at timestamptz NOT NULL,
    position bigint UNIQUE,
    chain bytea,
    sent_at timestamptz,
    parked_at timestamptz,
    tries integer NOT NULL DEFAULT 0,
    error text,
    UNIQUE (topic, key, sequence)
);
CREATE INDEX outbox_unnumbered ON outbox (entry) WHERE position IS NULL;
CREATE INDEX outbox_unsent ON outbox (position) WHERE sent_at IS NULL;
ALTER TABLE outbox ENABLE ROW LEVEL SECURITY;
ALTER TABLE outbox FORCE ROW LEVEL SECURITY;
CREATE POLICY app_says ON outbox FOR INSERT TO {service}_app WITH CHECK (true);
CREATE POLICY relay_sends ON outbox TO {service}_relay USING (true) WITH CHECK (true);
GRANT INSERT ON outbox TO {service}_app;
GRANT SELECT, UPDATE ON outbox TO {service}_relay;

CREATE TABLE outbox_version (
    topic text NOT NULL,
    key text NOT NULL,
    sequence bigint NOT NULL,
    PRIMARY KEY (topic, key)
);
GRANT SELECT, INSERT, UPDATE ON outbox_version TO {service}_app;

CREATE TABLE inbox (
    consumer text NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    event_id uuid NOT NULL,
    content_hash bytea NOT NULL,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (consumer, topic, source, event_id)
);
GRANT SELECT, INSERT, DELETE ON inbox TO {service}_app, {service}_relay;

CREATE TABLE dead_letter (
    id uuid PRIMARY KEY DEFAULT uuidv7(),
    consumer text NOT NULL,
    topic text NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    source text,
    event_id uuid,
    type text,
    tenant uuid,
    payload bytea,
    content_hash bytea NOT NULL,
    cause text NOT NULL CHECK (cause IN ('unreadable', 'refused', 'failed')),
    reason text NOT NULL,
    tries integer NOT NULL,
    died_at timestamptz NOT NULL DEFAULT now(),
    replayed_at timestamptz,
    erased_at timestamptz CHECK ((erased_at IS NOT NULL) = (payload IS NULL)),
    UNIQUE (consumer, topic, kafka_partition, kafka_offset, content_hash)
);
CREATE INDEX dead_letter_kept ON dead_letter (died_at) WHERE payload IS NOT NULL;
ALTER TABLE dead_letter ENABLE ROW LEVEL SECURITY;
ALTER TABLE dead_letter FORCE ROW LEVEL SECURITY;
CREATE POLICY app_marks ON dead_letter TO {service}_app USING (true) WITH CHECK (true);
CREATE POLICY relay_keeps ON dead_letter TO {service}_relay USING (true) WITH CHECK (true);
GRANT SELECT (id, replayed_at), UPDATE (replayed_at) ON dead_letter TO {service}_app;
GRANT SELECT, INSERT, UPDATE ON dead_letter TO {service}_relay;

CREATE TABLE waiting (
    entry bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    consumer text NOT NULL,
    topic text NOT NULL,
    source text NOT NULL,
    event_id uuid NOT NULL,
    kafka_partition integer NOT NULL,
    kafka_offset bigint NOT NULL,
    type text NOT NULL,
    tenant uuid,
    payload bytea NOT NULL,
    content_hash bytea NOT NULL,
    waiting_for text NOT NULL,
    reason text NOT NULL,
    since timestamptz NOT NULL DEFAULT now(),
    tries integer NOT NULL DEFAULT 0,
    noticed_at timestamptz,
    PRIMARY KEY (consumer, topic, source, event_id)
);
CREATE INDEX waiting_by_cause ON waiting (waiting_for, entry);
ALTER TABLE waiting ENABLE ROW LEVEL SECURITY;
ALTER TABLE waiting FORCE ROW LEVEL SECURITY;
CREATE POLICY app_takes_up ON waiting TO {service}_app USING (true);
CREATE POLICY relay_keeps ON waiting TO {service}_relay USING (true) WITH CHECK (true);
GRANT SELECT (consumer, topic, source, event_id), DELETE ON waiting TO {service}_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON waiting TO {service}_relay;

CREATE TABLE idempotency (
    principal text NOT NULL,
    key text NOT NULL,
    tenant uuid,
    request_hash bytea NOT NULL,
    status integer,
    body jsonb,
    claimed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (principal, key)
);
ALTER TABLE idempotency ENABLE ROW LEVEL SECURITY;
ALTER TABLE idempotency FORCE ROW LEVEL SECURITY;
CREATE POLICY own_answers ON idempotency TO {service}_app
    USING (tenant IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid)
    WITH CHECK (tenant IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);
GRANT SELECT, INSERT, UPDATE ON idempotency TO {service}_app;

CREATE TABLE token_key (
    key_id text PRIMARY KEY,
    public_key text NOT NULL,
    valid_from timestamptz NOT NULL
);
GRANT SELECT, INSERT, UPDATE ON token_key TO {service}_app;
"""


def delivery_v1(service: str) -> str:
    """The SQL of the delivery tables for a service's roles `<service>_app` and `<service>_relay`."""
    return DELIVERY_V1.format(service=service)
