import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from frontispiece.cli.inspect.explain_html import page
from frontispiece.cli.inspect.waterfall import waterfall
from frontispiece.pages.timeline import PageTrace
from tests.frontispiece.cli import timelines

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


def test_the_page_has_the_drawing_and_the_view_and_what_is_hostile_in_them_as_text() -> None:
    explained = timelines.explained()
    explained.timeline.sources[0].name = "<script>alert(1)</script>\x1b[2J"
    document = page(explained)

    text = timelines.text_of(document)
    assert "<script>alert(1)</script>\N{REPLACEMENT CHARACTER}[2J" in text
    assert "latest" in text
    assert "<b>Reed</b> & pen" in text
    assert "<script" not in document


def test_the_page_has_a_title_and_a_policy_and_strings_of_any_length_in_one_line() -> None:
    explained = timelines.explained()
    explained.view = {"name": "x" * 400}
    document = page(explained)

    assert "<title>GET /products/{sku} · 200 · 182 of 200 ms</title>" in document
    assert "default-src 'none'" in document
    assert f'"name": "{"x" * 400}"' in timelines.text_of(document)


def test_the_page_makes_no_request() -> None:
    document = page(timelines.explained())

    assert [each for each in ("url(", "http:", "https:", "src=", "href=") if each in document] == []
