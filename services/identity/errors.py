"""What goes wrong, by who is to be told of it.

    IdentityError
    ├── Refused        a client program: JSON (RFC 6749, 5.2)
    ├── SentBack       a client, by way of the browser: a redirect (RFC 6749, 4.1.2.1)
    ├── Shown          the person at the browser: a page, and never a redirect
    │   ├── BadForm    what was sent cannot be read; client programs are told of it as a refusal
    │   └── TooBusy    more passwords are being looked at than can be
    ├── NameTaken      somebody else has this user name
    ├── Unsuitable     a name, an address or a password that nobody can have
    ├── Changed        the password is not any more what it was when it was proved
    ├── TooMany        too many attempts from the same place
    └── KeyLost        a signing key that no sealing key opens: whoever runs the service, by its log

Those that are not told as they are get caught where they can happen.
"""

from collections.abc import Mapping


class IdentityError(Exception):
    """All that identity itself refuses."""


class Refused(IdentityError):
    """An error that a client program is told as JSON.

    Args:
        error: its name in the specification, such as `invalid_grant`.
        description: one sentence for the client's developer.
        status: the HTTP status code.
        headers: response headers that belong to it.
    """

    def __init__(
        self, error: str, description: str, *, status: int = 400, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(description)
        self.error = error
        self.status = status
        self.headers = dict(headers or {})


class SentBack(IdentityError):
    """An error that a client is told at its redirect URI, which must have been found to be its own before."""

    def __init__(self, redirect_uri: str, state: str | None, error: str, description: str) -> None:
        super().__init__(description)
        self.redirect_uri = redirect_uri
        self.state = state
        self.error = error


class Shown(IdentityError):
    """An error that a person sees on a page of its own."""

    def __init__(self, status: int, title: str, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.title = title
        self.headers = dict(headers or {})


class BadForm(Shown):
    """A query or a form that cannot be read."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(status, "This request cannot be read", text)


class TooBusy(Shown):
    """More passwords are being looked at than can be."""

    def __init__(self) -> None:
        text = "Many are logging in right now. Please try again."
        super().__init__(503, "Too many at once", text, {"Retry-After": "2"})


class NameTaken(IdentityError):
    """Somebody has this user name already."""


class Unsuitable(IdentityError):
    """A name, an address or a password that nobody can have; the message tells the person why."""


class Changed(IdentityError):
    """The password was changed after it had been proved."""


class TooMany(IdentityError):
    """Too many attempts; `seconds` until there may be another."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"too many attempts: another in {seconds:.0f} s")
        self.seconds = seconds


class KeyLost(IdentityError):
    """A signing key is in the database, but no sealing key of ours opens it."""
