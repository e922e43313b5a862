"""What stands in deploy/kafka, and what may stand there."""

import tomllib
from pathlib import Path

import pytest
from mrx_operator.adapters import tree
from mrx_operator.domain import plan
from mrx_operator.domain.plan import Grant
from mrx_shared.messages.topics import BRIEF, REGISTRY_MAILS, RELEASED_ENTRIES, REQUEST_MAILS, Topic
from mrx_shared.refusals import Invalid

ROOT = Path(__file__).resolve().parents[3]
READS = {
    "registry": {"mrx.benchmark.v1", "mrx.notification.v1"},
    "benchmark": {"mrx.registry.v1"},
    "aggregation": {"mrx.registry.v1", "mrx.benchmark.v1", "mrx.in.lists."},
    "report_request": {
        "mrx.registry.v1",
        "mrx.aggregation.entries.v1",
        "mrx.exchange_adapter.v1",
        "mrx.notification.v1",
        "mrx.in.requests.",
    },
    "exchange_adapter": {"mrx.registry.v1", "mrx.report_request.v1", "mrx.notification.v1"},
    "notification": {"mrx.registry.v1", "mrx.registry.mails.v1", "mrx.report_request.mails.v1"},
}
APART = {
    "registry": {REGISTRY_MAILS},
    "aggregation": {RELEASED_ENTRIES},
    "report_request": {REQUEST_MAILS},
}
SPEAKING_TO_MEMBERS = {"registry", "aggregation", "report_request"}
WEEK_MS = str(7 * 24 * 3600 * 1000)


def granted(service: str, operation: str, resource: str) -> set[str | None]:
    found = {each.service: each for each in tree.principals(ROOT)}[service]
    return {each.name for each in found.grants if (each.operation, each.resource) == (operation, resource)}


def test_every_topic_of_kept_facts_is_made_and_keeps_them_for_ever() -> None:
    topics = {each.name: each for each in tree.topics(ROOT)}
    assert set(topics) == {*Topic, RELEASED_ENTRIES, *BRIEF}
    kept = {each.config["retention.ms"] for name, each in topics.items() if name not in BRIEF}
    assert kept == {"-1"}


def test_topics_that_carry_contacts_keep_them_for_a_week() -> None:
    assert {each.config["retention.ms"] for each in tree.topics(ROOT) if each.name in BRIEF} == {WEEK_MS}


@pytest.mark.parametrize("service", list(READS))
def test_a_service_writes_no_topic_of_facts_but_its_own(service: str) -> None:
    members = {"mrx.out."} if service in SPEAKING_TO_MEMBERS else set()
    assert granted(service, "write", "topic") == {f"mrx.{service}.v1"} | APART.get(service, set()) | members


@pytest.mark.parametrize("topic", ["mrx.report_request.v1", RELEASED_ENTRIES, *sorted(BRIEF)])
def test_links_and_contacts_are_read_by_named_services_alone(topic: str) -> None:
    readers = {service for service in READS if topic in granted(service, "read", "topic")}
    assert readers == {
        "mrx.report_request.v1": {"exchange_adapter"},
        RELEASED_ENTRIES: {"report_request"},
    }.get(topic, {"notification"})


@pytest.mark.parametrize(("service", "topics"), list(READS.items()))
def test_a_service_reads_what_it_subscribes_to_and_nothing_else(service: str, topics: set[str]) -> None:
    assert granted(service, "read", "topic") == topics


@pytest.mark.parametrize("service", list(READS))
def test_a_service_uses_groups_of_its_own_name_only(service: str) -> None:
    assert granted(service, "read", "group") == {f"{service}."}


def test_only_the_registry_may_alter_users_and_rights() -> None:
    altering = {
        each.service
        for each in tree.principals(ROOT)
        for grant in each.grants
        if grant.resource == "cluster" or grant.operation in {"create", "alter", "alter_configs", "delete"}
    }
    assert altering == {"registry"}


def test_a_star_at_the_end_stands_for_all_names_with_that_beginning() -> None:
    (read,) = plan.principals(tomllib.loads('[a]\ntopic.read = ["mrx.in.*", "mrx.b.v1"]'))
    assert read.grants == (
        Grant(operation="read", resource="topic", name="mrx.in.", prefixed=True),
        Grant(operation="read", resource="topic", name="mrx.b.v1"),
    )


@pytest.mark.parametrize(
    ("stated", "place"),
    [
        ('[a]\ntopic.read = ["*"]', "a.topic.read"),
        ('[a]\ntopic.read = ["mrx.*.v1"]', "a.topic.read"),
        ('[a]\ntopic.raed = ["mrx.b.v1"]', "a.topic"),
        ('[a]\ntopics.read = ["mrx.b.v1"]', "a.topics"),
        ('[a]\ncluster = ["everything"]', "a.cluster"),
        ("a = 1", "a"),
    ],
)
def test_a_right_that_cannot_be_meant_is_refused_by_its_place(stated: str, place: str) -> None:
    with pytest.raises(Invalid) as refusal:
        plan.principals(tomllib.loads(stated))
    assert refusal.value.field is not None
    assert refusal.value.field.startswith(f"principals.toml: {place}")


@pytest.mark.parametrize(
    "stated", ['["t"]\npartitions = 0\nconfig = {}', '["t"]\npartitions = 1', '["t"]\npartitons = 1']
)
def test_a_topic_that_cannot_be_meant_is_refused_by_its_name(stated: str) -> None:
    with pytest.raises(Invalid) as refusal:
        plan.topics(tomllib.loads(stated))
    assert refusal.value.field == "topics.toml: t"


def test_a_folder_that_is_not_the_projects_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="migrations"):
        tree.services_with_databases(tmp_path)
    with pytest.raises(Invalid, match=r"topics\.toml is missing"):
        tree.topics(tmp_path)
