"""Long texts made brief."""

import re

ELLIPSIS = "…"

_END = re.compile(
    r"[.!?…]['\"»”\u2019)]*\s+(?=[^\sa-z0-9])"  # not an abbreviation, after which a sentence goes on
    r"|[\u3002\uff01\uff1f]"  # ideographic ones, which need no space after them
)


def sentences(text: str, count: int) -> str:
    """The first sentences of a text."""
    ends = [end.end() for _, end in zip(range(count), _END.finditer(text), strict=False)]
    return (text[: ends[-1]] if len(ends) == count else text).strip()


def shortened(text: str, most: int) -> str:
    """A text of at most so many characters: cut between words where that does not cost half of it."""
    if len(text) <= most:
        return text
    cut = text[: most - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > most // 2 else cut).rstrip() + ELLIPSIS
