"""A scheme in memory behind the portal's ports: what its services would answer, and what was said to them."""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles
from mrx_portal.domain.numbers import RoundNumbers
from mrx_portal.domain.people import Person, SessionOpened
from mrx_portal.entrypoints.frontend import STATIC, Frontend
from mrx_portal.entrypoints.member import member_pages
from mrx_portal.entrypoints.problems import show_problems
from mrx_portal.entrypoints.reviewer import reviewer_pages
from mrx_portal.entrypoints.secretariat import secretariat_pages
from mrx_portal.entrypoints.security_headers import SecurityHeaders
from mrx_portal.handlers.released import ReleasedListCache
from mrx_portal.ports import A, Api, Query, Service, SignedOut
from mrx_shared.api.bodies import RequestBody
from mrx_shared.kit.client import read
from mrx_shared.refusals import Unknown
from pydantic import AwareDatetime, BaseModel

NOW = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)
STORAGE = "http://storage.example"
PORTAL = "http://portal"
LISTED = "01940000-0000-7000-8000-0000000000aa"
ROUND = "01940000-0000-7000-8000-0000000000bb"
MEMBER = "01940000-0000-7000-8000-0000000000cc"
ASSESSMENT = "01940000-0000-7000-8000-0000000000dd"
PROTOCOL = "01940000-0000-7000-8000-0000000000ee"
Answer = Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Posted:
    """What a page said to a service."""

    service: str
    path: str
    body: Mapping[str, Any]
    key: str


@dataclass
class MemoryApi:
    """The port `Api`: answers that a test sets, by service and path; a function gets the query or the body."""

    answers: dict[tuple[str, str], Any] = field(default_factory=dict)
    posted: list[Posted] = field(default_factory=list)

    async def get(self, service: str, path: str, answer: type[A], /, **query: Query) -> A:
        return self._read(answer, service, path, query)

    async def fetch(self, service: str, path: str, /, **query: Query) -> bytes:
        found: bytes = self._answer(service, path, query)
        return found

    async def post(
        self,
        service: str,
        path: str,
        body: RequestBody | None = None,
        answer: type[A] | None = None,
        /,
        *,
        key: str,
    ) -> Any:  # noqa: ANN401
        said = body.model_dump(mode="json", exclude_unset=True) if body else {}
        self.posted.append(Posted(service, path, said, key))
        return self._read(answer, service, path, said) if answer else self._answer(service, path, said)

    async def send(
        self, service: str, path: str, content: bytes, answer: type[A], /, *, key: str, **query: Query
    ) -> A:
        said = {"content": content, **query}
        self.posted.append(Posted(service, path, said, key))
        return self._read(answer, service, path, said)

    def _read(self, answer: type[A], service: str, path: str, said: Mapping[str, Any]) -> A:
        return read(answer, json.dumps(whole(answer, self._answer(service, path, said))).encode(), service)

    def _answer(self, service: str, path: str, said: Mapping[str, Any]) -> Any:  # noqa: ANN401
        if (service, path) not in self.answers:
            raise Unknown(f"nothing at {path}")
        answer = self.answers[service, path]
        if callable(answer):
            answer = answer(said)
        if isinstance(answer, Exception):
            raise answer
        return answer


BARE: Mapping[Any, Any] = {
    str: "",
    int: 0,
    bool: False,
    float: 0.0,
    Decimal: "0",
    UUID: str(UUID(int=0)),
    AwareDatetime: NOW.isoformat(),
    datetime: NOW.isoformat(),
    date: NOW.date().isoformat(),
}


def whole(shape: Any, told: Any) -> Any:  # noqa: ANN401
    """What a test states of an answer, with everything else as bare as the answer's class allows."""
    if get_origin(shape) is Annotated:
        return whole(get_args(shape)[0], told)
    if get_origin(shape) in {Union, UnionType}:
        return None if told is None else whole(get_args(shape)[0], told)
    if isinstance(told, list) and get_origin(shape) is tuple:
        return [whole(get_args(shape)[0], one) for one in told]
    if isinstance(told, Mapping) and get_origin(shape) is dict:
        return {name: whole(get_args(shape)[1], one) for name, one in told.items()}
    if not (isinstance(told, Mapping) and isinstance(shape, type) and issubclass(shape, BaseModel)):
        return told
    fields = shape.model_fields.items()
    bare = {name: _bare(field.annotation) for name, field in fields if field.is_required()}
    stated = {name: whole(field.annotation, told[name]) for name, field in fields if name in told}
    return {**told, **bare, **stated}


def _bare(shape: Any) -> Any:  # noqa: ANN401
    if get_origin(shape) is Annotated:
        return _bare(get_args(shape)[0])
    if get_origin(shape) in {Union, UnionType}:
        return None
    if get_origin(shape) in {tuple, dict}:
        return [] if get_origin(shape) is tuple else {}
    if isinstance(shape, type) and issubclass(shape, BaseModel):
        return whole(shape, {})
    return BARE.get(shape, "")


