import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from frontispiece.cli.inspect.explain_html import page
from frontispiece.cli.inspect.waterfall import waterfall
from frontispiece.pages.timeline import PageTrace
from tests.frontispiece.cli import timelines

XHTML = "{http://www.w3.org/1999/xhtml}"
WIDTHS = (60, 80, 160)


def drawn(explained: PageTrace, width: int) -> list[str]:
    return [line.plain for line in waterfall(explained, width)]


def line_of(name: str, lines: list[str]) -> str:
    return next(line for line in lines if line.startswith(f"{name} "))


@pytest.mark.parametrize("width", WIDTHS)
def test_every_source_batch_and_call_has_its_line_and_no_line_is_wider_than_the_terminal(width: int) -> None:
    explained = timelines.explained()
    lines = drawn(explained, width)

    assert max(map(cell_len, lines)) <= width
    for source in explained.timeline.sources:
        assert line_of(source.name, lines)
    assert sum("⇉ cards" in line for line in lines) == 2
    assert [line.strip().split()[1] for line in lines if "→" in line] == ["catalog", "reviews", "catalog"]


@pytest.mark.parametrize("width", WIDTHS)
def test_everything_that_happened_is_shown_at_every_width(width: int) -> None:
    text = "\n".join(drawn(timelines.explained(), width))

    for told in (
        "GET /products/{sku} · 200 · 182 of 200 ms",
        "fell back: timeout · 2 attempts",
        "200 GET /products/PENS-001",
        "20 loads",
        "20 loads · see above",
        "cache: miss",
        "cache: hit",
        "cancelled",
        "never began",
        "Degraded: latest (timeout)",
    ):
        assert told in text


@pytest.mark.parametrize("width", WIDTHS)
def test_waiting_for_inputs_is_drawn_apart_from_working(width: int) -> None:
    lines = drawn(timelines.explained(), width)

    assert "┈" not in line_of("product", lines)
    assert "┈█" in line_of("related", lines)
    assert "█┈" not in line_of("related", lines)
    assert "┈" in line_of("labels", lines)
    assert "█" not in line_of("labels", lines)


def test_longer_work_has_a_longer_bar() -> None:
    lines = drawn(timelines.explained(), 160)

    lengths = [line_of(name, lines).count("█") for name in ("latest", "related", "product", "stocks")]
    assert lengths == sorted(lengths, reverse=True)
    assert lengths[-1] == 1


def test_a_near_deadline_is_marked_in_the_drawing_and_a_far_one_is_text_alone() -> None:
    explained = timelines.explained()
    assert line_of("product", drawn(explained, 80)).count("┊") == 1

    explained.timeline.deadline = 1500.0
    far = drawn(explained, 80)
    assert not any("┊" in line for line in far)
    assert "182 of 1500 ms" in far[0]


def test_a_page_of_which_no_source_began_is_one_line() -> None:
    explained = timelines.explained()
    explained.timeline.sources = []

    assert drawn(explained, 80) == ["GET /products/{sku} · 200 · 182 of 200 ms"]


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(timelines.anything(), st.integers(10, 200))
def test_any_timeline_fits_any_terminal_and_cannot_steer_it(explained: PageTrace, width: int) -> None:
    for line in drawn(explained, width):
        assert cell_len(line) <= width
        assert line.isprintable()


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(timelines.anything())
def test_any_timeline_makes_a_well_formed_page_of_text_and_bars_alone(explained: PageTrace) -> None:
    document = timelines.parsed(page(explained))

    assert len(document.findall(f".//{XHTML}tbody/{XHTML}tr")) >= len(explained.timeline.sources)
    assert not {element.tag for element in document.iter()} & {
        f"{XHTML}script",
        f"{XHTML}link",
        f"{XHTML}img",
    }
    for bar in document.findall(f".//{XHTML}div[@class='lane']/*"):
        left, _, width = bar.attrib["style"].removeprefix("left:").partition(";width:")
        assert 0 <= float(left.strip("%")) <= 100
        assert float(left.strip("%")) + float(width.strip("%") or 0) <= 100.01


def test_the_page_shows_the_view_folded_and_what_is_hostile_in_it_as_text() -> None:
    explained = timelines.explained()
    explained.timeline.sources[0].name = "<script>alert(1)</script>\x1b[2J"
    document = timelines.parsed(page(explained))

    heads = [head.text for head in document.findall(f".//{XHTML}tbody//{XHTML}th")]
    assert heads[0] == "<script>alert(1)</script>\N{REPLACEMENT CHARACTER}[2J"
    assert "latest" in heads
    folded = document.find(f".//{XHTML}details")
    assert folded is not None
    assert folded.findtext(f"{XHTML}summary") == "View"
    assert "<b>Reed</b> & pen" in (folded.findtext(f"{XHTML}pre") or "")


def test_the_page_makes_no_request() -> None:
    text = page(timelines.explained())

    assert "default-src 'none'" in text
    assert "url(" not in text
    assert text.count("http") == text.count("http://www.w3.org/1999/xhtml") + text.count("http-equiv")
