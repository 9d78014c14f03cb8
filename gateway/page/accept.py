"""Which of the forms that a page can be had in a client wants: what its `Accept` says (RFC 9110, 12.5.1)."""

import re
from functools import lru_cache
from typing import Final

from gateway.page.progressive import ENCODERS
from gateway.page.timeline import MEDIA_TYPE

VIEW: Final = "application/json"
"""The view at once and whole: what everybody gets who does not name another form."""

FORMS: Final = frozenset({VIEW, MEDIA_TYPE, *ENCODERS})
QUALITY: Final = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")
LONGEST: Final = 1024
"""Characters of an `Accept` beyond which nobody looks what it says."""


def wanted(accept: str) -> str:
    """The media type of the form that is wanted most: one of those named, the first of several as good.

    A range such as `*/*` stands for the view, and where both are as good, what is named goes before.
    """
    return _wanted(accept) if len(accept) <= LONGEST else VIEW


@lru_cache(maxsize=256)  # clients send the same few over and over
def _wanted(accept: str) -> str:
    best, most = VIEW, (0.0, False)
    for element in accept.lower().split(","):
        media_type, *parameters = (part.strip() for part in element.split(";"))
        named = media_type in FORMS
        if not named and media_type not in {"*/*", "application/*"}:
            continue
        rank = _quality(parameters), named
        if rank[0] and rank > most:
            best, most = media_type if named else VIEW, rank
    return best


def _quality(parameters: list[str]) -> float:
    """From 0 (not at all) to 1; what cannot be read asks for nothing."""
    for parameter in parameters:
        if parameter.startswith("q="):
            match = QUALITY.fullmatch(parameter)
            return float(match[1]) if match else 0.0
    return 1.0
