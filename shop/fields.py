"""The forms of fields that several services read: of bodies (patterns) and of messages (types of msgspec)."""

from typing import Annotated, Final

from msgspec import Meta

from shop.money import MAX_AMOUNT

SKU: Final = "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
"""An article's number; it needs no escaping in a URL."""

SLUG: Final = "^[a-z0-9]+(-[a-z0-9]+)*$"
"""The id of a brand or a type."""

COUNTRY: Final = "^[A-Z]{2}$"
"""ISO 3166-1 alpha-2."""

NO_NUL: Final = r"^[^\x00]*$"
"""Any text but with the one character that PostgreSQL does not store."""

NO_LINE_END: Final = r"(?!\n)"
"""The end of a pattern of msgspec: `$` of Python accepts a line end after it, `$` of pydantic does not."""

Sku = Annotated[str, Meta(pattern=SKU)]
OrderId = Annotated[str, Meta(pattern="^[0-9a-f-]{1,36}$")]
Amount = Annotated[int, Meta(ge=0, le=MAX_AMOUNT)]
"""Minor units."""

Currency = Annotated[str, Meta(pattern="^[A-Z]{3}$")]
