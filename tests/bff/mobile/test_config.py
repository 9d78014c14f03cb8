import httpx

from shop.client_versions import supported_versions
from tests.bff.world import Shop


async def test_the_app_learns_which_versions_are_served_without_any_service(
    mobile: httpx.AsyncClient, shop: Shop
) -> None:
    supported = supported_versions()["mobile"]

    answer = await mobile.get("/config")

    assert answer.status_code == 200
    assert answer.json() == {
        "minimum_version": str(supported.minimum),
        "latest_version": str(supported.latest),
        "flags": supported.flags,
    }
    assert answer.headers["cache-control"] == "public, max-age=60"
    assert shop.operations == []


async def test_an_app_that_knows_it_already_gets_nothing(mobile: httpx.AsyncClient) -> None:
    tag = (await mobile.get("/config")).headers["etag"]

    again = await mobile.get("/config", headers={"If-None-Match": tag})

    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["cache-control"] == "public, max-age=60"
