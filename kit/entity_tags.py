"""Entity tags (RFC 9110, 8.8.3), and whether a client has what it asks for already."""


def holds(if_none_match: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` names this tag; compared weakly, as RFC 9110, 13.1.2 has it."""
    if not if_none_match:
        return False
    held = [known.strip().removeprefix("W/") for known in if_none_match.split(",")]
    return tag in held or "*" in held
