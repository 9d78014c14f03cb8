"""For every type that has no drawing of its own: a composition of plain shapes."""

from services.catalog.art.scene import Scene, dark, el, group, light, line

FOCUS = (200, 200)
TILES = 3
EDGE = 84


def draw(scene: Scene) -> str:
    """Nine tiles, each with a shape that the sku fixes."""
    start = 200 - EDGE * TILES / 2
    tiles = [
        group(
            _tile(scene, 3 * row + column),
            transform=f"translate({start + EDGE * column:.0f} {start + EDGE * row:.0f})",
        )
        for row in range(TILES)
        for column in range(TILES)
    ]
    frame = el(
        "rect",
        x=start,
        y=start,
        width=EDGE * TILES,
        height=EDGE * TILES,
        fill="none",
        stroke=scene.palette.ink,
        stroke_width=3,
    )
    return "".join([*tiles, frame])


def _tile(scene: Scene, number: int) -> str:
    colors = (
        scene.main,
        scene.palette.accent,
        scene.palette.wash,
        scene.palette.ink,
        light(scene.main, 0.5),
        scene.palette.metal,
    )
    ground = int(scene.between(f"ground {number}", 0, len(colors)))
    step = 1 + int(scene.between(f"color {number}", 0, len(colors) - 1))
    color = colors[(ground + step) % len(colors)]
    shape = scene.pick(f"shape {number}", (_quarter, _disc, _half, _corner, _stripes, _rings))
    base = el("rect", width=EDGE, height=EDGE, fill=colors[ground])
    turn = scene.pick(f"turn {number}", (0, 90, 180, 270))
    return base + group(shape(scene, color), transform=f"rotate({turn} {EDGE / 2} {EDGE / 2})")


def _quarter(_scene: Scene, color: str) -> str:
    return el("path", d=f"M0 0 H{EDGE} A{EDGE} {EDGE} 0 0 1 0 {EDGE} Z", fill=color)


def _disc(scene: Scene, color: str) -> str:
    middle = el("circle", cx=EDGE / 2, cy=EDGE / 2, r=EDGE / 9, fill=dark(color)) if scene.detail else ""
    return el("circle", cx=EDGE / 2, cy=EDGE / 2, r=EDGE * 0.36, fill=color) + middle


def _half(_scene: Scene, color: str) -> str:
    return el("path", d=f"M0 {EDGE / 2} A{EDGE / 2} {EDGE / 2} 0 0 1 {EDGE} {EDGE / 2} Z", fill=color)


def _corner(_scene: Scene, color: str) -> str:
    return el("path", d=f"M0 0 H{EDGE} L0 {EDGE} Z", fill=color)


def _stripes(scene: Scene, color: str) -> str:
    count = (3, 4, 6, 8)[scene.detail]
    gap = EDGE / count
    return "".join(el("rect", x=gap * n, y=0, width=gap / 2, height=EDGE, fill=color) for n in range(count))


def _rings(scene: Scene, color: str) -> str:
    count = (2, 3, 5, 7)[scene.detail]
    radii = (EDGE * 0.9 * (n + 1) / count for n in range(count))
    arcs = (f"M{r:.1f} 0 A{r:.1f} {r:.1f} 0 0 1 0 {r:.1f}" for r in radii)
    return "".join(line(arc, color, EDGE / count / 2.6, stroke_linecap="butt") for arc in arcs)
