"""Invalidation of stored responses by unsafe calls (RFC 9111, 4.4)."""

from urllib.parse import urljoin, urlsplit

from frontispiece.gateway.call import Call, Handler, Layer
from frontispiece.gateway.config.route import Route
from frontispiece.gateway.policies.cache.store import HttpCache
from frontispiece.http.authority import normalised
from frontispiece.http.headers import READING_METHODS
from frontispiece.upstream import Reply


def invalidation_layer(route: Route, cache: HttpCache) -> Layer:
    """After a successful unsafe call, purge its path and those of this origin that the response names."""

    def layer(inner: Handler) -> Handler:
        async def handle(call: Call) -> Reply:
            reply = await inner(call)
            if call.method not in READING_METHODS and 200 <= reply.status < 400:  # noqa: PLR2004 (the bounds of success)
                for path in sorted(_outdated(route, call, reply)):
                    await cache.purge(path)
            return reply

        return handle

    return layer


def _outdated(route: Route, call: Call, reply: Reply) -> set[str]:
    path = route.template.expand(call.params)
    host = normalised(call.header(b"host") or b"", call.scheme)
    outdated = {path}
    for name in (b"location", b"content-location"):
        if value := reply.header(name):
            try:
                url = urlsplit(urljoin(f"{call.scheme}://{host.decode()}{path}", value.decode("latin-1")))
            except ValueError:  # not a URL
                continue
            netloc = normalised(url.netloc.encode("latin-1"), url.scheme)
            if (url.scheme, netloc) == (call.scheme, host):
                outdated.add(url.path)
    return outdated
