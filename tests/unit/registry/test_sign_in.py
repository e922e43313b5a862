"""Principals, their secrets, and the tokens they get."""

from datetime import timedelta

import pytest
from mrx_registry.domain.principals import Audience, Credential, Kind, Role
from mrx_registry.handlers import access, admission
from mrx_shared.messages.registry import SigningKeyPublished
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unknown

from tests.unit.registry.conftest import Acts
from tests.unit.registry.memory import MemoryWork, PlainSecrets, PlainTokens


class Door:
    def __init__(self, work: MemoryWork) -> None:
        self.work, self.secrets, self.tokens = work, PlainSecrets(), PlainTokens()

    async def open(self, client_id: str, secret: str, audience: Audience = Audience.REGISTRY) -> str:
        return await access.sign_in(
            client_id, secret, audience, self.work.transact, secrets=self.secrets, tokens=self.tokens
        )


@pytest.fixture
def door(work: MemoryWork) -> Door:
    return Door(work)


async def first(work: MemoryWork, kept: str = "kept:s") -> Credential:
    return await access.bootstrap("Secretary", kept, work)


async def test_a_token_lasts_five_minutes_and_names_one_service(work: MemoryWork, door: Door) -> None:
    credential = await first(work)
    await door.open(credential.client_id, "s", Audience.AGGREGATION)
    claims = door.tokens.signed[0]
    assert claims.audience is Audience.AGGREGATION
    assert claims.expires_at - claims.issued_at == timedelta(minutes=5)
    assert (claims.principal_id, claims.role) == (credential.principal_id, Role.SECRETARIAT)


async def test_an_unknown_client_is_answered_like_a_wrong_secret_after_the_same_comparison(
    work: MemoryWork, door: Door
) -> None:
    credential = await first(work)
    reasons = []
    for client_id in (credential.client_id, "nobody"):
        with pytest.raises(access.Unproved) as refused:
            await door.open(client_id, "wrong")
        reasons.append(refused.value.reason)
    assert reasons[0] == reasons[1]
    assert door.secrets.compared == ["kept:s", None]


async def test_the_first_principal_is_made_once_and_its_secret_replaced_only_until_it_is_used(
    work: MemoryWork, door: Door
) -> None:
    lost = await first(work, "kept:lost")
    again = await first(work, "kept:found")
    assert again.principal_id == lost.principal_id
    assert len(work.principals.kept) == 1
    with pytest.raises(access.Unproved):
        await door.open(lost.client_id, "lost")
    await door.open(lost.client_id, "found")
    with pytest.raises(Rejected, match="in use"):
        await first(work)


async def test_disabled_principals_and_suspended_members_get_no_token(
    work: MemoryWork, acts: Acts, door: Door
) -> None:
    member = await acts.admitted()
    asked = access.NewPrincipal(kind=Kind.SYSTEM, name="ERP", role=Role.MEMBER, member_id=member.id)
    credential = await access.create_principal(asked, "kept:m", work)
    await door.open(credential.client_id, "m")
    assert door.tokens.signed[-1].member_id == member.id
    await admission.suspend(member.id, work)
    with pytest.raises(Forbidden, match="suspended"):
        await door.open(credential.client_id, "m")
    await admission.reinstate(member.id, work)
    await door.open(credential.client_id, "m")
    await access.disable(credential.principal_id, "another", work)
    with pytest.raises(Forbidden, match="disabled"):
        await door.open(credential.client_id, "m")


async def test_a_replaced_secret_ends_the_old_one(work: MemoryWork, door: Door) -> None:
    credential = await first(work, "kept:old")
    await access.replace_secret(credential.principal_id, "kept:new", work, by="another", by_secretariat=True)
    with pytest.raises(access.Unproved):
        await door.open(credential.client_id, "old")
    await door.open(credential.client_id, "new")


async def test_a_secret_replaced_while_it_is_compared_gets_no_token(work: MemoryWork, door: Door) -> None:
    proved = await first(work, "kept:old")
    await access.replace_secret(proved.principal_id, "kept:new", work, by="another", by_secretariat=True)
    with pytest.raises(access.Unproved):
        await access.issue_token(proved, Audience.REGISTRY, work, tokens=door.tokens)


async def test_nobody_but_the_secretariat_replaces_anothers_secret(work: MemoryWork) -> None:
    credential = await first(work)
    with pytest.raises(Unknown):
        await access.replace_secret(
            credential.principal_id, "kept:new", work, by="another", by_secretariat=False
        )


async def test_nobody_disables_itself(work: MemoryWork) -> None:
    credential = await first(work)
    with pytest.raises(Rejected):
        await access.disable(credential.principal_id, str(credential.principal_id), work)


async def test_the_first_key_is_made_once_and_published_a_rotation_makes_another(
    work: MemoryWork, door: Door
) -> None:
    credential = await first(work)
    assert await door.open(credential.client_id, "s") == f"key-1:{credential.principal_id}"
    assert await door.open(credential.client_id, "s") == f"key-1:{credential.principal_id}"
    await access.rotate_key(work, tokens=door.tokens)
    assert await door.open(credential.client_id, "s") == f"key-2:{credential.principal_id}"
    published = [fact.key_id for fact in work.said if isinstance(fact, SigningKeyPublished)]
    assert published == ["key-1", "key-2"]


@pytest.mark.parametrize("role", [Role.REVIEWER, Role.SECRETARIAT, Role.OPERATOR])
async def test_only_the_role_member_belongs_to_a_member(work: MemoryWork, acts: Acts, role: Role) -> None:
    member = await acts.admitted()
    for wrong in (
        access.NewPrincipal(kind=Kind.PERSON, name="P", role=role, member_id=member.id),
        access.NewPrincipal(kind=Kind.PERSON, name="P", role=Role.MEMBER),
    ):
        with pytest.raises(Invalid) as refused:
            await access.create_principal(wrong, "kept:s", work)
        assert refused.value.field == "member_id"
