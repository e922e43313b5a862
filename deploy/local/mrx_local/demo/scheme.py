"""The steps of the scheme over HTTP, as the secretariat, the reviewers and the members take them.

Every step carries an Idempotency-Key and is repeated until it is answered, so a service that is just being restarted
is ridden over.
"""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from http import HTTPStatus
from typing import Any
from uuid import UUID, uuid4

import httpx
from mrx_shared.messages.topics import kafka_user, lists_in, out, requests_in
from mrx_shared.refusals import Rejected, Unavailable

from mrx_local.credentials import Credentials, Person
from mrx_local.demo.cast import OWN_FROM, PUBLIC, PUBLIC_VERSIONS
from mrx_local.demo.members import Actor
from mrx_local.demo.telling import Step

CRITERIA = "6.0-4p"
STATEMENT = """Joint statement on mutual recognition of responsible-sourcing audits

1. We agree to the general principle of accepting audits that were done for another company that signed this statement.
2. Whether we accept a given audit stays our own decision, on the audit's own results.
3. A supplier may refuse to share its report; we do not hold a refusal against it.
4. We send the list of the sites that we audited to the secretariat alone, and draw from the released list no conclusion
   on who buys where.
"""
PATIENCE_S = 60.0
PAUSE_S = 0.15
LONG_PAUSE_S = 1.0
"""between two looks at what takes minutes"""
FAILURES = 3
"""so often a step may fail: a server that is just being restarted is ridden over"""
AWAY = {HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long the demo waits: longer where there is more to do, and never past a trouble that is told."""

    members_s: float = PATIENCE_S
    """until members are admitted, and facts about them have gone round"""
    round_s: float = 300.0
    """until a round is closed, or its list released"""
    request_s: float = 120.0
    """until what requests ask for has happened"""

    @classmethod
    def of(cls, *, members: int, rows: int) -> "Patience":
        """For a scheme of a size."""
        return cls(members_s=60 + 3 * members, round_s=300 + rows / 100, request_s=120 + rows / 500)


class Caller:
    """Calls the services as somebody, and rides over short outages."""

    def __init__(self, client: httpx.AsyncClient, urls: Mapping[str, str], person: Mapping[str, str]) -> None:
        self._client = client
        self._urls = urls
        self._person = person
        self._tokens: dict[str, tuple[str, float]] = {}

    async def get(self, service: str, path: str) -> Any:  # noqa: ANN401 - JSON
        """GET as JSON."""
        return await self._send("GET", service, path, None, {})

    async def post(self, service: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """POST under a key of its own, until it is answered. Raises `Rejected` with the service's words."""
        return await self._send("POST", service, path, body, {"Idempotency-Key": str(uuid4())})

    async def _send(self, method: str, service: str, path: str, body: object, headers: dict[str, str]) -> Any:  # noqa: ANN401 - JSON
        give_up = time.monotonic() + PATIENCE_S
        while True:
            try:
                token = await self._token(service)
                answer = await self._client.request(
                    method,
                    f"{self._urls[service]}{path}",
                    json=body,
                    headers={**headers, "Authorization": f"Bearer {token}"},
                )
                if answer.is_success:
                    return answer.json()
                problem = _problem(answer)
                if answer.status_code == HTTPStatus.UNAUTHORIZED and service in self._tokens:
                    del self._tokens[service]
                    continue  # it may have lapsed: the services' clock can be moved
                if answer.status_code not in AWAY and not problem.get("retryable"):
                    raise Rejected(f"{method} {path}: {answer.status_code} {problem.get('detail')}")
                trouble = str(problem.get("detail"))
            except httpx.TransportError as error:
                trouble = type(error).__name__
            if time.monotonic() > give_up:
                raise Unavailable(f"{service} {path}: no answer within {PATIENCE_S:.0f} s: {trouble}")
            await asyncio.sleep(PAUSE_S)

    async def _token(self, service: str) -> str:
        kept = self._tokens.get(service)
        if kept is None or kept[1] < time.monotonic():
            answer = await self._client.post(
                f"{self._urls['registry']}/v1/token",
                data={
                    "grant_type": "client_credentials",
                    "client_id": self._person["client_id"],
                    "client_secret": self._person["client_secret"],
                    "audience": f"mrx.{service}",
                },
            )
            if answer.status_code in AWAY:
                raise httpx.ConnectError("the registry is away")
            if not answer.is_success:
                raise Rejected(f"no token for {service}: {answer.status_code} {answer.text[:200]}")
            made = answer.json()
            kept = (made["access_token"], time.monotonic() + made["expires_in"] / 2)
            self._tokens[service] = kept
        return kept[0]


def _problem(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {"detail": answer.text[:200]}
    return told if isinstance(told, dict) else {"detail": str(told)[:200]}


class Scheme:
    """The scheme's steps, with everyone's credentials at hand."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        urls: Mapping[str, str],
        credentials: Credentials,
        *,
        patience: Patience = Patience(),
    ) -> None:
        self._patience = patience
        self._client = client
        self._urls = urls
        self._credentials = credentials
        self.secretariat, self.second = (self._as(person) for person in credentials.secretariat[:2])
        first, second = credentials.person("reviewer"), credentials.person("second_reviewer")
        operator = credentials.person("operator")
        assert first is not None
        assert second is not None
        assert operator is not None
        self.reviewers, self.operator = (self._as(first), self._as(second)), self._as(operator)
        self.members = {name: self._as(member) for name, member in credentials.members.items()}
        self.member_ids: dict[str, UUID] = {}

    def _as(self, person: Mapping[str, str]) -> Caller:
        return Caller(self._client, self._urls, person)

    async def admit(self, actors: Sequence[Actor], step: Step | None = None) -> None:
        """Admit members; their topics, users and rights are made meanwhile. Keeps their credentials."""
        groups = {one["group"] for one in (await self.secretariat.get("registry", "/v1/members"))["members"]}
        step = step or _quiet()
        for actor in actors:
            body = {
                "name": actor.name,
                "group": actor.group,
                "new_group": actor.group not in groups,
                "minority_holdings": [],
            }
            groups.add(actor.group)
            made = await self.secretariat.post("registry", "/v1/members", body)
            self.member_ids[actor.name] = UUID(made["member_id"])
            step.so_far = f"{len(self.member_ids)} of {len(actors)} members are entered"
        await self._until(
            "admission",
            self.secretariat,
            "registry",
            "/v1/members",
            lambda found: all(one["state"] == "admitted" for one in found["members"]),
            seconds=self._patience.members_s,
        )
        await asyncio.gather(*(self._let_in(actor) for actor in actors))

    async def _let_in(self, actor: Actor) -> None:
        member = self.member_ids[actor.name]
        path = f"/v1/members/{member}/kafka-credentials"
        kafka = await self._shown("password", lambda: self.secretariat.post("registry", path))
        system = {"kind": "system", "name": actor.name, "role": "member", "member_id": str(member)}
        person = await self._shown(
            "client_secret", lambda: self.secretariat.post("registry", "/v1/principals", system)
        )
        await self._until(
            "Kafka credentials",
            self.secretariat,
            "registry",
            path,
            lambda found: found["state"] == "ready",
            seconds=self._patience.members_s,
        )
        self._credentials.keep_member(
            {
                "member_id": str(member),
                "name": actor.name,
                "kafka_username": kafka["username"],
                "kafka_password": kafka["password"],
                "client_id": person["client_id"],
                "client_secret": person["client_secret"],
                "topics": {"lists": lists_in(member), "requests": requests_in(member), "out": out(member)},
                "group_prefix": f"{kafka_user(member)}.",
            }
        )
        self.members[actor.name] = self._as(person)

    @staticmethod
    async def _shown(secret: str, post: Callable[[], Any]) -> Person:
        """A secret is shown once: where the first answer was lost, ask for another."""
        while True:
            made = await post()
            if made[secret] is not None:
                return {name: str(value) for name, value in made.items()}

    async def assess_public(self) -> list[Mapping[str, Any]]:
        """The secretariat submits the public protocol's versions; two reviewers confirm them. Returns the verdicts."""
        protocol = await self.secretariat.post(
            "benchmark",
            "/v1/protocols",
            {"code": PUBLIC, "name": "SMETA", "scheme_family": "SMETA", "public": True},
        )
        answers = await self._answers(falls_short=False)
        return [
            await self._assess(self.secretariat, protocol["protocol_id"], version, first, last, answers)
            for version, first, last in PUBLIC_VERSIONS
        ]

    async def assess_own(self, actor: Actor) -> Mapping[str, Any]:
        """A member submits its own protocol and its answers; two reviewers confirm them. Returns the verdict."""
        assert actor.protocol is not None
        member = self.members[actor.name]
        protocol = await member.post(
            "benchmark",
            "/v1/protocols",
            {"code": actor.protocol.code, "name": f"{actor.name} audit protocol", "public": False},
        )
        answers = await self._answers(falls_short=actor.falls_short)
        return await self._assess(
            member, protocol["protocol_id"], actor.protocol.version, OWN_FROM, None, answers
        )

    async def _assess(
        self,
        owner: Caller,
        protocol_id: str,
        version: str,
        first: date,
        last: date | None,
        answers: list[dict[str, str]],
    ) -> Mapping[str, Any]:
        await owner.post(
            "benchmark",
            f"/v1/protocols/{protocol_id}/versions",
            {
                "version": version,
                "effective_from": first.isoformat(),
                "effective_until": last.isoformat() if last else None,
            },
        )
        submitted = await owner.post(
            "benchmark",
            "/v1/assessments",
            {
                "protocol_id": protocol_id,
                "version": version,
                "criteria_version": CRITERIA,
                "answers": answers,
            },
        )
        path = f"/v1/assessments/{submitted['assessment_id']}"
        for reviewer in self.reviewers:
            await reviewer.post("benchmark", f"{path}/reviews", {"decisions": [], "confirm_rest": True})
        verdict: Mapping[str, Any] = await self.reviewers[0].post("benchmark", f"{path}/conclusion")
        return verdict

    async def _answers(self, *, falls_short: bool) -> list[dict[str, str]]:
        catalogue = await self.secretariat.get("benchmark", f"/v1/criteria/{CRITERIA}")
        weights = {one["id"]: int(one["weight"]) for one in catalogue["criteria"]}
        relations = short_of_the_gate(weights) if falls_short else {}
        return [
            {
                "criterion_id": criterion,
                "relation": relations.get(criterion, "equal"),
                "requirement_ref": f"§ {place}",
                "requirement_text": "as the criterion asks",
                "rationale": "",
                "evidence": "protocol handbook",
            }
            for place, criterion in enumerate(weights, start=1)
        ]

    async def publish_statement(self) -> None:
        """The secretariat publishes the joint statement."""
        await self.secretariat.post("registry", "/v1/statements", {"version": "2026", "text": STATEMENT})

    async def adopt(self, name: str) -> None:
        """A member adopts the newest public protocol, as soon as the registry has heard that it is equivalent."""
        member = self.members[name]
        listed = (await member.get("benchmark", "/v1/protocols"))["protocols"]
        public = next(one for one in listed if one["code"] == PUBLIC)
        newest = {"protocol_id": public["protocol_id"], "protocol_version": PUBLIC_VERSIONS[-1][0]}
        await self._when_heard(lambda: member.post("registry", "/v1/adoptions", newest))

    async def sign(self, name: str) -> None:
        """A member's signatory signs. Raises `Rejected` for a member that did not pass step 1."""
        statement = await self.members[name].get("registry", "/v1/statements/current")
        await self.members[name].post(
            "registry",
            "/v1/statement-signatures",
            {
                "statement_version": statement["version"],
                "text_sha256": statement["text_sha256"],
                "signatory": {"name": "A. Signatory", "title": "Chief procurement officer"},
            },
        )

    async def wait_for_own_protocol(self, name: str) -> None:
        """Until the registry has heard that the member's own protocol is equivalent."""
        await self._until(
            "the verdict on its protocol",
            self.members[name],
            "registry",
            "/v1/participation",
            lambda found: "no-equivalent-protocol" not in found["missing"],
            seconds=self._patience.members_s,
        )

    async def participants(self) -> list[str]:
        """Names of the members that take part."""
        found = await self.secretariat.get("registry", "/v1/members")
        return [one["name"] for one in found["members"] if one["participates"]]

    async def open_round(self, as_of: date) -> str:
        """Open a round. Returns its id."""
        made = await self.secretariat.post("aggregation", "/v1/rounds", {"as_of": as_of.isoformat()})
        return str(made["round_id"])

    async def close_round(self, round_id: str, step: Step | None = None) -> Mapping[str, Any]:
        """Close a round and wait until it is judged, resolved and frozen. Returns its numbers."""
        await self.secretariat.post("aggregation", f"/v1/rounds/{round_id}/close", {"leave_waiting": False})
        return await self._round(round_id, "closed", step or _quiet())

    async def release(self, round_id: str, step: Step | None = None) -> Mapping[str, Any]:
        """One of the secretariat proposes the release, another approves it. Returns the round."""
        await self.secretariat.post("aggregation", f"/v1/rounds/{round_id}/release")
        await self.second.post("aggregation", f"/v1/rounds/{round_id}/approve")
        return await self._round(round_id, "released", step or _quiet())

    async def _round(self, round_id: str, state: str, step: Step) -> Mapping[str, Any]:
        """The round in this state. Raises `Unavailable` as soon as it fails for good, or again and again."""

        def there(seen: Mapping[str, Any]) -> bool:
            step.so_far = f"the round is {seen['state']}"
            if seen["state"] == state:
                return True
            if (trouble := seen.get("trouble")) and (trouble["permanent"] or trouble["attempts"] >= FAILURES):
                raise Unavailable(
                    f"the round cannot be {state}: {trouble['cause']}; "
                    f"it has failed {trouble['attempts']} times since {trouble['since']}"
                )
            return False

        found: Mapping[str, Any] = await self._until(
            f"the round to be {state}",
            self.secretariat,
            "aggregation",
            f"/v1/rounds/{round_id}",
            there,
            seconds=self._patience.round_s,
        )
        return found

    async def _when_heard(self, post: Callable[[], Any]) -> None:
        """Facts take a moment from one service to another: what is not known yet may be known soon."""
        give_up = time.monotonic() + self._patience.members_s
        while True:
            try:
                await post()
            except Rejected:
                if time.monotonic() > give_up:
                    raise
            else:
                return
            await asyncio.sleep(PAUSE_S)

    async def _until(
        self,
        what: str,
        caller: Caller,
        service: str,
        path: str,
        ready: Callable[[Any], bool],
        seconds: float = PATIENCE_S,
    ) -> Any:  # noqa: ANN401 - JSON
        began = time.monotonic()
        while True:
            found = await caller.get(service, path)
            if ready(found):
                return found
            waited = time.monotonic() - began
            if waited > seconds:
                raise Unavailable(f"waited {seconds:.0f} s for {what}")
            # Looking costs the service something: the longer it takes, the less often.
            await asyncio.sleep(min(max(PAUSE_S, waited / 10), LONG_PAUSE_S))


def _quiet() -> Step:
    return Step(lambda _: None)


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
