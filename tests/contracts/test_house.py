"""The house: lists in pyproject.toml fit the folders, and habits that no linter knows hold."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from mrx_shared.kit.settings import KafkaSettings, ServiceSettings
from pydantic_settings import BaseSettings

from tests.contracts.generate import messages, services

BANNED_WORDS = frozenset(
    {"aside", "bell", "bench", "desk", "nobodys", "patiently", "pulse", "shelf", "speaks"}
    | {"stories", "story", "tether", "tie", "turns", "walls"}
)
"""of a private dictionary; docs/decisions/0042-the-fields-words.md names the field's own"""
BANNED_CLASSES = frozenset(
    {"Away", "Door", "Joint", "Letter", "Letters", "Page", "Saying", "Step", "Telling"}
)
"""names that had several meanings, or none that the field knows"""
ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES = sorted(f"mrx_{path.parent.name}" for path in (ROOT / "services").glob("*/pyproject.toml"))
APPS = services()
PAST_THE_OUTBOX = {
    f"{speaker}.{verb}"
    for speaker in ("broker", "router")
    for verb in ("publish", "publish_batch", "publisher", "request")
}


def sources() -> Iterator[Path]:
    for folder in ("shared", "services", "deploy"):
        yield from (path for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts)


def calls(path: Path) -> Iterator[str]:
    """Every method called in a module, as `object.method`, the object by its last name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            callee = node.func.value
            name = callee.attr if isinstance(callee, ast.Attribute) else getattr(callee, "id", "")
            yield f"{name.lstrip('_')}.{node.func.attr}"


def test_every_service_on_disk_is_linted() -> None:
    linter = PYPROJECT["tool"]["importlinter"]
    by_id = {contract["id"]: contract for contract in linter["contracts"]}
    assert set(PACKAGES) <= set(linter["root_packages"])
    assert sorted(by_id["independence"]["modules"]) == PACKAGES
    assert sorted(by_id["rooms"]["containers"]) == PACKAGES
    named = {part.strip() for layer in by_id["levels"]["layers"] for part in re.split(r"[|:]", layer)}
    assert set(PACKAGES) <= named
    assert {f"services/{package.removeprefix('mrx_')}" for package in PACKAGES} <= set(
        PYPROJECT["tool"]["mypy"]["mypy_path"]
    )


def test_only_the_store_the_bus_and_migrations_commit_by_hand() -> None:
    for path in sources():
        if any(call.endswith(".commit") for call in calls(path)):
            assert path.is_relative_to(ROOT / "shared/core/mrx_shared"), f"{path} commits"


def test_nothing_publishes_but_the_bus() -> None:
    for path in sources():
        if not path.is_relative_to(ROOT / "shared/core/mrx_shared/bus"):
            found = PAST_THE_OUTBOX & set(calls(path))
            assert not found, f"{path} publishes past the outbox"


def test_tables_stay_in_adapters() -> None:
    for path in sources():
        if "table=True" in path.read_text(encoding="utf-8"):
            assert path.parent.name in {"adapters", "store"}, f"{path} declares a table"


@pytest.mark.parametrize("name", sorted(APPS))
def test_a_services_readme_names_what_it_consumes_and_publishes(name: str) -> None:
    told = set(re.findall(r"`(mrx\.[a-z_]+\.[a-z-]+\.v\d+)`", readme(name)))
    says = {message.type for message in messages() if message.owner() == name}
    hears = {message.type for one in APPS[name].state.subscriptions for message in one.messages}
    assert told == says | hears


@pytest.mark.parametrize("name", sorted(APPS))
def test_a_services_readme_names_its_routes(name: str) -> None:
    told = set(re.findall(r"`((?:GET|POST) /v1/[^`]*)`", readme(name)))
    has = {
        f"{method.upper()} {path}"
        for path, methods in APPS[name].openapi()["paths"].items()
        if not path.startswith(("/v1/operations", "/health", "/metrics"))
        for method in methods
    }
    assert told == has


@pytest.mark.parametrize("name", sorted(APPS))
def test_a_services_readme_names_its_settings(name: str) -> None:
    settings = settings_of(name)
    assert issubclass(settings, ServiceSettings)
    of_kafka = {f"MRX_KAFKA_{key}".upper() for key in KafkaSettings.model_fields}
    assert settings_told(name) == variables(settings) | of_kafka


def test_the_portals_readme_names_its_settings() -> None:
    assert settings_told("portal") == variables(settings_of("portal"))


def test_every_package_has_a_card() -> None:
    for package in PACKAGES:
        text = (ROOT / "services" / package.removeprefix("mrx_") / package / "__init__.py").read_text("utf-8")
        assert ast.get_docstring(ast.parse(text)), f"{package} says nothing of itself"


def names_in(path: Path) -> Iterator[tuple[int, str]]:
    """Every name that a module has, takes or gives, and where; its own first."""
    yield 1, path.stem
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for field in ("id", "attr", "arg", "name", "asname"):
            name = getattr(node, field, None)
            if isinstance(name, str):
                yield getattr(node, "lineno", 1), name


def private_words(name: str) -> frozenset[str]:
    words = {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])", name)}
    return BANNED_WORDS & words | BANNED_CLASSES & {name.lstrip("_")}


def test_names_are_the_fields_own_words() -> None:
    for path in sources():
        for line, name in names_in(path):
            assert not private_words(name), f"{path}:{line}: {name}; see 0042-the-fields-words.md"


@pytest.mark.parametrize(
    "name", ["put_aside", "Bell", "_bell", "PUT_ASIDE_AFTER", "MemberDesk", "_Letter", "Step"]
)
def test_a_private_word_is_found_in_every_kind_of_name(name: str) -> None:
    assert private_words(name)


@pytest.mark.parametrize(
    "name", ["dead_letter", "DeadLetterRow", "ListPage", "tied_groups", "history", "steps"]
)
def test_the_fields_words_pass(name: str) -> None:
    assert not private_words(name)


def test_tests_import_no_test_module() -> None:
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
                for name in (f"{module}{one.name}" for one in node.names):
                    of_a_test = name.startswith("tests.") and ".test_" in name
                    assert not of_a_test, (
                        f"{path}:{node.lineno}: move what tests share to conftest.py or a module without test_"
                    )


def readme(name: str) -> str:
    return (ROOT / "services" / name / "README.md").read_text(encoding="utf-8")


def settings_of(name: str) -> type[BaseSettings]:
    module = __import__(f"mrx_{name}.settings", fromlist=["Settings"])
    settings: type[BaseSettings] = module.Settings
    return settings


def variables(settings: type[BaseSettings]) -> set[str]:
    prefix = str(settings.model_config["env_prefix"])
    return {
        str(field.validation_alias or f"{prefix}{key}".upper())
        for key, field in settings.model_fields.items()
    }


def settings_told(name: str) -> set[str]:
    return set(re.findall(r"`(MRX_[A-Z0-9_]+)`", readme(name)))


@pytest.mark.parametrize("path", sorted((ROOT / "docs").rglob("*.md")), ids=lambda path: path.name)
def test_every_table_of_a_document_has_a_heading(path: Path) -> None:
    blocks = re.findall(r"(?:^\|.*\n)+", path.read_text(encoding="utf-8"), re.MULTILINE)
    for rows in (block.splitlines() for block in blocks):
        assert len(rows) > 2, rows
        assert re.fullmatch(r"\|(:?-+:?\|)+", rows[1]), rows[0]
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1, rows[0]
