"""What a demo says while it runs, and the table of seconds and memory at its end."""

import asyncio
import io
import sys
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from rich.console import Console
from rich.table import Table

SAY_EVERY_S = 10.0
WIDTH = 100


@dataclass(slots=True)
class Stage:
    """A step that runs: says lines, and how far it is when that takes long."""

    say: Callable[[str], None]
    so_far: str = ""
    """such as `12 of 94 lists`"""

    def __call__(self, line: str) -> None:
        """Say a line."""
        self.say(line)


@dataclass(slots=True)
class ProgressLog:
    """Prints each step with its seconds while it runs, and keeps the seconds."""

    seconds: dict[str, float] = field(default_factory=dict)
    began: float = field(default_factory=time.monotonic)
    write: Callable[[str], object] = sys.stdout.write
    every_s: float = SAY_EVERY_S
    """after so long, and again each time, a step says that it still runs"""

    def say(self, line: str) -> None:
        """Print a line with the time since the start."""
        self.write(f"{time.monotonic() - self.began:7.1f} s  {line}\n")
        sys.stdout.flush()

    @asynccontextmanager
    async def step(self, name: str) -> AsyncIterator[Stage]:
        """Time a step, and say now and then that it still runs."""
        began = time.monotonic()
        step = Stage(self.say)
        going_on = asyncio.create_task(self._go_on(name, step, began))
        try:
            yield step
        finally:
            going_on.cancel()
        self.seconds[name] = round(time.monotonic() - began, 2)

    async def _go_on(self, name: str, step: Stage, began: float) -> None:
        while True:
            await asyncio.sleep(self.every_s)
            so_far = f": {step.so_far}" if step.so_far else ""
            self.say(f"… {name} for {time.monotonic() - began:.0f} s{so_far}")

    def table(self, peaks_mib: Mapping[str, float]) -> None:
        """Print the seconds of each step, and the peak memory of each process."""
        steps = Table("step", "seconds")
        for name, seconds in self.seconds.items():
            steps.add_row(name, f"{seconds:.1f}")
        memory = Table("process", "peak MiB")
        for name, mib in sorted(peaks_mib.items(), key=lambda one: -one[1]):
            memory.add_row(name, f"{mib:,.0f}")
        for table in (steps, memory):
            table.columns[1].justify = "right"
            drawn = io.StringIO()
            Console(file=drawn, width=WIDTH).print(table)
            self.write(drawn.getvalue())
        sys.stdout.flush()
