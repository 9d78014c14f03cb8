"""Calls as the cache sees them."""

from hashlib import blake2b
from urllib.parse import urljoin, urlsplit

from gateway.cache.conditional import NOT_FOR_CACHES
from gateway.cache.http_cache import HttpCache, Key
from gateway.cache.storing import CREDENTIALS
from gateway.call import Call
from gateway.path import Template
from gateway.route import Route
from gateway.upstream import Reply

READING = frozenset({"GET", "HEAD"})


def passes_by(call: Call) -> bool:
    """Whether it is none of the cache's business: a part of an answer, or a question with a body."""
    return not _is_empty(call.body) or any(name in NOT_FOR_CACHES for name, _ in call.headers)


def _is_empty(body: object) -> bool:
    return isinstance(body, bytes) and not body


def has_credentials(call: Call) -> bool:
    """Whether the answer may be for this caller alone."""
    return call.identity is not None or any(name in CREDENTIALS for name, _ in call.headers)


def path_of(template: Template, call: Call) -> str:
    """The public path, the same however it was encoded."""
    return template.expand(call.params)


def key_of(template: Template, route: str, call: Call) -> Key:
    """What the call asks for: all that services are told of where it was sent to."""
    host = (call.header(b"host") or b"").lower()
    return Key(host, call.scheme, path_of(template, call), call.query, route)


def digest_of(route: Route) -> str:
    """Tells apart routes that make different answers, in tables of other times too."""
    return blake2b(route.model_dump_json().encode(), digest_size=12).hexdigest()


async def forget(template: Template, cache: HttpCache, call: Call, reply: Reply) -> None:
    """After a call that changed something, forget its path and what it names in the same place (4.4)."""
    if not 200 <= reply.status < 400:  # noqa: PLR2004 (it failed: nothing has changed)
        return
    path = path_of(template, call)
    host = (call.header(b"host") or b"").decode("latin-1").lower()
    outdated = {path}
    for name in (b"location", b"content-location"):
        if named := reply.header(name):
            try:
                url = urlsplit(urljoin(f"{call.scheme}://{host}{path}", named.decode("latin-1")))
            except ValueError:  # no URL
                continue
            if (url.scheme, url.netloc.lower()) == (call.scheme, host):
                outdated.add(url.path)
    for each in sorted(outdated):
        await cache.purge(each)
