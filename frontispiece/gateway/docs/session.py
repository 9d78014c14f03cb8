"""The session's own endpoints that a browser calls; `callback` and `backchannel-logout` are the issuer's."""

from collections.abc import Mapping
from typing import Final

from frontispiece.gateway.auth.session.login_link import PARAMETERS
from frontispiece.gateway.config.session import Session
from frontispiece.gateway.docs.components import Json
from frontispiece.service.openapi import problems

CSRF: Final[Json] = {
    "name": "X-CSRF",
    "in": "header",
    "description": "Calls with a session have it: a page of another site cannot send it.",
    "schema": {"type": "string", "const": "1"},
}

_URL: Final[Json] = {"type": ["string", "null"], "description": "Where the browser logs out at the issuer."}
_USER: Final[Json] = {
    "type": ["object", "null"],
    "description": "The user's claims; null when nobody is logged in.",
    "required": ["sub", "scopes", "expires_at", "expires_in", "logout_url"],
    "properties": {
        "sub": {"type": "string"},
        "scopes": {"type": "array", "items": {"type": "string"}},
        "expires_at": {"type": "string", "format": "date-time"},
        "expires_in": {"type": "integer", "description": "Seconds until the session ends without a call."},
        "logout_url": {"type": "string"},
    },
}


def operations(session: Session, scheme: str) -> Mapping[str, Json]:
    """The operations by their paths."""
    return {
        f"{session.path}/login": {
            "get": {
                "summary": "Log in: a browser goes there, and comes back with a session.",
                "parameters": [_query("return_to"), *map(_query, PARAMETERS)],
                "responses": {"302": {"description": "To the issuer."}, **problems({400, 429, 503})},
                "security": [],
            }
        },
        f"{session.path}/user": {
            "get": {
                "summary": "Who is logged in.",
                "parameters": [{**CSRF, "required": False}],
                "responses": {"200": _json("The user.", _USER), **problems({403, 429, 503})},
                "security": [{}, {scheme: []}],
            }
        },
        f"{session.path}/logout": {
            "post": {
                "summary": "Log out.",
                "parameters": [{**CSRF, "required": True}],
                "responses": {
                    "200": _json(
                        "The session has ended.",
                        {"type": "object", "required": ["logout_url"], "properties": {"logout_url": _URL}},
                    ),
                    **problems({403, 429, 503}),
                },
                "security": [{}, {scheme: []}],
            }
        },
    }


def _query(name: str) -> Json:
    return {"name": name, "in": "query", "schema": {"type": "string"}}


def _json(description: str, schema: Json) -> Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}
