"""The steps of the scheme over HTTP, as the secretariat, the reviewers and the members take them."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import TypeVar
from uuid import UUID

from mrx_shared.api.aggregation import NewClosing, NewRound, Round
from mrx_shared.api.benchmark import (
    Assessment,
    Criteria,
    NewAnswer,
    NewAssessment,
    NewProtocol,
    NewProtocolVersion,
    NewReview,
    ProtocolRegistered,
    Protocols,
)
from mrx_shared.api.registry import (
    KafkaCredentials,
    Member,
    Members,
    NewAdoption,
    NewMember,
    NewPrincipal,
    NewSignatory,
    NewSignature,
    NewStatement,
    Participation,
    Statement,
)
from mrx_shared.kit.client import Client, Services
from mrx_shared.kit.retries import until_done
from mrx_shared.messages.topics import kafka_user, lists_in, out, requests_in
from mrx_shared.refusals import Rejected, Unavailable

from mrx_local.credentials import Credentials
from mrx_local.demo.members import Actor
from mrx_local.demo.progress import Stage
from mrx_local.demo.scenario import OWN_FROM, PUBLIC, PUBLIC_VERSIONS
from mrx_local.people import acting_as, let_in, shown_once

T = TypeVar("T")
CRITERIA = "6.0-4p"
STATEMENT = """Joint statement on mutual recognition of responsible-sourcing audits

1. We agree to the general principle of accepting audits that were done for another company that signed this statement.
2. Whether we accept a given audit stays our own decision, on the audit's own results.
3. A supplier may refuse to share its report; we do not hold a refusal against it.
4. We send the list of the sites that we audited to the secretariat alone, and draw from the released list no conclusion
   on who buys where.
