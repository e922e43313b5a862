"""The check runs in a child process: its answer counts, and nothing else that becomes of it."""

import sys
from pathlib import Path
from tempfile import TemporaryFile

import pytest
from mrx_exchange_adapter.adapters.inspector import ChildInspector
from mrx_exchange_adapter.ports import NoVerdict, TookTooLong

from tests.unit.exchange_adapter.pdf_samples import plain, saved, script_at_opening


async def verdict(body: bytes, inspector: ChildInspector) -> tuple[str, ...]:
    with TemporaryFile() as file:
        file.write(body)
        return await inspector.inspect(file)


async def test_the_child_says_what_is_wrong_with_the_file() -> None:
    inspector = ChildInspector()
    assert await verdict(saved(plain), inspector) == ()
    assert await verdict(saved(script_at_opening), inspector) == ("active-content",)
    assert await verdict(b"MZ", inspector) == ("not-a-pdf",)


BUSY = """
import resource
resource.setrlimit(resource.RLIMIT_CPU, (1, 3))
while True:
    pass
"""


async def test_a_check_that_uses_up_its_processors_time_is_a_verdict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = tmp_path / "python"
    busy.write_text(f"#!{sys.executable}\n{BUSY}")
    busy.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(busy))
    assert await verdict(saved(plain), ChildInspector()) == ("too-complex",)


async def test_a_child_that_takes_too_long_is_ended_without_a_verdict() -> None:
    with pytest.raises(TookTooLong):
        await verdict(saved(plain), ChildInspector(patience_s=0.001))


async def test_a_child_that_fails_gives_no_verdict() -> None:
    with pytest.raises(NoVerdict, match="ended with 1"):
        await verdict(saved(plain), ChildInspector(module="mrx_exchange_adapter.nothing_of_the_kind"))


async def test_a_child_that_says_something_else_gives_no_verdict() -> None:
    with pytest.raises(NoVerdict, match="read"):
        await verdict(saved(plain), ChildInspector(module="this"))  # prints a poem
