"""What is wrong with an input is told in plain words, in none of the library's."""

from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import httpx
import pytest
from mrx_shared.api.bodies import RequestBody
from mrx_shared.kit.http import build_api
from mrx_shared.messages.faults import OTHER, plainly
from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, field_validator


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Inner(RequestBody):
    email: str

    @field_validator("email")
    @classmethod
    def _is_one(cls, email: str) -> str:
        if "@" not in email:
            raise ValueError("this is not an e-mail address")
        return email


class Sent(RequestBody):
    supplier: Inner
    name: str = Field(min_length=1, max_length=5)
    days: int = Field(ge=7, le=90)


SEEN = [
    (Annotated[str, Field(min_length=1)], "", "is empty"),
    (Annotated[str, Field(min_length=12)], "short", "is shorter than 12 characters"),
    (Annotated[str, Field(max_length=3)], "long", "is longer than 3 characters"),
    (Annotated[str, Field(pattern="^a$")], "b", "is not written as it has to be"),
    (str, 7, "is not a text"),
    (int, "x", "is not a whole number"),
    (int, 1.5, "is not a whole number"),
    (Annotated[int, Field(ge=7)], 6, "is below 7"),
    (Annotated[int, Field(gt=0)], 0, "is not above 0"),
    (Annotated[int, Field(le=90)], 91, "is above 90"),
    (Annotated[int, Field(lt=9)], 9, "is not below 9"),
    (float, "x", "is not a number"),
    (Decimal, "x", "is not a number"),
    (date, "tomorrow", "is not a day"),
    (datetime, "noon", "is not a moment"),
    (AwareDatetime, "2026-06-30T12:00:00", "is not a moment"),
    (UUID, "x", "is not an id"),
    (bool, "perhaps", "is neither true nor false"),
    (Colour, "green", "is not one of the known words"),
    (Literal["a", "b"], "c", "is not one of the known words"),
    (list[int], 1, "is not a list"),
    (Annotated[list[int], Field(max_length=1)], [1, 2], "holds too much: at most 1 allowed"),
    (dict[str, int], 1, "is not an object with fields"),
    (Sent, 1, "is not an object with fields"),
]


@pytest.mark.parametrize(("kind", "given", "told"), SEEN)
def test_each_fault_has_plain_words_and_a_remedy(kind: Any, given: object, told: str) -> None:  # noqa: ANN401
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(kind).validate_python(given)
    [fault] = caught.value.errors()
    reason, remedy = plainly(fault)
    assert reason == told
    assert remedy
    assert (reason, remedy) != OTHER


async def test_an_api_names_each_field_and_what_is_wrong_with_it() -> None:
    api = build_api(service="a", title="a", description="a")

    @api.post("/things")
    async def make(asked: Sent) -> None:
        """Take it."""

    async with httpx.AsyncClient(transport=httpx.ASGITransport(api), base_url="http://a") as http:
        answer = await http.post("/things", json={"supplier": {"email": "li"}, "days": 6, "colour": "red"})
        unreadable = await http.post("/things", content=b"{", headers={"Content-Type": "application/json"})
    assert answer.json()["detail"] == (
        "supplier.email is refused: this is not an e-mail address; name is missing; days is below 7; "
        "colour is not known here"
    )
    assert (answer.json()["field"], answer.json()["remedy"]) == ("supplier.email", "correct it")
    assert (unreadable.json()["detail"], unreadable.json()["remedy"]) == ("1 is not JSON", "send JSON")