"""
PAUSE_S = 0.15
LONG_PAUSE_S = 1.0
"""between two looks at what takes minutes"""
FAILURES = 3
"""so often a step may fail: a server that is just being restarted is ridden over"""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeLimits:
    """How long the demo waits: longer where there is more to do, and never past a trouble that is told."""

    members_s: float = 60.0
    """until members are admitted, and facts about them have gone round"""
    round_s: float = 300.0
    """until a round is closed, or its list released"""
    request_s: float = 120.0
    """until what requests ask for has happened"""

    @classmethod
    def of(cls, *, members: int, rows: int) -> "TimeLimits":
        """For a scheme of a size."""
        return cls(members_s=60 + 3 * members, round_s=300 + rows / 100, request_s=120 + rows / 500)


class Scheme:
    """The scheme's steps, with everyone's credentials at hand."""

    def __init__(
        self, services: Services, credentials: Credentials, *, patience: TimeLimits = TimeLimits()
    ) -> None:
        self._patience = patience
        self._services = services
        self._credentials = credentials
        self.secretariat, self.second = (self.acting_as(person) for person in credentials.secretariat[:2])
        first, second = credentials.person("reviewer"), credentials.person("second_reviewer")
        operator = credentials.person("operator")
        assert first is not None
        assert second is not None
        assert operator is not None
        self.reviewers = self.acting_as(first), self.acting_as(second)
        self.operator = self.acting_as(operator)
        self.members = {name: self.acting_as(member) for name, member in credentials.members.items()}
        self.member_ids: dict[str, UUID] = {}

    def acting_as(self, person: Mapping[str, str]) -> Client:
        """The services as this person calls them."""
        return acting_as(self._services, person)

    async def admit(self, actors: Sequence[Actor], step: Stage | None = None) -> None:
        """Admit members; their topics, users and rights are made meanwhile. Keeps their credentials."""
        groups = {one.group for one in await self._listed()}
        step = step or _quiet()
        for actor in actors:
            asked = NewMember(name=actor.name, group=actor.group, new_group=actor.group not in groups)
            groups.add(actor.group)
            made = await self.secretariat.post("registry", "/v1/members", asked, Member)
            self.member_ids[actor.name] = made.member_id
            step.so_far = f"{len(self.member_ids)} of {len(actors)} members are entered"
        await until(
            "admission",
            self._listed,
            lambda found: all(one.state == "admitted" for one in found),
            seconds=self._patience.members_s,
        )
        await asyncio.gather(*(self._let_in(actor) for actor in actors))

    async def _listed(self) -> Sequence[Member]:
        return (await self.secretariat.get("registry", "/v1/members", Members)).members

    async def _let_in(self, actor: Actor) -> None:
        member = self.member_ids[actor.name]
        path = f"/v1/members/{member}/kafka-credentials"
        kafka, password = await shown_once(
            lambda: self.secretariat.post("registry", path, None, KafkaCredentials), lambda one: one.password
        )
        system = NewPrincipal(kind="system", name=actor.name, role="member", member_id=member)
        person = await let_in(self.secretariat, system)
        await until(
            "Kafka credentials",
            lambda: self.secretariat.get("registry", path, KafkaCredentials),
            lambda found: found.state == "ready",
            seconds=self._patience.members_s,
        )
        self._credentials.keep_member(
            {
                "member_id": str(member),
                "name": actor.name,
                "kafka_username": kafka.username,
                "kafka_password": password,
                "client_id": person["client_id"],
                "client_secret": person["client_secret"],
                "topics": {"lists": lists_in(member), "requests": requests_in(member), "out": out(member)},
                "group_prefix": f"{kafka_user(member)}.",
            }
        )
        self.members[actor.name] = self.acting_as(person)

    async def assess_public(self) -> list[Assessment]:
        """The secretariat submits the public protocol's versions; two reviewers confirm them. Returns the verdicts."""
        protocol = NewProtocol(code=PUBLIC, name="SMETA", scheme_family="SMETA", public=True)
        protocol_id = await self._register(self.secretariat, protocol)
        answers = await self._answers(falls_short=False)
        return [
            await self._assess(self.secretariat, protocol_id, version, first, last, answers)
            for version, first, last in PUBLIC_VERSIONS
        ]

    async def assess_own(self, actor: Actor) -> Assessment:
        """A member submits its own protocol and its answers; two reviewers confirm them. Returns the verdict."""
        assert actor.protocol is not None
        member = self.members[actor.name]
        protocol = NewProtocol(code=actor.protocol.code, name=f"{actor.name} audit protocol")
        protocol_id = await self._register(member, protocol)
        answers = await self._answers(falls_short=actor.falls_short)
        return await self._assess(member, protocol_id, actor.protocol.version, OWN_FROM, None, answers)

    @staticmethod
    async def _register(owner: Client, protocol: NewProtocol) -> UUID:
        made = await owner.post("benchmark", "/v1/protocols", protocol, ProtocolRegistered)
        return made.protocol_id

    async def _assess(
        self,
        owner: Client,
        protocol_id: UUID,
        version: str,
        first: date,
        last: date | None,
        answers: list[NewAnswer],
    ) -> Assessment:
        await owner.post(
            "benchmark",
            f"/v1/protocols/{protocol_id}/versions",
            NewProtocolVersion(version=version, effective_from=first, effective_until=last),
        )
        asked = NewAssessment(
            protocol_id=protocol_id, version=version, criteria_version=CRITERIA, answers=answers
        )
        submitted = await owner.post("benchmark", "/v1/assessments", asked, Assessment)
        path = f"/v1/assessments/{submitted.assessment_id}"
        for reviewer in self.reviewers:
            await reviewer.post("benchmark", f"{path}/reviews", NewReview(confirm_rest=True))
        return await self.reviewers[0].post("benchmark", f"{path}/conclusion", None, Assessment)

    async def _answers(self, *, falls_short: bool) -> list[NewAnswer]:
        catalogue = await self.secretariat.get("benchmark", f"/v1/criteria/{CRITERIA}", Criteria)
        weights = {one.id: one.weight for one in catalogue.criteria}
        relations = short_of_the_gate(weights) if falls_short else {}
        return [
            NewAnswer(
                criterion_id=criterion,
                relation=relations.get(criterion, "equal"),
                requirement_ref=f"§ {place}",
                requirement_text="as the criterion asks",
                evidence="protocol handbook",
            )
            for place, criterion in enumerate(weights, start=1)
        ]

    async def publish_statement(self) -> None:
        """The secretariat publishes the joint statement."""
        await self.secretariat.post(
            "registry", "/v1/statements", NewStatement(version="2026", text=STATEMENT)
        )

    async def adopt(self, name: str) -> None:
        """A member adopts the newest public protocol, as soon as the registry has heard that it is equivalent."""
        member = self.members[name]
        listed = (await member.get("benchmark", "/v1/protocols", Protocols)).protocols
        public = next(one for one in listed if one.code == PUBLIC)
        newest = NewAdoption(protocol_id=public.protocol_id, protocol_version=PUBLIC_VERSIONS[-1][0])
        give_up = time.monotonic() + self._patience.members_s

        async def failed(error: Exception, _: float) -> None:
            if not isinstance(error, Rejected) or time.monotonic() > give_up:
                raise error

        await until_done(
            lambda: member.post("registry", "/v1/adoptions", newest),
            failed=failed,
            longest_pause_s=LONG_PAUSE_S,
        )

    async def sign(self, name: str) -> None:
        """A member's signatory signs. Raises `Rejected` for a member that did not pass step 1."""
        member = self.members[name]
        statement = await member.get("registry", "/v1/statements/current", Statement)
        signature = NewSignature(
            statement_version=statement.version,
            text_sha256=statement.text_sha256,
            signatory=NewSignatory(name="A. Signatory", title="Chief procurement officer"),
        )
        await member.post("registry", "/v1/statement-signatures", signature)

    async def wait_for_own_protocol(self, name: str) -> None:
        """Until the registry has heard that the member's own protocol is equivalent."""
        await until(
            "the verdict on its protocol",
            lambda: self.members[name].get("registry", "/v1/participation", Participation),
            lambda found: "no-equivalent-protocol" not in found.missing,
            seconds=self._patience.members_s,
        )

    async def participants(self) -> list[str]:
        """Names of the members that take part."""
        return [one.name for one in await self._listed() if one.participates]

    async def open_round(self, as_of: date) -> UUID:
        """Open a round. Returns its id."""
        made = await self.secretariat.post("aggregation", "/v1/rounds", NewRound(as_of=as_of), Round)
        return made.round_id

    async def close_round(self, round_id: UUID, step: Stage | None = None) -> Round:
        """Close a round and wait until it is judged, resolved and frozen. Returns it."""
        await self.secretariat.post(
            "aggregation", f"/v1/rounds/{round_id}/close", NewClosing(leave_waiting=False)
        )
        return await self._round(round_id, "closed", step or _quiet())

    async def release(self, round_id: UUID, step: Stage | None = None) -> Round:
        """One of the secretariat proposes the release, another approves it. Returns the round."""
        await self.secretariat.post("aggregation", f"/v1/rounds/{round_id}/release")
        await self.second.post("aggregation", f"/v1/rounds/{round_id}/approve")
        return await self._round(round_id, "released", step or _quiet())

    async def _round(self, round_id: UUID, state: str, step: Stage) -> Round:
        """The round in this state. Raises `Unavailable` as soon as it fails for good, or again and again."""

        def there(seen: Round) -> bool:
            step.so_far = f"the round is {seen.state}"
            if seen.state == state:
                return True
            if (trouble := seen.trouble) and (trouble.permanent or trouble.attempts >= FAILURES):
                raise Unavailable(
                    f"the round cannot be {state}: {trouble.cause}; "
                    f"it has failed {trouble.attempts} times since {trouble.since.isoformat()}"
                )
            return False

        return await until(
            f"the round to be {state}",
            lambda: self.secretariat.get("aggregation", f"/v1/rounds/{round_id}", Round),
            there,
            seconds=self._patience.round_s,
        )


