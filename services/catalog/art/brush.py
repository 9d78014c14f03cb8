"""Brushes: handles, ferrules and hair, round, flat or fan-shaped, and the stroke they leave."""

from services.catalog.art.scene import Scene, dark, el, group, light, line, mix, shadow, solid

FOCUS = (200, 118)
SPREAD = 26

HAIR = {
    "round": "M189 128 C182 106 190 84 200 62 C210 84 218 106 211 128 Z",
    "flat": "M186 128 L183 76 Q200 68 217 76 L214 128 Z",
    "mop": "M188 128 C168 100 176 66 200 58 C224 66 232 100 212 128 Z",
    "fan": "M192 128 L160 84 Q200 52 240 84 L208 128 Z",
}


def draw(scene: Scene) -> str:
    """One to three brushes over a stroke of color."""
    count = scene.pick("count", (1, 2, 3))
    kinds = [scene.pick(f"kind {number}", tuple(HAIR)) for number in range(count)]
    first = scene.between("turn", -8, 8) - SPREAD * (count - 1) / 2
    brushes = [
        group(_brush(scene, kind, number), transform=f"rotate({first + SPREAD * number:.1f} 200 350)")
        for number, kind in enumerate(kinds)
    ]
    return _stroke(scene) + "".join(brushes)


def _stroke(scene: Scene) -> str:
    y = scene.between("stroke", 300, 330)
    parts = [
        line(f"M{58 + dx} {y + dy:.0f} c70 -34 160 22 {276 - dx} -12", color, width, opacity=opacity)
        for dx, dy, color, width, opacity in (
            (0, 0, scene.main, 30, "0.85"),
            (8, -11, light(scene.main), 5, "0.5"),
            (20, 9, dark(scene.main), 4, "0.35"),
        )
    ]
    hairs = (0, 0, 5, 11)[scene.detail]
    parts += [
        line(
            f"M{64 + 3 * n} {y - 13 + 26 * n / 11:.0f} c70 -34 160 22 {266 - 5 * n} -12",
            light(scene.main),
            0.9,
            opacity="0.5",
        )
        for n in range(hairs)
    ]
    return "".join(parts)


def _brush(scene: Scene, kind: str, number: int) -> str:
    handle = "M190 186 C184 214 192 250 196 356 Q200 364 204 356 C208 250 216 214 210 186 Z"
    color = (scene.palette.accent, scene.palette.ink, mix(scene.palette.accent, "#caa472", 0.6))[number]
    hair = mix("#8a5f3c", scene.palette.ink, scene.between(f"hair {number}", 0, 0.5))
    parts = [shadow("path", d=handle, dx=8), solid("path", color, d=handle)]
    parts += [solid("path", hair, d=HAIR[kind]), _wet(scene, kind)]
    parts.append(solid("path", scene.palette.metal, d="M188 126 H212 L210 190 H190 Z"))
    if scene.detail:
        parts += [line(f"M189 {y} h22", dark(scene.palette.metal), 1.6) for y in (138, 144, 180)]
    if scene.fine:
        reach = {"round": 4, "flat": 14, "mop": 14, "fan": 30}[kind]
        bristles = range(-4, 5) if scene.finest else (-3, 0, 3)
        parts += [
            line(
                f"M{200 + 2.2 * n:.1f} 126 Q{200 + reach * n / 5:.1f} 104 {200 + reach * n / 4.4:.1f} 84",
                dark(hair, 0.35),
                0.8,
            )
            for n in bristles
        ]
        parts.append(line("M198 214 C196 250 198 290 199 330", light(color, 0.6), 1.6, opacity="0.8"))
    return "".join(parts)


def _wet(scene: Scene, kind: str) -> str:
    """The color on the hair's tip: the upper part of the hair's own shape."""
    tips = {
        "round": "M187 98 C190 84 195 74 200 62 C205 74 210 84 213 98 Q200 106 187 98 Z",
        "flat": "M184 94 L183 76 Q200 68 217 76 L216 94 Q200 102 184 94 Z",
        "mop": "M178 92 C178 76 186 63 200 58 C214 63 222 76 222 92 Q200 104 178 92 Z",
        "fan": "M168 95 L160 84 Q200 52 240 84 L232 95 Q200 74 168 95 Z",
    }
    return el("path", d=tips[kind], fill=scene.main, opacity="0.92")
