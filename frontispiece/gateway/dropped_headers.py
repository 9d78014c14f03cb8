"""Headers that clients cannot set: of their requests, neither layers nor services see them."""

import re
from typing import Final

from frontispiece.http.headers import HOP_BY_HOP
from frontispiece.http.request_id import CORRELATION

_PREFIXES: Final = (
    *(b"x-original", b"x-rewrite-", b"x-envoy-", b"x-arr-", b"front-end-https"),
    *(b"x-host", b"x-scheme", b"x-url-scheme", b"x-http-method", b"x-method-override"),
    # where it is, as clouds and content delivery networks report it
    *(b"x-appengine-", b"x-azure-", b"cloudfront-viewer-", b"cf-ip"),
    # who it is
    *(b"x-user", b"x-auth-", b"x-authenticated", b"x-authentik-", b"x-identity", b"x-consumer-", b"x-vouch-"),
    *(b"x-remote", b"remote-", b"oidc-", b"x-amzn-oidc-", b"x-apigateway-api-", b"x-endpoint-api-"),
    *(b"x-goog-authenticated-", b"x-goog-iap-", b"x-ms-client-principal", b"x-ms-token-", b"cf-access-"),
    *(b"x-webauth-", b"tailscale-user-", b"x-pomerium-"),
    *(b"client-cert", b"x-client-cert", b"ssl-client-", b"x-ssl-", b"x-tls-"),
    # what our own programs tell each other
    *(b"x-internal-", b"x-timeout-ms", b"x-mirrored"),
)
_ADDRESS_WORDS: Final = re.compile(
    rb"(?:^|-)(?:forward-?for"
    rb"|(?:client|real|remote|source|src|request|enduser|orig(?:in)?|user|geo)?"
    rb"ip(?:v[46]|addr(?:ess)?|country|city)?"
    rb"|(?:client|peer|real|remote|source)-?(?:addr(?:ess)?|host))(?:-|$)"
)
"""Each proxy and delivery network names the client's address in its own way, by one of these words."""

_MAX_BYTES: Final = 256
"""Of a name: searching a longer one takes longer than the rest of a request."""

_AMBIGUOUS: Final = re.compile(rb"[^a-z0-9-]")
"""CGI and its heirs make `X_Forwarded_For`, `X.Forwarded.For` and `X-Forwarded-For` one variable."""


def is_dropped(name: bytes) -> bool:
    """Whether the edge drops a client's request header of this name, in small letters.

    Hop-by-hop fields go no further, nor does what tells who or where the client is; what identifies the
    request is written anew. Nor do names with other signs than hyphens, which would bypass the rules for the
    others. `Proxy` would become `HTTP_PROXY` in CGI, which some take for a setting (CVE-2016-5385).
    """
    return (
        name in HOP_BY_HOP
        or name in CORRELATION
        or name == b"proxy"
        or len(name) > _MAX_BYTES
        or name.startswith(_PREFIXES)
        or b"forwarded" in name
        or _ADDRESS_WORDS.search(name) is not None
        or _AMBIGUOUS.search(name) is not None
    )