@dataclass
class MemoryAccounts:
    """The port `Accounts`, open for whoever a test names."""

    people: dict[str, Person] = field(default_factory=dict)

    async def sign_in(self, email: str, password: str, *, browser: str | None = None) -> SessionOpened:
        raise NotImplementedError

    async def person(self, session: str) -> Person:
        if session not in self.people:
            raise SignedOut
        return self.people[session]

    async def sign_out(self, session: str) -> None:
        self.people.pop(session, None)

    async def forgotten(self, email: str) -> None:
        raise NotImplementedError

    async def set_password(self, token: str, password: str) -> str | None:
        raise NotImplementedError

    async def change_password(self, session: str, current: str, password: str) -> None:
        raise NotImplementedError


@dataclass
class Scheme:
    """Everything behind the pages."""

    api: MemoryApi = field(default_factory=MemoryApi)
    accounts: MemoryAccounts = field(default_factory=MemoryAccounts)
    documents: dict[str, bytes] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    drawn: list[Sequence[RoundNumbers]] = field(default_factory=list)

    def as_person(self, session: str) -> Api:
        return self.api

    def as_supplier(self, token: str) -> Api:
        raise NotImplementedError

    async def ready(self) -> bool:
        return True

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.documents[url]

    async def draw(self, rounds: Sequence[RoundNumbers]) -> bytes:
        self.drawn.append(rounds)
        return b"<svg xmlns='http://www.w3.org/2000/svg'/>"

    def app(self, public_url: str = PORTAL, **how: Any) -> FastAPI:  # noqa: ANN401
        web = Frontend(
            services=self,
            accounts=self.accounts,
            sealing_key=base64.b64encode(b"k" * 24),
            public_url=public_url,
            storage_url=STORAGE,
            clock=lambda: NOW,
        )
        app = FastAPI(openapi_url=None)
        app.include_router(member_pages(web, ReleasedListCache(self), how.get("draw", self.draw)))
        app.include_router(secretariat_pages(web))
        app.include_router(reviewer_pages(web))
        app.mount("/static", StaticFiles(directory=STATIC))
        show_problems(app, web)
        app.add_middleware(SecurityHeaders, secure=False)
        return app

    def browser(self, role: str, principal_id: str = "p-1") -> "Browser":
        session = f"session-{role}-{principal_id}"
        self.accounts.people[session] = Person(
            principal_id=principal_id,
            name="Ada Brandt",
            role=role,
            member_id=MEMBER if role == "member" else None,
            member_name="Northwind Brands" if role == "member" else None,
        )
        return Browser(self.app(), session)

    # --- what services answer ------------------------------------------------------------------------------------

    def gives(self, service: Service, path: str, answer: Any) -> None:  # noqa: ANN401
        self.api.answers[service, path] = answer

    def releases(self, entries: Sequence[Mapping[str, str]], *, held: int | None = None) -> None:
        body = json.dumps(list(entries), ensure_ascii=False).encode()
        url = f"{STORAGE}/releases/list.json?signed"
        self.documents[url] = body
        documents = dict.fromkeys(("list.csv", "list.xlsx", "certificate.json"), "0" * 64)
        self.gives(
            Service.AGGREGATION,
            "/v1/releases/latest",
            {
                "release_id": LISTED,
                "round_id": ROUND,
                "as_of": "2026-09-30",
                "rows": len(entries),
                "held": held,
                "documents": {**documents, "list.json": hashlib.sha256(body).hexdigest()},
                "released_at": "2026-10-08T09:00:00Z",
            },
        )
        self.gives(
            Service.AGGREGATION,
            f"/v1/releases/{LISTED}/links",
            lambda said: {
                "url": f"{STORAGE}/releases/{said['document']}?signed",
                "expires_at": "2026-11-22T10:01:00Z",
                "sha256": "0" * 64,
            },
        )

    def requests(self, *requests: Mapping[str, Any]) -> None:
        def page(query: Mapping[str, Any]) -> dict[str, Any]:
            asked = [one for one in requests if query.get("state") in {None, one["state"]}]
            ids = [one["request_id"] for one in asked]
            start = ids.index(str(query["after"])) + 1 if query.get("after") else 0
            return {"requests": asked[start : start + query["limit"]]}

        self.gives(Service.REPORT_REQUEST, "/v1/requests", page)
        for one in requests:
            self.gives(Service.REPORT_REQUEST, f"/v1/requests/{one['request_id']}", one)

    def participates(self, *missing: str) -> None:
        self.gives(
            Service.REGISTRY,
            "/v1/participation",
            {
                "member_id": MEMBER,
                "participates": not missing,
                "missing": list(missing),
                "state": "admitted",
                "since": None if missing else "2026-02-03T08:00:00Z",
                "protocols": [],
                "signatures": [],
            },
        )
        self.assessments()

    def assessments(self, *found: Mapping[str, Any]) -> None:
        self.gives(Service.BENCHMARK, "/v1/assessments", {"assessments": list(found)})

    def numbers(self, *rounds: Mapping[str, Any]) -> None:
        self.gives(Service.REPORT_REQUEST, "/v1/numbers", {"rounds": list(rounds)})


