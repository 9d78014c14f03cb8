"""The pages on FastAPI and httpx, as they are written by hand: `python -m bench.by_hand.fastapi_httpx PORT`.

One shared client with a pool, independent calls gathered, answers merged as dictionaries and sent without
a second validation; uvicorn runs it with uvloop and httptools. The bearer token is verified with PyJWT, once
for each token that it sees. No rate limit, trace, metrics or ETag.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any

import httpx
import jwt
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Request
from fastapi.responses import JSONResponse, StreamingResponse
from starlette.background import BackgroundTask

OPTIONAL_TIMEOUT = 0.05
UNKNOWN = {"title": "unknown", "price": 0, "rating": 0.0, "labels": []}
MAX_TOKENS = 10_000

Document = dict[str, Any]
router = APIRouter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Services:
    """Where the services are, and the client that reaches them."""

    shop: str
    lost: str
    client: httpx.AsyncClient


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """Verifies tokens, each one once."""

    key: str
    issuer: str
    known: dict[str, Document]

    def verified(self, token: str) -> Document:
        """The claims of a valid token."""
        claims = self.known.get(token)
        if claims is None:
            claims = jwt.decode(token, self.key, algorithms=["EdDSA"], issuer=self.issuer, audience="api")
            if len(self.known) < MAX_TOKENS:
                self.known[token] = claims
        return claims


@dataclass(frozen=True, kw_only=True, slots=True)
class Caller:
    """An authenticated caller, and the services that are called on their behalf."""

    services: Services
    authorization: str

    @property
    def headers(self) -> dict[str, str]:
        """The headers of calls to services."""
        return {"Authorization": self.authorization}

    async def get(self, url: str) -> Document:
        """A document of a service."""
        response = await self.services.client.get(url, headers=self.headers)
        response.raise_for_status()
        document: Document = response.json()
        return document

    async def part(self, name: str) -> Document:
        """A part of a page."""
        return shown(await self.get(f"{self.services.shop}/part/{name}"))

    async def item(self, name: str) -> Document:
        """An item of the list."""
        document = await self.get(f"{self.services.shop}/items/{name}")
        return {"id": document["id"], **shown(document)}

    async def never(self) -> Document:
        """The part that never comes."""
        try:
            async with asyncio.timeout(OPTIONAL_TIMEOUT):
                return shown(await self.get(f"{self.services.lost}/hang"))
        except (TimeoutError, httpx.HTTPError):
            return UNKNOWN


async def caller(request: Request, authorization: Annotated[str, Header()]) -> Caller:
    """The caller; 401 or 403 without a good token."""
    tokens: Tokens = request.app.state.tokens
    try:
        claims = tokens.verified(authorization.removeprefix("Bearer "))
    except jwt.PyJWTError as fault:
        raise HTTPException(401) from fault
    if "shop" not in claims["scope"].split():
        raise HTTPException(403)
    return Caller(services=request.app.state.services, authorization=authorization)


Called = Annotated[Caller, Depends(caller)]


def shown(document: Mapping[str, Any]) -> Document:
    """The fields of a part that pages show."""
    return {name: document[name] for name in ("title", "price", "rating", "labels")}


@router.get("/pages/three")
async def three(caller: Called) -> JSONResponse:
    """Three parts that have nothing to do with each other."""
    a, b, c = await asyncio.gather(caller.part("a"), caller.part("b"), caller.part("c"))
    return JSONResponse({"a": a, "b": b, "c": c})


@router.get("/pages/hanging")
async def hanging(caller: Called) -> JSONResponse:
    """Two parts, and one that never comes."""
    a, b, c = await asyncio.gather(caller.part("a"), caller.part("b"), caller.never())
    return JSONResponse({"a": a, "b": b, "c": c})


@router.get("/pages/levels/{name}")
async def levels(name: str, caller: Called) -> JSONResponse:
    """A product and the brand that it names."""
    product = await caller.get(f"{caller.services.shop}/product/{name}")
    brand = await caller.get(f"{caller.services.shop}/brand/{product['brand_id']}")
    return JSONResponse(
        {"product": shown(product), "brand": {"name": brand["name"], "since": brand["since"]}}
    )


@router.get("/pages/list")
async def item_list(caller: Called) -> JSONResponse:
    """A list with each item's own document: a call for each, all at once."""
    listed = await caller.get(f"{caller.services.shop}/list")
    return JSONResponse({"items": await asyncio.gather(*(caller.item(name) for name in listed["ids"]))})


@router.get("/pass/{rest:path}")
async def passed(rest: str, caller: Called) -> StreamingResponse:
    """The answer of the service, unchanged."""
    client = caller.services.client
    request = client.build_request("GET", f"{caller.services.shop}/{rest}", headers=caller.headers)
    response = await client.send(request, stream=True)
    headers = {name: response.headers[name] for name in ("content-type", "content-length")}
    return StreamingResponse(
        response.aiter_raw(), response.status_code, headers, background=BackgroundTask(response.aclose)
    )


def create_app(*, shop: str, lost: str, key: str, issuer: str) -> FastAPI:
    """The app; `key` is the public one of the issuer, in PEM."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        limits = httpx.Limits(max_connections=512, max_keepalive_connections=512)
        async with httpx.AsyncClient(timeout=httpx.Timeout(10, pool=60), limits=limits) as client:
            app.state.services = Services(shop=shop, lost=lost, client=client)
            app.state.tokens = Tokens(key=key, issuer=issuer, known={})
            yield

    app = FastAPI(lifespan=lifespan)
    app.include_router(router)
    return app


if __name__ == "__main__":
    uvicorn.run(
        create_app(
            shop=os.environ["SHOP"],
            lost=os.environ["LOST"],
            key=os.environ["TOKEN_PUBLIC_KEY"],
            issuer=os.environ["ISSUER_URL"],
        ),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        access_log=False,
        log_level="warning",
    )
