"""Tokens as JWTs, signed with Ed25519."""

from datetime import datetime
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey
from mrx_shared.kit.access import ALGORITHM

from mrx_registry.domain.principals import SigningKey
from mrx_registry.ports import Claims, Seal


class JoseTokens:
    """Makes keys whose private half never leaves unsealed, and signs with them."""

    def __init__(self, issuer: str, *, seal: Seal) -> None:
        self._issuer = issuer
        self._seal = seal

    def new_key(self, *, valid_from: datetime) -> SigningKey:
        """See `ports.Tokens`."""
        made = OKPKey.generate_key("Ed25519").as_dict(private=True)
        key_id = OKPKey.import_key(made).thumbprint()
        return SigningKey(
            key_id=key_id,
            public_key=str(made["x"]),
            sealed=self._seal.close(str(made["d"]), belongs_to=_place(key_id)),
            valid_from=valid_from,
        )

    def sign(self, claims: Claims, *, key: SigningKey) -> str:
        """See `ports.Tokens`."""
        private = OKPKey.import_key(
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "x": key.public_key,
                "d": self._seal.open(key.sealed, belongs_to=_place(key.key_id)),
            }
        )
        said: dict[str, Any] = {
            "iss": self._issuer,
            "sub": str(claims.principal_id),
            "aud": claims.audience.value,
            "role": claims.role.value,
            "iat": int(claims.issued_at.timestamp()),
            "exp": int(claims.expires_at.timestamp()),
            "jti": str(claims.token_id),
        }
        if claims.member_id is not None:
            said["member"] = str(claims.member_id)
        header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": key.key_id}
        return jwt.encode(header, said, private, algorithms=[ALGORITHM])


def _place(key_id: str) -> str:
    return f"signing-key/{key_id}"
