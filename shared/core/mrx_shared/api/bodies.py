"""The bases of bodies. A body has fields only, and changes by addition: a new field has a default."""

from collections.abc import Callable
from typing import ParamSpec, Self, TypeVar

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from mrx_shared.messages.faults import invalid

P = ParamSpec("P")
B = TypeVar("B", bound="RequestBody")


class RequestBody(BaseModel):
    """What a request says. An unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


class Answer(BaseModel):
    """What a service answers. A reader ignores the fields that it does not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)

    @classmethod
    def of(cls, source: object, /, **more: object) -> Self:
        """An answer whose fields are attributes of `source`; `more` gives those that are not."""
        names = cls.model_fields.keys() - more.keys()
        return cls.model_validate({name: getattr(source, name) for name in names} | more)


class Words:
    """Documents the words that a text of an answer may be. A reader takes one that it does not know yet as it is."""

    def __init__(self, *words: str) -> None:
        self.words = words

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Add the words to the schema of the text."""
        return {**handler(schema), "enum": list(self.words)}


def fill(body: Callable[P, B], *args: P.args, **fields: P.kwargs) -> B:
    """A body with what a person stated. Raises `Invalid` with the field and remedy that its service would name."""
    try:
        return body(*args, **fields)
    except ValidationError as error:
        raise invalid(error.errors(include_input=False)) from None
