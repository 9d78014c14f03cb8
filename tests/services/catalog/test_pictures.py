import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kit.demo import KINDS
from kit.money import Money
from services.catalog.model import Named, Product
from services.catalog.pictures import WIDTHS, draw, images

SVG = "{http://www.w3.org/2000/svg}"
TYPES = [*KINDS.values(), "Umbrellas"]


def product(sku: str = "NOTE-001", kind: str = "Notebooks", **changes: Any) -> Product:
    plain = Product(
        sku=sku,
        name="Harbour Log",
        description="",
        brand=Named(id="oak", name="Oak"),
        type=Named(id=kind.lower(), name=kind),
        price=Money(amount=1000, currency="EUR"),
        attributes={},
        related=(),
    )
    return replace(plain, **changes)


def svg(drawn: Product, file: str = "1-640.svg") -> str:
    picture = draw(drawn, file)
    assert picture is not None
    return picture.svg.decode()


def elements(document: str) -> int:
    return len(list(ET.fromstring(document).iter()))  # noqa: S314  # the document is the project's own


@pytest.mark.parametrize("kind", TYPES)
def test_every_file_that_a_product_lists_is_a_square_svg_of_its_width(kind: str) -> None:
    listed = [variant for image in images(product(kind=kind)) for variant in image.variants]

    assert len(listed) == 2 * len(WIDTHS)
    for variant in listed:
        root = ET.fromstring(svg(product(kind=kind), variant.url.rsplit("/", 1)[1]))  # noqa: S314  # our own
        assert (root.tag, root.get("width"), root.get("height")) == (
            f"{SVG}svg",
            str(variant.width),
            str(variant.height),
        )


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("view", [1, 2])
def test_a_wider_picture_shows_more_and_a_thumbnail_stays_small(kind: str, view: int) -> None:
    # What one drawing has room for depends on the choices that its sku fixes: many together always grow.
    drawn = [product(f"X-{n}", kind) for n in range(12)]
    counts = [sum(elements(svg(p, f"{view}-{width}.svg")) for p in drawn) for width in WIDTHS]

    assert counts == sorted(set(counts))
    assert all(len(svg(p, f"{view}-160.svg")) < 10_000 for p in drawn)
    assert all(len(svg(p, f"{view}-1280.svg")) < 60_000 for p in drawn)


def test_a_product_is_drawn_the_same_every_time_and_unlike_any_other() -> None:
    assert draw(product(), "1-320.svg") == draw(product(), "1-320.svg")
    assert len({svg(product(f"NOTE-{n:03d}")) for n in range(32)}) == 32
    assert len({svg(product(kind=kind)) for kind in TYPES}) == len(TYPES)


def test_a_color_in_the_name_or_among_the_attributes_is_the_color_drawn() -> None:
    assert "#6b2226" not in svg(product())
    assert "#6b2226" in svg(product(name="Oxblood Ledger"))
    assert "#6b2226" in svg(product(attributes={"colour": "deep oxblood"}))
    assert "#6b2226" in svg(product(name="Oxblood Ledger", attributes={"colour": ["not", "a", "word"]}))


@pytest.mark.parametrize(
    "file", ["3-320.svg", "0-320.svg", "1-321.svg", "1-320.png", "1-320.svg\n", "-320.svg", ""]
)
def test_no_other_file_is_drawn(file: str) -> None:
    assert draw(product(), file) is None


@given(st.text(min_size=1, max_size=60), st.sampled_from(TYPES))
def test_a_name_stays_text_whatever_is_in_it(name: str, kind: str) -> None:
    drawn = svg(product(name=name, kind=kind), "2-1280.svg")

    tags = {element.tag.removeprefix(SVG) for element in ET.fromstring(drawn).iter()}  # noqa: S314  # our own
    assert not tags & {"script", "a", "image", "use", "foreignObject", "style"}


def test_markup_in_a_name_is_escaped() -> None:
    drawn = svg(product(name='<script>alert("1")</script>'), "2-1280.svg")

    assert "<script" not in drawn
    assert "&lt;script&gt;" in drawn


def test_a_picture_loads_nothing_from_elsewhere() -> None:
    for kind in TYPES:
        found = re.findall(
            r"(?:href|src)=|url\((?!#)|https?://(?!www\.w3\.org/2000/svg)", svg(product(kind=kind))
        )
        assert found == []
