"""Who asks: bearer tokens of the registry, checked by every service with the keys that came as facts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from fastapi import HTTPException, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey
from joserfc.jws import extract_compact

from mrx_shared.kit.clock import Clock

ALGORITHM = "Ed25519"
LEEWAY_S = 30
KEY_ID_LENGTH = 100


class Role(StrEnum):
    """What a principal may be."""

    MEMBER = "member"
    REVIEWER = "reviewer"
    SECRETARIAT = "secretariat"
    OPERATOR = "operator"
    SUPPLIER = "supplier"
    """whoever holds the token of a request's page; no bearer token has this role"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """A person or system with a role; a member's belongs to that member alone."""

    subject: str
    role: Role
    member: UUID | None

    @property
    def tenant(self) -> UUID:
        """The member whose rows this principal may touch. Raises for one that has no member."""
        if self.member is None:
            raise HTTPException(403, "this needs a member's token")
        return self.member


class KeyNotHereYet(Exception):
    """The token names a key whose fact has not arrived."""


class NotAllowed(Exception):
    """The token is missing, broken, expired or made for another service."""


FindKey = Callable[[str], Awaitable[str | None]]
"""From key id to Ed25519 public key (base64url), or None where it is not known."""


def audience(service: str) -> str:
    """What a token for this service carries as `aud`."""
    return f"mrx.{service}"


async def verify(token: str, *, service: str, find_key: FindKey, now: datetime) -> Principal:
    """The principal that a token speaks for. Raises `NotAllowed` or `KeyNotHereYet`."""
    try:
        header = extract_compact(token.encode()).headers()
    except (JoseError, ValueError, UnicodeError) as error:
        raise NotAllowed("the token cannot be read") from error
    key_id = header.get("kid")
    if header.get("alg") != ALGORITHM or not isinstance(key_id, str) or len(key_id) > KEY_ID_LENGTH:
        raise NotAllowed("the token is not signed by the registry")
    public_key = await find_key(key_id)
    if public_key is None:
        raise KeyNotHereYet
    key = OKPKey.import_key({"kty": "OKP", "crv": "Ed25519", "x": public_key})
    try:
        claims = jwt.decode(token, key, algorithms=[ALGORITHM]).claims
        jwt.JWTClaimsRegistry(
            now=int(now.timestamp()),
            leeway=LEEWAY_S,
            exp={"essential": True},
            aud={"essential": True, "value": audience(service)},
            sub={"essential": True},
        ).validate(claims)
        return _principal(claims)
    except (JoseError, ValueError, KeyError) as error:
        raise NotAllowed(
            "the token does not hold here: expired, altered, or made for another service"
        ) from error


def _principal(claims: dict[str, Any]) -> Principal:
    role = Role(claims["role"])
    member = UUID(claims["member"]) if claims.get("member") else None
    if (role is Role.MEMBER) != (member is not None):
        raise ValueError("role and member do not fit")
    return Principal(subject=str(claims["sub"]), role=role, member=member)


class Access:
    """FastAPI dependencies that let a role in: `who: Annotated[Principal, Depends(access.require(Role.MEMBER))]`."""

    def __init__(self, *, service: str, find_key: FindKey, clock: Clock) -> None:
        self._service = service
        self._find_key = find_key
        self._clock = clock

    def require(self, *roles: Role) -> Callable[[Request], Awaitable[Principal]]:
        """A dependency that gives the principal if it has one of `roles`; else 401, 403, or 503 with Retry-After."""

        async def principal(request: Request) -> Principal:
            scheme, _, token = request.headers.get("authorization", "").partition(" ")
            if scheme.lower() != "bearer" or not token:
                raise HTTPException(401, "a bearer token is needed", {"WWW-Authenticate": "Bearer"})
            try:
                who = await verify(
                    token.strip(), service=self._service, find_key=self._find_key, now=self._clock()
                )
            except KeyNotHereYet:
                raise HTTPException(
                    503, "the key of this token has not arrived here yet", {"Retry-After": "1"}
                ) from None
            except NotAllowed as error:
                raise HTTPException(
                    401, str(error), {"WWW-Authenticate": 'Bearer error="invalid_token"'}
                ) from None
            if who.role not in roles:
                allowed = " or ".join(sorted(roles))
                raise HTTPException(403, f"this is for {allowed}, not for {who.role}")
            return who

        return principal
