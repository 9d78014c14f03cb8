import uuid
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from kit.paging import encode_cursor
from kit.settings import TokenSettings
from services.reviews.app import ReviewsSettings, create_app
from tests.conftest import AppClient, MakeToken


@pytest.fixture
async def http(
    database_url: str, token_settings: TokenSettings, app_client: AppClient
) -> AsyncIterator[httpx.AsyncClient]:
    async with app_client(
        create_app(ReviewsSettings(database_url=database_url, tokens=token_settings))
    ) as client:
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


async def test_the_entity_tag_saves_a_second_reading(http: httpx.AsyncClient, readers: Readers) -> None:
    posted = await readers.post()
    held = {"If-None-Match": posted.headers["etag"]}

    assert (await http.get(posted.headers["location"], headers=held)).status_code == 304


async def test_a_summary_changes_its_entity_tag_with_every_review(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    held = {"If-None-Match": (await http.get("/summaries/PEN")).headers["etag"]}
    unchanged = await http.get("/summaries/PEN", headers=held)
    await readers.post()
    changed = await http.get("/summaries/PEN", headers=held)

    assert (unchanged.status_code, changed.status_code) == (304, 200)


async def test_a_second_review_of_the_same_article_is_a_409_problem(readers: Readers) -> None:
    await readers.post(rating=5)
    second = await readers.post(rating=1)
    elsewhere = await readers.post(sku="INK")

    assert second.status_code == 409
    assert second.json()["type"] == "urn:frontispiece:problem:review-exists"
    assert elsewhere.status_code == 201


async def test_a_post_that_is_sent_again_gets_its_first_answer(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    headers = bearer("reader", "shop") | {"Idempotency-Key": "key-00001"}
    first = await http.post("/reviews", json=review(), headers=headers)
    again = await http.post("/reviews", json=review(), headers=headers)
    another = await http.post("/reviews", json=review(rating=1), headers=headers)

    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["location"] == first.headers["location"]
    assert another.json()["type"] == "urn:frontispiece:problem:idempotency-key-reused"


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


async def test_a_list_that_ends_with_its_slice_promises_no_more(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    await readers.post()

    assert (await http.get("/reviews", params={"sku": "PEN", "limit": 1})).json()["next"] is None
    assert (await http.get("/reviews", params={"sku": "NOPE"})).json() == {"items": [], "next": None}


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        encode_cursor("late", "id"),
        encode_cursor(1),
        encode_cursor(2**63, "id"),
        encode_cursor(-1, "id"),
        encode_cursor(1, "\0"),
    ],
)
async def test_a_cursor_that_no_list_gave_out_is_refused(http: httpx.AsyncClient, cursor: str) -> None:
    answer = await http.get("/reviews", params={"sku": "PEN", "cursor": cursor})

    assert (answer.status_code, answer.json()["type"]) == (422, "urn:frontispiece:problem:cursor-invalid")


async def test_summaries_come_for_every_article_asked_for_in_order(
    http: httpx.AsyncClient, readers: Readers
) -> None:
    for number, rating in enumerate([5, 5, 4]):
        await readers.post(f"reader-{number}", rating=rating)
    batch = (await http.get("/summaries", params={"sku": ["NOPE", "PEN"]})).json()["items"]

    empty = {"1": 0, "2": 0, "3": 0, "4": 0, "5": 0}
    assert batch == [
        {"sku": "NOPE", "count": 0, "average": None, "histogram": empty},
        {"sku": "PEN", "count": 3, "average": 4.7, "histogram": empty | {"4": 1, "5": 2}},
    ]
    assert (await http.get("/summaries/PEN")).json() == batch[1]


async def test_a_batch_of_more_than_100_is_refused(http: httpx.AsyncClient) -> None:
    answer = await http.get("/summaries", params={"sku": [f"S{n}" for n in range(101)]})

    assert answer.status_code == 422
    assert answer.json()["errors"][0]["at"] == ["query", "sku"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", ""),
        ("title", "   "),
        ("title", "x" * 121),
        ("title", "nul \0"),
        ("text", ""),
        ("text", "x" * 5001),
        ("text", "nul \0"),
        ("rating", 0),
        ("rating", 6),
        ("rating", 4.5),
        ("rating", "5"),
        ("rating", True),
        ("sku", ""),
        ("sku", "nul \0"),
        ("sku", "x" * 65),
        ("author", "somebody else"),
    ],
)
async def test_a_review_that_does_not_fit_is_refused_by_the_field(
    readers: Readers, field: str, value: object
) -> None:
    answer = await readers.post(**{field: value})

    assert answer.status_code == 422
    assert [error["at"] for error in answer.json()["errors"]] == [["body", field]]


async def test_the_longest_texts_fit_in_any_script(readers: Readers) -> None:
    answer = await readers.post(title="  " + "筆" * 120, text="ж" * 5000)

    assert answer.status_code == 201
    assert answer.json()["title"] == "筆" * 120


@pytest.mark.parametrize("path", ["/reviews?sku=%00", "/summaries?sku=%00", "/summaries/%00", "/reviews/%00"])
async def test_a_name_that_no_database_could_hold_is_refused(http: httpx.AsyncClient, path: str) -> None:
    assert (await http.get(path)).status_code == 422


async def test_an_unknown_review_is_a_404_problem(http: httpx.AsyncClient) -> None:
    answer = await http.get("/reviews/nope")

    assert (answer.status_code, answer.json()["type"]) == (404, "urn:frontispiece:problem:review-unknown")


async def test_nobody_writes_without_a_token_or_without_the_scope(
    http: httpx.AsyncClient, bearer: MakeToken
) -> None:
    key = {"Idempotency-Key": "key-00001"}
    anonymous = await http.post("/reviews", json=review(), headers=key)
    no_scope = await http.post("/reviews", json=review(), headers=key | bearer("clerk", "stock:write"))
    no_key = await http.post("/reviews", json=review(), headers=bearer("reader", "shop"))

    assert (anonymous.status_code, anonymous.headers["www-authenticate"]) == (401, "Bearer")
    assert (no_scope.status_code, no_scope.json()["scope"]) == (403, "shop")
    assert no_key.json()["errors"][0]["at"] == ["header", "Idempotency-Key"]


async def test_health_and_openapi_are_there(http: httpx.AsyncClient) -> None:
    assert (await http.get("/health/ready")).json() == {"status": "ready"}
    assert "/summaries/{sku}" in (await http.get("/openapi.json")).json()["paths"]
