"""What the stack runs, and how one such process is started so that it never outlives the program that started it."""

import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from mrx_local import parent_death

Ready = Callable[[], Awaitable[bool]]
Kind = Literal["infrastructure", "service"]

PASSED_ON = (
    "HOME",
    "PATH",
    "LANG",
    "LC_ALL",
    "TMPDIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "REQUESTS_CA_BUNDLE",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessSpec:
    """One process of the stack. `ready` says whether it serves."""

    name: str
    kind: Kind
    argv: tuple[str, ...]
    url: str
    ready: Ready
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    """What the process is sent when the supervisor itself is killed."""
    account: str | None = None
    """The account that takes root's place in this process."""
    litter: tuple[Path, ...] = ()
    """Files outside the stack's folder that the program does not always remove when it ends."""
    prepare: Callable[[], None] | None = None
    """What has to be done once before the first start; may take its time, runs in a thread of its own."""


def bound_to_parent(
    argv: tuple[str, ...], *, death_signal: signal.Signals = signal.SIGKILL, account: str | None = None
) -> list[str]:
    """The command line that runs `argv` as a child that dies with this process; start it without further forks."""
    script = [sys.executable, "-I", "-S", str(parent_death.__file__)]
    return [*script, str(os.getpid()), str(int(death_signal)), account or "-", *argv]


def environment(own: Mapping[str, str]) -> dict[str, str]:
    """A child's whole environment: what is its own, and of ours only what is about the machine."""
    return {name: os.environ[name] for name in PASSED_ON if name in os.environ} | dict(own)
