import re
import xml.etree.ElementTree as ET

import httpx

from services.catalog import pictures
from shop.demo import SKUS
from tests.services.catalog.goods import enter

SVG = "{http://www.w3.org/2000/svg}"


def test_every_article_of_the_first_data_has_two_pictures_of_its_own() -> None:
    own = {path.name: path.read_bytes() for path in pictures.FOLDER.glob("*-[12].svg")}

    assert set(own) == {f"{sku}-{number}.svg" for sku in SKUS for number in (1, 2)}
    assert len(set(own.values())) == len(own)


def test_a_picture_is_a_small_svg_that_loads_and_runs_nothing() -> None:
    for path in pictures.FOLDER.iterdir():
        document = path.read_text()
        tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(document).iter()}  # noqa: S314 - our own
        assert not tags & {"script", "a", "image", "use", "foreignObject", "style"}
        assert not re.findall(r"(?:href|src)=|url\((?!#)|https?://(?!www\.w3\.org/2000/svg)", document)
        assert len(document) < 16_000


async def test_every_picture_that_a_product_lists_is_served_in_its_width(http: httpx.AsyncClient) -> None:
    await enter(http, "NOTE-001")
    listed = [v for i in (await http.get("/products/NOTE-001")).json()["images"] for v in i["variants"]]

    assert len(listed) == 8
    for variant in listed:
        answer = await http.get(variant["url"])
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/svg+xml")
        root = ET.fromstring(answer.content)  # noqa: S314 - our own
        size = str(variant["width"]), str(variant["height"])
        assert (root.tag, (root.get("width"), root.get("height"))) == (f"{SVG}svg", size)
        assert answer.headers["cache-control"] == "public, max-age=604800"
        again = await http.get(variant["url"], headers={"If-None-Match": answer.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")


async def test_a_product_without_pictures_of_its_own_has_a_placeholder(http: httpx.AsyncClient) -> None:
    await enter(http, "A", "B")
    a, b, other = [await http.get(f"/pictures/{file}-320.svg") for file in ("A/1", "B/2", "A/1")]

    assert a.status_code == 200
    assert a.content == b.content == other.content


async def test_a_picture_that_no_product_lists_is_not_there(http: httpx.AsyncClient) -> None:
    await enter(http, "A")
    files = "3-320.svg", "0-320.svg", "1-321.svg", "1-320.png", "1-320.svg%0A", "-320.svg"
    for path in (*(f"A/{file}" for file in files), "B/1-320.svg", "%00/1-320.svg"):
        assert (await http.get(f"/pictures/{path}")).status_code == 404, path
