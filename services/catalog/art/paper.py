"""Papers: sheets fanned out, ruled, dotted, laid or plain, with a band around them."""

from services.catalog.art.scene import Scene, dark, el, group, light, line, mix, shadow, solid

FOCUS = (215, 190)

Box = tuple[float, float, float, float]
"""Left, top, width, height."""


def draw(scene: Scene) -> str:
    """A few sheets over each other."""
    wide, tall = scene.between("width", 178, 206), scene.between("height", 236, 262)
    x, y = (400 - wide) / 2, (400 - tall) / 2
    count = int(scene.between("sheets", 3, 6))
    fan, start = scene.between("fan", 5, 9), scene.between("start", -24, -14)
    sheet = {"x": x, "y": y, "width": wide, "height": tall, "rx": 2}
    tint = mix("#fdf9ee", scene.main, scene.pick("tint", (0.02, 0.06, 0.16, 0.4)))
    sheets = []
    for number in range(count):
        top = number == count - 1
        color = tint if top else mix(tint, scene.palette.wash if number % 2 else scene.main, 0.3)
        parts = [shadow("rect", **sheet, dx=4, dy=6), solid("rect", color, "flat", **sheet)]
        if top:
            parts += [_ruling(scene, (x, y, wide, tall)), _band(scene, (x, y, wide, tall))]
        sheets.append(group(*parts, transform=f"rotate({start + fan * number:.1f} 200 330)"))
    return "".join(sheets)


def _ruling(scene: Scene, box: Box) -> str:
    """What is printed or pressed on the uppermost sheet."""
    x, y, wide, tall = box
    kind = scene.pick("ruling", ("ruled", "dots", "grid", "laid", "flecks"))
    color, step = mix("#8f96a3", scene.main, 0.5), (44, 26, 18, 13)[scene.detail]
    rows = [y + 24 + step * row for row in range(int((tall - 36) / step))]
    columns = [x + 16 + step * column for column in range(int((wide - 24) / step))]
    if kind == "dots":
        return "".join(el("circle", cx=cx, cy=cy, r=1.4, fill=color) for cy in rows for cx in columns)
    across = [line(f"M{x + 14:.0f} {cy:.0f} h{wide - 28:.0f}", color, 1, opacity="0.6") for cy in rows]
    down = [line(f"M{cx:.0f} {y + 16:.0f} v{tall - 32:.0f}", color, 1, opacity="0.6") for cx in columns]
    if kind == "grid":
        return "".join(across + down)
    if kind == "laid":
        return "".join(
            line(f"M{cx:.0f} {y + 3:.0f} v{tall - 6:.0f}", "#ffffff", 1.4, opacity="0.7") for cx in columns
        )
    if kind == "flecks":
        return "".join(_fleck(scene, n, box) for n in range(12 + 16 * scene.detail))
    margin = line(f"M{x + 40:.0f} {y + 3:.0f} v{tall - 6:.0f}", scene.palette.accent, 1.2)
    return "".join(across) + margin


def _fleck(scene: Scene, number: int, box: Box) -> str:
    x, y, wide, tall = box
    at = (
        scene.between(f"fx{number}", x + 8, x + wide - 14),
        scene.between(f"fy{number}", y + 8, y + tall - 10),
    )
    color = scene.pick(f"fc{number}", (scene.main, scene.palette.accent, dark(scene.palette.wash)))
    bend = scene.between(f"fb{number}", -5, 5)
    return line(f"M{at[0]:.0f} {at[1]:.0f} q3 {bend:.1f} 7 {bend / 2:.1f}", color, 1.3, opacity="0.6")


def _band(scene: Scene, box: Box) -> str:
    x, y, wide, tall = box
    if not scene.pick("band", (True, True, False)):
        return ""
    top = y + tall * scene.between("band at", 0.56, 0.7)
    parts = [solid("rect", scene.palette.main, "flat", x=x - 1, y=top, width=wide + 2, height=44)]
    if scene.detail:
        edge = light(scene.palette.main)
        parts += [line(f"M{x:.0f} {top + dy:.0f} h{wide:.0f}", edge, 1.2) for dy in (4, 40)]
        parts.append(
            el("circle", cx=x + wide / 2, cy=top + 22, r=12, fill="none", stroke=edge, stroke_width=2)
        )
        parts.append(el("circle", cx=x + wide / 2, cy=top + 22, r=5, fill=scene.palette.accent))
    return "".join(parts)
