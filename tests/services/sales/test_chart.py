"""Bars of terminals and of pictures."""

import xml.etree.ElementTree as ET

from services.sales.chart import bar, svg


def test_bars_are_as_long_as_their_share_of_the_highest_value() -> None:
    assert [len(bar(value, 100)) for value in (100, 50, 0, -7)] == [30, 15, 0, 0]
    assert (bar(3, 800), bar(5, 0)) == ("▏", "")


def test_a_picture_is_well_formed_whatever_its_labels_are() -> None:
    picture = ET.fromstring(svg("Revenue <of> all", [("<script>", 10, "0.10"), ("b&b", 5, "0.05")]))  # noqa: S314

    widths = [float(each.attrib["width"]) for each in picture.iter("{http://www.w3.org/2000/svg}rect")]
    assert widths == [400, 200]
    assert "<script>" in [each.text for each in picture.iter("{http://www.w3.org/2000/svg}text")]
