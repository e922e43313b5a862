"""HTTP to the scheme's services with the member's own token, ridden over short outages."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from time import monotonic
from typing import Any, Literal, TypeVar

import httpx
from mrx_shared.refusals import Forbidden, Invalid, Rejected, Unknown

from mrx_member.adapters.outages import Notice, riding_over

T = TypeVar("T")

Service = Literal["registry", "aggregation", "report_request", "exchange_adapter"]
FRESH = 30.0
"""A token is replaced so many seconds before it expires."""
_TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_BY_STATUS = {400: Invalid, 401: Forbidden, 403: Forbidden, 404: Unknown, 422: Invalid}


class Away(Exception):
    """A service does not answer, or asks to come again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAccess:
    """Where the services are, and who comes."""

    registry_url: str
    aggregation_url: str | None = None
    report_request_url: str | None = None
    exchange_adapter_url: str | None = None
    client_id: str
    client_secret: str = field(repr=False)

    def url(self, service: Service) -> str:
        """Return where a service answers. Raises `Invalid` where nobody said it."""
        url: str | None = getattr(self, f"{service}_url")
        if url is None:
            raise Invalid(
                f"{service}_url is not set",
                field=f"{service}_url",
                remedy=f"add it to the profile (the secretariat knows it), or set MRX_MEMBER_{service.upper()}_URL",
            )
        return url.rstrip("/")


class Http:
    """Opens a client per call; a token is kept until shortly before it expires."""

    def __init__(
        self, access: HttpAccess, *, notice: Notice, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._access = access
        self._notice = notice
        self._transport = transport
        self._tokens: dict[Service, tuple[str, float]] = {}

    def client(self) -> httpx.AsyncClient:
        """Return a client, to be closed by whoever asks."""
        return httpx.AsyncClient(timeout=_TIMEOUT, transport=self._transport, trust_env=False)

    async def call(
        self,
        client: httpx.AsyncClient,
        method: str,
        service: Service,
        path: str,
        **how: Any,  # noqa: ANN401 - httpx's
    ) -> Any:  # noqa: ANN401 - JSON
        """Call a service until it answers. The same Idempotency-Key goes with every attempt."""
        return await self.riding_over(lambda: self.once(client, method, service, path, **how), service)

    async def once(
        self,
        client: httpx.AsyncClient,
        method: str,
        service: Service,
        path: str,
        **how: Any,  # noqa: ANN401 - httpx's
    ) -> Any:  # noqa: ANN401 - JSON
        """Call a service once. Raises `Away` where it asks to come again, `Rejected` where it says no."""
        url = f"{self._access.url(service)}{path}"
        token = await self._token(client, service)
        headers = {"Authorization": f"Bearer {token}", **how.pop("headers", {})}
        answer = await client.request(method, url, headers=headers, **how)
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            self._tokens.pop(service, None)
        return _understood(answer, service)

    async def riding_over(self, attempt: Callable[[], Awaitable[T]], what: str) -> T:
        """Attempt until nothing is away; said once."""
        return await riding_over(
            attempt,
            outages=(Away, httpx.TransportError),
            notice=lambda: self._notice(f"{what} does not answer"),
        )

    async def _token(self, client: httpx.AsyncClient, service: Service) -> str:
        token, until = self._tokens.get(service, ("", 0.0))
        if monotonic() < until:
            return token
        answer = await client.post(
            f"{self._access.url('registry')}/v1/token",
            data={"grant_type": "client_credentials", "audience": f"mrx.{service}"},
            auth=(self._access.client_id, self._access.client_secret),
        )
        said = _understood(answer, "registry")
        self._tokens[service] = said["access_token"], monotonic() + said["expires_in"] - FRESH
        return str(said["access_token"])


def _understood(answer: httpx.Response, service: str) -> Any:  # noqa: ANN401 - JSON
    if answer.is_success:
        return answer.json()
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    if (
        answer.status_code >= httpx.codes.INTERNAL_SERVER_ERROR
        or answer.status_code == httpx.codes.TOO_MANY_REQUESTS
    ):
        raise Away(f"{service} answered {answer.status_code}")
    if problem.get("retryable"):
        raise Away(str(problem.get("detail")))
    refused = _BY_STATUS.get(answer.status_code, Rejected)
    raise refused(
        f"{service}: {problem.get('detail') or problem.get('error_description') or answer.status_code}",
        field=problem.get("field"),
        row=problem.get("row"),
        remedy=problem.get("remedy"),
    )