async def until(
    what: str, look: Callable[[], Awaitable[T]], ready: Callable[[T], bool], *, seconds: float
) -> T:
    """What is seen as soon as it is ready. Raises `Unavailable` when it is not within `seconds`."""
    began = time.monotonic()
    while not ready(found := await look()):
        waited = time.monotonic() - began
        if waited > seconds:
            raise Unavailable(f"waited {seconds:.0f} s for {what}")
        # Looking costs the service something: the longer it takes, the less often.
        await asyncio.sleep(min(max(PAUSE_S, waited / 10), LONG_PAUSE_S))
    return found


def _quiet() -> Stage:
    return Stage(lambda _: None)


def short_of_the_gate(weights: Mapping[str, int]) -> dict[str, str]:
    """Relations by which a protocol reaches 84.99 % of these weights, all other criteria being met in full.

    It lacks more than 15 % of the weight, and no more than 15.01: reckoned in quarters, as credits are.
    """
    total = sum(weights.values())
    most = 4 * total * 1501 // 10_000
    reached: dict[int, dict[str, str]] = {0: {}}
    for criterion, weight in weights.items():
        for so_far, chosen in list(reached.items()):
            for relation, quarters in (("none", 4), ("intersects", 3), ("subset", 2)):
                if so_far + quarters * weight <= most:
                    reached.setdefault(so_far + quarters * weight, {**chosen, criterion: relation})
    lacking = max(reached)
    if 100 * lacking <= 15 * 4 * total:
        raise Rejected(f"these weights do not reach 84.99: {100 - float(Fraction(25 * lacking, total))}")
    return reached[lacking]
