"""How a supplier names a request on a data-sharing platform."""

import secrets
from typing import Final

_SIGNS: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""without I, L, O and U, which are misread"""
_LENGTH: Final = 8


def new_reference() -> str:
    """A reference drawn by lot: it tells neither its neighbours nor how many there are."""
    return "MRX-" + "".join(secrets.choice(_SIGNS) for _ in range(_LENGTH))
