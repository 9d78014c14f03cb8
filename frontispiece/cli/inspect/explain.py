"""The timeline of a running page."""

from collections.abc import Iterable

import httpx
import msgspec

from frontispiece.errors import UserError
from frontispiece.http.loopback import is_loopback
from frontispiece.http.problems import MEDIA_TYPE as PROBLEM
from frontispiece.pages.timeline import MEDIA_TYPE, PageTrace
from frontispiece.terminal import printable

TIMEOUT = 60.0
"""Seconds, longer than any page's own deadline."""

NO_TIMELINE = (
    "{path} answered {status} without a timeline. If it is a page, BFF_EXPOSE_TIMELINE=true turns them on,"
    " GATEWAY_EXPOSE_TIMELINE=true for an aggregate of the route table (`front up` has both on)."
)
HINTS = {
    401: "It needs a login: --user USER logs in first, by [login] of frontispiece.toml; "
    "or write the token yourself: -H 'Authorization: Bearer …'.",
    403: "This user may not see it: --user USER logs another one in.",
    405: "Only GET pages can be explained.",
}


class NoTimeline(UserError):
    """The response has none: the path may be no page."""


def explain(url: str, path: str, headers: Iterable[tuple[str, str]]) -> PageTrace:
    """Run a page, and return its timeline.

    Raises:
        UserError: nothing answers, or the response is not a timeline.
    """
    if not path.startswith("/"):
        raise UserError(f"A path begins with a slash, unlike {printable(path)}.")
    encoded = [(name.encode(), value.encode()) for name, value in headers]
    try:
        response = httpx.get(
            url.rstrip("/") + path,
            headers=[*encoded, (b"accept", MEDIA_TYPE.encode())],
            timeout=TIMEOUT,
            trust_env=not is_loopback(url),
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as fault:
        raise UserError(f"{printable(url + path)} cannot be requested: {fault}") from None
    except httpx.TransportError as fault:
        raise UserError(f"Nothing answers at {url} ({fault or 'timeout'}). Is the project running?") from None
    if _media_type(response) != MEDIA_TYPE:
        raise (NoTimeline if response.is_success else UserError)(_reason(path, response))
    return _decoded(response.content)


def header(text: str) -> tuple[str, str]:
    """The name and value of a header written as `Name: value`.

    Raises:
        UserError: it is written otherwise.
    """
    name, colon, value = text.partition(":")
    if not (colon and name.isascii() and name.strip()):
        raise UserError(f"A header is written as 'Name: value', unlike {printable(text)!r}.")
    return name.strip(), value.strip()


def _media_type(response: httpx.Response) -> str:
    value: str = response.headers.get("content-type", "")
    return value.partition(";")[0].strip().lower()


def _decoded(content: bytes) -> PageTrace:
    try:
        explained = msgspec.json.decode(content, type=PageTrace)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise UserError(f"The answer is no timeline of this version: {fault}") from None
    known = range(len(explained.timeline.batches))
    for source in explained.timeline.sources:
        for place in source.batches:
            if place not in known:
                waiting = f"{printable(source.name)} waited for batch {place} of {len(known)}"
                raise UserError(f"The answer is no timeline: {waiting}.")
    return explained


def _reason(path: str, response: httpx.Response) -> str:
    if response.is_success:
        return NO_TIMELINE.format(path=printable(path), status=response.status_code)
    lines = [f"{printable(path)} answered {response.status_code}{_detail(response)}"]
    return "\n".join(lines + [HINTS[code] for code in HINTS if code == response.status_code])


def _detail(response: httpx.Response) -> str:
    """A problem's detail, title or type."""
    if _media_type(response) != PROBLEM:
        return "."
    try:
        problem = msgspec.json.decode(response.content, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ", with a problem that cannot be read."
    return ": " + printable(str(problem.get("detail") or problem.get("title") or problem.get("type")))
