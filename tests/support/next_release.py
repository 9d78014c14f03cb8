"""The shop's app under another hash, as if its next release was served."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx

NEXT: Final = "0123456789abcdef"
"""The hash of the next release."""

FIELDS: Final = ("content-type", "cache-control", "content-security-policy", "etag")


class Proxy:
    """A proxy of the shop, which serves the next release of the app once `is_next` is set.

    Args:
        url: the shop's.
    """

    def __init__(self, url: str) -> None:
        self.is_next = False
        self._client = httpx.Client(base_url=url, headers={"Accept-Encoding": "identity"})
        manifest = self._client.get("/m/asset-manifest.json").raise_for_status()
        self.present: str = manifest.json()["version"]

    def get(self, path: str, headers: dict[str, str]) -> httpx.Response:
        """The shop's response to a GET."""
        return self._client.get(path.replace(NEXT, self.present), headers=headers)

    def close(self) -> None:
        """Close the connections to the shop."""
        self._client.close()

    def body(self, response: httpx.Response) -> bytes:
        """Its content, with the hash of the release that is served."""
        if not self.is_next or re.search(r"/assets/|/pictures/", str(response.url)):
            return response.content
        return response.content.replace(self.present.encode(), NEXT.encode())


@contextmanager
def proxy_of(url: str) -> Iterator[tuple[Proxy, str]]:
    """The proxy of a shop, and its URL."""
    proxy = Proxy(url)

    class Handler(BaseHTTPRequestHandler):
        """Passes on GETs, and nothing else."""

        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            """Pass it on."""
            sent = {name: value for name in ("accept", "x-client") if (value := self.headers[name])}
            response = proxy.get(self.path, sent)
            body = proxy.body(response)
            self.send_response(response.status_code)
            for name in FIELDS:
                if name in response.headers:
                    self.send_header(name, response.headers[name])
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield proxy, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        proxy.close()
