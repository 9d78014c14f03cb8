"""Presses: an iron frame, a screw with a wheel or a bar, a platen, and paper under it."""

from services.catalog.art.scene import GROUND, Scene, dark, el, light, line, shadow, solid, standing_shadow

FOCUS = (200, 150)


def draw(scene: Scene) -> str:
    """A press that stands, seen from the front."""
    wide = scene.between("width", 190, 226)
    left, right = 200 - wide / 2, 200 + wide / 2
    platen = scene.between("platen", 222, 244)
    iron = scene.main
    parts = [standing_shadow(200, wide + 70)]
    parts += [
        solid("rect", dark(iron, 0.35), x=x, y=GROUND - 14, width=46, height=14, rx=3)
        for x in (left - 12, right - 34)
    ]
    parts.append(solid("rect", iron, "across", x=left - 18, y=286, width=wide + 36, height=26, rx=5))
    parts.append(_paper(scene, left, wide, platen))
    parts += [solid("rect", iron, x=x, y=126, width=22, height=164) for x in (left, right - 22)]
    parts.append(solid("rect", scene.palette.metal, x=191, y=78, width=18, height=platen - 76))
    if scene.detail:
        gap = (0, 9, 6, 4)[scene.detail]
        threads = range(152, int(platen) - 10, gap)
        parts += [line(f"M191 {y + 3} L209 {y - 2}", dark(scene.palette.metal), 1.2) for y in threads]
    parts.append(solid("path", iron, d=_bridge(left, right)))
    parts.append(
        solid("rect", dark(iron, 0.15), "across", x=left + 26, y=platen, width=wide - 52, height=16, rx=3)
    )
    parts.append(
        solid("path", dark(iron, 0.3), d=f"M180 {platen:.0f} L186 {platen - 14:.0f} H214 L220 {platen:.0f} Z")
    )
    parts.append(_wheel(scene) if scene.pick("handle", ("wheel", "bar")) == "wheel" else _bar(scene))
    parts.append(_ornament(scene, left, right))
    return "".join(parts)


def _bridge(left: float, right: float) -> str:
    """The arch that holds the screw."""
    start, end = f"{left - 6:.0f}", f"{right + 6:.0f}"
    return (
        f"M{start} 150 V132 Q{start} 120 {left + 10:.0f} 118 C{left + 50:.0f} 112 170 108 176 100 H224 "
        f"C230 108 {right - 50:.0f} 112 {right - 10:.0f} 118 Q{end} 120 {end} 132 V150 "
        f"H{right - 28:.0f} Q200 128 {left + 28:.0f} 150 Z"
    )


def _paper(scene: Scene, left: float, wide: float, platen: float) -> str:
    """What lies under the platen: a book block or a printed sheet."""
    top, x, across = platen + 16, left + 34, wide - 68
    cover = {"x": x - 4, "width": across + 8, "height": 6, "rx": 2}
    parts = [el("rect", x=x, y=top, width=across, height=286 - top, fill="#f7f0e0")]
    gap = (20, 8, 5, 3.2)[scene.detail]
    leaves = int((280 - top) / gap)
    parts += [line(f"M{x:.0f} {top + 4 + gap * n:.1f} h{across:.0f}", "#cdbf9f", 0.9) for n in range(leaves)]
    parts += [solid("rect", scene.palette.accent, y=y, **cover) for y in (top, 280)]
    return "".join(parts)


def _wheel(scene: Scene) -> str:
    metal, ring = scene.palette.metal, scene.palette.accent
    rim: dict[str, float | str] = {"cx": 200, "cy": 72, "rx": 74, "ry": 20, "fill": "none"}
    spokes = [
        line(f"M200 72 L{200 + dx} {72 + dy}", metal, 6)
        for dx, dy in ((-70, 4), (70, -4), (34, 17), (-34, -17))
    ]
    wheel = el("ellipse", stroke=dark(ring), stroke_width=11, **{**rim, "cy": 75})
    hub = solid("ellipse", metal, cx=200, cy=70, rx=17, ry=9)
    grip = solid("rect", scene.palette.ink, x=258, y=36, width=13, height=34, rx=6)
    return "".join([wheel, el("ellipse", stroke=ring, stroke_width=9, **rim), *spokes, hub, grip])


def _bar(scene: Scene) -> str:
    metal = scene.palette.metal
    bar = solid("rect", metal, "across", x=106, y=66, width=188, height=11, rx=5)
    balls = [solid("circle", scene.palette.accent, cx=cx, cy=71.5, r=15) for cx in (104, 296)]
    return "".join([bar, *balls, solid("rect", dark(metal, 0.1), x=184, y=58, width=32, height=28, rx=4)])


def _ornament(scene: Scene, left: float, right: float) -> str:
    """Rivets on the posts, gold lines on the bed."""
    if not scene.detail:
        return ""
    gold = light(scene.palette.metal, 0.2)
    parts = [solid("circle", gold, cx=x, cy=y, r=3.4) for x in (left + 11, right - 11) for y in (140, 276)]
    parts.append(line(f"M{left - 8:.0f} 299 H{right + 8:.0f}", gold, 1.8))
    if scene.fine:
        parts.append(line("M150 125 q14 -14 26 -2 q24 -16 48 0 q12 -12 26 2", gold, 1.6))
        parts.append(shadow("rect", x=left + 24, y=292, width=right - left - 48, height=4, dx=0, dy=4))
    return "".join(parts)
