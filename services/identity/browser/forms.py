"""Queries, forms and cookies, parsed strictly, and protected against cross-site request forgery.

Against login CSRF and every other forged form, a page's hidden field must repeat a cookie that only this host
can set (OWASP CSRF Prevention Cheat Sheet, double submit), and the browser's own headers must not contradict.
"""

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.requests import ClientDisconnect

from frontispiece.http import DuplicateCookie, single_cookie
from services.identity.errors import InvalidForm, PageError
from services.identity.model import new_secret
from services.identity.settings import IdentitySettings

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MAX_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 64

SESSION_COOKIE: Final = "__Host-Http-identity"
CSRF_COOKIE: Final = "__Host-Http-form"
DEVICE_COOKIE: Final = "__Host-Http-device"
CSRF_FIELD: Final = "form"
RESOURCE: Final = "resource"

Fields = Mapping[str, str]


async def read_fields(request: Request) -> Fields:
    """The fields of the form of a POST, or else of the query.

    Raises:
        InvalidForm: there is no form, or it is too long; a field comes twice, is not UTF-8 or has a NUL.
            `resource` may come several times (RFC 8707): several values are one, with spaces, as no URI has.
    """
    if request.method != "POST":
        return _fields(request.scope["query_string"])
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise InvalidForm(415, f"Forms are sent as {MEDIA_TYPE}.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BYTES:
                raise InvalidForm(413, f"A form has at most {MAX_BYTES} bytes.")
    except ClientDisconnect:
        raise InvalidForm(400, "The form is incomplete.") from None
    return _fields(bytes(body))


def read_cookie(request: Request, name: str) -> str | None:
    """The value of this cookie; None without one.

    Raises:
        InvalidForm: it comes more than once.
    """
    try:
        value = single_cookie(request.scope["headers"], name.encode())
    except DuplicateCookie:
        raise InvalidForm(400, "A cookie comes more than once.") from None
    return None if value is None else value.decode("latin-1")


def csrf_token(request: Request) -> str:
    """The token for the forms of this browser: that of its cookie, or a new one."""
    token = read_cookie(request, CSRF_COOKIE) or ""
    return token if _is_token(token) else new_secret()


def check_csrf(request: Request, fields: Fields, settings: IdentitySettings) -> None:
    """Return when the form was on a page of ours, in this browser.

    Raises:
        PageError: 403, it may be another site's.
    """
    site = request.headers.get("sec-fetch-site")
    # A page with the Referrer-Policy no-referrer, such as ours, sends its forms with `Origin: null` (Fetch
    # standard, "append a request Origin header").
    origin = request.headers.get("origin", "null")
    token = read_cookie(request, CSRF_COOKIE) or ""
    repeated = hmac.compare_digest(token.encode(), fields.get(CSRF_FIELD, "").encode())
    cross_site = site not in {None, "same-origin"} or origin.lower() not in {"null", settings.origin}
    if cross_site or not repeated or not _is_token(token):
        raise PageError(
            403,
            "This form is not ours",
            "It came from another page, or has been open for too long. Please go back, load the page again "
            "and try once more. Cookies must be allowed.",
        )


def _is_token(value: str) -> bool:
    return len(value) == len(new_secret()) and value.isascii()


def _fields(encoded: bytes) -> Fields:
    if len(encoded) > MAX_BYTES:
        raise InvalidForm(413, f"A request has at most {MAX_BYTES} bytes of fields.")
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS
        )
    except ValueError:  # neither ASCII nor UTF-8
        raise InvalidForm(400, "The fields are malformed, or too many.") from None
    fields = dict(pairs)
    names = [name for name, _ in pairs if name != RESOURCE]
    if len(set(names)) != len(names):
        raise InvalidForm(400, "A field comes more than once.")
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise InvalidForm(400, "A field has a NUL in it.")
    if resources := dict.fromkeys(value for name, value in pairs if name == RESOURCE):
        fields[RESOURCE] = " ".join(resources)
    return fields
