"""Messages: the checked-in contract is the code's, and whatever was once said can still be read."""

import json
from pathlib import Path

import jsonschema
import pytest
from mrx_shared.messages.envelope import Message, decode

from tests.contracts.generate import everything, messages
from tests.contracts.published import ROOT

EXAMPLES = sorted((ROOT / "messages").glob("*.example*.json"))


@pytest.mark.parametrize("path", sorted(everything()))
def test_what_is_checked_in_is_what_the_code_says(path: str) -> None:
    assert (ROOT / path).read_text(encoding="utf-8") == everything_now()[path], (
        "run `make contracts` and review the difference"
    )


def test_nothing_is_checked_in_that_the_code_no_longer_has() -> None:
    here = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.json") if ".example" not in path.name}
    assert here == {path for path in everything_now() if path.endswith(".json")}


@pytest.mark.parametrize("message", messages(), ids=lambda message: message.type)
def test_every_message_has_an_example(message: type[Message]) -> None:
    assert any(path.name.startswith(f"{message.type}.example") for path in EXAMPLES)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_ever_committed_still_parses_and_fits_its_schema(path: Path) -> None:
    known = {message.type: message for message in messages()}
    example = json.loads(path.read_bytes())
    decode(path.read_bytes(), known[example["type"]])
    schema = json.loads((ROOT / "messages" / f"{example['type']}.schema.json").read_bytes())
    jsonschema.Draft202012Validator(schema).validate(example)


def test_a_reader_passes_over_a_field_that_a_newer_sender_added() -> None:
    path = EXAMPLES[0]
    example = json.loads(path.read_bytes())
    example["data"]["added_later"] = 1
    example["extension"] = "x"
    known = {message.type: message for message in messages()}
    decode(json.dumps(example).encode(), known[example["type"]])


def everything_now() -> dict[str, str]:
    """Built once: building the services takes a moment."""
    if not _BUILT:
        _BUILT.update(everything())
    return _BUILT


_BUILT: dict[str, str] = {}
