"""Names of fields that a sender made up come back to it, in a shape that every table, line and encoding can hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mrx_shared.refusals import NAME_CHARACTERS, spelled
from pydantic import BaseModel, ConfigDict, ValidationError


class Closed(BaseModel):
    model_config = ConfigDict(extra="forbid")


def test_a_place_is_dotted_names() -> None:
    assert spelled(("requests", 3, "supplier", "Größe")) == "requests.3.supplier.Größe"


def test_a_name_that_no_table_can_hold_is_escaped() -> None:
    assert spelled(("a\x00b", "line\nbreak", "\ud800")) == r"a\x00b.line\nbreak.\ud800"


def test_a_name_without_an_end_is_cut() -> None:
    assert spelled(["x" * 5000]) == "x" * NAME_CHARACTERS + "…"


@given(st.text(st.characters(), max_size=200))
def test_whatever_it_is_called_it_can_be_encoded_and_kept(name: str) -> None:
    said = spelled([name])
    assert said.encode().decode() == said
    assert said.isprintable()


def test_so_does_the_place_in_an_error_of_pydantic() -> None:
    with pytest.raises(ValidationError) as refused:
        Closed.model_validate({"\x00": 1})
    assert spelled(refused.value.errors()[0]["loc"]) == r"\x00"
