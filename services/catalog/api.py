"""Catalog over HTTP: parse, call, answer."""

from typing import Annotated, Any, cast

import msgspec
from fastapi import APIRouter, Body, Depends, Header, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError

from kit.idempotency import IdempotencyKey, Intent
from kit.paging import decode_cursor, encode_cursor
from kit.problems import Problem
from kit.service import Caller, etag, expected_version, public, scoped, tag
from services.catalog import pictures
from services.catalog.bodies import (
    Counts,
    Import,
    Imported,
    ProductAnswer,
    ProductBatch,
    ProductQuery,
    ProductWrite,
    SearchAnswer,
    repeated_skus,
)
from services.catalog.model import DEEPEST, SKU, After, Entry, Search, Sort, depth, merge
from services.catalog.store import Store

router = APIRouter()
writers = scoped("catalog:write")

PICTURE_CACHING = "public, max-age=604800"
"""A week: a picture changes only when its product is renamed, and its entity tag tells."""


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


Kept = Annotated[Store, Depends(_store)]
IfMatch = Annotated[str | None, Header()]


class _PlaceByNumber(msgspec.Struct, array_like=True, frozen=True):
    """What a cursor holds: the search that it belongs to, and the last product sent."""

    search: str
    sku: Annotated[str, msgspec.Meta(pattern=SKU)]
    value: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]


class _PlaceByName(msgspec.Struct, array_like=True, frozen=True):
    """The same for products sorted by name."""

    search: str
    sku: Annotated[str, msgspec.Meta(pattern=SKU)]
    value: Annotated[str, msgspec.Meta(pattern="^[^\x00]*$")]


@router.get("/products/{sku}")
@public
async def product(sku: str, store: Kept, request: Request, response: Response) -> ProductAnswer:
    """One product."""
    entry = await _known(store, sku)
    tag(request, response, entry.version)
    return ProductAnswer.of(entry.product)


@router.get("/products")
@public
async def products(asked: Annotated[ProductQuery, Query()], store: Kept) -> ProductBatch | SearchAnswer:
    """Up to 100 products by `sku`, in the order asked for; or a search by everything else."""
    if asked.sku is not None:
        return await _batch(store, list(dict.fromkeys(asked.sku)))
    wanted = asked.search()
    after = _place(asked.cursor, wanted) if asked.cursor else None
    found = await store.search(wanted, limit=asked.limit, after=after)
    last = found.after
    cursor = encode_cursor(wanted.fingerprint, last.sku, last.value) if last else None
    return SearchAnswer.of(found, cursor)


async def _batch(store: Store, skus: list[str]) -> ProductBatch:
    entries = await store.entries(skus)
    return ProductBatch(
        items=[ProductAnswer.of(entries[sku].product) for sku in skus if sku in entries],
        unknown=[sku for sku in skus if sku not in entries],
    )


def _place(cursor: str, wanted: Search) -> After:
    place: _PlaceByName | _PlaceByNumber
    if wanted.sort is Sort.NAME:
        place = decode_cursor(cursor, _PlaceByName)
    else:
        place = decode_cursor(cursor, _PlaceByNumber)
    if place.search != wanted.fingerprint:
        raise Problem(422, "cursor-invalid", "The cursor belongs to a search with other filters or order.")
    return After(value=place.value, sku=place.sku)


@router.put("/products/{sku}", dependencies=[writers])
async def put(
    sku: Annotated[str, Path(pattern=SKU)],
    body: ProductWrite,
    store: Kept,
    response: Response,
    if_match: IfMatch = None,
) -> ProductAnswer:
    """Write a product whole; a new one needs no `If-Match`, a known one does."""
    known = (await store.entries([sku])).get(sku)
    version = None if known is None and if_match is None else expected_version(if_match)
    answer = await _write(store, sku, body, version, response)
    if version is None:
        response.status_code = 201
        response.headers["Location"] = f"/products/{sku}"
    return answer


@router.patch("/products/{sku}", dependencies=[writers])
async def patch(
    sku: str,
    change: Annotated[dict[str, Any], Body(media_type="application/merge-patch+json")],
    store: Kept,
    response: Response,
    if_match: IfMatch = None,
) -> ProductAnswer:
    """Change some members of a product by a JSON merge patch (RFC 7396)."""
    entry = await _known(store, sku)
    version = expected_version(if_match)
    if version != entry.version:
        raise _outdated()
    if depth(change) > DEEPEST:
        raise Problem(422, "invalid-request", f"The patch is nested more than {DEEPEST} levels deep.")
    document = ProductWrite.of(entry.product).model_dump()
    try:
        body = ProductWrite.model_validate(merge(document, change))
    except ValidationError as fault:
        errors = [{**error, "loc": ("body", *error["loc"])} for error in fault.errors()]
        raise RequestValidationError(errors) from None
    return await _write(store, sku, body, version, response)


@router.delete("/products/{sku}", status_code=204, dependencies=[writers])
async def delete(sku: str, store: Kept, if_match: IfMatch = None) -> None:
    """Take a product out of the catalog."""
    await _known(store, sku)
    if not await store.remove(sku, expected_version(if_match)):
        raise _outdated()


@router.post("/imports", status_code=201, dependencies=[writers])
async def bring_in(body: Import, caller: Caller, key: IdempotencyKey, store: Kept) -> Imported:
    """Enter or replace up to 10,000 products, all or none."""
    if repeated := repeated_skus(body.products):
        raise Problem(422, "sku-repeated", "Some skus are there more than once.", errors=repeated)
    intent = Intent(owner=caller.subject, key=key, request=body.model_dump_json().encode())
    return Imported(imported=await store.bring_in(intent, [row.product(row.sku) for row in body.products]))


@router.get("/brands")
@public
async def brands(store: Kept) -> Counts:
    """Every brand, by name."""
    return Counts.of(await store.brands())


@router.get("/types")
@public
async def types(store: Kept) -> Counts:
    """Every type, by name."""
    return Counts.of(await store.types())


@router.get(
    "/pictures/{sku}/{file}", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}}
)
@public
async def picture(sku: str, file: str, store: Kept, request: Request) -> Response:
    """One of the pictures that a product lists."""
    entry = await _known(store, sku)
    drawn = pictures.draw(entry.product, file)
    if drawn is None:
        raise Problem(404, "picture-unknown", f"Product {sku} lists no picture {file}.")
    response = Response(drawn.svg, media_type="image/svg+xml", headers={"Cache-Control": PICTURE_CACHING})
    tag(request, response, drawn.fingerprint)
    return response


async def _known(store: Store, sku: str) -> Entry:
    entry = (await store.entries([sku])).get(sku)
    if entry is None:
        raise Problem(404, "product-unknown", f"There is no product {sku}.", sku=sku)
    return entry


async def _write(
    store: Store, sku: str, body: ProductWrite, version: int | None, response: Response
) -> ProductAnswer:
    if body.sku not in {None, sku}:
        raise Problem(422, "sku-different", f"The product says it is {body.sku}, its URL says {sku}.")
    entry = await store.put(body.product(sku), version)
    if entry is None:
        raise _outdated()
    response.headers["ETag"] = etag(entry.version)
    return ProductAnswer.of(entry.product)


def _outdated() -> Problem:
    return Problem(412, "version-outdated", "Somebody changed this product since you read it.")
