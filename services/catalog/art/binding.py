"""Binding: spools of thread, a needle, and the thread between them."""

import math

from services.catalog.art.scene import GROUND, Scene, dark, el, group, light, line, solid, standing_shadow

FOCUS = (190, 225)


def draw(scene: Scene) -> str:
    """One or two spools that stand, a needle, and a thread that runs through its eye."""
    two = scene.pick("spools", (True, True, False))
    tall = scene.between("tall", 150, 178)
    spools = [_spool(scene, 178, scene.main, tall)]
    if two:
        spools.insert(0, _spool(scene, 276, scene.palette.accent, tall * 0.72))
    return "".join(spools) + _needle(scene)


def _spool(scene: Scene, x: float, thread: str, tall: float) -> str:
    wide, top = tall * 0.62, GROUND - tall
    wood = scene.pick("wood", ("#d7b07a", "#b98855", "#8a5a3a"))
    body = {"x": x - wide * 0.42, "y": top + 16, "width": wide * 0.84, "height": tall - 32, "rx": 5}
    parts = [standing_shadow(x + 6, wide * 1.3), solid("rect", thread, **body)]
    gap = (16, 8, 5, 3.2)[scene.detail]
    turns = int((tall - 36) / gap)
    parts += [
        line(
            f"M{x - wide * 0.42:.1f} {top + 19 + gap * n:.1f} l{wide * 0.84:.1f} {gap * 0.7:.1f}",
            dark(thread),
            1,
            opacity="0.55",
        )
        for n in range(turns)
    ]
    if scene.fine:
        parts += [
            line(
                f"M{x - wide * 0.34:.1f} {top + 21 + gap * n:.1f} l{wide * 0.2:.1f} {gap * 0.18:.1f}",
                light(thread),
                1,
                opacity="0.7",
            )
            for n in range(turns)
        ]
    for y in (top, GROUND - 18):
        parts.append(solid("rect", wood, x=x - wide / 2, y=y, width=wide, height=18, rx=4))
    parts.append(el("ellipse", cx=x, cy=top + 2, rx=wide / 2 - 2, ry=6, fill=light(wood, 0.3)))
    parts.append(el("ellipse", cx=x, cy=top + 2, rx=wide * 0.13, ry=2.8, fill=dark(wood, 0.6)))
    return "".join(parts)


def _needle(scene: Scene) -> str:
    steel = "#c3c8cf"
    turn = scene.between("needle", 52, 66)
    eye = el("ellipse", cx=0, cy=-106, rx=1.6, ry=9, fill=scene.palette.paper)
    shape = solid(
        "path",
        steel,
        d="M-4 -100 Q-4 -120 0 -120 Q4 -120 4 -100 L1.4 96 L0 108 L-1.4 96 Z",
        stroke=dark(steel),
        stroke_width=0.8,
    )
    shade = el("path", d="M-4 -100 L4 -100 L0 108 Z", fill="#15131a", opacity="0.2", filter="url(#soft)")
    needle = group(
        group(shade, transform="translate(8 8)"),
        shape,
        eye,
        transform=f"translate(196 358) rotate({turn:.1f})",
    )
    eye_at = _turned(turn)
    loop = scene.between("loop", 40, 76)
    out = f"M136 {GROUND - 60} C70 {GROUND - 40} {60 - loop / 2:.0f} {GROUND + 60} 150 {GROUND + 50}"
    thread = f"{out} S{250 + loop:.0f} {GROUND + 66} {eye_at[0]:.0f} {eye_at[1]:.0f}"
    parts = [line(thread, dark(scene.main, 0.45), 4, opacity="0.25", transform="translate(3 4)"), needle]
    parts.append(line(thread, scene.main, 3))
    if scene.fine:
        parts.append(line(thread, light(scene.main, 0.5), 1, stroke_dasharray="3 4"))
    return "".join(parts)


def _turned(degrees: float) -> tuple[float, float]:
    """Where the needle's eye is, so that the thread meets it."""
    angle = math.radians(degrees)
    return 196 + 106 * math.sin(angle), 358 - 106 * math.cos(angle)
