"""Catalog over HTTP: parse, call, respond."""

import asyncio
import hashlib
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Body, Path, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from msgspec import Meta
from pydantic import ValidationError

from frontispiece.http import Problem
from frontispiece.service import (
    Caller,
    IdempotencyKey,
    IfMatch,
    Intent,
    Limit,
    MinPosition,
    decode_cursor,
    encode_cursor,
    etag,
    expected_version,
    from_state,
    public,
    require_scope,
    responds,
    set_etag,
    set_position,
)
from services.catalog import imports, pictures
from services.catalog.changes import PositionExpired
from services.catalog.model import (
    MAX_DEPTH,
    ChangePosition,
    Position,
    Search,
    Sort,
    StoredProduct,
    depth,
    merge,
)
from services.catalog.schemas import (
    ChangesAnswer,
    Counts,
    Facets,
    Imported,
    ProductAnswer,
    ProductBatch,
    ProductQuery,
    ProductWrite,
    SearchAnswer,
)
from services.catalog.store import Store
from shop.fields import NO_LINE_END, NO_NUL, SKU

router = APIRouter()
writers = require_scope("catalog:write")

PICTURE_CACHING = "public, max-age=604800"
"""A week: a picture changes only with a release of the service, and its entity tag then differs."""


StoreDep = Annotated[Store, from_state("store")]
ImportCurrency = Annotated[str, Query(pattern="^[A-Z]{3}$", description="Of the file's prices, ISO 4217.")]

Since = Annotated[str | None, Query(max_length=500, description="`cursor` of the previous response.")]
ChangeNumber = Annotated[int, Meta(ge=0, le=2**63 - 1)]

SortValue = Annotated[int, Meta(ge=0, le=2**63 - 1)] | Annotated[str, Meta(pattern=NO_NUL)]


class _Cursor(msgspec.Struct, array_like=True, frozen=True):
    """A cursor's content: the search that it belongs to, and the last product of the page."""

    search: str
    sku: Annotated[str, Meta(pattern=SKU + NO_LINE_END)]
    value: SortValue


@router.get("/products/{sku}")
@public
@responds(304, 404)
async def product(
    sku: str, store: StoreDep, min_position: MinPosition, request: Request, response: Response
) -> ProductAnswer:
    """One product."""
    stored = await _find(store, sku, min_position)
    set_etag(request, response, stored.version)
    return ProductAnswer.of(stored.product)


@router.get("/products")
@public
async def products(
    query: Annotated[ProductQuery, Query()], store: StoreDep, min_position: MinPosition
) -> ProductBatch | SearchAnswer:
    """Up to 100 products by `sku`, in the order of the request; or a search by everything else."""
    if query.sku is not None:
        return await _batch(store, list(dict.fromkeys(query.sku)), min_position)
    search = query.search()
    after = _position(query.cursor, search) if query.cursor else None
    result = await store.search(search, limit=query.limit, after=after, min_position=min_position)
    last = result.after
    cursor = encode_cursor(search.fingerprint, last.sku, last.value) if last else None
    return SearchAnswer(
        items=[ProductAnswer.of(stored.product) for stored in result.products],
        next=cursor,
        total=result.total,
        facets=Facets.of(result),
    )


async def _batch(store: Store, skus: list[str], min_position: int) -> ProductBatch:
    found = await store.find(skus, min_position=min_position)
    return ProductBatch(
        items=[ProductAnswer.of(found[sku].product) for sku in skus if sku in found],
        unknown=[sku for sku in skus if sku not in found],
    )


def _position(cursor: str, search: Search) -> Position:
    content = decode_cursor(cursor, _Cursor)
    fits = isinstance(content.value, str) == (search.sort is Sort.NAME)
    if content.search != search.fingerprint or not fits:
        raise Problem(422, "cursor-invalid", "The cursor belongs to a search with other filters or order.")
    return Position(value=content.value, sku=content.sku)


@router.get("/product-changes")
@public
@responds(410)
async def product_changes(store: StoreDep, since: Since = None, limit: Limit = 100) -> ChangesAnswer:
    """What has changed after a cursor; without one, all products, page by page.

    410 `cursor-expired`: what the client has is too old to be continued; it begins anew without a cursor.
    """
    try:
        return ChangesAnswer.of(await store.changes(_change_position(since) if since else None, limit))
    except PositionExpired:
        detail = "The cursor is too old, or not of this catalogue: begin anew without one."
        raise Problem(410, "cursor-expired", detail) from None


def _change_position(cursor: str) -> ChangePosition:
    try:
        history, position, since = decode_cursor(cursor, tuple[str, ChangeNumber, ChangeNumber])
    except Problem:  # as after a release with cursors of another form: its client can only begin anew
        raise PositionExpired from None
    return ChangePosition(history=history, position=position, since=since)


