"""Where every page is drawn and every form is taken: language, session, CSRF token."""

import hmac
import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import quote
from uuid import uuid4

from fastapi import Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from mrx_shared import limits
from mrx_shared.kit.clock import Clock
from mrx_shared.refusals import Forbidden, Invalid
from starlette.datastructures import FormData

from mrx_portal.domain.people import Person, own_path
from mrx_portal.entrypoints.languages import LANGUAGES, TAGS, negotiate, speak
from mrx_portal.entrypoints.words import said, sentence, with_days
from mrx_portal.handlers.reviewer import waits_for_reply
from mrx_portal.ports import Accounts, Api, Services, SignedOut

STATIC: Final = Path(__file__).resolve().parent.parent / "static"
PAGE_LIFE_S: Final = 12 * 3600
BROWSER_LIFE_S: Final = 180 * 86_400
SECRET: Final = re.compile(r"[A-Za-z0-9._~-]{1,200}")
Jar = Literal["session", "page", "visit", "browser"]
"""who a browser is to us: signed in, on a supplier's page, just here, or signed in from before"""
LIFE_S: Final[dict[Jar, int]] = {"page": PAGE_LIFE_S, "browser": BROWSER_LIFE_S}
LISTS: Final = ("/member/list", "/member/requests")
"""pages with a search, which a page that is reached from them leads back to"""
ROLES: Final = ("member", "secretariat", "reviewer", "operator")


class SignInNeeded(Exception):
    """Nobody is signed in, or nobody any longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Whoever is signed in, and the services as this person."""

    person: Person
    api: Api


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A form that came from a page of ours."""

    fields: FormData
    key: str
    """for the POST that the form leads to: the same form sent twice is done once, a changed one is another"""
    back: str = ""
    """the list that the form's page was reached from"""

    def text(self, name: str, *, most: int = 2_000) -> str:
        """A field's text without blanks around it; empty where it was left so."""
        value = self.fields.get(name, "")
        if not isinstance(value, str):
            raise Invalid("this is a file, not a text", field=name)
        if len(value) > most:
            raise Invalid(f"this is longer than {most} characters", field=name, remedy="shorten it")
        return value.strip()

    def typed(self, name: str) -> str:
        """What was typed, whatever it is, to be shown again."""
        value = self.fields.get(name, "")
        return value if isinstance(value, str) else ""

    def needed(self, name: str, what: str) -> str:
        """A field's text; `what` names it in the refusal of an empty one."""
        value = self.text(name)
        if not value:
            raise Invalid(f"{what} is missing", field=name, remedy="fill it in and send it again")
        return value

    def all(self, name: str) -> list[str]:
        """The texts of a field that may be there several times, such as ticked boxes."""
        return [value for value in self.fields.getlist(name) if isinstance(value, str)]


