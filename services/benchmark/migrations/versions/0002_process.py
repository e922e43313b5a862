"""Two reviewers, history, questions, appeals, ties, waivers, extensions, the evolution of the criteria."""

from mrx_shared.store.migrations import script

revision = "0002"
down_revision = "0001"

CONFIDENTIAL = ("review", "assessment_event", "question", "appeal", "extension")

TABLES = """
CREATE TABLE review (
    assessment_id uuid NOT NULL REFERENCES assessment,
    reviewer text NOT NULL,
    criterion_id text NOT NULL,
    member_id uuid,
    place integer NOT NULL,
    judgement text NOT NULL CHECK (judgement IN ('confirmed', 'corrected')),
    relation text CHECK ((relation IS NOT NULL) = (judgement = 'corrected')),
    rationale text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (assessment_id, reviewer, criterion_id)
);
CREATE TABLE assessment_event (
    event_id uuid PRIMARY KEY,
    entry bigint GENERATED ALWAYS AS IDENTITY,
    assessment_id uuid NOT NULL REFERENCES assessment,
    member_id uuid,
    step text NOT NULL,
    by_whom text NOT NULL,
    at timestamptz NOT NULL,
    detail text NOT NULL
);
CREATE INDEX event_of_assessment ON assessment_event (assessment_id, entry);
CREATE TABLE question (
    question_id uuid PRIMARY KEY,
    assessment_id uuid NOT NULL REFERENCES assessment,
    member_id uuid,
    criterion_id text NOT NULL,
    text text NOT NULL,
    asked_by text NOT NULL,
    asked_at timestamptz NOT NULL,
    reply text NOT NULL,
    replied_by text,
    replied_at timestamptz
);
CREATE TABLE appeal (
    assessment_id uuid PRIMARY KEY REFERENCES assessment,
    member_id uuid,
    reason text NOT NULL,
    appealed_by text NOT NULL,
    appealed_at timestamptz NOT NULL,
    granted boolean,
    rationale text NOT NULL,
    decided_by text,
    decided_at timestamptz
);
CREATE TABLE extension (
    extension_id uuid PRIMARY KEY,
    protocol_id uuid NOT NULL,
    version text NOT NULL,
    member_id uuid,
    topic text NOT NULL,
    requirement_ref text NOT NULL,
    requirement_text text NOT NULL,
    kept_at timestamptz NOT NULL,
    FOREIGN KEY (protocol_id, version) REFERENCES protocol_version
);
CREATE INDEX extension_words ON extension
    USING gin (to_tsvector('english', topic || ' ' || requirement_text));
GRANT SELECT, INSERT ON review, assessment_event, question, appeal, extension TO benchmark_app;
GRANT UPDATE (judgement, relation, rationale, decided_at) ON review TO benchmark_app;
GRANT UPDATE (reply, replied_by, replied_at) ON question TO benchmark_app;
GRANT UPDATE (granted, rationale, decided_by, decided_at) ON appeal TO benchmark_app;
GRANT UPDATE (equivalent, commonality, lower, upper, recognised_from, concluded_by, concluded_at)
    ON verdict TO benchmark_app;

-- Ids and dates only, or what everyone may read.
CREATE TABLE member_group (
    member_id uuid NOT NULL,
    group_id uuid NOT NULL,
    PRIMARY KEY (member_id, group_id)
);
CREATE TABLE reviewer_tie (
    reviewer text NOT NULL,
    member_id uuid NOT NULL,
    PRIMARY KEY (reviewer, member_id)
);
CREATE TABLE waiver (
    criteria_version text NOT NULL,
    clause text NOT NULL,
    reason text NOT NULL,
    until date NOT NULL,
    waived_by text NOT NULL,
    waived_at timestamptz NOT NULL,
    PRIMARY KEY (criteria_version, clause)
);
CREATE TABLE evolution (
    older text PRIMARY KEY,
    newer text NOT NULL,
    announced_by text NOT NULL,
    announced_at timestamptz NOT NULL,
    consultation_until date NOT NULL,
    effective_on date NOT NULL,
    transition_until date NOT NULL
);
CREATE TABLE consultation_comment (
    comment_id uuid PRIMARY KEY,
    older text NOT NULL REFERENCES evolution,
    text text NOT NULL,
    by_whom text NOT NULL,
    at timestamptz NOT NULL
);
CREATE TABLE reminder (
    assessment_id uuid NOT NULL,
    days integer NOT NULL,
    recognised_until date NOT NULL,
    PRIMARY KEY (assessment_id, days, recognised_until)
);
GRANT SELECT, INSERT ON member_group, reviewer_tie, waiver, evolution, consultation_comment, reminder
    TO benchmark_app;
GRANT DELETE ON member_group TO benchmark_app;
GRANT UPDATE (reason, until, waived_by, waived_at) ON waiver TO benchmark_app;
GRANT UPDATE (newer, announced_by, announced_at, consultation_until, effective_on, transition_until)
    ON evolution TO benchmark_app;
"""

WALL = """
ALTER TABLE {table} ENABLE ROW LEVEL SECURITY;
ALTER TABLE {table} FORCE ROW LEVEL SECURITY;
CREATE POLICY own_or_public ON {table} FOR SELECT
    USING (member_id IS NULL OR member_id = NULLIF(current_setting('mrx.tenant', true), '')::uuid);
CREATE POLICY own_added ON {table} FOR INSERT
    WITH CHECK (member_id IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);
CREATE POLICY own_changed ON {table} FOR UPDATE
    USING (member_id IS NOT DISTINCT FROM NULLIF(current_setting('mrx.tenant', true), '')::uuid);
"""


def upgrade() -> None:
    script(TABLES)
    for table in CONFIDENTIAL:
        script(WALL.format(table=table))
