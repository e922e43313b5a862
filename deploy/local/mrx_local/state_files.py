"""What a stack keeps in its folder from one start to the next: its ports and its secrets."""

import base64
import contextlib
import json
import os
import random
import secrets
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

LOOPBACK = "127.0.0.1"
LOWEST_PORT = 15_000
EPHEMERAL_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def slug(name: str) -> str:
    """A name as part of a file's name."""
    return "".join(letter if letter.isalnum() else "-" for letter in name.lower()).strip("-")


def write_private(path: Path, text: str) -> None:
    """Put `text` where `path` is, whole or not at all, readable by its owner alone."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def random_password() -> str:
    """Long enough, and of letters that need no quoting in a URL, a properties file or JSON."""
    return secrets.token_hex(24)


def typed_password() -> str:
    """Short enough to be typed by a person."""
    return secrets.token_urlsafe(12)


def random_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(32)).decode()


class Secrets:
    """Secrets by name, made at first use and kept in one file that only its owner can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, str] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}

    def get(self, name: str, make: Callable[[], str] = random_password) -> str:
        if name not in self._known:
            self.keep(name, make())
        return self._known[name]

    def keep(self, name: str, value: str) -> None:
        self._known[name] = value
        write_private(self._path, json.dumps(self._known, indent=2))


class Ports:
    """Loopback ports by name, the same from one start to the next as long as nobody else has taken them.

    They lie below the range from which the kernel takes the ports of outgoing connections: a client that tries again and
    again to reach a server that is being restarted could otherwise be given the server's own port, and keep it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, int] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self._given: set[int] = set()

    def get(self, name: str, *, second: int = 0) -> int:
        """The port of this name; the one `second` above it is free and in nobody else's use too."""
        known = self._known.get(name)
        if known is None or not self._may_give(known, second, self._given):
            taken = self._given | set(self._known.values())
            self._known[name] = next(
                port for port in _candidates(second) if self._may_give(port, second, taken)
            )
            self._path.write_text(json.dumps(self._known, indent=2), encoding="utf-8")
        self._given |= {self._known[name], self._known[name] + second}
        return self._known[name]

    @staticmethod
    def _may_give(port: int, second: int, taken: set[int]) -> bool:
        return all(candidate not in taken and _is_free(candidate) for candidate in (port, port + second))


def _candidates(second: int) -> Iterator[int]:
    try:
        highest = int(EPHEMERAL_RANGE.read_text(encoding="ascii").split()[0])
    except (OSError, ValueError):
        highest = 32_768
    if highest <= LOWEST_PORT:
        highest = 65_536
    while True:
        yield random.randrange(LOWEST_PORT, highest - second)  # noqa: S311 - spreads stacks that start at once, hides nothing


def _is_free(port: int) -> bool:
    with contextlib.closing(socket.socket(socket.AF_INET, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True
