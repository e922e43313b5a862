"""Who speaks through HTTP, and what every route needs."""

from collections.abc import Callable
from dataclasses import dataclass

from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access

from mrx_registry.ports import Seal, Secrets, Tokens, Transact, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What the routes hand to the handlers."""

    access: Access
    requests: Requests[Work]
    transact: Transact
    secrets: Secrets
    tokens: Tokens
    seal: Seal
    bootstrap_secret: str
    provision_soon: Callable[[], None]
    send_links_soon: Callable[[], None]
