"""Notebooks: cover, spine, pages, a label, an elastic band and a ribbon."""

from services.catalog.art.scene import Scene, dark, el, group, light, line, shadow, solid

FOCUS = (150, 130)


def draw(scene: Scene) -> str:
    """A notebook that lies on a table."""
    wide, tall = scene.between("width", 176, 212), scene.between("height", 250, 282)
    x, y = (400 - wide) / 2, (400 - tall) / 2
    turn = scene.between("turn", -13, 9)
    box = {"x": x, "y": y, "width": wide, "height": tall, "rx": scene.pick("corner", (3, 8, 16))}
    pages = [
        el("rect", fill=color, **{**box, "x": x + off, "y": y + off})
        for off, color in ((7, dark(scene.main, 0.4)), (5, "#e2d9c6"), (3.4, "#fbf6ea"), (2, "#e2d9c6"))
    ]
    parts = [shadow("rect", **box, dx=10, dy=13), *pages, solid("rect", scene.main, "flat", **box)]
    parts.append(_pattern(scene, x, y, wide, tall))
    spine = {"x": x, "y": y, "width": 26, "height": tall, "rx": box["rx"]}
    parts.append(solid("rect", scene.pick("spine", (dark(scene.main), scene.palette.accent)), **spine))
    parts.append(_label(scene, x + 26 + (wide - 26) / 2, y + tall * scene.between("label", 0.28, 0.36)))
    if scene.pick("band", (True, True, False)):
        band = {"x": x + wide - 34, "y": y - 1, "width": 9, "height": tall + 6}
        parts.append(solid("rect", scene.palette.accent, **band))
    ribbon = f"M{x + 60:.0f} {y + tall:.0f} c4 18 -8 22 -2 {scene.between('ribbon', 34, 48):.0f}"
    parts.insert(1, line(ribbon, scene.palette.accent, 7, stroke_linecap="butt"))
    if scene.fine:
        stitches = line(
            f"M{x + 31:.0f} {y + 8:.0f} v{tall - 16:.0f}", light(scene.main), 1.4, stroke_dasharray="6 5"
        )
        parts.append(stitches)
    return group(*parts, transform=f"rotate({turn:.1f} 200 200)")


def _label(scene: Scene, x: float, y: float) -> str:
    shape = scene.pick("label shape", ("rect", "oval", "double"))
    ink = scene.palette.ink
    if shape == "oval":
        plate = el(
            "ellipse", cx=x, cy=y, rx=52, ry=33, fill="#fbf6ea", stroke=dark(scene.main), stroke_width=2
        )
    else:
        plate = el("rect", x=x - 54, y=y - 32, width=108, height=64, rx=4, fill="#fbf6ea")
    if shape == "double" and scene.detail:
        plate += el(
            "rect", x=x - 49, y=y - 27, width=98, height=54, rx=2, fill="none", stroke=ink, stroke_width=1
        )
    if not scene.detail:
        return plate
    rules = [
        line(f"M{x - w:.0f} {y + dy:.0f} h{2 * w:.0f}", ink, 1.6, opacity="0.7")
        for w, dy in ((34, -6), (24, 8))
    ]
    return plate + "".join(rules)


def _pattern(scene: Scene, x: float, y: float, wide: float, tall: float) -> str:
    """What is printed on the cover."""
    color, kind = (
        light(scene.main, 0.22),
        scene.pick("pattern", ("plain", "dots", "waves", "stripes", "frame")),
    )
    left, right = x + 40, x + wide - 44
    step = (64, 34, 24, 17)[scene.detail]
    rows = [y + 20 + step * row for row in range(int((tall - 30) / step))]
    if kind == "dots":
        columns = [left + step * column for column in range(int((right - left) / step) + 1)]
        return "".join(
            el("circle", cx=cx, cy=cy, r=step / 9 + 1.5, fill=color) for cy in rows for cx in columns
        )
    if kind == "waves":
        swing = f"q{(right - left) / 4:.0f} -16 {(right - left) / 2:.0f} 0 t{(right - left) / 2:.0f} 0"
        return "".join(line(f"M{left:.0f} {cy:.0f} {swing}", color, 2.2) for cy in rows)
    if kind == "stripes":
        return "".join(line(f"M{left:.0f} {cy:.0f} H{right:.0f}", color, 3) for cy in rows)
    if kind == "frame":
        box = {"x": left - 3, "y": y + 12, "width": right - left + 3, "height": tall - 24, "rx": 4}
        return el("rect", fill="none", stroke=scene.palette.metal, stroke_width=2.4, **box)
    return ""
