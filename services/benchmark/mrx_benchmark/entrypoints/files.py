"""The files that people bring: answers as CSV or XLSX, catalogues as YAML; and the catalogues that come with MRX."""

import csv
import io
import zipfile
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from mrx_shared.refusals import Invalid
from typing_extensions import override

from mrx_benchmark.domain.answers import COLUMNS, TOLD, Answer, Sifted, read_answers, sift
from mrx_benchmark.domain.commonality import Waiver
from mrx_benchmark.domain.criteria import Catalogue, catalogue_from
from mrx_benchmark.domain.lineage import How, Lineage, Step, lineage_between

ANSWERS_BYTES = 4 * 1024 * 1024
CATALOGUE_BYTES = 1024 * 1024
UNPACKED_BYTES = 32 * 1024 * 1024
CELLS_PER_ROW = 64
ROWS = 20_000
DEPTH = 8
MARK = "# criteria "
"""A template begins with this and its version, so that it is not filled in for another one."""
WAIVER_COLUMNS = ("clause", "reason", "until")
_NEEDED = ("criterion_id", "relation")


def shipped_versions() -> tuple[str, ...]:
    """The versions of the criteria that come with MRX, the oldest first."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _shelf().iterdir() if item.is_file()))


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
    document = _yaml(_shelf().joinpath(name).read_text(encoding="utf-8"), file=name)
    clauses = document.pop("includes")
    without, weights = set(document.pop("without", [])), document.pop("weights", {})
    document["criteria"] = [
        {**criterion, "weight": weights.get(criterion["id"], criterion["weight"])}
        for clause in clauses
        for criterion in _clause(clause)
        if criterion["id"] not in without
    ]
    return catalogue_from(document, file=name)


def shipped_lineages() -> dict[tuple[str, str], Lineage]:
    """What became of the criteria, by older and newer version, oldest first."""
    found: dict[tuple[str, str], Lineage] = {}
    for item in sorted(_shelf().joinpath("lineage").iterdir(), key=lambda one: one.name):
        document = _yaml(item.read_text(encoding="utf-8"), file=f"lineage/{item.name}")
        stated = [
            Step(how=How(one["how"]), before=tuple(one["from"]), after=tuple(one["to"]))
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
    """The good rows of an uploaded file, and the fault of each of the others."""
    if len(raw) > ANSWERS_BYTES:
        raise _too_large(name, ANSWERS_BYTES)
    return sift(_table(raw, name, catalogue), catalogue)


def requirements_file(path: Path) -> tuple[tuple[str, str], ...]:
    """A protocol, one requirement a row: `requirement_ref,requirement_text`."""
    rows = _rows(
        _decoded(_raw(path, most=ANSWERS_BYTES), path.name), ("requirement_ref", "requirement_text"), ()
    )
    return tuple(
        (cells.get("requirement_ref", "").strip(), text)
        for _, cells in rows
        if (text := cells.get("requirement_text", "").strip())
    )


def waivers_file(path: Path, as_of: date) -> tuple[Waiver, ...]:
    """The waivers of a CSV file with clause, reason and last day that hold on a day."""
    found: list[Waiver] = []
    for row, cells in _rows(_decoded(_raw(path, most=CATALOGUE_BYTES), path.name), WAIVER_COLUMNS, ()):
        if not any(cell.strip() for cell in cells.values()):
            continue
        try:
            until = date.fromisoformat(cells.get("until", "").strip())
        except ValueError:
            raise Invalid(
                f"{cells.get('until', '')[:40]!r} is no day",
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


def _shelf() -> Traversable:
    return files("mrx_benchmark").joinpath("catalogues")


def _clause(clause: str) -> Iterator[dict[str, Any]]:
    name = f"clauses/{clause}.yaml"
    shared = _yaml(_shelf().joinpath(name).read_text(encoding="utf-8"), file=name)
    for criterion in shared["criteria"]:
        yield {"clause": shared["clause"], "pillar": shared["pillar"], **criterion}


def _text(path: Path, *, most: int) -> str:
    return _decoded(_raw(path, most=most), path.name)


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
        remedy="keep one entry per criterion, and evidence in documents of its own",
    )


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise Invalid(
            f"{name} is not in UTF-8: byte {column} of this row is not",
            field="encoding",
            row=row,
            remedy="save it again as `CSV UTF-8`",
        ) from None


def _table(raw: bytes, name: str, catalogue: Catalogue) -> Iterator[tuple[int, Mapping[str, str]]]:
    if name.lower().endswith(".xlsx"):
        return _sheet_rows(raw, name, catalogue)
    return _csv_rows(_decoded(raw, name), catalogue)


def _csv_rows(text: str, catalogue: Catalogue) -> Iterator[tuple[int, Mapping[str, str]]]:
    above = 0
    if text.startswith(MARK):
        marked, _, text = text.partition("\n")
        _check_version(marked.strip(' ,;\t\r"'), catalogue)
        above = 1
    return _rows(text, COLUMNS, TOLD, above=above)


def _check_version(marked: str, catalogue: Catalogue) -> None:
    version = marked.removeprefix(MARK).strip()
    if version != catalogue.version:
        raise Invalid(
            f"this template is of criteria {version[:64]!r}, not of {catalogue.version}",
            field="criteria",
            row=1,
            remedy=f"fill in the template of {catalogue.version}, or name the version that this one is of",
        )


def _sheet_rows(raw: bytes, name: str, catalogue: Catalogue) -> Iterator[tuple[int, Mapping[str, str]]]:
    from openpyxl import load_workbook  # noqa: PLC0415 - half a second that a CSV file need not pay

    not_a_workbook = Invalid(
        f"{name} is not readable as a workbook",
        field="file",
        remedy="save it again as .xlsx without a password, or as `CSV UTF-8`",
    )
    try:
        _check_unpacked(raw, name)
        book = load_workbook(io.BytesIO(raw), read_only=True, data_only=False)
        sheet = book["Answers"] if "Answers" in book.sheetnames else book.worksheets[0]
        listed = [
            ["" if cell is None else str(cell) for cell in cells[:CELLS_PER_ROW]]
            for cells in sheet.iter_rows(values_only=True, max_row=ROWS, max_col=CELLS_PER_ROW)
        ]
    except Invalid:
        raise
    except Exception:  # noqa: BLE001 - the library raises whatever a broken file makes it trip over
        raise not_a_workbook from None
    above = 0
    if listed and listed[0] and listed[0][0].startswith(MARK):
        _check_version(listed.pop(0)[0], catalogue)
        above = 1
    header = [cell.strip().lower() for cell in listed.pop(0)] if listed else []
    while header and not header[-1]:
        header.pop()
    _check(header, COLUMNS, TOLD, row=1 + above)
    for row, cells in enumerate(listed, 2 + above):
        yield row, dict(zip(header, cells, strict=False))


def _check_unpacked(raw: bytes, name: str) -> None:
    with zipfile.ZipFile(io.BytesIO(raw)) as packed:
        if sum(part.file_size for part in packed.infolist()) > UNPACKED_BYTES:
            raise _too_large(name, UNPACKED_BYTES)


def _rows(
    text: str, columns: tuple[str, ...], told: tuple[str, ...], *, above: int = 0
) -> Iterator[tuple[int, Mapping[str, str]]]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = above
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check(header, columns, told, row=1 + above)
        for row, cells in enumerate(reader, 2 + above):
            if len(cells) > len(header) and any(cells[len(header) :]):
                raise Invalid(
                    f"{len(cells)} cells under {len(header)} columns",
                    field="file",
                    row=row,
                    remedy=f"put a cell that holds {delimiter!r} in double quotes",
                )
            yield row, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise Invalid(
            f"not readable as CSV: {error}",
            field="file",
            row=row + 1,
            remedy="close every double quote, and double those inside a cell",
        ) from None


def _check(header: list[str], columns: tuple[str, ...], told: tuple[str, ...], *, row: int) -> None:
    needed = _NEEDED if columns == COLUMNS else columns
    for name in needed:
        if name not in header:
            raise Invalid(
                f"the column {name} is missing",
                field=name,
                row=row,
                remedy=f"start the file with the header {','.join(columns)}",
            )
    for position, name in enumerate(header, 1):
        if name not in (*columns, *told) or name in header[: position - 1]:
            raise Invalid(
                f"column {position} is headed {name[:40]!r}, which is not known or stands twice",
                field="header",
                row=row,
                remedy=f"keep only {', '.join(columns)}",
            )


class _TextLoader(yaml.BaseLoader):
    """Leaves every scalar as the text that it is, so that 6.0 stays 6.0; refuses deep nesting and a key that stands twice."""

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
        raise Invalid(f"{file} holds no catalogue", field="file", remedy="start it with `version:`")
    return document
