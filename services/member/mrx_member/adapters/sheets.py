"""The member's files: read as cells, compared, copied; tables written."""

import csv
import io
import json
import shutil
from collections.abc import Iterable, Sequence
from hashlib import file_digest
from pathlib import Path

from mrx_lists.cells import Sheet
from mrx_lists.columns import recognised
from mrx_lists.sheets import Known, check_size, read_sheet
from mrx_shared.refusals import Invalid

from mrx_member.domain.reading import Entry

_RELEASED = {"entry_id", "site_name", "country"}
_NAMELESS = ("site_name", "")


class Sheets:
    """The port `Files` on the file system."""

    def sheet(self, path: Path, *, encoding: str | None = None, known: Known = recognised) -> Sheet:
        """The cells of a CSV or XLSX file, told apart by content. Raises `Invalid` for what it cannot read."""
        check_size(path.name, path.stat().st_size)
        return read_sheet(path.name, path.read_bytes(), known=known, encoding=encoding)

    def released(self, path: Path) -> Sequence[Entry]:
        """The rows of a released list, from its folder, `list.csv` or `list.json`; none without a name."""
        if path.is_dir():
            path /= "list.csv"
        text = path.read_text(encoding="utf-8-sig")
        try:
            table = (
                json.loads(text)
                if path.suffix == ".json"
                else list(csv.DictReader(io.StringIO(text, newline="")))
            )
            found = [
                {column: str(value) for column, value in row.items() if value or (column, value) == _NAMELESS}
                for row in table
            ]
        except (ValueError, AttributeError) as error:
            raise Invalid(
                f"{path} is not a released list", remedy="fetch it again with `mrx member fetch`"
            ) from error
        if bad := next((number for number, row in enumerate(found, 2) if not row.keys() >= _RELEASED), None):
            raise Invalid(
                f"{path} is not a released list: it lacks one of {', '.join(sorted(_RELEASED))}",
                row=bad,
                remedy="name the folder or the file of a released list",
            )
        return [Entry(row=number, values=row) for number, row in enumerate(found, 2) if row["site_name"]]

    def copy(self, folder: Path, out: Path) -> None:
        """Copy the files of a folder into another."""
        out.mkdir(parents=True, exist_ok=True)
        for file in folder.iterdir():
            partial = out / f"{file.name}.partial"
            shutil.copyfile(file, partial)
            partial.replace(out / file.name)

    def sha256(self, path: Path) -> str | None:
        """The SHA-256 of a file, None where there is none."""
        if not path.is_file():
            return None
        with path.open("rb") as file:
            return file_digest(file, "sha256").hexdigest()

    def write(self, path: Path, headings: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Write a CSV table (UTF-8, without a mark: it would become part of the first name), whole or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.partial")
        with partial.open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(headings)
            table.writerows(rows)
        partial.replace(path)
