"""Published criteria, protocols and their versions, assessments with answers, decisions and verdicts."""

from mrx_shared.bus.schema import delivery_v1
from mrx_shared.store.migrations import script

revision = "0001"
down_revision = None

# A row without a member belongs to a public protocol: everyone reads it, the secretariat alone (no tenant) writes it.
CONFIDENTIAL = ("protocol", "protocol_version", "assessment", "answer", "decision", "verdict")

TABLES = """
CREATE TABLE criteria (
    version text PRIMARY KEY,
    digest text NOT NULL,
    valid_from date NOT NULL,
    valid_until date
);
GRANT SELECT, INSERT, UPDATE ON criteria TO benchmark_app;

-- Ids and no more, so that a reviewer's transaction can find out as whose it must go on; and the code that no two
-- members' own protocols may share, nor two public ones. It is a digest: nobody reads another member's code here.
CREATE TABLE protocol_owner (
    protocol_id uuid PRIMARY KEY,
    code_digest bytea NOT NULL,
    member_id uuid
);
CREATE UNIQUE INDEX protocol_code ON protocol_owner (code_digest, (member_id IS NULL));
CREATE TABLE assessment_owner (
    assessment_id uuid PRIMARY KEY,
    member_id uuid
);
GRANT SELECT, INSERT ON protocol_owner, assessment_owner TO benchmark_app;

CREATE TABLE protocol (
    protocol_id uuid PRIMARY KEY REFERENCES protocol_owner,
    member_id uuid,
    code text NOT NULL,
    name text NOT NULL,
    scheme_family text NOT NULL,
    registered_at timestamptz NOT NULL
);

CREATE TABLE protocol_version (
    protocol_id uuid NOT NULL REFERENCES protocol,
    version text NOT NULL,
    member_id uuid,
    effective_from date NOT NULL,
    effective_until date CHECK (effective_until >= effective_from),
    submitted_at timestamptz NOT NULL,
    PRIMARY KEY (protocol_id, version)
);

CREATE TABLE assessment (
    assessment_id uuid PRIMARY KEY REFERENCES assessment_owner,
    protocol_id uuid NOT NULL,
    version text NOT NULL,
    member_id uuid,
    criteria_version text NOT NULL,
    state text NOT NULL CHECK (state IN ('submitted', 'in-review', 'concluded', 'replaced')),
    submitted_by text NOT NULL,
    submitted_at timestamptz NOT NULL,
    FOREIGN KEY (protocol_id, version) REFERENCES protocol_version
);
CREATE UNIQUE INDEX assessment_unfinished ON assessment (protocol_id, version, criteria_version)
    WHERE state IN ('submitted', 'in-review');
CREATE INDEX assessment_of_member ON assessment (member_id);

CREATE TABLE answer (
    assessment_id uuid NOT NULL REFERENCES assessment,
    criterion_id text NOT NULL,
    member_id uuid,
    position integer NOT NULL,
    relation text NOT NULL,
    requirement_ref text NOT NULL,
    requirement_text text NOT NULL,
    rationale text NOT NULL,
    evidence text NOT NULL,
    PRIMARY KEY (assessment_id, criterion_id)
);

CREATE TABLE decision (
    assessment_id uuid NOT NULL REFERENCES assessment,
    criterion_id text NOT NULL,
    member_id uuid,
    judgement text NOT NULL CHECK (judgement IN ('confirmed', 'corrected')),
    relation text CHECK ((relation IS NOT NULL) = (judgement = 'corrected')),
    rationale text NOT NULL,
    decided_by text NOT NULL,
    decided_at timestamptz NOT NULL,
    PRIMARY KEY (assessment_id, criterion_id)
);

CREATE TABLE verdict (
    assessment_id uuid PRIMARY KEY REFERENCES assessment,
    member_id uuid,
    equivalent boolean NOT NULL,
    commonality numeric(5, 2) NOT NULL,
    lower numeric(5, 2) NOT NULL,
    upper numeric(5, 2) NOT NULL,
    recognised_from date CHECK ((recognised_from IS NOT NULL) = equivalent),
    recognised_until date,
    concluded_by text NOT NULL,
    concluded_at timestamptz NOT NULL
);

GRANT SELECT, INSERT ON protocol, protocol_version, assessment, answer, decision, verdict TO benchmark_app;
GRANT UPDATE (state) ON assessment TO benchmark_app;
GRANT UPDATE (recognised_until) ON verdict TO benchmark_app;
GRANT UPDATE (judgement, relation, rationale, decided_by, decided_at) ON decision TO benchmark_app;
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
    script(delivery_v1("benchmark"))
    script(TABLES)
    for table in CONFIDENTIAL:
        script(WALL.format(table=table))