class Frontend:
    """What the routes need to draw a page, and to know who asks."""

    def __init__(
        self,
        *,
        services: Services,
        accounts: Accounts,
        sealing_key: bytes,
        public_url: str,
        storage_url: str,
        clock: Clock,
    ) -> None:
        self.services = services
        self.accounts = accounts
        self.clock = clock
        self.storage_url = storage_url
        self.public_url = public_url
        self.secure = public_url.startswith("https://")
        self._csrf_key = sealing_key
        self._assets = {
            path.name: f"/static/{path.name}?v={sha256(path.read_bytes()).hexdigest()[:12]}"
            for path in STATIC.iterdir()
            if path.is_file()
        }
        self._pages = {language: self._environment(language) for language in LANGUAGES}

    def _environment(self, language: str) -> Environment:
        environment = Environment(
            loader=PackageLoader("mrx_portal"),
            autoescape=select_autoescape(default=True, default_for_string=True),
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n"],
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["static"] = self._assets.__getitem__
        environment.globals["limits"] = limits
        environment.tests["waiting_for_reply"] = waits_for_reply
        environment.filters["said"] = said
        environment.filters["sentence"] = sentence
        environment.filters["with_days"] = with_days
        speak(environment, language)
        return environment

    # --- pages ---------------------------------------------------------------------------------------------------

    def page(
        self,
        request: Request,
        template: str,
        *,
        visitor: Visitor | None = None,
        jar: Jar | None = None,
        language: str = "en",
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **shown: Any,  # noqa: ANN401
    ) -> Response:
        """Draw a template. It has `person`, `csrf_fields` (put them into every form), `language`, `now`, and what is shown.

        `back` is the list that the page was reached from, with its search and page; the forms of the page keep it.
        """
        jar = jar or ("session" if visitor else "visit")
        back = _back(request.query_params.get("back") or getattr(request.state, "sent", {}).get("back"))
        secret = self.secret(request, jar)
        fresh = secret is None and jar == "visit"
        if secret is None:
            secret = secrets.token_urlsafe(24)
        text = (
            self._pages[language]
            .get_template(template)
            .render(
                person=visitor.person if visitor else None,
                csrf_fields=self.csrf_fields(secret, back=back),
                back=back,
                language=language,
                lang=TAGS[language],
                languages=LANGUAGES,
                now=self.clock(),
                path=request.url.path,
                status=status,
                address=quote(f"{request.url.path}?{request.url.query}".rstrip("?"), safe="/"),
                **shown,
            )
        )
        response = HTMLResponse(text, status, dict(headers or {}))
        if fresh:
            self.keep(response, "visit", secret)
        return response

    def language(self, request: Request, *, preferred: str | None = None) -> str:
        """The language of a page that has several: chosen in the link or before, of the request, of the browser."""
        chosen = request.query_params.get("language") or request.cookies.get(self._name("language"))
        if chosen in LANGUAGES:
            return str(chosen)
        if preferred in LANGUAGES:
            return str(preferred)
        return negotiate(request.headers.get("accept-language", ""))

    def remember_language(self, request: Request, response: Response) -> Response:
        """Keep a language that was chosen in the link."""
        if request.query_params.get("language") in LANGUAGES:
            response.set_cookie(
                self._name("language"),
                request.query_params["language"],
                path="/",
                secure=self.secure,
                httponly=True,
                samesite="lax",
                max_age=365 * 86_400,
            )
        return response

    # --- who asks ------------------------------------------------------------------------------------------------

    def signed_in(self, *roles: str) -> Callable[[Request], Awaitable[Visitor]]:
        """A dependency that gives whoever is signed in with one of the roles; else the sign-in page, or 403."""

        async def visitor(request: Request) -> Visitor:
            session = self.secret(request, "session")
            if session is None:
                raise SignInNeeded
            try:
                person = await self.accounts.person(session)
            except SignedOut as error:
                raise SignInNeeded from error
            if person.role not in roles:
                raise Forbidden(
                    f"This page is for {' or '.join(roles)}; you are signed in as {person.role}.",
                    remedy="sign out, then sign in as someone else",
                )
            return Visitor(person=person, api=self.services.as_person(session))

        return visitor

    def secret(self, request: Request, jar: Jar) -> str | None:
        """What a browser's cookie holds; never shown."""
        held = request.cookies.get(self._name(jar), "")
        return held if SECRET.fullmatch(held) else None

    def keep(self, response: Response, jar: Jar, secret: str) -> None:
        """Give a browser its cookie. People come to a session's pages from mails, so that cookie is Lax."""
        response.set_cookie(
            self._name(jar),
            secret,
            path="/",
            secure=self.secure,
            httponly=True,
            samesite="lax" if jar == "session" else "strict",
            max_age=LIFE_S.get(jar),
        )

    def drop(self, response: Response, jar: Jar) -> None:
        """Take a browser's cookie away."""
        response.delete_cookie(
            self._name(jar), path="/", secure=self.secure, httponly=True, samesite="strict"
        )

    def _name(self, jar: str) -> str:
        return f"__Host-mrx-{jar}" if self.secure else f"mrx-{jar}"

    # --- forms ---------------------------------------------------------------------------------------------------

    def csrf_fields(self, secret: str, *, back: str = "") -> Markup:
        """The hidden fields of a form: it came from a page that we drew for this browser, and is done once."""
        hidden = {"seal": self.csrf_token(secret), "key": uuid4(), **({"back": back} if back else {})}
        return Markup("").join(
            Markup('<input type="hidden" name="{}" value="{}">').format(name, value)
            for name, value in hidden.items()
        )

    def csrf_token(self, secret: str) -> str:
        """What only we can make of a browser's secret."""
        return hmac.new(self._csrf_key, f"seal:{secret}".encode(), sha256).hexdigest()

    def form(self, jar: Jar) -> Callable[[Request], Awaitable[Filled]]:
        """A dependency that takes a form of ours and refuses every other."""

        async def filled(request: Request) -> Filled:
            self.check_origin(request)
            fields = await request.form(max_files=2, max_fields=3_000, max_part_size=1024 * 1024)
            self.check_csrf(request, jar, str(fields.get("seal", "")))
            if jar == "session":
                request.state.sent = fields
            return Filled(fields=fields, key=_key(request, fields), back=_back(fields.get("back")))

        return filled

    def check_origin(self, request: Request) -> None:
        """Refuse what another site's page sends.

        A page without referrer sends `Origin: null` even to ourselves; then `Sec-Fetch-Site` tells, and the CSRF token.
        """
        origin = request.headers.get("origin", "null")
        site = request.headers.get("sec-fetch-site", "none")
        if origin not in {"null", self.public_url} or site not in {"same-origin", "none"}:
            raise Forbidden(
                "This was sent from a page at another address.",
                remedy=f"open {self.public_url} and do it there",
            )

    def check_csrf(self, request: Request, jar: Jar, token: str) -> None:
        """Refuse a form that was not drawn for this browser as it is now."""
        secret = self.secret(request, jar)
        if secret is None and jar == "session":
            raise SignInNeeded
        if secret is None or not hmac.compare_digest(self.csrf_token(secret).encode(), token.encode()):
            raise Forbidden(
                "This form is out of date, or was opened in another browser.",
                field="seal",
                remedy="open the page again and send it from there; allow cookies",
            )


def _key(request: Request, fields: FormData) -> str:
    """Of the page's key, where the form leads, and what is in it: one page may hold several forms."""
    said = [(name, value) for name, value in fields.multi_items() if isinstance(value, str)]
    return sha256(repr((request.url.path, sorted(said))).encode()).hexdigest()


def to_send_again(request: Request) -> list[tuple[str, str]]:
    """What a signed-in person's form held, its key too, so that it is done once; nothing of files and passwords."""
    sent: FormData = getattr(request.state, "sent", FormData())
    texts = [(name, value) for name, value in sent.multi_items() if isinstance(value, str)]
    whole = len(texts) == len(sent.multi_items()) and not any("password" in name for name, _ in texts)
    return texts if whole else []


def see(path: str, *, back: str = "") -> Response:
    """Go and see another page of ours, after something was done; `back` is the list that it was reached from."""
    return RedirectResponse(f"{path}?back={quote(back, safe='/')}" if back else path, HTTPStatus.SEE_OTHER)


def _back(path: object) -> str:
    """A list of ours with its search and page, or nothing."""
    inside = own_path(path, otherwise="") if isinstance(path, str) else ""
    return inside if inside.partition("?")[0] in LISTS else ""


def sign_in_path(request: Request) -> str:
    """The sign-in page, which leads back to the page that was asked for."""
    if request.method != "GET":
        return "/sign-in?ended=1"
    wanted = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return "/sign-in" if wanted == "/" else f"/sign-in?next={quote(wanted, safe='/')}"


def from_script(request: Request) -> bool:
    """Whether a script of ours asks, which wants JSON and no page."""
    return "application/json" in request.headers.get("accept", "")
