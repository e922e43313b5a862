"""What the project's own tree says: which services have a database, which topics and rights there must be."""

import tomllib
from pathlib import Path

from mrx_shared.refusals import Invalid

from mrx_operator.domain import plan


def services_with_databases(root: Path) -> tuple[str, ...]:
    """Names of the services under `root` that have migrations. Raises `Invalid` when there is none."""
    found = tuple(sorted(folder.parent.name for folder in root.glob("services/*/migrations")))
    if not found:
        raise Invalid(
            f"{root} holds no services/*/migrations", field="--root", remedy="give the project's folder"
        )
    return found


def topics(root: Path) -> tuple[plan.TopicPlan, ...]:
    """What `deploy/kafka/topics.toml` states."""
    return plan.topics(_stated(root / "deploy/kafka/topics.toml"))


def principals(root: Path) -> tuple[plan.PrincipalPlan, ...]:
    """What `deploy/kafka/principals.toml` states."""
    return plan.principals(_stated(root / "deploy/kafka/principals.toml"))


def _stated(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise Invalid(f"{path} is missing", field="--root", remedy="give the project's folder") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"{path}: {error}", field="--root") from None
