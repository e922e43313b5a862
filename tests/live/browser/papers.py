"""Audit reports as suppliers have them, and files that only look like one."""

import os
from pathlib import Path

import pikepdf


def report(path: Path, *, title: str = "Audit report", mebibytes: float = 0) -> Path:
    """A PDF; with pictures that make it so large."""
    with pikepdf.new() as made:
        made.add_blank_page()
        made.docinfo["/Title"] = title
        if mebibytes:
            made.pages[0].obj.Resources = pikepdf.Dictionary(
                XObject=pikepdf.Dictionary(A=pikepdf.Stream(made, os.urandom(int(mebibytes * 2**20))))
            )
        made.save(path)
    return path


def with_script(path: Path) -> Path:
    """A PDF with JavaScript in it."""
    with pikepdf.new() as made:
        made.add_blank_page()
        made.Root.OpenAction = pikepdf.Dictionary(
            S=pikepdf.Name.JavaScript, JS=pikepdf.String("app.alert('hello')")
        )
        made.save(path)
    return path


def picture_named_pdf(path: Path) -> Path:
    """The first bytes of a PNG under the name of a PDF."""
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(2_000))
    return path
