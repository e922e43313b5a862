"""From the rules' results to the facts that are said. Ids, and once names of firms: people stay in the database."""

from datetime import datetime
from uuid import UUID

from mrx_shared.messages import registry

from mrx_registry.domain.members import Member, Standing
from mrx_registry.domain.principals import SigningKey
from mrx_registry.domain.statement import Adoption, Signature, Statement


def member_admitted(member: Member, tied_groups: frozenset[UUID], *, at: datetime) -> registry.MemberAdmitted:
    """The member was admitted."""
    return registry.MemberAdmitted(
        member_id=member.id, group_id=member.group.id, tied_groups=sorted(tied_groups), admitted_at=at
    )


def participation_changed(member: Member, standing: Standing) -> registry.ParticipationChanged:
    """Whether the member takes part now."""
    return registry.ParticipationChanged(
        member_id=member.id,
        group_id=member.group.id,
        tied_groups=sorted(standing.tied_groups),
        participates=standing.participates,
        missing=[missing.value for missing in standing.missing],
        since=standing.since,
        company_names=sorted({member.name, member.group.name}),
    )


def statement_published(statement: Statement) -> registry.StatementPublished:
    """A version of the statement stands."""
    return registry.StatementPublished(
        statement_version=statement.version,
        text_sha256=statement.sha256,
        published_at=statement.published_at,
    )


def statement_signed(signature: Signature) -> registry.StatementSigned:
    """A member signed."""
    return registry.StatementSigned(
        member_id=signature.member_id,
        statement_version=signature.statement_version,
        text_sha256=signature.text_sha256,
        signatory_id=signature.signatory.id,
        signed_at=signature.signed_at,
    )


def statement_withdrawn(signature: Signature, *, at: datetime) -> registry.StatementWithdrawn:
    """A member withdrew a signature."""
    return registry.StatementWithdrawn(
        member_id=signature.member_id, statement_version=signature.statement_version, withdrawn_at=at
    )


def protocol_adopted(adoption: Adoption) -> registry.ProtocolAdopted:
    """A member adopted a public protocol."""
    return registry.ProtocolAdopted(
        member_id=adoption.member_id,
        protocol_id=adoption.protocol_id,
        protocol_version=adoption.protocol_version,
        adopted_at=adoption.adopted_at,
    )


def signing_key_published(key: SigningKey) -> registry.SigningKeyPublished:
    """Tokens may be signed by this key from now on."""
    return registry.SigningKeyPublished(
        key_id=key.key_id, public_key=key.public_key, valid_from=key.valid_from
    )
