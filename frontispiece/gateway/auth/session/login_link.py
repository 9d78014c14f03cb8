"""What a link to `/login` may ask for: where the browser goes then, and how the user logs in."""

import re
from collections.abc import Mapping
from math import floor
from typing import Any, Final
from urllib.parse import quote, unquote

from frontispiece.http.problems import Problem
from frontispiece.security import InvalidToken, timestamp

MAX_RETURN_TO: Final = 1024
"""Characters of `return_to` once it is percent-encoded: it is in a cookie, and in a response's header."""

MAX_DECODINGS: Final = 4
"""How often `return_to` may be percent-encoded over and over."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\\]")
_PRINTABLE: Final = "".join(map(chr, range(0x21, 0x7F)))

PARAMETERS: Final = {
    "prompt": re.compile(r"none|(?:login|consent|select_account)(?: (?:login|consent|select_account))*"),
    "acr_values": re.compile(r"(?=.{1,255}\Z)[\x21\x23-\x5b\x5d-\x7e]+(?: [\x21\x23-\x5b\x5d-\x7e]+)*"),
    "max_age": re.compile(r"[0-9]{1,9}"),
}
"""Parameters that are passed on to the issuer (OpenID Connect Core 1.0, 3.1.2.1), with their syntax."""


def login_parameters(query: Mapping[str, str]) -> dict[str, str]:
    """The parameters of the authorization request that the link has.

    Raises:
        Problem: 400 `login-parameter-invalid`.
    """
    parameters = {name: query[name] for name in PARAMETERS if name in query}
    for name, value in parameters.items():
        if not PARAMETERS[name].fullmatch(value):
            raise Problem(400, "login-parameter-invalid", f"{name} has no such value.", parameter=name)
    return parameters


def requested_with(parameters: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
    """A link's parameters with the `prompt` of the settings, without which some give no refresh token."""
    prompts = f"{parameters.get('prompt', '')} {settings.get('prompt', '')}".split()
    if not prompts or "none" in prompts:  # which comes alone
        return dict(parameters)
    return {**parameters, "prompt": " ".join(dict.fromkeys(prompts))}


def check_age(claims: Mapping[str, Any], parameters: Mapping[str, str], started_at: float) -> None:
    """Verify that a login with `max_age` is no older than that (OpenID Connect Core 1.0, 3.1.3.7).

    Raises:
        InvalidToken: it is older, or has no `auth_time`, which is in whole seconds.
    """
    max_age = parameters.get("max_age")
    if max_age is not None and timestamp(dict(claims), "auth_time") < floor(started_at) - int(max_age):
        raise InvalidToken("The login is older than max_age allows")


def check_return_to(text: str) -> str:
    """A path of this site, with query and fragment, ready for `Location`.

    Browsers take two slashes, or a backslash for one of them, or tabs in between, for another site's address.
    What the text becomes when it is decoded once more is checked as well.

    Raises:
        Problem: 400 `return-to-refused`.
    """
    decoded = text
    for _ in range(MAX_DECODINGS):
        if not _is_local(decoded):
            break
        before, decoded = decoded, unquote(decoded, errors="replace")
        if before == decoded:
            location = quote(text, safe=_PRINTABLE)
            if len(location) <= MAX_RETURN_TO:
                return location
            break
    detail = f"return_to is a path on this site, such as /page?step=2, of {MAX_RETURN_TO} characters at most."
    raise Problem(400, "return-to-refused", detail)


def _is_local(text: str) -> bool:
    path = re.split(r"[?#]", text, maxsplit=1)[0]
    return path.startswith("/") and "//" not in path and not _UNSAFE.search(text)
