"""Starts processes, restarts at once what dies, says in `stack.json` what runs, and leaves nothing behind."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

import psutil

from mrx_local.memory import memory_mib, peak_mib
from mrx_local.process import ProcessSpec, bound_to_parent, environment
from mrx_local.state_files import write_private

READY_WITHIN = 120.0
STOPPED_WITHIN = 15.0
PROBE_EVERY = 0.05
MEASURE_EVERY = 5.0
AT_MOST_STARTED_EVERY = 0.2
"""A floor, not a delay that grows: a program that fails at its first line must not eat the machine."""
FAILED_STARTS = 3
LOG_TAIL = 2_000


class StartFailed(OSError):
    """A process of the stack cannot be brought to serve; the last lines of its log are in the text."""


class AlreadyRunning(OSError):
    """Another supervisor holds the folder."""


class Terminated(SystemExit):
    """SIGTERM came, and everything has been stopped."""


@dataclass(frozen=True, slots=True)
class _Reporting:
    """Where a kept process tells what happens to it."""

    changed: Callable[[], None]
    say: Callable[[str], None]


class _Kept:
    """One process and its successors, from the first start to the stop."""

    def __init__(self, spec: ProcessSpec, log: Path, reporting: _Reporting) -> None:
        self.spec = spec
        self.log = log
        self.memory_mib: float | None = None
        self.peak_mib = 0.0
        self._serving = asyncio.Event()
        self._reporting = reporting
        self._process: asyncio.subprocess.Process | None = None
        self._born: float | None = None
        self._ready_s: float | None = None
        self._stopping = asyncio.Event()
        self._life = asyncio.create_task(self._live(), name=f"keep {spec.name}")

    async def until_serving(self) -> None:
        """Return when the process serves for the first time; raises StartFailed when it cannot."""
        serving = asyncio.create_task(self._serving.wait())
        try:
            await asyncio.wait(
                {serving, self._life}, timeout=READY_WITHIN, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            serving.cancel()
        if self._life.done():
            await self._life
        if not self._serving.is_set():
            raise StartFailed(
                f"{self.spec.name} does not serve after {READY_WITHIN:.0f} s, see {self.log}:\n{_tail(self.log)}"
            )

    async def stop(self) -> None:
        """Ask the process to end, and insist after a while."""
        self._stopping.set()
        self.note_peak()
        self._signal(self.spec.stop_signal)
        _, alive = await asyncio.wait({self._life}, timeout=STOPPED_WITHIN)
        if alive:
            self._reporting.say(f"{self.spec.name} did not stop within {STOPPED_WITHIN:.0f} s and is killed")
            self._signal(signal.SIGKILL)
            await asyncio.wait({self._life}, timeout=STOPPED_WITHIN)

    def note_peak(self) -> None:
        """Keep how much the process and its children held at most, successors included."""
        if self.pid is not None:
            self.peak_mib = max(self.peak_mib, peak_mib(self.pid))

    async def _live(self) -> None:
        started = time.monotonic()
        if self.spec.prepare is not None:
            await asyncio.to_thread(self.spec.prepare)
        failures = 0
        while not self._stopping.is_set():
            code = await self._one_life(started)
            if self._stopping.is_set():
                return
            # Whoever kills a process from outside has not shown that it cannot start.
            failures = failures + 1 if code > 0 and not self._serving.is_set() else failures
            if failures >= FAILED_STARTS:
                raise StartFailed(f"{self.spec.name} {_ending(code)}, see {self.log}:\n{_tail(self.log)}")
            self._reporting.say(f"{self.spec.name} {_ending(code)} and is started again")
            await asyncio.sleep(AT_MOST_STARTED_EVERY - (time.monotonic() - started))
            started = time.monotonic()

    async def _one_life(self, started: float) -> int:
        with self.log.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *bound_to_parent(
                    self.spec.argv, death_signal=self.spec.death_signal, account=self.spec.account
                ),
                cwd=self.spec.cwd,
                env=environment(self.spec.env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self._process, self._born = process, _born(process.pid)
        if self._stopping.is_set():
            self._signal(self.spec.stop_signal)
        self._reporting.changed()
        probing = asyncio.create_task(self._until_ready(started))
        try:
            return await process.wait()
        finally:
            probing.cancel()
            await asyncio.wait({probing})
            self._process = self._ready_s = self.memory_mib = None
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)  # its children, if it left any
            for path in self.spec.litter:
                path.unlink(missing_ok=True)
            self._reporting.changed()

    async def _until_ready(self, started: float) -> None:
        surprises = set()
        while True:
            try:
                if await self.spec.ready():
                    break
            except Exception as error:  # noqa: BLE001 - whatever a probe stumbles over, the process does not serve yet
                if (surprise := repr(error)) not in surprises:
                    self._reporting.say(f"{self.spec.name} cannot be probed: {surprise}")
                    surprises.add(surprise)
            await asyncio.sleep(PROBE_EVERY)
        self.memory_mib = await asyncio.to_thread(memory_mib, self.pid)
        self._ready_s = round(time.monotonic() - started, 2)
        self._serving.set()
        self._reporting.changed()
        self._reporting.say(f"{self.spec.name} ready in {self._ready_s:.1f} s at {self.spec.url}")

    def _signal(self, what: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(what)

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def entry(self) -> dict[str, object]:
        return {
            "name": self.spec.name,
            "kind": self.spec.kind,
            "pid": self.pid,
            "born": self._born,
            "url": self.spec.url,
            "log": str(self.log),
            "ready_s": self._ready_s,
            "rss_mib": self.memory_mib,
        }


class Supervisor:
    """The processes of one folder, as an asynchronous context: leaving it stops everything, last started first.

    Ctrl-C and SIGTERM cancel the body; after SIGTERM the context ends in Terminated.
    """

    def __init__(self, folder: Path, *, say: Callable[[str], None] = print) -> None:
        self.folder = folder.resolve()
        self._logs = self.folder / "logs"
        self._say = say
        self._phases: list[list[_Kept]] = []
        self._facts: dict[str, object] = {}
        self._state = "starting"
        self._lock: IO[str] | None = None
        self._measuring: asyncio.Task[None] | None = None
        self._measures = asyncio.Lock()
        self._past_peaks: dict[str, float] = {}
        """of processes that were replaced"""
        self._body: asyncio.Task[Any] | None = None
        self._terminated = False

    async def __aenter__(self) -> Self:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._lock = hold(self.folder)
        await asyncio.to_thread(_end_leftovers, self.folder)
        self._body = asyncio.current_task()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._terminate)
        self._write()
        self._measuring = asyncio.create_task(self._measure_for_ever())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._state = "stopping"
        self._write()
        for phase in reversed(self._phases):
            await asyncio.gather(*(kept.stop() for kept in phase))
        if self._measuring is not None:
            self._measuring.cancel()
        self._state = "stopped"
        self._phases = []
        self._write()
        asyncio.get_running_loop().remove_signal_handler(signal.SIGTERM)
        if self._lock is not None:
            self._lock.close()
        if self._terminated:
            raise Terminated(128 + signal.SIGTERM)

    def _terminate(self) -> None:
        if not self._terminated and self._body is not None:
            self._terminated = True
            self._body.cancel()

    async def start(self, *specs: ProcessSpec) -> None:
        """Start all of them at once and return when all of them serve. What is started later is stopped earlier."""
        phase = [
            _Kept(spec, self._logs / f"{spec.name}.log", _Reporting(self._write, self._say)) for spec in specs
        ]
        self._phases.append(phase)
        waiting = [asyncio.create_task(kept.until_serving()) for kept in phase]
        try:
            await asyncio.gather(*waiting)
        finally:
            for task in waiting:
                task.cancel()
        await self._measure()

    async def replace(self, *specs: ProcessSpec) -> None:
        """Stop the processes of these names, all at once, and start these in their place."""
        names = {spec.name for spec in specs}
        old = [kept for phase in self._phases for kept in phase if kept.spec.name in names]
        await asyncio.gather(*(kept.stop() for kept in old))
        self._past_peaks = self._peaks(old)
        self._phases = [[kept for kept in phase if kept not in old] for phase in self._phases]
        await self.start(*specs)

    async def run_once(self, name: str, argv: tuple[str, ...], env: Mapping[str, str], *, cwd: Path) -> None:
        """Run a job to its end; raises StartFailed when that is not status 0."""
        started = time.monotonic()
        log = self._logs / f"{name}.log"
        with log.open("ab") as output:
            job = await asyncio.create_subprocess_exec(
                *bound_to_parent(argv),
                cwd=cwd,
                env=environment(env),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        try:
            code = await job.wait()
        finally:
            if job.returncode is None:
                job.kill()
                await job.wait()
        if code != 0:
            raise StartFailed(f"{name} {_ending(code)}, see {log}:\n{_tail(log)}")
        self._say(f"{name} done in {time.monotonic() - started:.1f} s")

    def publish(self, **facts: object) -> None:
        """Add what others may want to know of the stack to `stack.json`."""
        self._facts |= facts
        self._write()

    def serves(self) -> None:
        """All that was to be started serves: `stack.json` says so."""
        self._state = "ready"
        self._write()

    def memory_mib(self) -> float:
        """What the processes held when they were last measured."""
        return round(sum(kept.memory_mib or 0.0 for phase in self._phases for kept in phase), 1)

    async def peaks_mib(self) -> Mapping[str, float]:
        """What each process held at most since the start, over all its restarts; seen every few seconds."""
        await self._measure()
        return self._peaks([kept for phase in self._phases for kept in phase])

    def _peaks(self, these: Iterable[_Kept]) -> dict[str, float]:
        peaks = dict(self._past_peaks)
        for kept in these:
            peaks[kept.spec.name] = max(kept.peak_mib, peaks.get(kept.spec.name, 0.0))
        return peaks

    async def _measure_for_ever(self) -> None:
        while True:
            await asyncio.sleep(MEASURE_EVERY)
            await self._measure()

    async def _measure(self) -> None:
        # Whoever began before the last process had started would otherwise say last that it holds nothing.
        async with self._measures:
            kept = [(kept, kept.pid) for phase in self._phases for kept in phase]
            measured = await asyncio.to_thread(lambda: [memory_mib(pid) for _, pid in kept])
            for one, _ in kept:
                one.note_peak()
            for (one, pid), held in zip(kept, measured, strict=True):
                if one.pid == pid:
                    one.memory_mib = held
            self._write()

    def _write(self) -> None:
        processes = [kept.entry() for phase in self._phases for kept in phase]
        stack = {"state": self._state, "pid": os.getpid(), **self._facts, "processes": processes}
        write_private(self.folder / "stack.json", json.dumps(stack, indent=2))


def hold(folder: Path) -> IO[str]:
    """Take the folder for this process as long as the returned file stays open; raises AlreadyRunning."""
    lock = (folder / "stack.lock").open("a", encoding="utf-8")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        lock.close()
        raise AlreadyRunning(f"a stack is running in {folder}") from None
    return lock


def read_stack(folder: Path) -> dict[str, Any]:
    """What `stack.json` says; empty when there has never been a stack."""
    try:
        stack: dict[str, Any] = json.loads((folder / "stack.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return stack


def _end_leftovers(folder: Path) -> None:
    """Wait for the processes of a supervisor that was killed: they are on their way out, holding ports and data."""
    leftovers = []
    for entry in read_stack(folder).get("processes", []):
        with contextlib.suppress(psutil.NoSuchProcess):
            if (
                entry["pid"] is not None
                and (process := psutil.Process(entry["pid"])).create_time() == entry["born"]
            ):
                leftovers.append(process)
    _, alive = psutil.wait_procs(leftovers, timeout=STOPPED_WITHIN)
    for process in alive:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(alive, timeout=STOPPED_WITHIN)


def _born(pid: int) -> float | None:
    try:
        return psutil.Process(pid).create_time()
    except psutil.NoSuchProcess:
        return None


def _ending(code: int) -> str:
    return f"ended with status {code}" if code >= 0 else f"was ended by {signal.Signals(-code).name}"


def _tail(log: Path) -> str:
    return log.read_bytes()[-LOG_TAIL:].decode(errors="replace").strip() if log.exists() else ""
