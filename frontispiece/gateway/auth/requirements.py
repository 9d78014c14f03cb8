"""What a route asks of its users beside scopes: claims, and how and when they have logged in (RFC 9470)."""

from collections.abc import Mapping
from math import inf
from typing import Any, Final, Self
from urllib.parse import urlencode

from frontispiece import clocks
from frontispiece.gateway.config.route import Route
from frontispiece.http.problems import Problem

Claims = Mapping[str, Any]

MISSING: Final = object()


class Requirements:
    """The requirements of one route.

    Args:
        route: the route.
        login_path: where a browser logs in; None where callers have tokens.
    """

    def __init__(self, route: Route, login_path: str | None) -> None:
        self._claims = route.claims
        self._acr_values = route.acr_values
        self._max_age = None if route.max_age is None else int(route.max_age.total_seconds())
        self._login_path = login_path

    @classmethod
    def of(cls, route: Route, login_path: str | None = None) -> Self | None:
        """Those of a route; None for one that asks for no more than scopes."""
        return cls(route, login_path) if route.claims or route.acr_values or route.max_age else None

    def check(self, claims: Claims, scheme: str = "Bearer") -> None:
        """Return when a user with these claims, who has shown them by this scheme, meets them.

        Raises:
            Problem: 403 `claim-missing`; 401 `insufficient-user-authentication`: another login may.
        """
        for name, accepted in self._claims.items():
            value = _claim(claims, name)
            if not any(_is(each, value) for each in accepted):
                raise Problem(
                    403, "claim-missing", f"This needs another value of the claim {name}.", claim=name
                )
        if self._acr_values and claims.get("acr") not in self._acr_values:
            raise self._insufficient("This needs a login of another kind.", scheme)
        if self._max_age is not None and clocks.now() - self._max_age > claims.get("auth_time", -inf):
            raise self._insufficient("This needs a more recent login.", scheme)

    def _insufficient(self, detail: str, scheme: str) -> Problem:
        wanted: dict[str, str] = {}
        if self._acr_values:
            wanted["acr_values"] = " ".join(self._acr_values)
        if self._max_age is not None:
            wanted["max_age"] = str(self._max_age)
        members = {"login_url": f"{self._login_path}?{urlencode(wanted)}"} if self._login_path else {}
        parts = {"error": "insufficient_user_authentication", "error_description": detail, **wanted}
        challenge = f"{scheme} " + ", ".join(f'{name}="{value}"' for name, value in parts.items())
        headers = {"WWW-Authenticate": challenge}
        return Problem(401, "insufficient-user-authentication", detail, headers=headers, **wanted, **members)


def _claim(claims: Claims, name: str) -> object:
    """The claim of this name, or else that within objects: `realm_access.roles`."""
    if name in claims:
        return claims[name]
    value: object = claims
    for key in name.split("."):
        if not isinstance(value, Mapping):
            return MISSING
        value = value.get(key, MISSING)
    return value


def _is(accepted: object, value: object) -> bool:
    """Whether this is the value, or one of its elements; `true` is not 1."""
    every = value if isinstance(value, list) else [value]
    return any(type(each) is type(accepted) and each == accepted for each in every)
