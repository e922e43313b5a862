"""The files that people bring: answers as CSV or XLSX, catalogues as YAML; and the catalogues that come with MRX."""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date, time
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from mrx_shared.limits import ANSWERS_BYTES
from mrx_shared.refusals import Faulty, Invalid
from typing_extensions import override

from mrx_criteria.domain.answers import COLUMNS, TOLD, Answer, Cells, Sifted, read_answers, sift
from mrx_criteria.domain.commonality import Waiver
from mrx_criteria.domain.criteria import Catalogue, catalogue_from, plain_day
from mrx_criteria.domain.lineage import How, Lineage, LineageStep, lineage_between
from mrx_criteria.domain.suggestions import REQUIREMENT_COLUMNS, read_requirements

CATALOGUE_BYTES = 1024 * 1024
UNPACKED_BYTES = 8 * 1024 * 1024
CELLS_PER_ROW = 64
ROWS = 20_000
DEPTH = 8
MARK = "# criteria "
"""A template begins with this and its version, so that it is not filled in for another one."""
WAIVER_COLUMNS = ("clause", "reason", "until")
_NEEDED = ("criterion_id", "relation")
_CSV, _TEXT = "save it again as `CSV UTF-8`", "save it again in UTF-8"
_NOTHING = frozenset({"", "~", "null", "Null", "NULL"})
_ERRORS = frozenset({"#DIV/0!", "#N/A", "#NAME?", "#NULL!", "#NUM!", "#REF!", "#VALUE!"})


def shipped_versions() -> tuple[str, ...]:
    """The versions of the criteria that come with MRX, the oldest first."""
    return tuple(
        sorted(item.name.removesuffix(".yaml") for item in _catalogues().iterdir() if item.is_file())
    )


@cache
def shipped_catalogue(version: str) -> Catalogue:
    """A catalogue that comes with MRX. Its clauses stand in files of their own, which several versions share."""
    if version not in shipped_versions():
        raise Invalid(
            f"no criteria {version[:64]!r}",
            field="criteria",
            remedy=f"name one of {', '.join(shipped_versions())}, or a catalogue file that ends in .yaml",
        )
    name = f"{version}.yaml"
    document = _yaml(_catalogues().joinpath(name).read_text(encoding="utf-8"), file=name)
    clauses = document.pop("includes")
    without = set(document.pop("without", []))
    document["criteria"] = [
        criterion for clause in clauses for criterion in _clause(clause) if criterion["id"] not in without
    ]
    return catalogue_from(document, file=name)


def shipped_lineages() -> dict[tuple[str, str], Lineage]:
    """What became of the criteria, by older and newer version, oldest first."""
    found: dict[tuple[str, str], Lineage] = {}
    for item in sorted(_catalogues().joinpath("lineage").iterdir(), key=lambda one: one.name):
        document = _yaml(item.read_text(encoding="utf-8"), file=f"lineage/{item.name}")
        stated = [
            LineageStep(how=How(one["how"]), before=tuple(one["from"]), after=tuple(one["to"]))
            for one in document["steps"]
        ]
        for older, newer in document["versions"]:
            found[older, newer] = lineage_between(shipped_catalogue(older), shipped_catalogue(newer), stated)
    return found


def catalogue_file(path: Path) -> Catalogue:
    """A catalogue of somebody's own, whole in one file."""
    return catalogue_from(_yaml(_text(path, most=CATALOGUE_BYTES), file=path.name), file=path.name)


def answers_file(path: Path, catalogue: Catalogue) -> tuple[Answer, ...]:
    """The answers of a CSV or XLSX file; rows are numbered as a spreadsheet does."""
    return read_answers(_table(_raw(path, most=ANSWERS_BYTES), path.name, catalogue), catalogue)


def sifted_answers(raw: bytes, name: str, catalogue: Catalogue) -> Sifted:
    """The good rows of an uploaded file, and the faults of the others."""
    if len(raw) > ANSWERS_BYTES:
        raise _too_large(name, ANSWERS_BYTES)
    return sift(_table(raw, name, catalogue), catalogue)


def requirements_file(path: Path) -> tuple[tuple[str, str], ...]:
    """A protocol, one requirement a row: `requirement_ref,requirement_text`."""
    return requirements_of(_raw(path, most=ANSWERS_BYTES), path.name)


def requirements_of(raw: bytes, name: str) -> tuple[tuple[str, str], ...]:
    """The same of an uploaded file, CSV or XLSX. Raises `Faulty` with every fault."""
    if len(raw) > ANSWERS_BYTES:
        raise _too_large(name, ANSWERS_BYTES)
    if name.lower().endswith(".xlsx"):
        rows = _sheet_rows(raw, name, None, REQUIREMENT_COLUMNS, ())
    else:
        rows = _rows(_decoded(raw, name), REQUIREMENT_COLUMNS, ())
    return read_requirements(rows)


