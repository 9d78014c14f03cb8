"""Pens: fountain pens with a nib, ball pens with a cone, pencils with a cut point."""

from services.catalog.art.scene import Scene, dark, el, group, light, line, shadow, solid

FOCUS = (140, 250)


def draw(scene: Scene) -> str:
    """A pen that lies aslant over the line it has drawn."""
    kind = "pencil" if "pencil" in scene.name.lower() else scene.pick("kind", ("nib", "nib", "cone"))
    wide = scene.between("width", 28, 38) if kind != "pencil" else 24
    pen = {"nib": _fountain, "cone": _ball, "pencil": _pencil}[kind](scene, wide)
    turn = scene.between("turn", 34, 52)
    body = shadow("rect", x=200 - wide / 2, y=52, width=wide, height=270, rx=wide / 2, dx=14, dy=8)
    written = line("M40 352 c26 -34 44 -30 40 -6 s30 14 46 -8 s22 -16 26 2 s34 8 60 -8", scene.main, 3.4)
    more = line("M52 378 c40 -8 76 4 110 -4", light(scene.main), 2, opacity="0.7") if scene.detail else ""
    return written + more + group(body, pen, transform=f"rotate({turn:.1f} 200 190)")


def _barrel(scene: Scene, wide: float, top: float, bottom: float) -> list[str]:
    box = {"x": 200 - wide / 2, "y": top, "width": wide, "height": bottom - top, "rx": wide * 0.35}
    parts = [solid("rect", scene.main, **box)]
    if scene.fine and scene.pick("grain", (True, False)):
        streaks = ((dx, scene.between(f"streak {dx}", 0, 40)) for dx in (-10, -5, 1, 6, 10))
        parts += [
            line(
                f"M{200 + dx * wide / 34:.1f} {top + 16 + off:.0f} v{bottom - top - 70:.0f}",
                light(scene.main),
                1,
            )
            for dx, off in streaks
        ]
    if scene.finest:
        turned = range(int(bottom) - 30, int(bottom) - 10, 4)
        parts += [line(f"M{201 - wide / 2:.1f} {y} h{wide - 2:.1f}", dark(scene.main), 0.8) for y in turned]
    return parts


def _rings(scene: Scene, wide: float, *heights: float) -> list[str]:
    size = {"x": 199 - wide / 2, "width": wide + 2, "height": 5}
    return [solid("rect", scene.palette.metal, y=y, **size) for y in heights]


def _clip(scene: Scene) -> str:
    metal = scene.palette.metal
    return solid("rect", metal, x=205, y=66, width=7, height=86, rx=3.5) + el(
        "circle", cx=208.5, cy=150, r=6, fill=dark(metal, 0.15)
    )


def _fountain(scene: Scene, wide: float) -> str:
    half, metal = wide / 2, scene.palette.metal
    grip = f"M{200 - half + 3:.1f} 250 L{206 - half:.1f} 290 H{194 + half:.1f} L{197 + half:.1f} 250 Z"
    left, right = f"{201 - half:.1f} 312 193 330", f"207 330 {199 + half:.1f} 312"
    nib = f"M{205 - half:.1f} 288 C{left} 200 352 C{right} {195 + half:.1f} 288 Z"
    parts = [solid("path", dark(scene.main, 0.5), d=grip), solid("path", metal, d=nib)]
    parts += [*_barrel(scene, wide, 52, 256), *_rings(scene, wide, 158, 168), _clip(scene)]
    if scene.detail:
        parts.append(line("M200 312 V350", scene.palette.ink, 1.2))
        parts.append(el("circle", cx=200, cy=310, r=2.6, fill=scene.palette.ink))
    if scene.fine:
        parts.append(
            line("M192 294 q8 8 16 0", dark(metal), 1.2) + line("M194 299 q6 6 12 0", dark(metal), 1)
        )
    return "".join(parts)


def _ball(scene: Scene, wide: float) -> str:
    half, metal = wide / 2, scene.palette.metal
    cone = f"M{200 - half + 2:.1f} 258 L196 330 h8 L{198 + half:.1f} 258 Z"
    knob = solid("rect", metal, x=192, y=32, width=16, height=26, rx=5)
    point = solid("rect", metal, x=197.4, y=326, width=5.2, height=16, rx=2.4)
    parts = [knob, point, solid("path", dark(scene.main, 0.3), d=cone), *_barrel(scene, wide, 52, 264)]
    parts += [*_rings(scene, wide, 160), _clip(scene)]
    if scene.detail:
        parts += [
            line(f"M{204 - half:.1f} {y} H{196 + half:.1f}", dark(scene.main), 2) for y in (228, 236, 244)
        ]
    return "".join(parts)


def _pencil(scene: Scene, wide: float) -> str:
    half = wide / 2
    wood = f"M{200 - half:.1f} 280 L194 326 h12 L{200 + half:.1f} 280 q-4 -9 -8 0 q-4 -9 -8 0 q-4 -9 -8 0 Z"
    lead = el("path", d="M194 326 L200 346 L206 326 Z", fill=dark(scene.main, 0.35))
    body = solid("rect", scene.main, x=200 - half, y=70, width=wide, height=212)
    facets = [line(f"M{200 + dx:.0f} 72 V276", dark(scene.main, 0.18), 1.4) for dx in (-4, 4) if scene.detail]
    ferrule = solid("rect", scene.palette.metal, x=199 - half, y=52, width=wide + 2, height=24)
    rubber = solid("rect", scene.palette.accent, x=200 - half, y=34, width=wide, height=20, rx=6)
    return "".join([body, *facets, solid("path", "#e6c79a", d=wood), lead, rubber, ferrule])
