"""The graph of a page as a picture: layers from left to right, in SVG that needs nothing else."""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from pathlib import Path

from rich.cells import cell_len

from front.graph import Arrow, Box, Graph, Kind
from front.text import printable

GAP = 64
"""Between columns, where the arrows turn."""
SPACE = 20
"""Between boxes of a column."""
PASSAGE = 8
"""The height that is kept free for an arrow on its way to a column farther right."""
LINE, PADDING, MARGIN, HEAD = 16, 12, 24, 40
PORT = 9
"""Between the ends of two arrows at one box."""
LETTER, SMALL_LETTER = 8.0, 6.8
"""What a letter takes of a line on average, and some more."""
SWEEPS = 6
"""How often boxes are ordered anew by their neighbours: more changes nothing on graphs of this size."""

STYLE = """
text { font: 11.5px ui-sans-serif, system-ui, sans-serif; fill: #59636e }
.name { font-size: 13px; font-weight: 600; fill: #1f2328 }
.ground { fill: #ffffff }
.box { stroke-width: 1.5 }
.input { fill: #f6f8fa; stroke: #8c959f }
.source { fill: #eef4ff; stroke: #4a7bd0 }
.view { fill: #eaf7ee; stroke: #3b8f5a }
.arrow { fill: none; stroke: #8c959f; stroke-width: 1.25 }
.optional { stroke-dasharray: 5 4 }
.tip { fill: #8c959f }
@media (prefers-color-scheme: dark) {
  text { fill: #9198a1 }
  .name { fill: #f0f6fc }
  .ground { fill: #0d1117 }
  .input { fill: #161b22; stroke: #6e7681 }
  .source { fill: #13233f; stroke: #5b8def }
  .view { fill: #12291b; stroke: #4cb071 }
  .arrow { stroke: #6e7681 }
  .tip { fill: #6e7681 }
}
"""

TIP = (
    '<marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
    '<path class="tip" d="M0 0.5 L8 4 L0 7.5 z"/></marker>'
)

Slot = tuple[int, int]
"""A box's place in a column: its own, or a passage for its arrows in a column farther right."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Area:
    """Where something is drawn, in pixels."""

    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.y + self.height / 2


def svg(graph: Graph) -> str:
    """The picture of a page."""
    areas = _areas(graph)
    width = max(area.x + area.width for area in areas.values()) + MARGIN
    width = max(width, cell_len(_head(graph)) * LETTER + 2 * MARGIN)
    height = max(area.y + area.height for area in areas.values()) + MARGIN
    columns = _columns(graph)
    size = f'width="{width:g}" height="{height:g}"'
    about = f'viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{_safe(graph.title)}"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {about}>',
        f"<style>{STYLE}</style>",
        TIP,
        f'<rect class="ground" {size}/>',
        f'<text class="name" x="{MARGIN}" y="{MARGIN + 4}">{_safe(_head(graph))}</text>',
        *_arrows(graph, areas),
        *(_box(box, areas[number, columns[number]]) for number, box in enumerate(graph.boxes)),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def write(drawn: Sequence[Graph], target: Path) -> None:
    """Put one picture into a file, or each into a file of a folder, which is made when there is none.

    Raises:
        OSError: that cannot be.
    """
    if len(drawn) == 1 and not target.is_dir():
        target.write_text(svg(drawn[0]), encoding="utf-8")
        return
    target.mkdir(parents=True, exist_ok=True)
    for graph in drawn:
        name = "-".join(re.findall(r"\w+", graph.title))
        (target / f"{name}.svg").write_text(svg(graph), encoding="utf-8")


def _head(graph: Graph) -> str:
    return f"{graph.title} · answers within {graph.deadline * 1000:g} ms"


def _columns(graph: Graph) -> list[int]:
    """The column of each box: right of all that it needs, the view right of everything."""
    needs = defaultdict(list)
    for arrow in graph.arrows:
        needs[arrow.end].append(arrow.start)
    columns: list[int] = []
    first = int(any(box.kind is Kind.INPUT for box in graph.boxes))
    for number, box in enumerate(graph.boxes):
        if box.kind is Kind.INPUT:
            columns.append(0)
        elif box.kind is Kind.SOURCE:
            columns.append(max([first, *(columns[start] + 1 for start in needs[number])]))
        else:
            columns.append(max(columns, default=-1) + 1)
    return columns


def _way(arrow: Arrow, columns: list[int]) -> list[Slot]:
    """From column to column: the box it leaves, the passages it takes, the box it ends at."""
    between = range(columns[arrow.start], columns[arrow.end])
    return [*((arrow.start, column) for column in between), (arrow.end, columns[arrow.end])]


def _areas(graph: Graph) -> dict[Slot, Area]:
    columns = _columns(graph)
    ordered = _ordered(graph, columns)
    sizes = {(number, columns[number]): _size(graph, number) for number in range(len(graph.boxes))}
    heights = {slot: sizes[slot][1] if slot in sizes else PASSAGE for slots in ordered for slot in slots}
    tallest = max(_height(slots, heights) for slots in ordered)
    areas = {}
    x: float = MARGIN
    for slots in ordered:
        width = max(sizes[slot][0] for slot in slots if slot in sizes)
        y = MARGIN + HEAD + (tallest - _height(slots, heights)) / 2
        for slot in slots:
            areas[slot] = Area(x=x, y=y, width=width, height=heights[slot])
            y += heights[slot] + SPACE
        x += width + GAP
    return areas


def _size(graph: Graph, number: int) -> tuple[float, float]:
    """The width that a box's text takes, and the height that its text and the arrows to it take."""
    lines = graph.boxes[number].lines
    letters = [LETTER] + [SMALL_LETTER] * (len(lines) - 1)
    width = max(cell_len(printable(line)) * each for line, each in zip(lines, letters, strict=True))
    arriving = sum(arrow.end == number for arrow in graph.arrows)
    return width + 2 * PADDING, max(len(lines) * LINE + PADDING, (arriving + 1) * PORT)


