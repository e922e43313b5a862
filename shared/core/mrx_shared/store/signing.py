"""Signed addresses of object storage: AWS Signature Version 4 in the query, over every header that must not change.

The SDK signs the host alone, so its upload links take any size, any type, any number of times.
"""

import hashlib
import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlsplit

REGION = "us-east-1"
ALGORITHM = "AWS4-HMAC-SHA256"


def signed_url(
    method: str,
    address: str,
    *,
    access_key: str,
    secret_key: str,
    moment: datetime,
    lasting: timedelta,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> str:
    """An address that works for this method, with exactly these headers, from `moment` until it lapses.

    `address` is the whole URL of bucket or object, unquoted and without a query.
    """
    scheme, host, path = urlsplit(address)[:3]
    stamp = moment.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    scope = (stamp[:8], REGION, "s3", "aws4_request")
    signed = {"host": host, **{name.lower(): value.strip() for name, value in (headers or {}).items()}}
    asked = {
        **(query or {}),
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": "/".join((access_key, *scope)),
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(int(lasting.total_seconds())),
        "X-Amz-SignedHeaders": ";".join(sorted(signed)),
    }
    path = quote(path, safe="/~")
    search = "&".join(f"{quote(name, safe='~')}={quote(asked[name], safe='~')}" for name in sorted(asked))
    lines = [method, path, search, *(f"{name}:{signed[name]}" for name in sorted(signed))]
    request = "\n".join((*lines, "", asked["X-Amz-SignedHeaders"], "UNSIGNED-PAYLOAD"))
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = f"AWS4{secret_key}".encode()
    for part in (*scope, "\n".join((ALGORITHM, stamp, "/".join(scope), digest))):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return f"{scheme}://{host}{path}?{search}&X-Amz-Signature={key.hex()}"
