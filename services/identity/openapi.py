"""What identity's endpoints take and respond: they read forms themselves, so that FastAPI cannot see it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from services.identity.browser import logout
from services.identity.browser.forms import CSRF_FIELD
from services.identity.browser.forms import MEDIA_TYPE as FORM
from services.identity.protocol import authorize

Json = dict[str, Any]

STRING: Final[Json] = {"type": "string"}
STRINGS: Final[Json] = {"type": "array", "items": STRING}
HTML: Final[Json] = {"text/html": {"schema": STRING}}
UNAUTHORIZED: Final = 401
UNAVAILABLE: Final[Json] = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}

AUTHORIZATION: Final = authorize.PARAMETERS
REQUIRED: Final = (
    "client_id",
    "redirect_uri",
    "response_type",
    "scope",
    "code_challenge",
    "code_challenge_method",
)

ERROR: Final[Json] = {
    "type": "object",
    "description": "RFC 6749, 5.2.",
    "required": ["error", "error_description"],
    "properties": {"error": STRING, "error_description": STRING},
}
TOKENS: Final[Json] = {
    "type": "object",
    "description": "RFC 6749, 5.1; OpenID Connect Core 1.0, 3.1.3.3.",
    "required": ["access_token", "token_type", "expires_in", "scope"],
    "properties": {
        "access_token": STRING,
        "token_type": {"type": "string", "enum": ["Bearer", "DPoP"]},
        "expires_in": {"type": "integer", "minimum": 1},
        "scope": STRING,
        "refresh_token": STRING,
        "id_token": STRING,
    },
}
USER: Final[Json] = {
    "type": "object",
    "description": "OpenID Connect Core 1.0, 5.3.2.",
    "required": ["sub"],
    "properties": {
        **dict.fromkeys(("sub", "name", "preferred_username", "email"), STRING),
        "email_verified": {"type": "boolean"},
    },
}
KEYS: Final[Json] = {
    "type": "object",
    "description": "RFC 7517, 5.",
    "required": ["keys"],
    "properties": {
        "keys": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["kty", "kid", "alg", "use"],
                "properties": dict.fromkeys(("kty", "kid", "alg", "use"), STRING),
            },
        }
    },
}
URLS: Final = (
    *("issuer", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri"),
    *("revocation_endpoint", "end_session_endpoint"),
)
LISTS: Final = (
    *("scopes_supported", "response_types_supported", "grant_types_supported", "subject_types_supported"),
    *("id_token_signing_alg_values_supported", "code_challenge_methods_supported"),
)
METADATA: Final[Json] = {
    "type": "object",
    "description": "RFC 8414, 2.",
    "required": [*URLS, *LISTS],
    "properties": {
        **{name: {"type": "string", "format": "uri"} for name in URLS},
        **dict.fromkeys(LISTS, STRINGS),
    },
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """An endpoint's part of the OpenAPI document, as FastAPI takes it."""

    responses: dict[int | str, Json]
    extra: Json = field(default_factory=dict)


def program(
    schema: Json | None,
    *statuses: int,
    form: Iterable[str] = (),
    required: Iterable[str] = (),
) -> Description:
    """An endpoint for client programs: JSON, and errors of RFC 6749 with these statuses."""
    success: Json = {"description": "Success", "headers": _headers(["Cache-Control"])}
    if schema is not None:
        success["content"] = {"application/json": {"schema": schema}}
    error = {"application/json": {"schema": ERROR}}
    responses: dict[int | str, Json] = {200: success}
    responses |= {status: {"description": "An error", "content": error} for status in statuses}
    if UNAUTHORIZED in responses:
        responses[UNAUTHORIZED]["headers"] = _headers(["WWW-Authenticate"])
    return Description(responses=responses, extra=_form(form, required))


def page(
    *statuses: int,
    redirects: bool = True,
    query: Iterable[str] = (),
    form: Iterable[str] = (),
    required: Iterable[str] = (),
) -> Description:
    """An endpoint for browsers: a page, a redirect to the client, or a page with one of these statuses."""
    responses: dict[int | str, Json] = {200: {"description": "A page", "content": HTML}}
    if redirects:
        responses[303] = {"description": "To the client", "headers": _headers(["Location"])}
    responses |= {status: {"description": "A page that says why", "content": HTML} for status in statuses}
    responses[503] = {"description": "Not now", "content": {**HTML, **UNAVAILABLE}}
    required = frozenset(required)
    parameters = [
        {"name": name, "in": "query", "required": name in required, "schema": STRING} for name in query
    ]
    extra = _form(form, required)
    return Description(
        responses=responses, extra={**extra, "parameters": parameters} if parameters else extra
    )


def _headers(names: Iterable[str]) -> Json:
    return {name: {"required": True, "schema": STRING} for name in names}


def _form(names: Iterable[str], required: Iterable[str]) -> Json:
    properties = dict.fromkeys(names, STRING)
    if not properties:
        return {}
    schema = {
        "type": "object",
        "required": sorted(required),
        "properties": properties,
        "additionalProperties": STRING,
    }
    return {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


_CLIENT: Final = ("client_id", "client_secret")
_MALFORMED: Final = (400, 413)
_FORM_ERRORS: Final = (*_MALFORMED, 403, 415)
_POSTED: Final = (*REQUIRED, CSRF_FIELD)
_TOKEN: Final = ("grant_type", *_CLIENT, "code", "redirect_uri", "code_verifier", "refresh_token", "scope")

DESCRIPTIONS: Final[dict[tuple[str, str], Description]] = {
    ("GET", "/.well-known/openid-configuration"): program(METADATA),
    ("GET", "/jwks"): program(KEYS),
    ("GET", "/userinfo"): program(USER, 401, 403),
    ("POST", "/userinfo"): program(USER, 401, 403),
    ("POST", "/token"): program(TOKENS, 400, 401, 413, 415, form=_TOKEN, required=["grant_type"]),
    ("POST", "/revoke"): program(None, 400, 401, 413, 415, form=("token", *_CLIENT), required=["token"]),
    ("GET", "/authorize"): page(*_MALFORMED, query=(*AUTHORIZATION, "id_token_hint"), required=REQUIRED),
    ("POST", "/authorize"): page(*_MALFORMED, 415, form=(*AUTHORIZATION, "id_token_hint"), required=REQUIRED),
    ("POST", "/confirm"): page(
        *_FORM_ERRORS, form=(*AUTHORIZATION, CSRF_FIELD, "account", "decision"), required=_POSTED
    ),
    ("POST", "/login"): page(
        *_FORM_ERRORS, 429, form=(*AUTHORIZATION, CSRF_FIELD, "username", "password"), required=_POSTED
    ),
    ("GET", "/register"): page(*_MALFORMED, query=AUTHORIZATION, required=REQUIRED),
    ("POST", "/register"): page(
        *_FORM_ERRORS,
        429,
        form=(*AUTHORIZATION, CSRF_FIELD, "username", "name", "email", "password"),
        required=_POSTED,
    ),
    ("GET", "/password"): page(400, 403, redirects=False),
    ("POST", "/password"): page(
        *_FORM_ERRORS,
        429,
        redirects=False,
        form=(CSRF_FIELD, "password", "new_password"),
        required=(CSRF_FIELD,),
    ),
    ("GET", "/logout"): page(*_MALFORMED, query=logout.PARAMETERS),
    ("POST", "/logout"): page(*_FORM_ERRORS, form=(*logout.PARAMETERS, CSRF_FIELD, "confirmed")),
}
"""Each endpoint's, by method and path."""
