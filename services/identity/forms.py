"""What comes in: queries and forms, read strictly; and whether a form is one of ours.

Against login CSRF and every other forged form, the page's hidden field must repeat a cookie that only this
host can set (OWASP CSRF Prevention Cheat Sheet, double submit), and what the browser says of where the form
was must not contradict.
"""

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import parse_qsl

from fastapi import Request
from starlette.requests import ClientDisconnect

from services.identity.errors import BadForm, Shown
from services.identity.model import new_secret
from services.identity.settings import IdentitySettings

MEDIA_TYPE: Final = "application/x-www-form-urlencoded"
MOST_BYTES: Final = 16 * 1024
MOST_FIELDS: Final = 64

LOGIN_COOKIE: Final = "__Host-Http-identity"
FORM_COOKIE: Final = "__Host-Http-form"
DEVICE_COOKIE: Final = "__Host-Http-device"
FORM_FIELD: Final = "form"

Fields = Mapping[str, str]


def query(request: Request) -> Fields:
    """The fields of a query.

    Raises:
        BadForm: a field comes twice, is no UTF-8, has a NUL, or it is all too long.
    """
    return _fields(request.scope["query_string"])


async def form(request: Request) -> Fields:
    """The fields of a form.

    Raises:
        BadForm: it is no form or too long; a field comes twice, is no UTF-8, or has a NUL.
    """
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != MEDIA_TYPE:
        raise BadForm(415, f"Forms are sent as {MEDIA_TYPE}.")
    body = bytearray()
    try:
        async for chunk in request.stream():
            body += chunk
            if len(body) > MOST_BYTES:
                raise BadForm(413, f"A form has at most {MOST_BYTES} bytes.")
    except ClientDisconnect:
        raise BadForm(400, "The form broke off.") from None
    return _fields(bytes(body))


async def parameters(request: Request) -> Fields:
    """The fields of a request that may come as a query or as a form."""
    return await form(request) if request.method == "POST" else query(request)


def form_secret(request: Request) -> str:
    """What the forms of this browser repeat: that of its cookie, or a new one."""
    known = request.cookies.get(FORM_COOKIE, "")
    return known if _is_secret(known) else new_secret()


def check_ours(request: Request, fields: Fields, settings: IdentitySettings) -> None:
    """Return when the form stood on a page of ours, in this very browser.

    Raises:
        Shown: 403, it may have been sent by somebody else's page.
    """
    site = request.headers.get("sec-fetch-site")
    # A page whose Referrer-Policy is no-referrer, as ours is, sends its forms with `Origin: null` (Fetch
    # standard, "append a request Origin header"): that says nothing.
    origin = request.headers.get("origin", "null")
    cookie = request.cookies.get(FORM_COOKIE, "")
    told = hmac.compare_digest(cookie.encode(), fields.get(FORM_FIELD, "").encode())
    foreign = site not in {None, "same-origin"} or origin.lower() not in {"null", settings.origin}
    if foreign or not told or not _is_secret(cookie):
        raise Shown(
            403,
            "This form is not ours",
            "It came from another page, or has been open for too long. Please go back, load the page again "
            "and try once more. Cookies must be allowed.",
        )


def _is_secret(value: str) -> bool:
    return len(value) == len(new_secret()) and value.isascii()


def _fields(encoded: bytes) -> Fields:
    if len(encoded) > MOST_BYTES:
        raise BadForm(413, f"A request has at most {MOST_BYTES} bytes of fields.")
    try:
        pairs = parse_qsl(
            encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:  # no UTF-8 is one, too
        raise BadForm(400, "The fields are not encoded as they should be, or are too many.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise BadForm(400, "A field comes more than once.")
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise BadForm(400, "A field has a NUL in it.")
    return fields
