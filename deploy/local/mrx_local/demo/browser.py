"""What a supplier's browser does, without a screen: follow the mail's link, fill in forms, send a file."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import lxml.html
from mrx_shared.kit.retries import Unreachable, retrying
from mrx_shared.refusals import Rejected

PATIENCE_S = 60.0


@dataclass(slots=True)
class Form:
    """A form of a page: where it goes, and what is filled in already."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A page as it was shown."""

    forms: list[Form]
    text: str = field(repr=False)

    @property
    def seal(self) -> str:
        """What the page's script shows to prove that the page was drawn for this browser. Raises `Rejected`."""
        for form in self.forms:
            if "seal" in form.fields:
                return form.fields["seal"]
        raise Rejected("the page has no form")

    def form(self, action: str) -> Form:
        """The form that goes to a path. Raises `Rejected`."""
        for form in self.forms:
            if form.action.endswith(action):
                return form
        raise Rejected(
            f"the page offers no {action}, but {', '.join(form.action for form in self.forms) or 'nothing'}"
        )


class Browser:
    """One supplier's browser: cookies of its own, and patience with a service that is being restarted."""

    def __init__(self, portal: str) -> None:
        self._portal = portal.rstrip("/")
        self._client = httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=True)

    async def close(self) -> None:
        """Let go of the connections."""
        await self._client.aclose()

    async def open(self, path: str) -> HtmlPage:
        """Go to a page; a full address may be given."""
        address = path if "://" in path else f"{self._portal}{path}"
        return _page(await self._retrying(lambda: self._client.get(address)))

    async def follow(self, link: str) -> HtmlPage:
        """Go where a mail's link leads. The mail can be there before the fact that makes its link known."""
        return _page(
            await self._retrying(lambda: self._client.get(link), away=lambda answer: not answer.is_success)
        )

    async def submit(self, page: HtmlPage, action: str, **filled: str) -> HtmlPage:
        """Send a form of the page with what is filled in."""
        form = page.form(action)
        return _page(
            await self._retrying(
                lambda: self._client.post(
                    f"{self._portal}{form.action}",
                    data={**form.fields, **filled},
                    headers={"Origin": self._portal},
                )
            )
        )

    async def ask(self, path: str, body: Mapping[str, Any], *, seal: str) -> Any:  # noqa: ANN401 - JSON
        """What the page's script does: JSON to the portal, with the page's seal."""
        answer = await self._retrying(
            lambda: self._client.post(
                f"{self._portal}{path}",
                json=body,
                headers={"Origin": self._portal, "MRX-Seal": seal, "Accept": "application/json"},
            )
        )
        return answer.json()

    async def read(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """What the page's script reads while it waits."""
        address, json = f"{self._portal}{path}", {"Accept": "application/json"}
        return (await self._retrying(lambda: self._client.get(address, headers=json))).json()

    async def put(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        """Send a file straight to the object storage."""
        await self._retrying(lambda: self._client.put(url, content=body, headers=headers))

    @staticmethod
    async def _retrying(
        send: Callable[[], Awaitable[httpx.Response]],
        *,
        away: Callable[[httpx.Response], bool] = lambda answer: answer.is_server_error,
    ) -> httpx.Response:
        """Send until the answer is not as from a server that is away. Raises `Rejected`, or `Unavailable`."""

        async def attempt() -> httpx.Response:
            try:
                answer = await send()
            except httpx.TransportError as error:
                raise Unreachable(f"no answer: {type(error).__name__}") from error
            trouble = f"{answer.request.method} {answer.request.url.path}: {answer.status_code}"
            if away(answer):
                raise Unreachable(trouble)
            if not answer.is_success:
                raise Rejected(f"{trouble} {answer.text[:300]}")
            return answer

        return await retrying(attempt, patience_s=PATIENCE_S)


def _page(answer: httpx.Response) -> HtmlPage:
    forms = [
        Form(
            action=form.get("action", ""),
            fields={one.name: one.value or "" for one in form.xpath(".//input[@type='hidden']")},
        )
        for form in lxml.html.fromstring(answer.content).forms
    ]
    return HtmlPage(forms=forms, text=answer.text)


def ticket_for(file: Path) -> tuple[bytes, dict[str, Any]]:
    """A file's bytes, and what a ticket for it is asked with."""
    body = file.read_bytes()
    return body, {"sha256": sha256(body).hexdigest(), "size": len(body)}
