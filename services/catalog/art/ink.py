"""Inks: glass bottles that show the color inside, and a drop of it."""

from services.catalog.art.scene import (
    GROUND,
    Scene,
    dark,
    el,
    group,
    light,
    line,
    solid,
    standing_shadow,
    text,
)

FOCUS = (205, 235)

BOTTLES = {
    "square": (
        "M132 {top} H268 q20 0 20 22 V306 Q288 322 272 322 H128 Q112 322 112 306 V{side} q0 -22 20 -22 Z"
    ),
    "round": (
        "M200 {top} C290 {top} 306 250 296 290 Q290 322 262 322 "
        "H138 Q110 322 104 290 C94 250 110 {top} 200 {top} Z"
    ),
    "flask": "M166 {top} H234 L300 300 Q304 322 284 322 H116 Q96 322 100 300 Z",
}


def draw(scene: Scene) -> str:
    """A bottle that stands, its glass half see-through, with a swatch of the ink beside it."""
    shoulder = scene.between("shoulder", 158, 190)
    shape = BOTTLES[scene.pick("bottle", tuple(BOTTLES))].format(
        top=round(shoulder), side=round(shoulder) + 22
    )
    level = scene.between("level", 214, 236)
    inside = el("clipPath", el("path", d=shape), id="inside")
    ink = group(
        el("rect", x=90, y=level, width=220, height=120, fill=scene.main),
        el("ellipse", cx=200, cy=level, rx=106, ry=7, fill=light(scene.main, 0.25)),
        clip_path="url(#inside)",
    )
    glass = (
        el("path", d=shape, fill="#ffffff", fill_opacity="0.42")
        + ink
        + el("path", d=shape, fill="url(#round)")
    )
    rim = line(shape, dark(scene.main, 0.3), 2.4, opacity="0.55")
    parts = [
        standing_shadow(204, 230),
        _swatch(scene),
        inside,
        _neck(scene, shoulder),
        glass,
        rim,
        _label(scene),
    ]
    if scene.detail:
        parts.append(line(f"M128 {shoulder + 40:.0f} V300", "#ffffff", 6, opacity="0.5"))
    return "".join(parts)


def _neck(scene: Scene, shoulder: float) -> str:
    cap = scene.pick("cap", (scene.palette.ink, scene.palette.metal, dark(scene.main, 0.5)))
    top = shoulder - 54
    neck = el("rect", x=168, y=shoulder - 16, width=64, height=20, fill="#ffffff", fill_opacity="0.6")
    parts = [neck, solid("rect", cap, x=158, y=top, width=84, height=42, rx=5)]
    if scene.detail:
        gap = (0, 14, 9, 6)[scene.detail]
        grooves = range(164, 240, gap)
        parts += [line(f"M{x} {top + 6:.0f} v30", dark(cap, 0.35), 1.4, opacity="0.6") for x in grooves]
    return "".join(parts)


def _label(scene: Scene) -> str:
    ink, paper = scene.palette.ink, "#faf5e8"
    parts = [el("rect", x=152, y=244, width=96, height=56, rx=3, fill=paper)]
    initial = scene.name[:1].upper()
    if scene.detail:
        parts.append(
            el("rect", x=156, y=248, width=88, height=48, rx=2, fill="none", stroke=ink, stroke_width=1)
        )
        face: dict[str, float | str] = {"font_family": "Georgia, serif", "text_anchor": "middle", "fill": ink}
        parts.append(text("text", initial, x=200, y=281, font_size=28, **face))
    if scene.fine:
        parts.append(line("M172 290 H228", scene.main, 2.4))
    return "".join(parts)


def _swatch(scene: Scene) -> str:
    stroke = f"M{scene.between('swatch', 36, 60):.0f} {GROUND + 34} q60 -14 120 -2 t150 -4"
    drop = "M330 286 C330 286 316 306 316 314 A14 14 0 0 0 344 314 C344 306 330 286 330 286 Z"
    parts = [line(stroke, scene.main, 15, opacity="0.85"), solid("path", scene.main, d=drop)]
    if scene.fine:
        spots = [(scene.between(f"x{n}", 40, 360), scene.between(f"y{n}", 372, 388)) for n in range(7)]
        parts += [
            el("circle", cx=x, cy=y, r=scene.between(f"r{x}", 1, 3.4), fill=scene.main) for x, y in spots
        ]
    return "".join(parts)
