"""Bodies of the registry's HTTP API."""

from typing import Literal

from mrx_shared.api.bodies import Answer


class Token(Answer):
    """A bearer token (RFC 6749, 5.1)."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105
    expires_in: int
