"""Recommendation over HTTP: parse, call, respond."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from frontispiece.service import from_state, public
from services.recommendation.store import Store
from shop.facts import rebuild_router
from shop.fields import SKU

router = APIRouter()
router.include_router(rebuild_router)

Sku = Annotated[str, Field(pattern=SKU)]
StoreDep = Annotated[Store, from_state("store")]
Limit = Annotated[int, Query(ge=1, le=50, description="The maximum of articles beside each.")]


class Companion(BaseModel):
    """An article that customers of another one have bought, too; `score` is from 0 to 1."""

    sku: str
    score: float


class Recommendations(BaseModel):
    """What customers of an article have bought, too, best first; how many they are is not said."""

    sku: str
    items: list[Companion]


class RecommendationsBatch(BaseModel):
    """The recommendations of each requested article, in the order of the request."""

    items: list[Recommendations]


@router.get("/recommendations/{sku}")
@public
async def recommendations(sku: Sku, store: StoreDep, limit: Limit = 12) -> Recommendations:
    """What customers of an article have bought, too; nothing where too few have."""
    return (await _recommendations([sku], store, limit))[0]


@router.get("/recommendations")
@public
async def recommendations_batch(
    sku: Annotated[list[Sku], Query(min_length=1, max_length=100)], store: StoreDep, limit: Limit = 12
) -> RecommendationsBatch:
    """The same of up to 100 articles."""
    return RecommendationsBatch(items=await _recommendations(sku, store, limit))


async def _recommendations(skus: list[str], store: Store, limit: int) -> list[Recommendations]:
    found = await store.recommendations(skus, limit)
    return [
        Recommendations(
            sku=sku,
            items=[Companion(sku=pair.other, score=round(pair.score, 3)) for pair in found.get(sku, [])],
        )
        for sku in skus
    ]