def _height(slots: list[Slot], heights: Mapping[Slot, float]) -> float:
    return sum(heights[slot] for slot in slots) + SPACE * (len(slots) - 1)


def _ordered(graph: Graph, columns: list[int]) -> list[list[Slot]]:
    """The slots of each column, neighbours near each other so that few arrows cross."""
    ordered: list[list[Slot]] = [[] for _ in range(max(columns) + 1)]
    before: dict[Slot, set[Slot]] = defaultdict(set)
    after: dict[Slot, set[Slot]] = defaultdict(set)
    slots = dict.fromkeys((number, column) for number, column in enumerate(columns))
    for arrow in graph.arrows:
        way = _way(arrow, columns)
        slots |= dict.fromkeys(way)
        for left, right in pairwise(way):
            before[right].add(left)
            after[left].add(right)
    for slot in slots:
        ordered[slot[1]].append(slot)
    for sweep in range(SWEEPS):
        backwards = sweep % 2
        for column in reversed(ordered) if backwards else ordered:
            _sort(column, after if backwards else before, ordered)
    return ordered


def _sort(column: list[Slot], beside: Mapping[Slot, set[Slot]], ordered: list[list[Slot]]) -> None:
    """Order a column by the middle of each slot's neighbours on one side; who has none there stays put."""
    heights = {slot: place / len(slots) for slots in ordered for place, slot in enumerate(slots)}

    def middle(slot: Slot) -> float:
        near = [heights[other] for other in beside.get(slot, ())]
        return sum(near) / len(near) if near else heights[slot]

    column.sort(key=middle)


def _arrows(graph: Graph, areas: Mapping[Slot, Area]) -> Iterable[str]:
    columns = _columns(graph)
    ways = {arrow: _way(arrow, columns) for arrow in graph.arrows}
    arriving = defaultdict(list)
    for arrow, way in ways.items():
        arriving[arrow.end].append((areas[way[-2]].middle, arrow))
    for end, found in arriving.items():
        box = areas[end, columns[end]]
        ports = sorted(found, key=lambda each: each[0])
        for number, (_, arrow) in enumerate(ports, 1):
            port = box.y + box.height * number / (len(ports) + 1)
            dashed = " optional" if arrow.optional else ""
            path = _path([areas[slot] for slot in ways[arrow]], port)
            yield f'<path class="arrow{dashed}" marker-end="url(#tip)" d="{path}"/>'


def _path(way: list[Area], port: float) -> str:
    """Straight through passages, curved between columns; it ends at this height."""
    steps = [f"M{way[0].x + way[0].width:g} {way[0].middle:g}"]
    for left, right in pairwise(way):
        begin = left.x + left.width
        bend = (begin + right.x) / 2
        height = port if right is way[-1] else right.middle
        steps.append(f"C{bend:g} {left.middle:g} {bend:g} {height:g} {right.x:g} {height:g}")
        if right is not way[-1]:
            steps.append(f"H{right.x + right.width:g}")
    return " ".join(steps)


def _box(box: Box, area: Area) -> str:
    dashed = " optional" if box.optional else ""
    radius = area.height / 2 if box.kind is Kind.INPUT and len(box.lines) == 1 else 7
    place = f'x="{area.x:g}" y="{area.y:g}" width="{area.width:g}" height="{area.height:g}"'
    lines = [f'<rect class="box {box.kind}{dashed}" {place} rx="{radius:g}"/>']
    for number, line in enumerate(box.lines, 1):
        strong = ' class="name"' if number == 1 and box.kind is not Kind.INPUT else ""
        y = area.y + (area.height - len(box.lines) * LINE) / 2 + LINE * number - 4
        lines.append(f'<text{strong} x="{area.x + PADDING:g}" y="{y:g}">{_safe(line)}</text>')
    return "\n".join(lines)


def _safe(text: str) -> str:
    return escape(printable(text))
