"""Pickup over HTTP: parse, call, respond."""

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Self
from zoneinfo import available_timezones

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from frontispiece.http import Problem
from frontispiece.service import (
    IfMatch,
    ResponseBody,
    etag,
    expected_version,
    from_state,
    public,
    require_scope,
    responds,
    set_etag,
)
from services.pickup import places
from services.pickup.model import Store, hints, metres_of
from services.pickup.shards import Shards
from shop.fields import COUNTRY, NO_NUL

router = APIRouter()

MAX_RADIUS = 50_000


zones = cache(available_timezones)
"""The names of all time zones; to find them takes a while."""


def _zone(name: str) -> str:
    if name not in zones():
        raise ValueError("the name of no time zone")
    return name


StoreId = Annotated[str, Path(min_length=1, max_length=64, pattern=NO_NUL)]
Sku = Annotated[str, Field(min_length=1, max_length=64)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Text = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_NUL)]
Minute = Annotated[int, Field(ge=0, le=24 * 60, description="Of the day.")]
ShardsDep = Annotated[Shards, from_state("store")]


class PlaceBody(BaseModel):
    """The place whose neighbourhood was searched; without a name where only its position was given."""

    name: str | None
    latitude: float
    longitude: float


class PickupBody(BaseModel):
    """An order of now at a store: `ready_at` is in the store's own time, and `today` if that is its today."""

    store: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    ready_at: datetime
    today: bool


class NearbyStore(PickupBody):
    """A store near a place."""

    latitude: float
    longitude: float
    metres: int


class Nearby(BaseModel):
    """The stores near a place, the nearest first, and the shards that were read to find them.

    `place` is null where nobody knows one of that name, and then there are no stores.
    """

    place: PlaceBody | None
    items: list[NearbyStore]
    shards: list[str]


class StoreBody(ResponseBody):
    """A store; `opens` and `closes` are minutes of the day in its time zone."""

    id: str
    name: str
    street: str
    postal_code: str
    city: str
    country: str
    latitude: float
    longitude: float
    zone: str
    opens: int
    closes: int


class StoreRequest(BaseModel):
    """A store as it is to be; `skus` are the articles that it has."""

    model_config = ConfigDict(extra="forbid")

    name: Text
    street: Text
    postal_code: Annotated[Text, Field(max_length=20)]
    city: Text
    country: str = Field(pattern=COUNTRY, description="ISO 3166-1 alpha-2.")
    latitude: Latitude
    longitude: Longitude
    zone: Annotated[str, AfterValidator(_zone)] = Field(description="As in the IANA database.")
    opens: Minute
    closes: Minute
    skus: list[Sku] | None = Field(None, max_length=1000, description="Left out, they stay as they are.")

    @model_validator(mode="after")
    def _opens_before_it_closes(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("a store opens before it closes")
        return self


@router.get("/nearby")
@public
async def nearby(
    *,
    shards: ShardsDep,
    place: Annotated[str | None, Query(max_length=200, description="The name of a city.")] = None,
    country: Annotated[str | None, Query(pattern=COUNTRY, description="Of the place.")] = None,
    latitude: Annotated[Latitude | None, Query()] = None,
    longitude: Annotated[Longitude | None, Query()] = None,
    radius: Annotated[int, Query(ge=1, le=MAX_RADIUS, description="In metres.")] = 10_000,
    sku: Annotated[list[Sku], Query(max_length=100, description="Articles that the stores have.")] = [],  # noqa: B006 (FastAPI's)
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> Nearby:
    """The stores near a position, or near a place by its name, that probably have some articles."""
    if (centre := _centre(place, country, latitude, longitude)) is None:
        return Nearby(place=None, items=[], shards=[])
    found = await shards.near(centre.latitude, centre.longitude, radius, stock=hints(sku), limit=limit)
    now = datetime.now(UTC)
    return Nearby(
        place=centre,
        items=[
            NearbyStore(
                **_pickup(each.store, now),
                latitude=each.store.latitude,
                longitude=each.store.longitude,
                metres=round(metres_of(each.chord)),
            )
            for each in found.found
        ],
        shards=found.shards,
    )


@router.get("/stores/{store_id}")
@public
@responds(304, 404)
async def store(store_id: StoreId, shards: ShardsDep, request: Request, response: Response) -> StoreBody:
    """One store."""
    found = await _find(shards, store_id)
    set_etag(request, response, found.version)
    return StoreBody.of(found)


@router.get("/stores/{store_id}/pickup")
@public
@responds(404)
async def pickup(store_id: StoreId, shards: ShardsDep) -> PickupBody:
    """When and where an order of now can be picked up."""
    return PickupBody(**_pickup(await _find(shards, store_id), datetime.now(UTC)))


@router.put("/stores/{store_id}", dependencies=[require_scope("stores:write")])
@responds(404, headers={200: ["ETag"]})
async def change(
    *,
    store_id: StoreId,
    body: StoreRequest,
    shards: ShardsDep,
    response: Response,
    if_match: IfMatch,
) -> StoreBody:
    """Change a store, which may move anywhere; needs `If-Match`."""
    known = await _find(shards, store_id)
    version = expected_version(if_match, known.version)
    assert version is not None
    changes = body.model_dump(exclude={"skus"})
    stock = known.stock if body.skus is None else hints(body.skus)
    changed = replace(known, **changes, stock=stock, version=version + 1)
    if not await shards.change(changed):
        raise Problem(412, "version-outdated", "Another writer changed this store since you read it.")
    response.headers["ETag"] = etag(changed.version)
    return StoreBody.of(changed)


def _centre(
    place: str | None, country: str | None, latitude: float | None, longitude: float | None
) -> PlaceBody | None:
    if latitude is not None and longitude is not None:
        return PlaceBody(name=None, latitude=latitude, longitude=longitude)
    if place is None:
        raise Problem(422, "place-missing", "Give a place, or a latitude and a longitude.")
    if (found := places.find(place, country)) is None:
        return None
    return PlaceBody(name=found.names[0], latitude=found.latitude, longitude=found.longitude)


def _pickup(store: Store, now: datetime) -> dict[str, Any]:
    """The fields of a `PickupBody`."""
    ready = store.ready_at(now)
    same = {name: getattr(store, name) for name in ("name", "street", "postal_code", "city", "country")}
    today = ready.date() == now.astimezone(ready.tzinfo).date()
    return {"store": store.id, **same, "ready_at": ready, "today": today}


async def _find(shards: Shards, store_id: str) -> Store:
    found = await shards.find(store_id)
    if found is None:
        raise Problem(404, "store-unknown", "There is no such store.")
    return found
