"""Which stack of a folder is the one to look at: `stack.json`, `credentials.json` and `members/` lead to it."""

import os
from pathlib import Path

LEADING = ("stack.json", "credentials.json", "members")
UP = "up"
DEMO = "demo-stack"


def show(folder: Path, stack: str) -> None:
    """Let the folder's links lead to one of the stacks below it; a file that stood in their place is left alone."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in LEADING:
        link = folder / name
        if link.exists() and not link.is_symlink():
            continue
        fresh = folder / f".{name}.{os.getpid()}"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(Path(stack) / name)
        fresh.replace(link)
