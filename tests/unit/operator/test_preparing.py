"""How servers are prepared, with servers in memory."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from mrx_operator.adapters import tree
from mrx_operator.adapters.retrier import BoundedRetrier
from mrx_operator.domain.plan import BucketPlan, Grant, TopicPlan
from mrx_operator.handlers.prepare import prepare_buckets, prepare_bus, prepare_databases
from mrx_shared.refusals import Rejected, Unavailable

ROOT = Path(__file__).resolve().parents[3]


class Steps:
    """Every port in memory; `done` is what was done, in order."""

    def __init__(self, *, strangers_welcome: bool = False) -> None:
        self.done: list[str] = []
        self._strangers_welcome = strangers_welcome

    async def make(self, service: str) -> None:
        self.done.append(f"make {service}")

    async def migrate(self, service: str) -> None:
        self.done.append(f"migrate {service}")

    async def ensure_topic(self, topic: TopicPlan) -> None:
        self.done.append(f"topic {topic.name}")

    async def ensure_user(self, service: str) -> None:
        self.done.append(f"user {service}")

    async def grant(self, service: str, grants: Sequence[Grant]) -> None:
        self.done.append(f"grant {service}")

    async def ensure(self, bucket: BucketPlan) -> None:
        self.done.append(f"bucket {bucket.name}")

    async def refuses_strangers(self, name: str) -> bool:
        return not self._strangers_welcome

    async def until_done(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        await step()


def silent(_line: str) -> None:
    pass


async def test_a_service_has_its_database_before_its_tables() -> None:
    steps = Steps()
    await prepare_databases(["registry", "benchmark"], steps, retrier=steps, tell=silent)
    assert steps.done == ["make registry", "migrate registry", "make benchmark", "migrate benchmark"]


async def test_every_topic_stands_before_a_service_can_sign_in() -> None:
    steps = Steps()
    await prepare_bus(tree.topics(ROOT), tree.principals(ROOT), steps, retrier=steps, tell=silent)
    first_user = next(place for place, step in enumerate(steps.done) if step.startswith("user"))
    assert all(step.startswith("topic") for step in steps.done[:first_user])
    assert not any(step.startswith("topic") for step in steps.done[first_user:])


async def test_a_bucket_that_answers_strangers_ends_the_preparation() -> None:
    steps = Steps(strangers_welcome=True)
    with pytest.raises(Rejected, match="without credentials"):
        await prepare_buckets([BucketPlan(name="releases")], steps, retrier=steps, tell=silent)


async def test_a_server_that_is_still_starting_is_waited_for() -> None:
    tries: list[int] = []

    async def step() -> None:
        tries.append(1)
        if len(tries) == 1:
            raise Unavailable("not yet")

    await BoundedRetrier(5, silent).until_done("a server", step)
    assert len(tries) == 2


async def test_waiting_has_an_end_and_says_why() -> None:
    async def step() -> None:
        raise Unavailable("no answer")

    with pytest.raises(Unavailable, match="no answer"):
        await BoundedRetrier(0, silent).until_done("a server", step)


async def test_a_refusal_is_not_tried_again() -> None:
    tries: list[int] = []

    async def step() -> None:
        tries.append(1)
        raise Rejected("no")

    with pytest.raises(Rejected):
        await BoundedRetrier(5, silent).until_done("a server", step)
    assert tries == [1]


async def test_every_bucket_says_what_is_special_about_it() -> None:
    steps, told = Steps(), list[str]()
    plans = [
        BucketPlan(name="quarantine", uploads_from="https://portal.mrx.example"),
        BucketPlan(name="vault", locked_days=365),
    ]
    await prepare_buckets(plans, steps, retrier=steps, tell=told.append)
    assert steps.done == ["bucket quarantine", "bucket vault"]
    assert told == [
        "bucket quarantine: closed to strangers, uploads from pages of https://portal.mrx.example",
        "bucket vault: closed to strangers, every version kept 365 days",
    ]
