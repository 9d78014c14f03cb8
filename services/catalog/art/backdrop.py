"""What lies behind a thing: the wall and table it stands on or the sheet it lies on, and its close view."""

from services.catalog.art.scene import GROUND, SIZE, Scene, el, group, light, line, mix, text

LONGEST_CAPTION = 34


def whole(scene: Scene, thing: str, *, stands: bool) -> str:
    """The thing in its place."""
    paper, wash = scene.palette.paper, scene.palette.wash
    board = {"width": SIZE, "height": SIZE}
    parts = [el("rect", fill=paper, **board), _form(scene, stands=stands), _grain(scene)]
    if stands:
        table = mix(wash, scene.palette.ink, 0.12)
        parts.append(el("rect", x=0, y=GROUND - 22, width=SIZE, height=SIZE - GROUND + 22, fill=table))
        parts.append(line(f"M0 {GROUND - 22} H{SIZE}", light(table), 1.6))
    return "".join([*parts, thing])


def close(scene: Scene, thing: str, focus: tuple[float, float], *, stands: bool) -> str:
    """The thing seen from near, and the colors it is made of."""
    wash, ink = scene.palette.wash, scene.palette.ink
    zoom, turn = scene.between("zoom", 2.0, 2.4), 0 if stands else scene.between("look", -10, 10)
    ground = el("rect", width=SIZE, height=SIZE, fill=mix(wash, scene.palette.accent, 0.12))
    arc = el("circle", cx=scene.between("arc", 60, 340), cy=60, r=230, fill=light(wash, 0.4), opacity="0.7")
    move = f"translate(200 178) rotate({turn:.1f}) scale({zoom:.2f}) translate({-focus[0]} {-focus[1]})"
    strip = el("rect", x=0, y=344, width=SIZE, height=56, fill=scene.palette.paper)
    colors = (scene.main, scene.palette.accent, scene.palette.metal, ink)
    swatches = [el("circle", cx=36 + 34 * n, cy=372, r=12, fill=color) for n, color in enumerate(colors)]
    parts = [ground, arc, group(thing, transform=move), strip, *swatches]
    if scene.fine:
        parts.append(_caption(scene))
    return "".join(parts)


def _caption(scene: Scene) -> str:
    name = scene.name
    short = name if len(name) <= LONGEST_CAPTION else name[: LONGEST_CAPTION - 1].rstrip() + "…"
    face: dict[str, float | str] = {
        "font_family": "Georgia, serif",
        "text_anchor": "end",
        "fill": scene.palette.ink,
    }
    number = text("text", scene.sku, x=380, y=386, font_size=8, letter_spacing=1.5, opacity="0.65", **face)
    return text("text", short, x=380, y=371, font_size=12.5, **face) + number


def _form(scene: Scene, *, stands: bool) -> str:
    """One calm shape of color."""
    wash, second = scene.palette.wash, mix(scene.palette.wash, scene.palette.accent, 0.35)
    kind = scene.pick("form", ("disc", "arch", "slope", "window"))
    if kind == "disc":
        at = scene.between("disc", 150, 250)
        moon = el("circle", cx=400 - at, cy=scene.between("moon", 60, 120), r=26, fill=second)
        return el("circle", cx=at, cy=190, r=152, fill=wash) + moon
    if kind == "arch":
        half, foot = scene.between("arch", 112, 140), SIZE if stands else 372
        return el(
            "path",
            d=f"M{200 - half:.0f} {foot} V190 A{half:.0f} {half:.0f} 0 0 1 {200 + half:.0f} 190 V{foot} Z",
            fill=wash,
        )
    if kind == "slope":
        left, right = scene.between("left", 90, 300), scene.between("right", 60, 260)
        edge = line(
            f"M0 {left - 14:.0f} C130 {left - 64:.0f} 260 {right + 36:.0f} 400 {right - 14:.0f}", second, 3
        )
        return (
            el(
                "path",
                d=f"M0 {left:.0f} C130 {left - 50:.0f} 260 {right + 50:.0f} 400 {right:.0f} V400 H0 Z",
                fill=wash,
            )
            + edge
        )
    panes = [(x, y) for x in (58, 206) for y in (40, 196)]
    return "".join(el("rect", x=x, y=y, width=136, height=144, rx=6, fill=wash) for x, y in panes)


def _grain(scene: Scene) -> str:
    """Specks in the paper, where there is room for them."""
    count = (0, 0, 40, 110)[scene.detail]
    return "".join(
        el(
            "circle",
            cx=scene.between(f"gx{n}", 4, 396),
            cy=scene.between(f"gy{n}", 4, 396),
            r=scene.between(f"gr{n}", 0.5, 1.3),
            fill=scene.palette.ink,
            opacity="0.14",
        )
        for n in range(count)
    )
