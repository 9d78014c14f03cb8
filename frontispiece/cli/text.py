"""Text from other systems, made safe to print."""


def printable(text: str) -> str:
    """The text with `�` for characters that could control a terminal or break a document."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def milliseconds(value: float) -> str:
    """Milliseconds with three significant digits."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 (three digits)