def waivers_file(path: Path, as_of: date) -> tuple[Waiver, ...]:
    """The waivers of a CSV file with clause, reason and last day that hold on a day."""
    found: list[Waiver] = []
    rows = _rows(_decoded(_raw(path, most=CATALOGUE_BYTES), path.name), WAIVER_COLUMNS, ())
    for row, cells in _readable(rows):
        if not any(cell.strip() for cell in cells.values()):
            continue
        try:
            until = plain_day(cells.get("until", "").strip())
        except ValueError:
            raise Invalid(
                f"{cells.get('until', '')[:40]!r} is not a day",
                field="until",
                row=row,
                remedy="write the waiver's last day as 2026-06-30",
            ) from None
        try:
            waiver = Waiver(
                clause=cells.get("clause", "").strip(), reason=cells.get("reason", ""), until=until
            )
        except Invalid as error:
            raise Invalid(error.reason, field=error.field, row=row, remedy=error.remedy) from None
        if until >= as_of:
            found.append(waiver)
    return tuple(found)


def _catalogues() -> Traversable:
    return files("mrx_criteria").joinpath("catalogues")


def _clause(clause: str) -> Iterator[dict[str, Any]]:
    name = f"clauses/{clause}.yaml"
    shared = _yaml(_catalogues().joinpath(name).read_text(encoding="utf-8"), file=name)
    for criterion in shared["criteria"]:
        yield {"clause": shared["clause"], "pillar": shared["pillar"], **criterion}


def _text(path: Path, *, most: int) -> str:
    return _decoded(_raw(path, most=most), path.name, remedy=_TEXT)


def _raw(path: Path, *, most: int) -> bytes:
    with path.open("rb") as stream:
        raw = stream.read(most + 1)
    if len(raw) > most:
        raise _too_large(path.name, most)
    return raw


def _too_large(name: str, most: int) -> Invalid:
    return Invalid(
        f"{name} is larger than {most // 1024 // 1024} MiB",
        field="file",
        remedy="keep one entry per criterion, and evidence in separate documents",
    )


