"""`credentials.json`: who may sign in to this stack, readable by its owner alone, and a profile file for each member."""

import json
import re
from pathlib import Path
from typing import Any

from mrx_local.state_files import write_private

Person = dict[str, str]
CALLED_BY_MEMBERS = ("registry", "aggregation", "report_request", "exchange_adapter")


class Credentials:
    """The credentials of one stack's folder; every change is on disk before it returns."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "credentials.json"
        self._known: dict[str, Any] = {"secretariat": [], "members": {}}
        if self._path.exists():
            self._known |= json.loads(self._path.read_text(encoding="utf-8"))

    def addresses(self, *, services: dict[str, str], kafka: dict[str, str]) -> None:
        """Where everything is now: it may have moved since the last start."""
        self._known |= {f"{service}_url": url for service, url in services.items()} | {"kafka": kafka}
        self._save()
        for name in self._known["members"]:
            self._write_profile(name)

    @property
    def secretariat(self) -> list[Person]:
        """The secretariat's people in the order in which they were introduced: a release needs two of them."""
        return list(self._known["secretariat"])

    def person(self, key: str) -> Person | None:
        """`reviewer`, `second_reviewer` or `operator`."""
        found: Person | None = self._known.get(key)
        return found

    def keep_person(self, key: str, person: Person) -> None:
        if key == "secretariat":
            self._known["secretariat"].append(person)
        else:
            self._known[key] = person
        self._save()

    @property
    def sign_ins(self) -> dict[str, dict[str, str]]:
        """E-mail address and password for the pages, by the person's name."""
        return dict(self._known.get("sign_ins", {}))

    def keep_sign_in(self, name: str, sign_in: dict[str, str]) -> None:
        """Keep how a person signs in to the pages."""
        self._known["sign_ins"] = {**self.sign_ins, name: sign_in}
        self._save()

    def keep_member(self, member: dict[str, Any]) -> Path:
        """Keep a member's credentials under its name and write its profile; returns the profile's path."""
        self._known["members"][member["name"]] = member
        self._save()
        return self._write_profile(member["name"])

    def member(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = self._known["members"][name]
        return found

    @property
    def members(self) -> dict[str, dict[str, Any]]:
        """Every member's credentials, by name."""
        return dict(self._known["members"])

    def profile(self, name: str) -> Path:
        """Where the profile of a member lies, for `mrx member --profile`."""
        slug = re.sub(r"\W+", "-", name.casefold()).strip("-")
        # Two names may read alike: the id tells them apart.
        alike = [
            one for one in self._known["members"] if re.sub(r"\W+", "-", one.casefold()).strip("-") == slug
        ]
        if not slug or len(alike) > 1:
            slug = f"{slug}-{self.member(name)['member_id']}".strip("-")
        return self._folder / "members" / f"{slug}.json"

    def _save(self) -> None:
        write_private(self._path, json.dumps(self._known, indent=2, ensure_ascii=False))

    def _write_profile(self, name: str) -> Path:
        member = self._known["members"][name]
        path = self.profile(name)
        path.parent.mkdir(mode=0o700, exist_ok=True)
        profile = {
            **{key: member[key] for key in ("member_id", "name", "kafka_username", "kafka_password")},
            **{key: member[key] for key in ("client_id", "client_secret")},
            **{f"{name}_url": self._known[f"{name}_url"] for name in CALLED_BY_MEMBERS},
            "kafka_bootstrap_servers": self._known["kafka"]["bootstrap_servers"],
            "kafka_security_protocol": self._known["kafka"]["security_protocol"],
            "home": str(path.with_suffix("")),
        }
        write_private(path, json.dumps(profile, indent=2, ensure_ascii=False))
        return path
