"""The files that people bring: answers as CSV, catalogues as YAML; and the catalogues that come with MRX."""

import csv
import io
from collections.abc import Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from mrx_shared.refusals import Invalid
from typing_extensions import override

from mrx_benchmark.domain.answers import COLUMNS, Answer, read_answers
from mrx_benchmark.domain.criteria import Catalogue, catalogue_from

ANSWERS_BYTES = 4 * 1024 * 1024
CATALOGUE_BYTES = 1024 * 1024
DEPTH = 8
_NEEDED = ("criterion_id", "relation")


def shipped_versions() -> tuple[str, ...]:
    """The versions of the criteria that come with MRX, the oldest first."""
    return tuple(sorted(item.name.removesuffix(".yaml") for item in _shelf().iterdir() if item.is_file()))


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
    document["criteria"] = [criterion for clause in clauses for criterion in _clause(clause)]
    return catalogue_from(document, file=name)


def catalogue_file(path: Path) -> Catalogue:
    """A catalogue of somebody's own, whole in one file."""
    return catalogue_from(_yaml(_text(path, most=CATALOGUE_BYTES), file=path.name), file=path.name)


def answers_file(path: Path, catalogue: Catalogue) -> tuple[Answer, ...]:
    """The answers of a CSV file; row 1 is its header, as a spreadsheet counts."""
    return read_answers(_rows(_text(path, most=ANSWERS_BYTES)), catalogue)


def _shelf() -> Traversable:
    return files("mrx_benchmark").joinpath("catalogues")


def _clause(clause: str) -> Iterator[dict[str, Any]]:
    name = f"clauses/{clause}.yaml"
    shared = _yaml(_shelf().joinpath(name).read_text(encoding="utf-8"), file=name)
    for criterion in shared["criteria"]:
        yield {"clause": shared["clause"], "pillar": shared["pillar"], **criterion}


def _text(path: Path, *, most: int) -> str:
    with path.open("rb") as stream:
        raw = stream.read(most + 1)
    if len(raw) > most:
        raise Invalid(
            f"{path.name} is larger than {most // 1024 // 1024} MiB",
            field="file",
            remedy="keep one entry per criterion, and evidence in documents of its own",
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        column = error.start - raw.rfind(b"\n", 0, error.start)
        raise Invalid(
            f"{path.name} is not in UTF-8: byte {column} of this row is not",
            field="encoding",
            row=row,
            remedy="save it again as `CSV UTF-8`",
        ) from None


def _rows(text: str) -> Iterator[tuple[int, Mapping[str, str]]]:
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    row = 0
    try:
        header = [name.strip().lower() for name in next(reader, [])]
        _check(header)
        for row, cells in enumerate(reader, 2):
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


def _check(header: list[str]) -> None:
    for name in _NEEDED:
        if name not in header:
            raise Invalid(
                f"the column {name} is missing",
                field=name,
                row=1,
                remedy=f"start the file with the header {','.join(COLUMNS)}",
            )
    for position, name in enumerate(header, 1):
        if name not in COLUMNS or name in header[: position - 1]:
            raise Invalid(
                f"column {position} is headed {name[:40]!r}, which is not known or stands twice",
                field="header",
                row=1,
                remedy=f"keep only {', '.join(COLUMNS)}",
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
