"""How much memory a process and its children hold, and held at most."""

import re
from collections.abc import Iterator
from pathlib import Path

import psutil

MIB = 1024 * 1024
_KIB = re.compile(r"^(VmHWM|RssFile|RssShmem):\s+(\d+) kB$", re.MULTILINE)


def memory_mib(pid: int | None) -> float | None:
    """Resident memory of a process and its children, a page that several of them share counted once among them."""
    if pid is None:
        return None
    try:
        root = psutil.Process(pid)
        family = [root, *root.children(recursive=True)]
    except psutil.Error:
        return None
    total = 0.0
    for process in family:
        try:
            total += process.memory_full_info().pss
        except psutil.AccessDenied:
            total += process.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return round(total / MIB, 1)


def peak_mib(pid: int, *, children: bool = True) -> float:
    """The most that a process and its present children held, by the kernel's own mark (VmHWM); 0 once it is gone.

    What several of them may share (files and shared memory, as PostgreSQL's backends do) is counted once, as the
    largest share of one of them.
    """
    own, shared = 0, 0
    for status in _statuses(pid, children=children):
        found = {name: int(kib) for name, kib in _KIB.findall(status)}
        sharing = found.get("RssFile", 0) + found.get("RssShmem", 0)
        own += max(found.get("VmHWM", 0) - sharing, 0)
        shared = max(shared, sharing)
    return round((own + shared) / 1024, 1)


def _statuses(pid: int, *, children: bool = True) -> Iterator[str]:
    process = Path("/proc") / str(pid)
    try:
        status = (process / "status").read_text(encoding="utf-8")
        found = [int(child) for tasks in process.glob("task/*/children") for child in _read(tasks)]
    except OSError:
        return
    yield status
    for child in found if children else ():
        yield from _statuses(child)


def _read(children: Path) -> list[str]:
    try:
        return children.read_text(encoding="utf-8").split()
    except OSError:
        return []