class Browser:
    """A browser without script: pages, and forms as they stand in them."""

    def __init__(self, app: FastAPI, session: str) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app), base_url=PORTAL, cookies={"mrx-session": session}
        )

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(path)

    async def send(
        self,
        page: str,
        action: str,
        fields: Mapping[str, str | list[str]] | None = None,
        files: Mapping[str, bytes] | None = None,
    ) -> httpx.Response:
        """Open a page, then send one of its forms."""
        text = (await self.get(page)).text
        assert f'action="{action}"' in text or f'formaction="{action}"' in text, f"no form to {action}"
        seal = text.split('name="seal" value="', 1)[1].split('"', 1)[0]
        key = text.split('name="key" value="', 1)[1].split('"', 1)[0]
        return await self.http.post(
            action,
            data={"seal": seal, "key": key, **(fields or {})},
            files={name: (f"{name}.csv", content) for name, content in files.items()} if files else None,
        )


def entry(number: int, **more: str) -> dict[str, str]:
    return {
        "entry_id": hashlib.sha256(str(number).encode()).hexdigest(),
        "site_name": f"Site {number}",
        "address": f"{number} Mill Road",
        "city": "Tiruppur",
        "region": "Tamil Nadu",
        "country": "IN",
        "os_id": "",
        "lei": "",
        "scheme_family": "SMETA",
        "audit_half_year": "2025-H2",
        **more,
    }


def request(state: str = "sent", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    life = ["drafted", "sent", "opened", "accepted", "uploading", "checking", "available", "decided"]
    known = life[: life.index(state) + 1] if state in life else ["drafted", "sent", state]
    asked = NOW - timedelta(days=6)
    possible = {
        "decided": [],
        "available": ["decision"],
        "uploading": ["withdrawal"],
        "checking": ["withdrawal"],
        "declined": [],
        "expired": [],
        "withdrawn": [],
    }.get(state, ["withdrawal", "contact"])
    stored = {
        "report_id": str(uuid4()),
        "sha256": "ab" * 32,
        "size": 2_345_678,
        "channel": "upload",
        "stored_at": (NOW - timedelta(days=1)).isoformat(),
        "read_at": NOW.isoformat(),
        "access_withdrawn_at": None,
        "audit_date": None,
    }
    return {
        "request_id": str(UUID(int=hash((state, str(sorted(more.items())))) % 2**128)),
        "state": state,
        "reason": None,
        "mail": "sent" if state != "drafted" else "unsent",
        "entry_id": entry(1)["entry_id"],
        "site_number": "S-1001",
        "round_id": ROUND,
        "supplier": {
            "name": "Hangzhou Blue River Textile Co., Ltd.",
            "language": "zh",
            "contact_email": "audit@blueriver.example",
            "contact_name": "Li Na",
        },
        "scope": "Latest audit report with its corrective action plan",
        "purpose": "Mutual recognition: to accept this audit in place of one of our own",
        "reference": "MRX-7Q4KD2XM",
        "asked_at": asked.isoformat(),
        "term_ends_at": (asked + timedelta(days=28)).isoformat(),
        "report": stored if state in {"available", "decided"} else None,
        "decision": None,
        "possible": possible,
        "half_year": "2025-H2",
        "validity": {
            "since": "the end of the listed half-year 2025-H2",
            "default": "2027-12-31",
            "most": "2028-12-31",
        }
        if state in {"available", "decided"}
        else None,
        "same_file": [],
        "history": [
            {"state": one, "at": (asked + timedelta(hours=7 * place)).isoformat(), "reason": None}
            for place, one in enumerate(known)
        ],
        **more,
    }


def numbers(as_of: str | None = "2026-09-30", **more: int) -> dict[str, Any]:
    counts = dict.fromkeys(
        (
            "asked",
            "sent",
            "available",
            "accepted",
            "top_ups",
            "refused",
            "declined",
            "expired",
            "avoided",
            "avoided_eur",
        ),
        0,
    )
    return {"round_id": str(uuid4()), "as_of": as_of, **counts, **more}


def a_round(state: str = "open", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    counts = {
        "lists": 7,
        "rows": 3_412,
        "accepted": 3_155,
        "refused": 251,
        "waiting": 6,
        "lists_waiting": 1,
        "lists_incomplete": 0,
        "sites": 2_904,
        "sites_on_several_lists": 231,
        "independent_groups": 6,
        "released": 2_871,
        "held": 33,
    }
    return {
        "round_id": ROUND,
        "as_of": "2026-09-30",
        "state": state,
        "proposed_by": None,
        "approved_by": None,
        "release_id": None,
        "numbers": counts | more.pop("numbers", {}),
        **more,
    }


def a_member(name: str = "Northwind Brands", **more: Any) -> dict[str, Any]:  # noqa: ANN401
    return {
        "member_id": MEMBER,
        "name": name,
        "group_id": str(uuid4()),
        "group": f"{name} Group",
        "state": "admitted",
        "participates": True,
        "missing": [],
        "since": "2026-02-03T08:00:00Z",
        "created_at": "2026-01-12T08:00:00Z",
        "admitted_at": "2026-01-12T08:01:00Z",
        **more,
    }
