"""Lamps: a foot, two arms with joints, a shade, and the light it throws."""

import math

from services.catalog.art.scene import GROUND, Scene, dark, el, group, light, line, solid, standing_shadow

FOCUS = (205, 128)

SHADES = {
    "cone": "M-20 -34 H20 L58 30 H-58 Z",
    "dome": "M-56 30 C-56 -24 -28 -40 0 -40 C28 -40 56 -24 56 30 Z",
    "bell": "M-16 -38 H16 C22 -6 40 10 58 30 H-58 C-40 10 -22 -6 -16 -38 Z",
    "drum": "M-44 -34 H44 L52 30 H-52 Z",
}


def draw(scene: Scene) -> str:
    """A lamp that stands, lit."""
    foot = scene.between("foot", 118, 140)
    lower, upper = scene.between("lower", 8, 20), scene.between("upper", 42, 58)
    elbow = _from((foot, GROUND - 20), 128, -lower)
    head = _from(elbow, 132, upper)
    tilt = scene.between("tilt", -8, 10)
    arms = _arm(scene, (foot, GROUND - 20), elbow) + _arm(scene, elbow, head)
    return "".join(
        [
            _beam(head, tilt),
            standing_shadow(foot + 4, 128),
            solid("path", scene.main, d=f"M{foot - 54:.0f} {GROUND} q0 -20 54 -22 q54 2 54 22 Z"),
            arms,
            *(solid("circle", scene.palette.metal, cx=x, cy=y, r=9) for x, y in ((foot, GROUND - 22), elbow)),
            _head(scene, head, tilt),
            _cable(scene, foot),
        ]
    )


def _from(start: tuple[float, float], length: float, degrees: float) -> tuple[float, float]:
    """The point so far away, at an angle to the upright."""
    angle = math.radians(degrees)
    return start[0] + length * math.sin(angle), start[1] - length * math.cos(angle)


def _arm(scene: Scene, start: tuple[float, float], end: tuple[float, float]) -> str:
    path = f"M{start[0]:.0f} {start[1]:.0f} L{end[0]:.0f} {end[1]:.0f}"
    parts = [line(path, dark(scene.palette.metal, 0.3), 10), line(path, scene.palette.metal, 6)]
    if scene.detail:
        parts.append(line(path, light(scene.palette.metal, 0.6), 1.6, opacity="0.8"))
    if scene.fine:
        parts.append(line(path, dark(scene.palette.metal, 0.5), 3, stroke_dasharray="1.5 5", opacity="0.5"))
    return "".join(parts)


def _beam(head: tuple[float, float], tilt: float) -> str:
    cone = el("path", d="M-56 30 H56 L118 260 H-118 Z", fill="url(#glow)", opacity="0.75")
    return group(cone, transform=f"translate({head[0]:.0f} {head[1]:.0f}) rotate({tilt:.1f})")


def _head(scene: Scene, at: tuple[float, float], tilt: float) -> str:
    shape, color = scene.pick("shade", tuple(SHADES)), scene.main
    parts = [
        el("ellipse", cx=0, cy=32, rx=22, ry=15, fill="#fff1b8"),
        solid("path", color, d=SHADES[shape]),
        solid("rect", scene.palette.metal, x=-11, y=-52, width=22, height=20, rx=4),
        el("ellipse", cx=0, cy=30, rx=56 if shape != "drum" else 52, ry=5, fill=light("#f6d981", 0.3)),
    ]
    if scene.detail:
        parts.append(
            line("M-48 20 H48" if shape != "cone" else "M-50 20 H50", light(color), 2.2, opacity="0.8")
        )
    if scene.fine:
        parts += [line(f"M{x} -28 v12", dark(color, 0.5), 3) for x in (-8, 0, 8)]
    if scene.finest:
        rivets = range(-42, 43, 12)
        parts += [el("circle", cx=x, cy=25, r=1.1, fill=dark(color, 0.4)) for x in rivets]
    return group(*parts, transform=f"translate({at[0]:.0f} {at[1]:.0f}) rotate({tilt:.1f})")


def _cable(scene: Scene, foot: float) -> str:
    run = f"M{foot - 48:.0f} {GROUND - 4} c-30 2 -40 26 -14 34 s10 26 -70 22"
    return line(run, scene.palette.ink, 3, opacity="0.8")
