# mypy: disable-error-code="empty-body"
"""Pages as graphs. The functions of pages made here are declarations only: none is ever called."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from frontispiece.cli.inspect.check import apps
from frontispiece.cli.inspect.page_graph import graphs, mermaid, select
from frontispiece.pages import Page
from frontispiece.pages.app import PageApp
from frontispiece.pages.graph import Arrow, Box, Graph, Kind, graph_of
from frontispiece.pages.plan import Plan, plans
from frontispiece.pages.result_cache import Cache
from frontispiece.pages.retry import Hedge, Retry
from tests.support.front import run
from tests.support.shop import PROJECT, ROOT

NODE = re.compile(
    r'    (n\d+)(?:\(\["|\["|\[\[")([\w /{}()?:.,=|\[\]…·+<>#;-]*)(?:"\]\)|"\]|"\]\])(:::optional)?'
)
EDGE = re.compile(r"    (n\d+) (-->|-\.->) (n\d+)")


@pytest.fixture(scope="module")
def real() -> list[tuple[str, Plan]]:
    """Every page of every app, with the app's name."""
    made = apps(PROJECT, Path(".data"), PROJECT.routes)
    return [(name, plan) for name, app in made if isinstance(app, PageApp) for plan in app.plans]


@pytest.fixture(scope="module")
def drawn() -> list[Graph]:
    """The graphs of the shop."""
    return graphs(PROJECT, Path(".data"), PROJECT.routes)


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
    _, edges = read(mermaid(graph_of(by_name["bff-web:/products/{sku}"], "bff-web")))

    assert {edge for edge in edges if edge[0] == "{sku}"} == {
        ("{sku}", "-->", "product"),
        ("{sku}", "-->", "also_bought"),
        ("{sku}", "-->", "latest"),
    }


def test_what_is_done_against_slowness_and_failure_stands_in_the_source() -> None:
    page = Page("/a/{sku}", deadline=0.8)

    class Stock(Struct):
        pieces: int = 0

    @page.source(
        timeout=0.15,
        fallback=Stock,
        cache=Cache(ttl=5, stale=60),
        retry=Retry(attempts=3),
        hedge=Hedge(after=0.05),
    )
    async def stock(sku: str) -> Stock: ...

    @page.view
    def screen(stock: Stock) -> Stock: ...

    (plan,) = plans([page], [])
    text = mermaid(graph_of(plan, "web"))

    assert (
        "stock<br>150 ms · or Stock<br>cache 5 s + 60 s stale · up to 3 attempts · hedge after 50 ms" in text
    )
    assert 'screen<br>Stock"]]' in text


def test_an_aggregate_that_the_route_table_declares_is_drawn_as_a_page_is(drawn: list[Graph]) -> None:
    (graph,) = select(drawn, "/api/products/{sku}/summary")
    text = mermaid(graph)
    optional, edges = read(text)

    assert "product<br>catalog:/products/{sku}" in text
    assert "500 ms · or a fallback" in text
    assert {("product", "-->", "related"), ("related", "-.->", "view")} <= edges
    assert optional["stock"]
    assert not optional["product"]


def test_a_page_is_chosen_as_it_is_named_or_as_clients_ask_for_it(drawn: list[Graph]) -> None:
    for name in ("bff-web:/products/{sku}", "/web/products/{sku}"):
        assert [graph.title for graph in select(drawn, name)] == ["GET bff-web:/products/{sku}"]
    assert [graph.method for graph in select(drawn, "/mobile/basket/items/{sku}")] == ["PUT", "DELETE"]
    assert {graph.name.partition(":")[0] for graph in select(drawn, "bff-web")} == {"bff-web"}


def test_the_command_prints_one_page_as_mermaid_text_and_all_as_a_markdown_page(project: Path) -> None:
    one, every = (run("graph", "--project", project, *page) for page in (["/pages/{number}"], []))

    assert one.returncode == every.returncode == 0, one.stderr + every.stderr
    assert "note" in read(one.stdout)[0]
    sections = re.findall(r"^## `([^`]+)`\n\n```mermaid\n(.*?)^```$", every.stdout, re.MULTILINE | re.DOTALL)
    assert [title for title, _ in sections] == ["GET pages:/notes/{number}", "GET alone:/notes/{number}"]
    assert dict(sections)["GET pages:/notes/{number}"] == one.stdout


def test_the_readme_shows_the_graph_of_a_page_as_it_is(drawn: list[Graph]) -> None:
    (graph,) = select(drawn, "bff-web:/products/{sku}")

    assert f"```mermaid\n{mermaid(graph)}```" in (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_text_is_written_to_a_file(project: Path, tmp_path: Path) -> None:
    file = tmp_path / "page.mmd"
    done = run("graph", "--project", project, "/pages/{number}", "--mermaid", file)

    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert read(file.read_text())[0]


def test_an_unknown_page_is_refused_with_those_that_there_are(project: Path) -> None:
    done = run("graph", "--project", project, "/page/{number}")

    assert done.returncode == 1
    assert "There is no page /page/{number}" in done.stderr
    assert "  pages:/notes/{number}\n" in done.stderr
    assert "  alone:/notes/{number}\n" in done.stderr


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


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(any_graph())
def test_no_text_breaks_out_of_its_box_in_mermaid(graph: Graph) -> None:
    _, *lines, _, _ = mermaid(graph).split("\n")
    nodes = [node for line in lines if (node := NODE.fullmatch(line))]

    assert len(nodes) == len(graph.boxes)
    assert len(lines) == len(graph.boxes) + len(graph.arrows)
    for node in nodes:
        assert not set("<>#;") & set(re.sub(r"<br>|#\d+;", "", node[2]))
