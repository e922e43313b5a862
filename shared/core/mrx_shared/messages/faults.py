"""What is wrong with an input, in plain words: never in those of the library that read it."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from mrx_shared.refusals import Invalid, spelled

Told = tuple[str, str]
"""what is wrong, to be read after the field's name; and what to do"""
OTHER: Final[Told] = ("cannot be read", "see this API's /openapi.json for what the field takes")
_NUMBER: Final[Told] = ("is not a number", "give a number")
_WHOLE: Final[Told] = ("is not a whole number", "give a whole number")
_DAY: Final[Told] = ("is not a day", "write it as 2026-06-30")
_MOMENT: Final[Told] = ("is not a moment", "write it as 2026-06-30T12:00:00Z")
_ID: Final[Told] = ("is not an id", "copy the id whole")
_OBJECT: Final[Told] = ("is not an object with fields", "send an object")
_TRUTH: Final[Told] = ("is neither true nor false", "state true or false")
_TEXT: Final[Told] = ("is not a text", "write a text")
_FIXED: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "missing": ("is missing", "fill it in"),
        "extra_forbidden": ("is not known here", "leave it out, or check its spelling"),
        "string_pattern_mismatch": ("is not written as it has to be", "check its spelling"),
        "json_invalid": ("is not JSON", "send JSON"),
        "list_type": ("is not a list", "send a list"),
        "tuple_type": ("is not a list", "send a list"),
    }
)
_LIMITS: Final[Mapping[str, Told]] = MappingProxyType(
    {
        "string_too_short": (
            "is shorter than {min_length} characters",
            "write at least {min_length} characters",
        ),
        "string_too_long": (
            "is longer than {max_length} characters",
            "write at most {max_length} characters",
        ),
        "too_short": ("holds too little: at least {min_length} needed", "add what is missing"),
        "too_long": ("holds too much: at most {max_length} allowed", "send it in several parts"),
        "greater_than_equal": ("is below {ge}", "give at least {ge}"),
        "greater_than": ("is not above {gt}", "give more than {gt}"),
        "less_than_equal": ("is above {le}", "give at most {le}"),
        "less_than": ("is not below {lt}", "give less than {lt}"),
    }
)
_BY_BEGINNING: Final[tuple[tuple[str, Told], ...]] = (
    ("string_type", _TEXT),
    ("string_sub_type", _TEXT),
    ("int_", _WHOLE),
    ("float_", _NUMBER),
    ("decimal_", _NUMBER),
    ("finite_number", _NUMBER),
    ("datetime_", _MOMENT),
    ("timezone_", _MOMENT),
    ("date_", _DAY),
    ("uuid_", _ID),
    ("bool_", _TRUTH),
    ("model_", _OBJECT),
    ("dict_", _OBJECT),
    ("mapping_", _OBJECT),
)


def plainly(fault: Mapping[str, Any]) -> Told:
    """One of pydantic's faults in plain words, without the input itself."""
    kind, more = str(fault["type"]), fault.get("ctx") or {}
    if kind in {"value_error", "assertion_error"}:
        # A rule of ours: it was raised with words of ours.
        words = str(more.get("error") or fault["msg"].partition(", ")[2])
        return f"is refused: {words}", "correct it"
    if kind in {"enum", "literal_error"}:
        return "is not one of the known words", f"state {more.get('expected', 'one of them')}"
    if kind == "string_too_short" and more.get("min_length") == 1:
        return "is empty", "fill it in"
    if kind in _LIMITS:
        return _LIMITS[kind][0].format(**more), _LIMITS[kind][1].format(**more)
    if kind in _FIXED:
        return _FIXED[kind]
    return next((told for beginning, told in _BY_BEGINNING if kind.startswith(beginning)), OTHER)


def invalid(faults: Sequence[Mapping[str, Any]]) -> Invalid:
    """What pydantic found wrong with a body, as a refusal that names the first field and tells the first ten faults."""
    first = faults[0]
    place = _place(first)
    malformed = first["type"] == "json_invalid"
    return Invalid(
        "; ".join(f"{spelled(_place(one)) or 'the body'} {plainly(one)[0]}" for one in faults[:10]),
        field="body" if malformed else spelled(place) or "body",
        row=None if malformed else next((step + 1 for step in place if isinstance(step, int)), None),
        remedy=plainly(first)[1],
    )


def _place(fault: Mapping[str, Any]) -> list[str | int]:
    return [step for step in fault["loc"] if step != "body"]