@router.put("/products/{sku}", dependencies=[writers])
@responds(201, headers={200: ["ETag", "Position"], 201: ["ETag", "Location", "Position"]})
async def put(
    sku: Annotated[str, Path(pattern=SKU)],
    body: ProductWrite,
    store: StoreDep,
    response: Response,
    if_match: IfMatch,
) -> ProductAnswer:
    """Create a product, or replace it: that needs `If-Match`."""
    stored = (await store.find([sku])).get(sku)
    version = expected_version(if_match, stored.version if stored else None)
    answer = await _write(store, sku, body, version, response)
    if version is None:
        response.status_code = 201
        response.headers["Location"] = f"/products/{sku}"
    return answer


@router.patch("/products/{sku}", dependencies=[writers])
@responds(404, headers={200: ["ETag", "Position"]})
async def patch(
    sku: str,
    change: Annotated[dict[str, Any], Body(media_type="application/merge-patch+json")],
    store: StoreDep,
    response: Response,
    if_match: IfMatch,
) -> ProductAnswer:
    """Change some members of a product by a JSON merge patch (RFC 7396)."""
    stored = await _find(store, sku)
    version = expected_version(if_match, stored.version)
    if depth(change) > MAX_DEPTH:
        raise Problem(422, "invalid-request", f"The patch is nested more than {MAX_DEPTH} levels deep.")
    document = ProductAnswer.of(stored.product).model_dump(exclude={"images"})
    try:
        body = ProductWrite.model_validate(merge(document, change))
    except ValidationError as invalid:
        errors = [{**error, "loc": ("body", *error["loc"])} for error in invalid.errors()]
        raise RequestValidationError(errors) from None
    return await _write(store, sku, body, version, response)


@router.delete("/products/{sku}", status_code=204, response_class=Response, dependencies=[writers])
@responds(404, headers={204: ["Position"]})
async def delete(sku: str, store: StoreDep, response: Response, if_match: IfMatch) -> None:
    """Delete a product."""
    stored = await _find(store, sku)
    if not await store.remove(sku, expected_version(if_match, stored.version)):
        raise _outdated()
    set_position(response, await store.database.position())


@router.post(
    "/imports", status_code=201, dependencies=[writers], openapi_extra={"requestBody": imports.REQUEST_BODY}
)
@responds(headers={201: ["Position"]})
async def import_file(
    *,
    request: Request,
    response: Response,
    caller: Caller,
    key: IdempotencyKey,
    store: StoreDep,
    currency: ImportCurrency = "EUR",
) -> Imported:
    """Enter or replace the products of a catalogue file, all or none.

    When rows do not fit, the problem's `errors` names each by `row` (from 1), `field` and `detail`.
    """
    body = await request.body()
    try:
        products = await asyncio.to_thread(imports.parse, body, currency)  # 0.4 s for the largest file
    except imports.InvalidFile as error:
        raise Problem(422, "import-invalid", str(error)) from None
    except imports.InvalidRows as error:
        errors = [row_error.model_dump() for row_error in error.errors]
        raise Problem(422, "import-invalid", str(error), errors=errors) from None
    intent = Intent(owner=caller.subject, key=key, request=currency.encode() + body)
    imported = await store.import_products(intent, products)
    set_position(response, await store.database.position())
    return Imported(imported=imported)


@router.get("/brands")
@public
async def brands(store: StoreDep, min_position: MinPosition) -> Counts:
    """Every brand, by name."""
    return Counts(items=await store.brands(min_position=min_position))


@router.get("/types")
@public
async def types(store: StoreDep, min_position: MinPosition) -> Counts:
    """Every type, by name."""
    return Counts(items=await store.types(min_position=min_position))


@router.get(
    "/pictures/{sku}/{file}", response_class=Response, responses={200: {"content": {"image/svg+xml": {}}}}
)
@public
@responds(304, 404, headers={200: ["Cache-Control"]})
async def picture(
    sku: str, file: str, store: StoreDep, min_position: MinPosition, request: Request
) -> Response:
    """One of the pictures that a product lists."""
    await _find(store, sku, min_position)
    svg = pictures.read(sku, file)
    if svg is None:
        raise Problem(404, "picture-unknown", f"Product {sku} lists no picture {file}.")
    response = Response(svg, media_type="image/svg+xml", headers={"Cache-Control": PICTURE_CACHING})
    set_etag(request, response, int.from_bytes(hashlib.sha256(svg).digest()[:8]))
    return response


async def _find(store: Store, sku: str, min_position: int | None = None) -> StoredProduct:
    stored = (await store.find([sku], min_position=min_position)).get(sku)
    if stored is None:
        raise Problem(404, "product-unknown", f"There is no product {sku}.", sku=sku)
    return stored


async def _write(
    store: Store, sku: str, body: ProductWrite, version: int | None, response: Response
) -> ProductAnswer:
    if body.sku not in {None, sku}:
        raise Problem(422, "sku-different", f"The product says it is {body.sku}, its URL says {sku}.")
    stored = await store.put(body.product(sku), version)
    if stored is None:
        raise _outdated()
    response.headers["ETag"] = etag(stored.version)
    set_position(response, await store.database.position())
    return ProductAnswer.of(stored.product)


def _outdated() -> Problem:
    return Problem(412, "version-outdated", "Another writer changed this product since you read it.")
