"""Entity tags (RFC 9110, 8.8.3)."""

import re

_TAG = re.compile(r'(?:^|,)[ \t]*((?:W/)?"[^"]*")(?=[ \t]*(?:,|$))')  # a comma may stand within


def matches(if_none_match: str | None, tag: str) -> bool:
    """Whether an `If-None-Match` names this tag, by weak comparison (RFC 9110, 13.1.2)."""
    if not if_none_match:
        return False
    if if_none_match == tag:  # which is what nearly all clients send
        return True
    named = {found.removeprefix("W/") for found in _TAG.findall(if_none_match)}
    return if_none_match.strip() == "*" or tag.removeprefix("W/") in named


def matches_strongly(if_match: str, tag: str) -> bool:
    """Whether an `If-Match` names this tag, by strong comparison (RFC 9110, 13.1.1)."""
    return if_match.strip() == "*" or (not tag.startswith("W/") and tag in _TAG.findall(if_match))
