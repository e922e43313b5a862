"""Whatever a file holds, it is read as it is written or refused with a remedy; nothing else comes of it."""

import csv
import io
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from mrx_criteria.domain.answers import COLUMNS, TEXTS, Answer
from mrx_criteria.domain.criteria import Relation
from mrx_criteria.files import answers_file, catalogue_file, shipped_catalogue
from mrx_shared.refusals import Invalid

CATALOGUE = shipped_catalogue("6.0-4p")
PLAIN = st.text(st.characters(codec="utf-8", categories=("L", "N", "P", "Zs")), max_size=40)
ANSWERS = st.lists(
    st.builds(
        Answer,
        criterion_id=st.sampled_from([one.id for one in CATALOGUE.criteria]),
        relation=st.sampled_from(Relation),
        **{name: PLAIN.map(lambda text: f"x{text}x") for name in TEXTS},
    ),
    unique_by=lambda answer: answer.criterion_id,
    max_size=5,
)
BYTES = st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "replace"))


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for every example."""
    return tmp_path_factory.mktemp("files")


def read(content: bytes, folder: Path) -> tuple[Answer, ...]:
    path = folder / "answers.csv"
    path.write_bytes(content)
    return answers_file(path, CATALOGUE)


def outcome(reading: Callable[[], object]) -> str | None:
    """`read`, or the remedy of a refusal."""
    try:
        reading()
    except Invalid as error:
        return error.remedy
    return "read"


@given(
    answers=ANSWERS,
    delimiter=st.sampled_from(",;\t"),
    mark=st.sampled_from(["", "\ufeff"]),
    line_end=st.sampled_from(["\n", "\r\n"]),
)
def test_answers_are_read_as_they_were_written(
    answers: list[Answer], delimiter: str, mark: str, line_end: str, folder: Path
) -> None:
    written = io.StringIO()
    writer = csv.writer(written, delimiter=delimiter, lineterminator=line_end)
    writer.writerow(COLUMNS)
    for answer in answers:
        writer.writerow([getattr(answer, column) for column in COLUMNS])
    assert read((mark + written.getvalue()).encode(), folder) == tuple(answers)


@given(content=BYTES)
@example(content=b"PK\x03\x04 a workbook")
@example(content=b"criterion_id,relation\n\x00")
@example(content=b'criterion_id,relation\n"')
@example(content=b"\xef\xbb\xbf")
def test_any_bytes_are_answers_or_are_refused(content: bytes, folder: Path) -> None:
    for before in (b"", b"criterion_id,relation,rationale\nC1.1,"):
        assert outcome(partial(read, before + content, folder))


@given(content=BYTES)
@example(content=b"[" * 500)
@example(content=b"&a [*a]")
@example(content=b"{? {a: b} : c}")
@example(content=b"!!python/object/apply:os.system [echo]")
@example(content=b"a: &b {<<: *b}")
def test_any_bytes_are_a_catalogue_or_are_refused(content: bytes, folder: Path) -> None:
    for before in (b"", b"version: 1\nbased_on: x\nvalid_from: 2020-01-01\nvalid_until: null\ncriteria: "):
        path = folder / "any.yaml"
        path.write_bytes(before + content)
        assert outcome(partial(catalogue_file, path))
