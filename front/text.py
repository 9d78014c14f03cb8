"""Text from elsewhere, made fit to be shown."""


def printable(text: str) -> str:
    """One line that can neither steer a terminal nor break a document: what is not printed becomes `�`."""
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)


def milliseconds(value: float) -> str:
    """A time in milliseconds, as exact as anybody wants it."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"  # noqa: PLR2004 (three digits say enough)
