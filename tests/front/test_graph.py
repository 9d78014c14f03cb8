# mypy: disable-error-code="empty-body"
"""Pages as graphs. The functions of pages made here are declarations only: none is ever called."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from front.check import as_if_up
from front.graph import Arrow, Box, Graph, Kind, chosen, graph_of, graphs, mermaid
from front.graph_svg import svg
from front.roles import BFFS, create
from gateway.page import Page
from gateway.page.app import PageApp
from gateway.page.attempts import Hedge, Retry
from gateway.page.cache import Cache
from gateway.page.graph import Plan, plans
from tests.front import timelines
from tests.front.test_cli import run
from tests.support.shop import ROOT

ROUTES = ROOT / "routes.toml"
SVG = "{http://www.w3.org/2000/svg}"
NODE = re.compile(
    r'    (n\d+)(?:\(\["|\["|\[\[")([\w /{}()?:.,=|\[\]…·+<>#;-]*)(?:"\]\)|"\]|"\]\])(:::optional)?'
)
EDGE = re.compile(r"    (n\d+) (-->|-\.->) (n\d+)")


@pytest.fixture(scope="module")
def real() -> list[tuple[str, Plan]]:
    """Every page of every client, with the client's name."""
    found = []
    with as_if_up(Path(".data"), ROUTES):
        for role in BFFS:
            app = create(role)
            assert isinstance(app, PageApp)
            found += [(role.removeprefix("bff-"), plan) for plan in app.plans]
    return found


def read(text: str) -> tuple[dict[str, str], set[tuple[str, str, str]]]:
    """Mermaid text, understood: whether each box is optional by its name, and the edges between names."""
    head, *lines, _, end = text.split("\n")
    assert (head, end) == ("flowchart LR", "")
    nodes, edges = {}, set()
    for line in lines:
        if node := NODE.fullmatch(line):
            nodes[node[1]] = (node[2], node[3] or "")
        else:
            edge = EDGE.fullmatch(line)
            assert edge is not None, line
            edges.add((edge[1], edge[2], edge[3]))
    names = {key: label.partition("<br>")[0] for key, (label, _) in nodes.items()}
    optional = {names[key]: dashed for key, (_, dashed) in nodes.items()}
    return optional, {(names[start], line, names[end]) for start, line, end in edges}


def boxes(picture: str) -> list[tuple[float, float, float, float]]:
    """The corners of every box of a picture, which is well-formed."""
    rects = [
        rect.attrib for rect in timelines.parsed(picture).iter(f"{SVG}rect") if "box" in rect.attrib["class"]
    ]
    sides = [tuple(float(rect[side]) for side in ("x", "y", "width", "height")) for rect in rects]
    return [(x, y, x + width, y + height) for x, y, width, height in sides]


def assert_apart(picture: str, count: int) -> None:
    """So many boxes, none over another, all within the picture."""
    root = timelines.parsed(picture)
    found = boxes(picture)
    assert len(found) == count
    for number, (left, top, right, bottom) in enumerate(found):
        assert left >= 0
        assert top >= 0
        assert right <= float(root.attrib["width"])
        assert bottom <= float(root.attrib["height"])
        for other in found[number + 1 :]:
            assert right < other[0] or other[2] < left or bottom < other[1] or other[3] < top


def test_every_source_and_every_edge_of_every_page_is_in_the_text(real: list[tuple[str, Plan]]) -> None:
    for client, plan in real:
        optional, edges = read(mermaid(graph_of(plan, client)))
        fallbacks = {step.source.name for step in plan.steps if step.source.fallback is not None}
        sources = {step.source.name for step in plan.steps}
        ends = [(step.source.name, step.needs) for step in plan.steps]
        view = plan.view.__name__
        ends.append((view, [i.name for i in plan.view_inputs if i.name in sources]))
        expected = {
            (need, "-.->" if need in fallbacks else "-->", name) for name, needs in ends for need in needs
        }

        assert {name for name, dashed in optional.items() if dashed} == fallbacks
        assert sources | {view} <= set(optional)
        assert {edge for edge in edges if edge[0] in sources} == expected


def test_what_a_request_brings_leads_to_whom_it_serves(real: list[tuple[str, Plan]]) -> None:
    by_name = {f"{client}:{plan.page.path}": plan for client, plan in real if plan.page.method == "GET"}
    _, edges = read(mermaid(graph_of(by_name["web:/products/{sku}"], "web")))

    assert {edge for edge in edges if edge[0] == "{sku}"} == {
        ("{sku}", "-->", "product"),
        ("{sku}", "-->", "latest"),
    }


def test_every_page_has_a_well_formed_picture_without_overlaps(real: list[tuple[str, Plan]]) -> None:
    for client, plan in real:
        graph = graph_of(plan, client)
        picture = svg(graph)
        assert_apart(picture, len(graph.boxes))
        written = [text.text for text in timelines.parsed(picture).iter(f"{SVG}text")]
        assert {line for box in graph.boxes for line in box.lines} <= set(written)
        arrows = [
            path for path in timelines.parsed(picture).iter(f"{SVG}path") if "arrow" in path.attrib["class"]
        ]
        assert len(arrows) == len(graph.arrows)


