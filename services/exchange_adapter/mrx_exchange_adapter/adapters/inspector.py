"""Looks into files in a child process, which can hurt nobody and is killed when it takes too long."""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from typing import BinaryIO

from mrx_exchange_adapter.domain.findings import REMEDIES
from mrx_exchange_adapter.ports import NoVerdict, TookTooLong

CHILD = "mrx_exchange_adapter.adapters.pdf"
PATIENCE_S = 120.0
ANSWER_BYTES = 4096


class ChildInspector:
    """See `ports.Inspector`."""

    def __init__(self, *, module: str = CHILD, patience_s: float = PATIENCE_S) -> None:
        self._module = module
        self._patience_s = patience_s

    async def inspect(self, body: BinaryIO) -> tuple[str, ...]:
        """See `ports.Inspector`. The child gets the open file and nothing else: no environment, no name."""
        body.flush()
        body.seek(0)
        child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-B", "-m", self._module),
            stdin=body,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={},
            cwd="/",
            close_fds=True,
            start_new_session=True,
        )
        assert child.stdout is not None
        try:
            async with asyncio.timeout(self._patience_s):
                answer = await child.stdout.read(ANSWER_BYTES)
                status = await child.wait()
        except TimeoutError:
            raise TookTooLong("the check took too long") from None
        finally:
            with suppress(ProcessLookupError):
                child.kill()
            await child.wait()
        if status == -signal.SIGXCPU:
            # Of its processor's time, which is not the clock's: the same file would use it up again.
            return ("too-complex",)
        if status != 0:
            raise NoVerdict(f"the check ended with {status}")
        return _reasons(answer)


def _reasons(answer: bytes) -> tuple[str, ...]:
    """The child's answer, believed only where it is a list of codes that we know."""
    try:
        said = json.loads(answer)
    except ValueError:
        raise NoVerdict("the check said nothing that can be read") from None
    if not isinstance(said, list) or not all(isinstance(one, str) and one in REMEDIES for one in said):
        raise NoVerdict("the check said something unknown")
    return tuple(said)
