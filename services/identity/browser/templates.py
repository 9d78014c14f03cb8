"""HTML pages: without JavaScript, with headers that keep foreign code out."""

import base64
import hashlib
from typing import Any, Final
from urllib.parse import urlsplit

from fastapi import Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from services.identity.browser.forms import CSRF_COOKIE, CSRF_FIELD
from services.identity.settings import IdentitySettings

STYLE: Final = """
:root {
  color-scheme: light dark;
  --paper: light-dark(#faf7f1, #15181b);
  --surface: light-dark(#fffdf9, #1d2125);
  --ink: light-dark(#1e2227, #ece8e0);
  --ink-muted: light-dark(#5b5e63, #aeaba4);
  --line: light-dark(#e2dbcd, #32373c);
  --line-strong: light-dark(#837c6f, #858a90);
  --accent: light-dark(#1c4a74, #a3c9ec);
  --accent-hover: light-dark(#123553, #c4def5);
  --on-accent: light-dark(#ffffff, #0e1f2e);
  --sale: light-dark(#a6341b, #f2a28a);
  --sale-soft: light-dark(#f7e4dc, #3a231c);
  --serif:
    "Iowan Old Style", "Palatino Linotype", Palatino, "URW Palladio L", P052, "Book Antiqua",
    "Liberation Serif", Georgia, serif;
  --sans: "Avenir Next", Avenir, "Segoe UI", "Helvetica Neue", Helvetica, Arial, sans-serif;
  --text-s: 0.9375rem;
  --text-m: 1.0625rem;
  --text-2xl: clamp(1.875rem, 1.55rem + 1.4vw, 2.75rem);
  --gutter: clamp(1rem, 0.4rem + 2.6vw, 3rem);
  --radius-m: 6px;
  --target: 2.75rem;
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 400 var(--text-m) / 1.55 var(--sans); }
header { padding: .875rem var(--gutter); border-bottom: 1px solid var(--line); }
.wordmark { display: inline-flex; align-items: center; gap: .5rem; min-height: var(--target);
  color: var(--ink); font: 400 1.5rem / 1 var(--serif); letter-spacing: -.015em; text-decoration: none; }
.wordmark:hover { color: var(--accent); }
svg { fill: none; stroke: var(--accent); stroke-width: 1.5; stroke-linecap: round; stroke-linejoin: round; }
main { width: min(26rem, 100%); margin: clamp(1.5rem, 8vh, 6rem) auto 4rem; padding: 0 1rem; }
h1 { margin: 0 0 1rem; font: 400 var(--text-2xl) / 1.08 var(--serif); letter-spacing: -.01em;
  text-wrap: balance; }
p { margin: 1.5rem 0 0; }
label { display: block; margin: 1rem 0 .5rem; font-size: var(--text-s); font-weight: 600; }
label:has(+ .hint) { margin-bottom: 0; }
.hint { margin: 0 0 .5rem; color: var(--ink-muted); font-size: var(--text-s); }
p:not(.hint) + .hint { margin-top: .75rem; }
form + .hint { margin-top: 1.5rem; }
input { width: 100%; min-height: var(--target); padding: .5rem .75rem; border: 1px solid var(--line-strong);
  border-radius: var(--radius-m); background: var(--surface); color: inherit; font: inherit; }
button { width: 100%; min-height: var(--target); margin-top: .75rem; border: 1px solid var(--line-strong);
  border-radius: var(--radius-m); background: transparent; color: inherit; font: inherit;
  font-size: var(--text-s); font-weight: 600; cursor: pointer; }
button:hover { border-color: var(--ink); }
button:first-of-type { margin-top: 1.5rem; border-color: var(--accent); background: var(--accent);
  color: var(--on-accent); }
button:first-of-type:hover { border-color: var(--accent-hover); background: var(--accent-hover); }
a { color: var(--accent); text-decoration-thickness: 1px; text-underline-offset: .2em; }
a:hover { color: var(--accent-hover); text-decoration-thickness: 2px; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
input:focus-visible, button:focus-visible { border-radius: var(--radius-m); }
[role=alert] { margin: 0 0 1rem; padding: .75rem 1rem; border-radius: var(--radius-m);
  background: var(--sale-soft); color: var(--sale); font-size: var(--text-s); }
"""
"""The look of the clients, as the policy names it; the values are those of clients/shared/tokens.css."""

STYLE_SOURCE: Final = "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()

SECURITY_HEADERS: Final = {
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Header fields of every page and of every redirect to a client."""


class Templates:
    """Renders pages; links and forms lead to the issuer's public URLs."""

    def __init__(self, settings: IdentitySettings) -> None:
        self._environment = Environment(
            loader=PackageLoader("services.identity"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals.update(style=Markup(STYLE), at=settings.at, csrf_field=CSRF_FIELD)  # noqa: S704

    def page(
        self, name: str, /, *, status: int = 200, redirects_to: str | None = None, **variables: Any
    ) -> HTMLResponse:
        """A page.

        Args:
            name: its template, without `.html`.
            status: the HTTP status.
            redirects_to: where the page's form redirects in the end: browsers apply a page's `form-action` to
                the redirects of its forms, too.
            variables: of the template.
        """
        text = self._environment.get_template(f"{name}.html").render(**variables)
        policy = (
            f"default-src 'none'; style-src '{STYLE_SOURCE}'; form-action {_form_action(redirects_to)}; "
            "frame-ancestors 'none'; base-uri 'none'"
        )
        return HTMLResponse(text, status, {**SECURITY_HEADERS, "Content-Security-Policy": policy})

    def form(
        self, name: str, token: str, /, *, redirects_to: str | None = None, error: str = "", **variables: Any
    ) -> HTMLResponse:
        """A page with a form: the CSRF token is in a hidden field and in a cookie; 400 with an error."""
        response = self.page(
            name,
            status=400 if error else 200,
            redirects_to=redirects_to,
            csrf_token=token,
            error=error,
            **variables,
        )
        set_cookie(response, CSRF_COOKIE, token)
        return response


def set_cookie(response: Response, name: str, value: str, *, max_age: float | None = None) -> None:
    """Set a cookie for this host only, which no script can read; a `max_age` of 0 deletes it."""
    response.set_cookie(
        name,
        value,
        max_age=None if max_age is None else int(max_age),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def _form_action(redirects_to: str | None) -> str:
    if redirects_to is None:
        return "'self'"
    parts = urlsplit(redirects_to)
    web = (
        parts.scheme in {"http", "https"} and "[" not in parts.netloc
    )  # a source has no IPv6 address (CSP 3, 2.3.1)
    return f"'self' {parts.scheme}://{parts.netloc}" if web else f"'self' {parts.scheme}:"