def test_what_is_done_against_slowness_and_failure_stands_in_the_source() -> None:
    page = Page("/a/{sku}", deadline=0.8)

    class Stock(Struct):
        pieces: int = 0

    @page.source(
        timeout=0.15,
        fallback=Stock,
        cache=Cache(ttl=5, stale=60),
        retry=Retry(times=2),
        hedge=Hedge(after=0.05),
    )
    async def stock(sku: str) -> Stock: ...

    @page.view
    def screen(stock: Stock) -> Stock: ...

    (plan,) = plans([page], [])
    text = mermaid(graph_of(plan, "web"))

    assert "stock<br>150 ms · or Stock<br>cache 5 s + 60 s stale · 2 more tries · hedge after 50 ms" in text
    assert 'screen<br>Stock"]]' in text


def test_an_aggregate_that_the_route_table_declares_is_drawn_as_a_page_is() -> None:
    (graph,) = chosen(graphs(ROUTES), "/api/products/{sku}/summary")
    text = mermaid(graph)
    optional, edges = read(text)

    assert "product<br>catalog:/products/{sku}" in text
    assert "500 ms · or a stand-in" in text
    assert {("product", "-->", "related"), ("related", "-.->", "view")} <= edges
    assert optional["stock"]
    assert not optional["product"]


def test_a_page_is_chosen_as_it_is_named_or_as_clients_ask_for_it() -> None:
    every = graphs(ROUTES)

    for said in ("web:/products/{sku}", "/web/products/{sku}"):
        assert [graph.title for graph in chosen(every, said)] == ["GET web:/products/{sku}"]
    assert [graph.method for graph in chosen(every, "/mobile/basket/items/{sku}")] == ["PUT", "DELETE"]


def test_the_command_prints_one_page_as_mermaid_text_and_all_as_a_markdown_page() -> None:
    one, every = run("graph", "web:/products/{sku}"), run("graph")

    assert one.returncode == every.returncode == 0, one.stderr + every.stderr
    assert "product" in read(one.stdout)[0]
    sections = re.findall(r"^## `([^`]+)`\n\n```mermaid\n(.*?)^```$", every.stdout, re.MULTILINE | re.DOTALL)
    assert [title for title, _ in sections] == [graph.title for graph in graphs(ROUTES)]
    assert dict(sections)["GET web:/products/{sku}"] == one.stdout


def test_the_readme_shows_the_graph_of_a_page_as_it_is() -> None:
    (graph,) = chosen(graphs(ROUTES), "web:/products/{sku}")

    assert f"```mermaid\n{mermaid(graph)}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_text_and_pictures_are_written_to_files(tmp_path: Path) -> None:
    text, picture, folder = tmp_path / "page.mmd", tmp_path / "page.svg", tmp_path / "pages"
    done = run("graph", "/mobile/home", "--mermaid", text, "--svg", picture)
    all_done = run("graph", "--svg", folder)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert read(text.read_text())[0]
    assert boxes(picture.read_text())
    assert all_done.returncode == 0, all_done.stderr
    pictures = {file.name: file.read_text() for file in folder.iterdir()}
    assert len(pictures) == len(graphs(ROUTES))
    assert all(map(boxes, pictures.values()))
    assert "PUT-web-basket-items-sku.svg" in pictures


def test_an_unknown_page_is_refused_with_those_that_there_are() -> None:
    done = run("graph", "/web/product/{sku}")

    assert done.returncode == 1
    assert "There is no page /web/product/{sku}" in done.stderr
    assert "  web:/products/{sku}\n" in done.stderr
    assert "  mobile:/home\n" in done.stderr


def test_several_pictures_do_not_go_into_one_file(tmp_path: Path) -> None:
    taken = tmp_path / "page.svg"
    taken.touch()
    done = run("graph", "--svg", taken)

    assert done.returncode == 1
    assert "page.svg" in done.stderr


@st.composite
def any_graph(draw: st.DrawFn) -> Graph:
    """Any graph, with any text in it."""
    lines = st.lists(st.text(max_size=20), min_size=1, max_size=3).map(tuple)
    inputs, sources = draw(st.integers(0, 3)), draw(st.integers(0, 8))
    kinds = [Kind.INPUT] * inputs + [Kind.SOURCE] * sources + [Kind.VIEW]
    pairs = [(a, b) for b in range(inputs, len(kinds)) for a in range(b)]
    arrows = draw(st.sets(st.sampled_from(pairs)) if pairs else st.just(set[tuple[int, int]]()))
    return Graph(
        method="GET",
        name=draw(st.text(max_size=20)),
        deadline=1.0,
        boxes=tuple(Box(kind=kind, lines=draw(lines), optional=draw(st.booleans())) for kind in kinds),
        arrows=tuple(Arrow(start=a, end=b, optional=draw(st.booleans())) for a, b in sorted(arrows)),
    )


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_graph())
def test_any_graph_with_any_text_is_drawn_well_formed_and_without_overlaps(graph: Graph) -> None:
    assert_apart(svg(graph), len(graph.boxes))


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_graph())
def test_no_text_breaks_out_of_its_box_in_mermaid(graph: Graph) -> None:
    _, *lines, _, _ = mermaid(graph).split("\n")
    nodes = [node for line in lines if (node := NODE.fullmatch(line))]

    assert len(nodes) == len(graph.boxes)
    assert len(lines) == len(graph.boxes) + len(graph.arrows)
    for node in nodes:
        assert not set("<>#;") & set(re.sub(r"<br>|#\d+;", "", node[2]))
