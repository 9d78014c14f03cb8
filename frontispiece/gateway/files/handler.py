"""The innermost handler of a route with files."""

from http import HTTPStatus
from typing import Final

from frontispiece.gateway.call import Call, Handler
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.files.encodings import IDENTITY, LEVELS
from frontispiece.gateway.files.media_types import SVG
from frontispiece.gateway.files.release import File, Found
from frontispiece.gateway.files.site import Site
from frontispiece.gateway.policies.security_headers import SecurityHeaders
from frontispiece.http.accept import preferred_coding, preferred_media_type
from frontispiece.http.etags import matches
from frontispiece.http.headers import joined
from frontispiece.http.problems import MEDIA_TYPE as PROBLEM
from frontispiece.http.problems import Problem
from frontispiece.http.ranges import meets_if_range, requested_range
from frontispiece.upstream import Headers, Reply

FOR_EVER: Final = b"public, max-age=31536000, immutable"
REVALIDATED: Final = b"no-cache"

NEVER_STORED: Final = b"no-store"

HTML: Final = "text/html"

IMAGE_POLICY: Final = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox")
"""Of SVG: a browser that shows one as a page runs no script of it."""

CONTENT_HEADERS: Final = frozenset({b"content-type", b"content-encoding"})
"""Fields that a 304 does not need: the client has the body that they describe."""

PERMISSIONS_POLICY: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        "accelerometer",
        "camera",
        "display-capture",
        "geolocation",
        "gyroscope",
        "hid",
        "magnetometer",
        "microphone",
        "midi",
        "serial",
        "usb",
    )
)
"""Denies pages the devices of their users, which a page that needs one allows itself."""

PAGE_HEADERS: Final = {
    "cross_origin_opener_policy": "same-origin",
    "permissions_policy": PERMISSIONS_POLICY,
}
"""The header fields of pages, by the keys of `security_headers` that give others."""


def serve_files(route: Route, site: Site, of_table: SecurityHeaders | None) -> Handler:
    """Responds with the files of a route."""
    page_headers = _page_headers(route, of_table)
    image_headers = [IMAGE_POLICY] if route.files and route.files.content_security_policy else []

    async def handle(call: Call) -> Reply:
        if found := site.find(call.params):
            of_images = image_headers if found.file.media_type == SVG else []
            return _reply(call, found, page_headers if found.file.is_html else of_images)
        offered = frozenset({HTML, PROBLEM})
        accept = joined(call.headers, b"accept").decode("latin-1")
        if preferred_media_type(accept, offered, PROBLEM) == HTML:
            return _not_found(call, site.page, page_headers)
        headers = {"Vary": "Accept", "Cache-Control": NEVER_STORED.decode()}
        raise Problem(404, "no-route", "Nothing is served at this path.", headers=headers)

    return handle


def redirect_to(path: str) -> Handler:
    """Redirects to a path, with the query: the method stays."""

    async def handle(call: Call) -> Reply:
        query = b"?" + call.query if call.query else b""
        return Reply.whole(HTTPStatus.PERMANENT_REDIRECT, b"", [(b"location", path.encode() + query)])

    return handle


def _page_headers(route: Route, of_table: SecurityHeaders | None) -> Headers:
    """The header fields of pages that the layer of security headers does not add."""
    own = route.security_headers
    written: set[str] = set(PAGE_HEADERS) if own is False else set()
    for policy in (own, of_table):
        if policy:
            written |= policy.model_fields_set
    values = {key: value for key, value in PAGE_HEADERS.items() if key not in written}
    if route.files and (content_policy := route.files.content_security_policy):
        values["content_security_policy"] = content_policy
    return [(key.replace("_", "-").encode(), value.encode()) for key, value in values.items()]


def _reply(call: Call, found: Found, headers: Headers) -> Reply:
    """The file, or the part of it that the client wants, or that the client has it already."""
    file = found.file
    wanted = requested_range(call.headers) if call.method == "GET" else None
    if wanted and meets_if_range(call.headers, _entity(found, IDENTITY)):
        coding = IDENTITY  # parts are of the file as it is
    else:
        coding, wanted = _coding(call, file), None
    fields = [*_entity(found, coding), *headers]
    if matches(joined(call.headers, b"if-none-match").decode("latin-1"), _tag(file, coding)):
        return Reply(
            status=304, headers=[each for each in fields if each[0] not in CONTENT_HEADERS], body=b""
        )
    if wanted:
        part = wanted.within(len(file.content))
        return Reply.whole(206, file.content[part.start : part.end], [*fields, part.field])
    return Reply.whole(200, file.bodies[coding], fields)


def _not_found(call: Call, page: File, headers: Headers) -> Reply:
    """The page where there is none, which is no representation of anything: it has no validator."""
    coding = _coding(call, page)
    without = {b"etag", b"accept-ranges", b"cache-control"}
    fields = [each for each in _entity(Found(page, immutable=False), coding) if each[0] not in without]
    own = [(b"vary", b"Accept"), (b"cache-control", NEVER_STORED)]  # a later release may have the page
    return Reply.whole(404, page.bodies[coding], [*fields, *headers, *own])


def _coding(call: Call, file: File) -> str:
    """The content coding of the response."""
    accepted = joined(call.headers, b"accept-encoding").decode("latin-1")
    offered = tuple(coding for coding in LEVELS if coding in file.bodies)
    return (preferred_coding(accepted, offered) if accepted and offered else None) or IDENTITY


def _entity(found: Found, coding: str) -> Headers:
    """The header fields of a file in a coding."""
    fields = [
        (b"content-type", found.file.media_type.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", FOR_EVER if found.immutable else REVALIDATED),
        (b"etag", _tag(found.file, coding).encode()),
        (b"vary", b"Accept-Encoding"),
        (b"accept-ranges", b"bytes"),
    ]
    return fields if coding == IDENTITY else [*fields, (b"content-encoding", coding.encode())]


def _tag(file: File, coding: str) -> str:
    """The entity tag, which is strong: each coding has its own."""
    return f'"{file.digest}"' if coding == IDENTITY else f'"{file.digest}-{coding}"'