def _decoded(raw: bytes, name: str, *, remedy: str = _CSV) -> str:
    if b"\0" in raw.partition(b"\n")[0]:
        raise Invalid(
            f"{name} is not in UTF-8; it seems to be in UTF-16", field="encoding", row=1, remedy=remedy
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise Invalid(
            f"{name} is not in UTF-8: byte {column} of this row is not",
            field="encoding",
            row=row,
            remedy=remedy,
        ) from None


def _table(raw: bytes, name: str, catalogue: Catalogue) -> Iterator[tuple[int, Cells]]:
    if name.lower().endswith(".xlsx"):
        return _sheet_rows(raw, name, catalogue, COLUMNS, TOLD)
    return _csv_rows(_decoded(raw, name), catalogue)


def _csv_rows(text: str, catalogue: Catalogue) -> Iterator[tuple[int, Cells]]:
    above = 0
    marked, _, rest = text.partition("\n")
    marked = marked.strip(' ,;\t\r"')
    if marked.startswith(MARK):
        _check_version(marked, catalogue)
        text, above = rest, 1
    return _rows(text, COLUMNS, TOLD, above=above)


def _check_version(marked: str, catalogue: Catalogue) -> None:
    version = marked.removeprefix(MARK).strip()
    if version != catalogue.version:
        raise Invalid(
            f"this template is for criteria {version[:64]!r}, not {catalogue.version}",
            field="criteria",
            row=1,
            remedy=f"fill in the template for {catalogue.version}, or name the version that this one is for",
        )


def _sheet_rows(
    raw: bytes, name: str, catalogue: Catalogue | None, columns: tuple[str, ...], told: tuple[str, ...]
) -> Iterator[tuple[int, Cells]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - half a second that a CSV file need not pay

    not_a_workbook = Invalid(
        f"{name} is not readable as a workbook",
        field="file",
        remedy="save it again as .xlsx without a password, or as `CSV UTF-8`",
    )
    listed: list[tuple[object, ...]] = []
    try:
        _check_unpacked(raw, name)
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
        sheet = book["Answers"] if "Answers" in book.sheetnames else book.worksheets[0]
        sheet.reset_dimensions()  # what a sheet says of its own size need not be so
        for cells in sheet.iter_rows(values_only=True):
            _check_size(len(listed) + 1, len(cells))
            listed.append(cells)
    except Invalid:
        raise
    except Exception:  # noqa: BLE001 - the library raises whatever a broken file makes it trip over
        raise not_a_workbook from None
    above = 0
    if catalogue is not None and listed and listed[0] and str(listed[0][0]).startswith(MARK):
        _check_version(str(listed.pop(0)[0]), catalogue)
        above = 1
    header = [_shown(cell).strip().lower() for cell in listed.pop(0)] if listed else []
    while header and not header[-1]:
        header.pop()
    _check(header, columns, told, row=1 + above)
    for row, values in enumerate(listed, 2 + above):
        mistaken = _not_typed(header, values, row, columns)
        if mistaken:
            yield from ((row, fault) for fault in mistaken)
        else:
            yield row, _under(header, [_shown(one) for one in values], row)


def _check_size(row: int, columns: int = 0) -> None:
    if row > ROWS or columns > CELLS_PER_ROW:
        raise Invalid(
            f"more than {ROWS} rows" if row > ROWS else f"a cell in column {columns}",
            field="file",
            row=row,
            remedy="delete everything below or beside the answers, including empty rows and columns",
        )


def _shown(value: object) -> str:
    return "" if value is None else str(value)


def _not_typed(
    header: list[str], values: tuple[object, ...], row: int, columns: tuple[str, ...]
) -> list[Invalid]:
    """The faults of cells in which a spreadsheet put a value of its own in place of what was typed."""
    faults: list[Invalid] = []
    for name, value in zip(header, values, strict=False):
        if name not in columns:
            continue
        if isinstance(value, str) and value in _ERRORS:
            fault = f"holds the error {value}"
        elif name == "requirement_ref" and isinstance(value, (float, date, time)):
            fault = f"is no text but {'the number' if isinstance(value, float) else 'a date:'} {value}"
        else:
            continue
        faults.append(
            Invalid(
                fault,
                field=name,
                row=row,
                remedy="format the column as text and type it again, so that 4.10 does not become 4.1",
            )
        )
    return faults


def _under(header: list[str], cells: list[str], row: int, *, delimiter: str = "") -> Cells:
    """The cells by their headings; a fault where cells stand under none."""
    if any(cell.strip() for cell in cells[len(header) :]):
        return Invalid(
            f"{len(cells)} cells under {len(header)} columns",
            field="file",
            row=row,
            remedy=f"put a cell that holds {delimiter!r} in double quotes"
            if delimiter
            else "delete what stands beside the columns, or move it under one of them",
        )
    return dict(zip(header, cells, strict=False))


def _check_unpacked(raw: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES:
            raise _too_large(name, UNPACKED_BYTES)


def _rows(
    text: str, columns: tuple[str, ...], told: tuple[str, ...], *, above: int = 0
) -> Iterator[tuple[int, Cells]]:
    """The rows; one that cannot be read is its fault, and nothing is read after a broken quote."""
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = above
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        row += 1
        _check(header, columns, told, row=row)
        for cells in reader:
            row += 1
            _check_size(row)
            yield row, _under(header, cells, row, delimiter=delimiter)
    except csv.Error as error:
        yield (
            row + 1,
            Invalid(
                f"not readable as CSV: {error}",
                field="file",
                row=row + 1,
                remedy="close every double quote, and double those inside a cell",
            ),
        )


def _readable(rows: Iterator[tuple[int, Cells]]) -> Iterator[tuple[int, Mapping[str, str]]]:
    """The rows. Raises the fault of the first that cannot be read."""
    for row, cells in rows:
        if isinstance(cells, Invalid):
            raise cells
        yield row, cells


def _check(header: list[str], columns: tuple[str, ...], told: tuple[str, ...], *, row: int) -> None:
    needed = _NEEDED if columns == COLUMNS else columns
    faults = [
        Invalid(
            f"the column {name} is missing",
            field=name,
            row=row,
            remedy=f"start the file with the header {','.join(columns)}",
        )
        for name in needed
        if name not in header
    ] + [
        Invalid(
            f"column {position} is headed {name[:40]!r}, which is unknown or occurs twice",
            field="header",
            row=row,
            remedy=f"keep only {', '.join(columns)}",
        )
        for position, name in enumerate(header, 1)
        if name not in (*columns, *told) or name in header[: position - 1]
    ]
    if faults:
        raise Faulty(faults)


class _TextLoader(yaml.BaseLoader):
    """Leaves every scalar but null as the text that it is, so that 6.0 stays 6.0.

    Refuses deep nesting and a key that stands twice.
    """

    _depth = 0

    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        self._depth += 1
        if self._depth > DEPTH:
            raise yaml.composer.ComposerError(
                None, None, "nested too deeply", parent.start_mark if parent else None
            )
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node

    @override
    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        return None if node.style is None and node.value in _NOTHING else super().construct_scalar(node)

    @override
    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, "a field that stands twice, or is no plain word", key.start_mark
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep=deep)


def _yaml(text: str, *, file: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=_TextLoader)  # noqa: S506 - it builds text, lists and mappings only
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Invalid(
            f"{file} is not readable as YAML: {getattr(error, 'problem', None) or 'broken'}",
            field="file",
            row=mark.line + 1 if mark else None,
            remedy="compare it with what `mrx benchmark criteria 6.0-4p --json` prints",
        ) from None
    if not isinstance(document, dict):
        raise Invalid(f"{file} contains no catalogue", field="file", remedy="start it with `version:`")
    return document
