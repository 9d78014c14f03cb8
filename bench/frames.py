"""How many first-party functions one `GET /web/products/{sku}` calls: `python -m bench.frames`.

The shop's gateway with its web BFF mounted runs in one process, in front of stub services in another thread
of it. Counted are the `call` events of `sys.setprofile`, so each resumption of a coroutine counts once more.
The smallest count of several requests to a warm gateway is printed by module (`--functions`: by function) and
by package. The server in front of the gateway is left out.
"""

import argparse
import asyncio
import json
import os
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import Any
from urllib.parse import parse_qs, urlsplit

import grpc
import uvloop

from frontispiece.gateway import Gateway
from frontispiece.http.lifespan import Lifespan
from frontispiece.http.messages import Headers, HeaderSection, IncomingRequest
from frontispiece.security import issuers, new_key, new_signing_key, private_key
from shop.pb.discount_pb2 import ListDiscountsRequest, ListDiscountsResponse

ROOT = Path(__file__).parents[1]
FIRST_PARTY = tuple(f"{ROOT}/{name}/" for name in ("frontispiece", "gateway", "bff", "shop"))
SERVICES = tomllib.loads((ROOT / "frontispiece.toml").read_text(encoding="utf-8"))["apps"]
TARGET = "/web/products/PEN"
RELATED = ["INK", "CAP", "PAD", "NIB"]
WARM_UP, COUNTED = 10, 20

Frames = Counter[tuple[str, str]]
"""Calls by module and function."""


def product(sku: str) -> dict[str, Any]:
    """A product as the catalog describes it."""
    return {
        "sku": sku,
        "name": f"Fine {sku}",
        "description": "It writes.",
        "brand": {"id": "quill", "name": "Quill & Co"},
        "type": {"id": "pens", "name": "Pens"},
        "price": {"amount": 1290, "currency": "EUR"},
        "images": [
            {"alt": sku, "variants": [{"url": f"/{sku}.svg", "width": 320, "height": 320, "format": "svg"}]}
        ],
        "attributes": {"nib": "fine"},
        "related": RELATED,
    }


def document(target: str) -> dict[str, Any]:
    """The stub services' response to a GET of this path and query."""
    url = urlsplit(target)
    skus = parse_qs(url.query).get("sku", [])
    if url.path == "/stock":
        return {"items": [{"sku": sku, "available": 3} for sku in skus]}
    if url.path == "/summaries":
        return {"items": [{"sku": sku, "count": 0, "average": None, "histogram": {}} for sku in skus]}
    if url.path == "/reviews":
        return {"items": []}
    if url.path.startswith("/recommendations/"):
        return {"sku": url.path.rpartition("/")[2], "items": []}
    if url.path == "/products":
        return {"items": [product(sku) for sku in skus]}
    return product(url.path.rpartition("/")[2])


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        content = json.dumps(document(self.path)).encode()
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n"
        self.wfile.write(head.encode() + content)


@contextmanager
def stub_services() -> Iterator[dict[str, str]]:
    """The directory of all services that the table names: HTTP ones at one address, discounts over gRPC."""
    http = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    method = grpc.unary_unary_rpc_method_handler(
        lambda _request, _context: ListDiscountsResponse(),
        request_deserializer=ListDiscountsRequest.FromString,
        response_serializer=ListDiscountsResponse.SerializeToString,
    )
    handler = grpc.method_handlers_generic_handler(
        "frontispiece.discount.v1.Discounts", {"ListDiscounts": method}
    )
    discounts = grpc.server(ThreadPoolExecutor(2))
    discounts.add_generic_rpc_handlers((handler,))
    port = discounts.add_insecure_port("127.0.0.1:0")
    discounts.start()
    Thread(target=http.serve_forever, daemon=True).start()
    try:
        addresses = dict.fromkeys(SERVICES, f"http://127.0.0.1:{http.server_address[1]}")
        yield {
            **addresses,
            "discount-grpc": f"127.0.0.1:{port}",
            "catalog-grpc": "127.0.0.1:1",
            "bff-web": "app://bff.web.app:create_app",
        }
    finally:
        discounts.stop(None)
        http.shutdown()


