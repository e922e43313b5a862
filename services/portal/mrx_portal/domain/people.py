"""People who sign in."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

HOMES: Final = {"member": "/member", "secretariat": "/secretariat", "reviewer": "/reviewer"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A person with an open session at the registry."""

    principal_id: str
    name: str
    role: str
    member_id: str | None
    member_name: str | None

    @property
    def home(self) -> str:
        """The person's first page."""
        return HOMES.get(self.role, "/no-pages")


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOpened:
    """A session that the registry has just opened."""

    session: str = field(repr=False)
    browser: str | None = field(repr=False)
    """the browser's mark, for its next sign-in; none from a registry of before there were marks"""
    expires_at: datetime
    person: Person


def own_path(path: str, *, otherwise: str) -> str:
    """Where to go on to after signing in: a path of the portal and nothing else."""
    inside = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if inside and "\\" not in path else otherwise
