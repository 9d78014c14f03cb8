"""Pages for people: plain HTML that needs no JavaScript, with headers that keep others' code out."""

import base64
import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.identity.forms import FORM_COOKIE, FORM_FIELD
from services.identity.settings import IdentitySettings

STYLE: Final = """
:root { color-scheme: light dark; --ink: #22262b; --paper: #f6f4ef; --card: #fff; --line: #8a8f96;
  --deep: #1d4f7a; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #eceae5; --paper: #17191c; --card: #212429; --line: #7c828a; --deep: #9cc7ea; }
}
body { margin: 0; min-height: 100vh; display: grid; place-items: center; background: var(--paper);
  color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { box-sizing: border-box; width: min(26rem, 100%); padding: 2rem; border-radius: .5rem;
  background: var(--card); }
h1 { margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.2; }
label { display: block; margin-top: 1rem; font-weight: 600; }
.hint { margin: 0; font-size: .875rem; }
input { box-sizing: border-box; width: 100%; padding: .6rem; border: 1px solid var(--line);
  border-radius: .25rem; background: var(--paper); color: inherit; font: inherit; }
button { width: 100%; margin-top: 1.5rem; padding: .7rem; border: 0; border-radius: .25rem;
  background: var(--deep); color: var(--card); font: inherit; font-weight: 600; cursor: pointer; }
a { color: var(--deep); }
:focus-visible { outline: 3px solid var(--deep); outline-offset: 2px; }
[role=alert] { margin: 0; padding: .75rem; border-left: .25rem solid #b3261e; background: var(--paper); }
"""

STYLE_SOURCE: Final = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

GUARDED: Final = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""What every page and every redirect to a client has beside its Content-Security-Policy."""


class Pages:
    """Writes pages down; links and forms lead to the public addresses of the issuer."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._templates = Environment(
            loader=PackageLoader("services.identity"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._templates.globals.update(style=Markup(STYLE), at=settings.at, form_field=FORM_FIELD)  # noqa: S704

    def page(
        self, name: str, /, *, status: int = 200, leads_to: str | None = None, **about: Any
    ) -> HTMLResponse:
        """A page by its template's name.

        Args:
            name: the template, without `.html`.
            status: the HTTP status code.
            leads_to: where the page's form redirects to in the end: browsers hold a form's redirects to the
                page's `form-action`, too.
            about: what the template shows.
        """
        text = self._templates.get_template(f"{name}.html").render(**about)
        policy = (
            f"default-src 'none'; style-src '{STYLE_SOURCE}'; form-action {_targets(leads_to)}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(text, status, {**GUARDED, "Content-Security-Policy": policy})

    def form(
        self, name: str, secret: str, /, *, status: int = 200, leads_to: str | None = None, **about: Any
    ) -> HTMLResponse:
        """A page with a form that proves by `secret`, in its cookie and in a field, that it is ours."""
        answer = self.page(name, status=status, leads_to=leads_to, form_secret=secret, **about)
        set_cookie(answer, FORM_COOKIE, secret)
        return answer


def set_cookie(answer: Any, name: str, value: str, *, lasts: float | None = None) -> None:
    """Give the browser a cookie that comes back to this host only, and that no script can read."""
    max_age = None if lasts is None else int(lasts)
    answer.set_cookie(name, value, max_age=max_age, path="/", secure=True, httponly=True, samesite="lax")


def drop_cookie(answer: Any, name: str) -> None:
    """Have the browser forget a cookie."""
    answer.delete_cookie(name, path="/", secure=True, httponly=True, samesite="lax")


def _targets(leads_to: str | None) -> str:
    if leads_to is None:
        return "'self'"
    parts = urlsplit(leads_to)
    web = parts.scheme in {"http", "https"}
    return f"'self' {parts.scheme}://{parts.netloc}" if web else f"'self' {parts.scheme}:"
