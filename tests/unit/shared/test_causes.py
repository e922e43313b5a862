"""Why a step failed, as the log, /health/ready and the pages tell it."""

import errno

import pytest
from mrx_shared.kit.logging import cause
from mrx_shared.refusals import ServerRefused


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ServerRefused("object storage refused: AccessDenied"), "object storage refused: AccessDenied"),
        (OSError(errno.ENOSPC, "Aurora Textiles"), "No space left on device: OSError"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "Connection refused: ConnectionRefusedError"),
        (OSError("Aurora Textiles"), "OSError"),
        (OSError(-5, "Aurora Textiles"), "OSError"),
        (ValueError("Aurora Textiles"), "ValueError"),
    ],
)
def test_a_cause_is_plain_where_it_can_be_and_never_holds_a_payload(error: Exception, told: str) -> None:
    assert cause(error) == told
