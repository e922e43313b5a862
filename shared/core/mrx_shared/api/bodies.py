"""The bases of bodies. A body has fields only, and changes by addition: a new field has a default."""

from pydantic import BaseModel, ConfigDict


class RequestBody(BaseModel):
    """What a request says. An unknown field is refused, so that a misspelt one is not lost in silence."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, hide_input_in_errors=True
    )


class Answer(BaseModel):
    """What a service answers. A reader ignores the fields that it does not know."""

    model_config = ConfigDict(extra="ignore", frozen=True, hide_input_in_errors=True)
