"""Logins that ended before the tokens given for them: a token says nothing of it, so it is remembered here."""

from collections.abc import Callable

Told = Callable[[str | None, str | None], None]
"""Is told of the `sid`, or else of the subject, whose tokens are not worth anything any more."""


class Revoked:
    """What this process knows of ended logins."""

    def __init__(self) -> None:
        self._told: list[Told] = []

    def tell(self, told: Told) -> None:
        """Call this at every login that ends from now on."""
        self._told.append(told)

    def is_revoked(self, sid: str | None, subject: str, issued_at: float) -> bool:
        """Whether a token of this login, made at this time (seconds since 1970), counts for nothing."""
        raise NotImplementedError
