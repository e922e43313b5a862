"""Running `mrx`, and the files that it is given."""

import csv
from pathlib import Path

from mrx_member.entrypoints.cli import commands
from mrx_member.ports import Backend
from mrx_shared.kit.command import run

from tests.unit.member.conftest import MemoryBackend


def mrx(backend: MemoryBackend, *arguments: str | Path) -> int:
    def open_backend(**_options: object) -> Backend:
        return backend

    return run(commands(open_backend), [str(argument) for argument in arguments])


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
