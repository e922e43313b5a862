"""What a report may hold, and what it may not, wherever in the file it hides."""

import subprocess
import sys
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from mrx_exchange_adapter.adapters import pdf
from mrx_exchange_adapter.domain.findings import REMEDIES
from mrx_local.demo.reports import write_report

from tests.unit.exchange_adapter.pdf_samples import (
    BAD,
    GOOD,
    Make,
    much_text,
    pages_flattened_to_pictures,
    plain,
    saved,
    script_at_opening,
    ways,
    with_bomb_for_objects,
    with_bomb_of_references,
    zeros_deflated,
)

UNWELCOME = [(reason, make) for reason, makes in BAD.items() for make in makes]
PLAIN = saved(plain, object_stream_mode=pikepdf.ObjectStreamMode.disable)


def faults(body: bytes) -> list[str]:
    return pdf.faults(BytesIO(body))


@pytest.mark.parametrize("how", [one for _, one in ways()], ids=[name for name, _ in ways()])
@pytest.mark.parametrize(
    ("reason", "make"), UNWELCOME, ids=[make.__name__.replace("_", " ") for _, make in UNWELCOME]
)
def test_what_could_do_harm_is_found(reason: str, make: Make, how: dict[str, Any]) -> None:
    assert reason in faults(saved(make, **how))


@pytest.mark.parametrize("how", [one for _, one in ways()], ids=[name for name, _ in ways()])
@pytest.mark.parametrize("make", GOOD, ids=lambda make: make.__name__.replace("_", " "))
def test_what_an_ordinary_report_holds_is_let_through(make: Make, how: dict[str, Any]) -> None:
    assert faults(saved(make, **how)) == []


@pytest.mark.parametrize("user", ["secret", ""])
def test_an_encrypted_file_is_refused_also_where_it_opens_without_a_password(user: str) -> None:
    assert faults(saved(plain, encryption=pikepdf.Encryption(owner="owner", user=user))) == ["encrypted"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty"),
        (b"%PDF-", "not-a-pdf"),
        (b"PK\x03\x04 a spreadsheet", "not-a-pdf"),
        (b"<html>%PDF-1.7 %%EOF startxref</html>", "not-a-pdf"),
        (b"\n" + PLAIN, "not-a-pdf"),
        (PLAIN[:-30], "not-a-pdf"),
        (PLAIN[: len(PLAIN) // 2], "not-a-pdf"),
        (PLAIN + b"PK\x03\x04 an archive behind it", "not-a-pdf"),
        (PLAIN.replace(b"startxref\n", b"startxref\n7"), "damaged"),
        (PLAIN.replace(b"endobj", b"endobx", 1), "damaged"),
        (PLAIN.replace(b"/Root", b"/Toor"), "damaged"),
        (b"%PDF-1.7\n" + b"\x00" * 500 + b"\nstartxref\n9\n%%EOF", "damaged"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_is_no_whole_pdf_is_refused(body: bytes, reason: str) -> None:
    assert faults(body) == [reason]


def test_a_name_written_in_codes_is_read_as_what_it_is() -> None:
    body = saved(script_at_opening, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    masked = body.replace(b"/JavaScript", b"/J#61v#61Script").replace(b"/JS", b"/#4aS")
    assert masked != body
    # Offsets have moved; only the reading of names is of interest here.
    with pikepdf.open(BytesIO(masked), suppress_warnings=True) as read:
        again = BytesIO()
        read.save(again)
    assert faults(again.getvalue()) == ["active-content"]


def test_too_many_parts_are_not_walked_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "OBJECTS", 3)
    assert faults(PLAIN) == ["too-complex"]


def test_pictures_of_pages_count_by_their_own_size_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pdf, "INFLATED", 4 * 1024 * 1024)
    assert faults(saved(pages_flattened_to_pictures)) == []
    assert faults(saved(much_text)) == []
    monkeypatch.setattr(pdf, "INFLATED", 1024 * 1024)
    assert faults(saved(much_text)) == ["too-complex"]


def test_every_reason_has_a_remedy() -> None:
    assert {*BAD, "empty", "not-a-pdf", "damaged", "encrypted"} <= set(REMEDIES)


LIMITED = """
import json, os, socket
from mrx_exchange_adapter.adapters import pdf
pdf.warm_up()
pdf.limit()
tried = {}
def attempt(name, step):
    try:
        step()
        tried[name] = "done"
    except (OSError, MemoryError) as error:
        tried[name] = type(error).__name__
attempt("socket", socket.socket)
attempt("read", lambda: os.open("/etc/passwd", os.O_RDONLY))
attempt("write", lambda: os.open("/tmp/left-behind", os.O_WRONLY | os.O_CREAT))
attempt("pipe", os.pipe)
attempt("memory", lambda: bytearray(4 * 1024 ** 3))
print(json.dumps(tried))
"""


def test_whoever_checks_can_open_neither_socket_nor_file_nor_fill_the_memory() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", LIMITED], capture_output=True, check=True, env={}, text=True
    )
    assert "done" not in done.stdout
    assert done.stdout.count("Error") == 5


MEASURED = """
import io, sys
from mrx_exchange_adapter.adapters import pdf
status = open("/proc/self/status")
pdf.warm_up()
pdf.limit()
found = pdf.faults(io.BytesIO(sys.stdin.buffer.read()))
peak = next(line for line in status if line.startswith("VmHWM"))
print(*found, int(peak.split()[1]) // 1024)
"""


@pytest.mark.parametrize("make", [with_bomb_for_objects, with_bomb_of_references])
def test_what_inflates_while_the_file_is_opened_fills_no_memory(make: Callable[[bytes], bytes]) -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", MEASURED],
        input=make(zeros_deflated(4096)),
        capture_output=True,
        check=True,
        env={},
    )
    verdict, mebibytes = done.stdout.split()
    assert verdict == b"damaged"
    assert int(mebibytes) < 400


def test_the_demonstrations_own_reports_are_let_through(tmp_path: Path) -> None:
    entry = dict.fromkeys(("site_name", "address", "city", "region", "country"), "Wörks & Co, 工厂")
    entry |= {"entry_id": "e", "audit_half_year": "2026-H1", "scheme_family": "SMETA"}
    assert faults(write_report(1, entry, tmp_path / "report.pdf").read_bytes()) == []
