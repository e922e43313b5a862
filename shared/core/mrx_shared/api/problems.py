"""How every service says no: problem documents (RFC 9457) with field, row and remedy."""

from pydantic import Field

from mrx_shared.api.bodies import Answer


class Fault(Answer):
    """One of several things that are wrong with what was sent."""

    detail: str
    field: str | None = None
    row: int | None = None
    remedy: str | None = None


class Problem(Answer):
    """Why a request was not done, and what to do about it."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    field: str | None = None
    row: int | None = None
    remedy: str | None = None
    retryable: bool = False
    faults: list[Fault] | None = Field(
        default=None, description="every fault of an input; the problem reads as the first of them"
    )
    more: int | None = Field(default=None, description="how many faults are not told")
