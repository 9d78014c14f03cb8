"""Reviews over HTTP: parse, call, answer."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, cast

import msgspec
from fastapi import APIRouter, Depends, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from kit.idempotency import IdempotencyKey, Intent
from kit.paging import Cursor, Limit, Slice, decode_cursor, encode_cursor
from kit.problems import Problem
from kit.service import Caller, etag, public, scoped, tag
from services.reviews.model import Draft, Review, ReviewExists, Summary
from services.reviews.store import Store, position

router = APIRouter()

NO_NUL = r"^[^\x00]*$"  # PostgreSQL can keep and compare every character but this one
Sku = Annotated[str, Field(min_length=1, max_length=64, pattern=NO_NUL)]
ReviewId = Annotated[str, Path(max_length=36, pattern=NO_NUL)]

WRITTEN = 1
"""The version of every review: it never changes."""

Microseconds = Annotated[int, msgspec.Meta(ge=0, le=2**62)]
KeptId = Annotated[str, msgspec.Meta(pattern=NO_NUL)]


def _store(request: Request) -> Store:
    return cast(Store, request.app.state.store)


Kept = Annotated[Store, Depends(_store)]


class ReviewRequest(BaseModel):
    """What the caller thinks of an article; space around title and text is taken off."""

    model_config = ConfigDict(extra="forbid")

    sku: Sku
    rating: int = Field(ge=1, le=5, strict=True)
    title: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120, pattern=NO_NUL)
    ]
    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=5000, pattern=NO_NUL)
    ]


class ReviewBody(BaseModel):
    """One published review."""

    id: str
    sku: str
    author: str
    rating: int
    title: str
    text: str
    created_at: datetime


class SummaryBody(BaseModel):
    """How an article is rated in all; the average has one decimal and is null without reviews."""

    sku: str
    count: int
    average: float | None
    histogram: dict[str, int] = Field(description="How many reviews gave each rating, from `1` to `5`.")


class SummaryBatch(BaseModel):
    """One summary for every article asked for, in the order they were asked for."""

    items: list[SummaryBody]


@router.get("/reviews")
@public
async def newest(
    sku: Annotated[Sku, Query()], store: Kept, cursor: Cursor = None, limit: Limit = 20
) -> Slice[ReviewBody]:
    """The reviews of one article, the newest first."""
    after = None if cursor is None else decode_cursor(cursor, tuple[Microseconds, KeptId])
    found = await store.newest(sku, limit + 1, after)
    shown = found[:limit]
    more = len(found) > limit
    return Slice(
        items=[_review_body(review) for review in shown],
        next=encode_cursor(*position(shown[-1])) if more else None,
    )


@router.post("/reviews", status_code=201, dependencies=[scoped("shop")])
async def post(
    wanted: ReviewRequest, caller: Caller, key: IdempotencyKey, store: Kept, response: Response
) -> ReviewBody:
    """Publish the caller's review of an article; everybody has one an article."""
    intent = Intent(owner=caller.subject, key=key, request=wanted.model_dump_json().encode())
    try:
        review = await store.post(intent, Draft(**wanted.model_dump()))
    except ReviewExists:
        raise Problem(
            409, "review-exists", f"You have reviewed {wanted.sku} before.", sku=wanted.sku
        ) from None
    response.headers.update({"Location": f"/reviews/{review.id}", "ETag": etag(WRITTEN)})
    return _review_body(review)


@router.get("/reviews/{review_id}")
@public
async def review(review_id: ReviewId, store: Kept, request: Request, response: Response) -> ReviewBody:
    """One review."""
    found = await store.review(review_id)
    if found is None:
        raise Problem(404, "review-unknown", "There is no such review.")
    tag(request, response, WRITTEN)
    return _review_body(found)


@router.get("/summaries/{sku}")
@public
async def summary(sku: Sku, store: Kept, request: Request, response: Response) -> SummaryBody:
    """How one article is rated; one that nobody has reviewed has a count of 0."""
    found = (await store.summaries([sku]))[sku]
    tag(request, response, found.count)  # reviews are only ever added: the count is the version
    return _summary_body(found)


@router.get("/summaries")
@public
async def summary_batch(
    sku: Annotated[list[Sku], Query(min_length=1, max_length=100)], store: Kept
) -> SummaryBatch:
    """How up to 100 articles are rated."""
    found = await store.summaries(sku)
    return SummaryBatch(items=[_summary_body(found[wanted]) for wanted in sku])


def _review_body(review: Review) -> ReviewBody:
    return ReviewBody(**asdict(review))


def _summary_body(summary: Summary) -> SummaryBody:
    by_rating = {str(rating): times for rating, times in summary.histogram.items()}
    return SummaryBody(sku=summary.sku, count=summary.count, average=summary.average, histogram=by_rating)
