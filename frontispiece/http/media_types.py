"""The media type in a `Content-Type` field (RFC 9110, 8.3)."""

import re
from typing import Final

_JSON: Final = re.compile(r"application/(?:[^/;\s]+\+)?json", re.IGNORECASE)


def media_type(content_type: str) -> str:
    """The type and subtype of a field's value, without parameters."""
    return content_type.partition(";")[0].strip()


def is_json(content_type: str) -> bool:
    """Whether a field's value is `application/json`, or a type with the suffix `+json` (RFC 6839)."""
    return _JSON.fullmatch(media_type(content_type)) is not None
