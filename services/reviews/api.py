"""Reviews over HTTP: parse, call, respond."""

from datetime import datetime
from typing import Annotated

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from frontispiece.http import Problem
from frontispiece.service import (
    Caller,
    Cursor,
    IdempotencyKey,
    Intent,
    Limit,
    ResponseBody,
    Slice,
    decode_cursor,
    etag,
    from_state,
    public,
    require_scope,
    responds,
    set_etag,
    slice_of,
)
from services.reviews.model import Draft, Review, ReviewExists
from services.reviews.store import Store, position
from shop.articles import Articles
from shop.fields import NO_NUL

router = APIRouter()

Sku = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
ReviewId = Annotated[str, Path(max_length=36, pattern=NO_NUL)]

VERSION = 1
"""The version of every review: it never changes."""

StoredAt = Annotated[datetime, msgspec.Meta(tz=True)]
StoredId = Annotated[str, msgspec.Meta(pattern=NO_NUL)]
StoreDep = Annotated[Store, from_state("store")]


class ReviewRequest(BaseModel):
    """The caller's review of an article; white space around title and text is stripped."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    rating: int = Field(ge=1, le=5, strict=True)
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=NO_NUL)
    ]
    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000, pattern=NO_NUL)
    ]


class ReviewBody(ResponseBody):
    """One published review."""

    id: str
    sku: str
    author: str
    rating: int
    title: str
    text: str
    created_at: datetime


class SummaryBody(ResponseBody):
    """The ratings of one article; the average has one decimal and is null without reviews."""

    sku: str
    count: int
    average: float | None
    histogram: dict[int, int] = Field(description="How many reviews gave each rating, from `1` to `5`.")


class SummaryBatch(BaseModel):
    """The summaries of the requested articles, in the order of the request."""

    items: list[SummaryBody]


@router.get("/reviews")
@public
async def newest(
    sku: Annotated[Sku, Query()], store: StoreDep, cursor: Cursor = None, limit: Limit = 20
) -> Slice[ReviewBody]:
    """The reviews of one article, the newest first."""
    after = None if cursor is None else decode_cursor(cursor, tuple[StoredAt, StoredId])
    reviews = await store.newest(sku, limit + 1, after)
    return slice_of(reviews, limit, body=ReviewBody.of, sort_key=position)


@router.post("/reviews", status_code=201, dependencies=[require_scope("shop")])
@responds(502, 504, headers={201: ["ETag", "Location"]})
async def post(
    *,
    body: ReviewRequest,
    caller: Caller,
    key: IdempotencyKey,
    store: StoreDep,
    articles: Annotated[Articles, from_state("articles")],
    request: Request,
    response: Response,
) -> ReviewBody:
    """Publish the caller's review of an article that is sold; there is one for each caller and article."""
    intent = Intent(owner=caller.subject, key=key, request=body.model_dump_json().encode())
    review = await store.posted(intent)
    if review is None:
        if not await articles.prices([body.sku], request.headers.raw):
            raise Problem(422, "article-unknown", f"There is no article {body.sku}.", sku=body.sku)
        review = await _post(store, intent, Draft(**body.model_dump()))
    response.headers.update({"Location": f"/reviews/{review.id}", "ETag": etag(VERSION)})
    return ReviewBody.of(review)


async def _post(store: Store, intent: Intent, draft: Draft) -> Review:
    try:
        return await store.post(intent, draft)
    except ReviewExists:
        raise Problem(409, "review-exists", f"You have reviewed {draft.sku} before.", sku=draft.sku) from None


@router.get("/reviews/{review_id}")
@public
@responds(304, 404)
async def review(review_id: ReviewId, store: StoreDep, request: Request, response: Response) -> ReviewBody:
    """One review."""
    found = await store.review(review_id)
    if found is None:
        raise Problem(404, "review-unknown", "There is no such review.")
    set_etag(request, response, VERSION)
    return ReviewBody.of(found)


@router.get("/summaries/{sku}")
@public
@responds(304)
async def summary(sku: Sku, store: StoreDep, request: Request, response: Response) -> SummaryBody:
    """The ratings of one article; without reviews, the count is 0."""
    found = (await store.summaries([sku]))[sku]
    set_etag(request, response, found.count)  # reviews are only ever added: the count is the version
    return SummaryBody.of(found)


@router.get("/summaries")
@public
async def summary_batch(
    sku: Annotated[list[Sku], Query(min_length=1, max_length=100)], store: StoreDep
) -> SummaryBatch:
    """The ratings of up to 100 articles."""
    found = await store.summaries(sku)
    return SummaryBatch(items=[SummaryBody.of(found[wanted]) for wanted in sku])
