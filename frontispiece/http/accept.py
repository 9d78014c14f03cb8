"""Content negotiation by quality values: `Accept` and `Accept-Encoding` (RFC 9110, 12.4.2)."""

import re
from typing import Final

from frontispiece.http.memo import Memo

MAX_LENGTH: Final = 1024
"""Characters of a field beyond which it is taken for a field that is not there."""

_WEIGHT: Final = re.compile(r"\s*q\s*=\s*(\S*)\s*")
_QUALITY: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_QUOTED: Final = re.compile(r'"(?:[^"\\]|\\.)*"')
_ALIASES: Final = {"x-gzip": "gzip"}


def parse_accept(value: str) -> tuple[tuple[str, float], ...]:
    """The elements of the field in lower case, without `q`, each with its quality from 0 to 1.

    Other parameters stay with their element, without what they quote; an element whose quality is malformed
    has the quality 0.
    """
    return _ELEMENTS[value] if len(value) <= MAX_LENGTH else ()


def _parse(value: str) -> tuple[tuple[str, float], ...]:
    elements = []
    for element in _QUOTED.sub('""', value.lower()).split(","):  # within quotes, nothing separates
        parts, quality = [], 1.0
        for part in element.split(";"):
            if match := _WEIGHT.fullmatch(part):
                quality = float(match[1]) if _QUALITY.fullmatch(match[1]) else 0.0
            else:
                parts.append(part.strip())
        elements.append((";".join(parts), quality))
    return tuple(elements)


_ELEMENTS: Final = Memo(_parse)  # clients send the same few over and over


def preferred_media_type(accept: str, offered: frozenset[str], default: str) -> str:
    """The media type that the client prefers, the first one of several with the same quality.

    A range such as `*/*` stands for `default`, and a type in full goes before a range of the same quality.
    """
    best, best_rank = default, (0.0, False)
    for element, quality in parse_accept(accept):
        media_type = element.partition(";")[0]
        named = media_type in offered
        if not named and media_type not in {"*/*", "application/*"}:
            continue
        rank = quality, named
        if quality and rank > best_rank:
            best, best_rank = media_type if named else default, rank
    return best


def preferred_coding(accept_encoding: str, offered: tuple[str, ...]) -> str | None:
    """The content coding that the client prefers, the first one of several with the same quality.

    None stands for no coding: the client prefers `identity`, excludes every coding offered, or sends no
    `Accept-Encoding` at all (a client that sends none decodes none).
    """
    qualities = {_ALIASES.get(name, name): quality for name, quality in parse_accept(accept_encoding)}
    fallback = qualities.get("*", 0.0)
    best = max(offered, key=lambda coding: qualities.get(coding, fallback))  # the first of the best
    quality = qualities.get(best, fallback)
    return best if quality > 0 and quality >= qualities.get("identity", 0.0) else None
