"""Who speaks through HTTP, and what every route needs."""

from collections.abc import Callable
from dataclasses import dataclass, field

from mrx_shared.bus.requests import Requests
from mrx_shared.kit.access import Access

from mrx_registry.domain.sign_in import Browsers
from mrx_registry.entrypoints.http.bulkhead import Bulkhead
from mrx_registry.ports import Seal, Secrets, Tokens, Transact, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """What the routes hand to the handlers."""

    access: Access
    requests: Requests[Work]
    transact: Transact
    secrets: Secrets
    tokens: Tokens
    seal: Seal
    browsers: Browsers
    bootstrap_secret: str
    provision_soon: Callable[[], None]
    send_links_soon: Callable[[], None]
    strangers: Bulkhead = field(default_factory=Bulkhead)
    """of sign-ins"""
    known: Bulkhead = field(default_factory=Bulkhead)
    """of passwords from where somebody was signed in already, whom a crowd of strangers does not hold up"""
    systems: Bulkhead = field(default_factory=Bulkhead)
    """of client secrets, which a crowd at the sign-in does not hold up"""