def environment(services: Mapping[str, str]) -> dict[str, str]:
    """The settings of the gateway and of the BFF mounted in it."""
    key = new_signing_key()
    return {
        "SERVICES": json.dumps(services),
        "TOKEN_ISSUERS": json.dumps(issuers([("gateway", private_key(key)), ("bff-web", private_key(key))])),
        "GATEWAY_SIGNING_KEY": key,
        "BFF_SIGNING_KEY": key,
        "ISSUER_URL": "http://127.0.0.1:9/identity",
        "SESSION_ORIGIN": "http://127.0.0.1:9",
        "SESSION_ENCRYPTION_KEYS": json.dumps([new_key()]),
        "SESSION_CLIENT_SECRET": "none",
        "GATEWAY_VALKEY_URL": "valkey://127.0.0.1:9",  # no call of a page waits for it
        "SESSION_VALKEY_URL": "valkey://127.0.0.1:9",  # guests without a cookie need no session
    }


async def count(gateway: Gateway) -> Frames:
    """The calls of the one request, of several, that made the fewest: made as the server does."""
    headers: Headers = [
        (b"host", b"127.0.0.1"),
        (b"accept", b"application/json"),
        (b"user-agent", b"bench"),
        (b"x-client", b"web/1.1.0"),
    ]
    counted: list[Frames] = []
    for number in range(WARM_UP + COUNTED):
        request = IncomingRequest(
            method="GET",
            target=TARGET.encode(),
            headers=HeaderSection(headers),
            body=b"",
            http_version="1.1",
            client_ip="127.0.0.1",
            scheme="http",
            send_interim=lambda _status, _headers: None,
        )
        frames: Frames = Counter()

        def on_event(frame: FrameType, event: str, _arg: object, frames: Frames = frames) -> None:
            code = frame.f_code
            if event == "call" and code.co_filename.startswith(FIRST_PARTY):
                frames[code.co_filename, code.co_qualname] += 1

        sys.setprofile(on_event)
        try:
            reply = await gateway.respond(request)
        finally:
            sys.setprofile(None)
        if reply.status != HTTPStatus.OK:
            raise SystemExit(f"{TARGET} responded with {reply.status}: {reply.body!r}")
        if number >= WARM_UP:
            counted.append(frames)
        await asyncio.sleep(0)
    return min(counted, key=lambda frames: frames.total())


async def measured() -> Frames:
    """The calls of one request to the shop's gateway, set up by the environment."""
    from gateway.app import create_app  # noqa: PLC0415 (whose settings are read first)

    gateway = create_app()
    lifespan = Lifespan(gateway, "the gateway")
    await lifespan.startup()
    frames = await count(gateway)
    await lifespan.shutdown()
    return frames


def table(frames: Frames, *, functions: bool) -> str:
    """The calls by module, or by function, those with the most first, and by package below."""
    modules: Counter[str] = Counter()
    packages: Counter[str] = Counter()
    for (file, function), calls in frames.items():
        path = Path(file).relative_to(ROOT).with_suffix("")
        modules[".".join(path.parts) + (f":{function}" if functions else "")] += calls
        packages[".".join(path.parts[:2] if path.parts[0] == "frontispiece" else path.parts[:1])] += calls
    groups = [modules.most_common(), packages.most_common(), [("all", frames.total())]]
    return "\n\n".join("\n".join(f"{calls:6}  {name}" for name, calls in group) for group in groups)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Counts first-party calls of one page through the gateway.")
    parser.add_argument("--functions", action="store_true", help="tell functions apart, not modules")
    arguments = parser.parse_args()
    with ExitStack() as stack:
        services = stack.enter_context(stub_services())
        os.environ.update({**environment(services), "GATEWAY_ROUTES": str(ROOT / "gateway" / "routes.toml")})
        print(table(uvloop.run(measured()), functions=arguments.functions))  # noqa: T201


if __name__ == "__main__":
    main()
