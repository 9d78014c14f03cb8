import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from frontispiece.service import encode_cursor
from frontispiece.settings import TokenSettings
from services.reviews.app import ReviewsSettings, create_app
from tests.conftest import AppClient, MakeToken
from tests.services.support import CATALOG_ADDRESS, PROBLEM, Catalog, places, problem_of


@pytest.fixture
async def http(
    database_url: str,
    token_settings: TokenSettings,
    app_client: AppClient,
    catalog: Catalog,
) -> AsyncIterator[httpx.AsyncClient]:
    settings = ReviewsSettings(
        database_url=database_url, timeout=60, directory=CATALOG_ADDRESS, tokens=token_settings
    )
    async with app_client(create_app(settings)) as client:
        yield client


def review(**changed: object) -> dict[str, object]:
    return {"sku": "PEN", "rating": 4, "title": "Writes well", "text": "Not a blot so far."} | changed


class Readers:
    """Users with the scope to write reviews; every post is a new intent."""

    def __init__(self, http: httpx.AsyncClient, bearer: MakeToken) -> None:
        self._http = http
        self._bearer = bearer

    async def post(self, name: str = "reader", /, **changed: object) -> httpx.Response:
        headers = self._bearer(name, "shop") | {"Idempotency-Key": str(uuid.uuid4())}
        return await self._http.post("/reviews", json=review(**changed), headers=headers)


@pytest.fixture
def readers(http: httpx.AsyncClient, bearer: MakeToken) -> Readers:
    return Readers(http, bearer)


async def test_a_review_is_published_under_its_author_and_found_where_its_location_says(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    posted = await readers.post("reader")
    found = await http.get(posted.headers["location"])

    assert posted.status_code == 201
    assert posted.json() | {"id": "", "created_at": ""} == review() | {
        "id": "",
        "author": "reader",
        "created_at": "",
    }
    assert datetime.fromisoformat(posted.json()["created_at"]).utcoffset() is not None
    assert (found.status_code, found.json()) == (200, posted.json())
    assert found.headers["etag"] == posted.headers["etag"]


async def test_a_summary_changes_its_entity_tag_with_every_review(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    known = {"If-None-Match": (await http.get("/summaries/PEN")).headers["etag"]}
    unchanged = await http.get("/summaries/PEN", headers=known)
    await readers.post()
    changed = await http.get("/summaries/PEN", headers=known)

    assert (unchanged.status_code, changed.status_code) == (304, 200)


async def test_a_second_review_of_the_same_article_is_a_409_problem(readers: Readers) -> None:
    await readers.post(rating=5)
    second = await readers.post(rating=1)
    elsewhere = await readers.post(sku="INK")

    assert second.status_code == 409
    assert second.json()["type"] == f"{PROBLEM}review-exists"
    assert elsewhere.status_code == 201


async def test_the_reviews_of_an_article_come_newest_first_slice_by_slice(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    for number in range(5):
        await readers.post(f"reader-{number}")
    await readers.post("reader-9", sku="INK")

    authors: list[str] = []
    sizes = []
    query = {"sku": "PEN", "limit": "2"}
    while query.get("cursor", "start"):
        answer = (await http.get("/reviews", params=query)).json()
        authors += [item["author"] for item in answer["items"]]
        sizes.append(len(answer["items"]))
        query["cursor"] = answer["next"]

    assert authors == [f"reader-{number}" for number in (4, 3, 2, 1, 0)]
    assert sizes == [2, 2, 1]


async def test_a_cursor_that_no_list_gave_out_is_refused(http: httpx.AsyncClient) -> None:
    positions = ("late", "id"), (1,), (2**63, "id"), (-1, "id"), (1, "\0")
    for cursor in ("x", *(encode_cursor(*position) for position in positions)):
        answer = await http.get("/reviews", params={"sku": "PEN", "cursor": cursor})
        assert problem_of(answer) == (422, "cursor-invalid"), cursor


async def test_summaries_come_for_every_requested_article_in_order(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    for number, rating in enumerate([5, 4, 4, 4]):  # 4.25: a half is rounded up
        await readers.post(f"reader-{number}", rating=rating)
    batch = (await http.get("/summaries", params={"sku": ["NOPE", "PEN"]})).json()["items"]

    empty = {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}
    assert batch == [
        {"sku": "NOPE", "count": 0, "average": None, "histogram": empty},
        {"sku": "PEN", "count": 4, "average": 4.3, "histogram": empty | {"4": 3, "5": 1}},
    ]
    assert (await http.get("/summaries/PEN")).json() == batch[1]


async def test_a_review_that_does_not_fit_is_refused_by_the_field(readers: Readers) -> None:
    wrong: dict[str, tuple[object, ...]] = {
        "title": ("", "   ", "x" * 121, "nul \0"),
        "text": ("", "x" * 5001, "nul \0"),
        "rating": (0, 6, 4.5, "5", True),
        "sku": ("", "nul \0", "x" * 65),
        "author": ("another reader",),
    }
    for field, values in wrong.items():
        for value in values:
            assert places(await readers.post(**{field: value})) == [f"body.{field}"]


async def test_a_name_that_no_database_could_hold_is_refused(http: httpx.AsyncClient) -> None:
    for path in ("/reviews?sku=%00", "/summaries?sku=%00", "/summaries/%00", "/reviews/%00"):
        assert (await http.get(path)).status_code == 422, path


async def test_an_unknown_article_is_not_reviewed(readers: Readers, catalog: Catalog) -> None:
    catalog.unknown = {"NOPE"}
    refused = await readers.post(sku="NOPE")

    assert problem_of(refused) == (422, "article-unknown")
    assert (await readers.post(sku="PEN")).status_code == 201


async def test_while_catalog_is_away_no_review_is_published_but_a_repeated_one_is_found(
    http: httpx.AsyncClient, bearer: MakeToken, readers: Readers, catalog: Catalog
) -> None:
    headers = bearer("reader", "shop") | {"Idempotency-Key": "key-00001"}
    first = await http.post("/reviews", json=review(), headers=headers)
    catalog.status = 0

    assert (await readers.post("shopper")).status_code == 503
    again = await http.post("/reviews", json=review(), headers=headers)
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
