"""Asking a running page where its time goes."""

from collections.abc import Iterable

import httpx
import msgspec

from front.text import printable
from gateway.page.timeline import MEDIA_TYPE, Explained
from kit.problems import MEDIA_TYPE as PROBLEM

PATIENCE = 60.0
"""Seconds that a page may take: longer than any page's own deadline."""

SILENT = (
    "{path} answered {status} but does not explain itself. If it is a page: BFF_EXPLAIN=true turns"
    " explaining on, GATEWAY_EXPLAIN=true for an aggregate of the route table (`front up` has both on)."
)
HINTS = {
    401: "It is somebody's: --user USER logs in first, as in --user shopper.",
    403: "The user may not see it; another demo user may: --user clerk.",
    405: "Only pages that are read can be explained: a GET is sent.",
}


class NotExplained(Exception):
    """There is no timeline; the message says why."""


def explain(url: str, path: str, headers: Iterable[tuple[str, str]]) -> Explained:
    """Run a page of the system at this address, and return what happened.

    Args:
        url: of the gateway, such as `http://127.0.0.1:8080`.
        path: the page's path and query, as clients ask for it.
        headers: to send along, such as `Authorization` or `Accept-Language`.

    Raises:
        NotExplained: nobody answers, or something else than a timeline.
    """
    if not path.startswith("/"):
        raise NotExplained(f"A path begins with a slash, unlike {printable(path)}.")
    sent = [(name.encode(), value.encode()) for name, value in headers]
    try:
        answer = httpx.get(
            url.rstrip("/") + path, headers=[*sent, (b"accept", MEDIA_TYPE.encode())], timeout=PATIENCE
        )
    except (httpx.InvalidURL, httpx.UnsupportedProtocol, httpx.LocalProtocolError) as fault:
        raise NotExplained(f"{printable(url + path)} cannot be asked for: {fault}") from None
    except httpx.TransportError as fault:
        raise NotExplained(f"Nothing answers at {url} ({fault or 'timeout'}). Is the shop running?") from None
    if _media_type(answer) != MEDIA_TYPE:
        raise NotExplained(_why(path, answer))
    return _decoded(answer.content)


def header(text: str) -> tuple[str, str]:
    """A header that is written as `Name: value`.

    Raises:
        NotExplained: it is written otherwise.
    """
    name, colon, value = text.partition(":")
    if not (colon and name.isascii() and name.strip()):
        raise NotExplained(f"A header is written as 'Name: value', unlike {printable(text)!r}.")
    return name.strip(), value.strip()


def _media_type(answer: httpx.Response) -> str:
    given: str = answer.headers.get("content-type", "")
    return given.partition(";")[0].strip().lower()


def _decoded(content: bytes) -> Explained:
    try:
        explained = msgspec.json.decode(content, type=Explained)
    except (msgspec.MsgspecError, UnicodeDecodeError) as fault:
        raise NotExplained(f"The answer is no timeline of this version: {fault}") from None
    known = range(len(explained.timeline.batches))
    for source in explained.timeline.sources:
        for place in source.batches:
            if place not in known:
                waiting = f"{printable(source.name)} waited for batch {place} of {len(known)}"
                raise NotExplained(f"The answer is no timeline: {waiting}.")
    return explained


def _why(path: str, answer: httpx.Response) -> str:
    if answer.is_success:
        return SILENT.format(path=printable(path), status=answer.status_code)
    told = [f"{printable(path)} answered {answer.status_code}{_detail(answer)}"]
    return "\n".join(told + [HINTS[code] for code in HINTS if code == answer.status_code])


def _detail(answer: httpx.Response) -> str:
    """What a problem says of itself."""
    if _media_type(answer) != PROBLEM:
        return "."
    try:
        problem = msgspec.json.decode(answer.content, type=dict[str, object])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ", with a problem that cannot be read."
    return ": " + printable(str(problem.get("detail") or problem.get("title") or problem.get("type")))
