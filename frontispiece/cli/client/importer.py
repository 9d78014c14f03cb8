"""Sending a file to the import endpoint that frontispiece.toml names."""

import hashlib
import mimetypes
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import httpx

from frontispiece.errors import UserError
from frontispiece.http.loopback import is_loopback
from frontispiece.http.problems import MEDIA_TYPE
from frontispiece.terminal import printable

TIMEOUT = 120.0
"""Seconds for the endpoint to check and store a whole file."""


def send(file: Path, endpoint: str, credentials: Callable[[], Iterable[tuple[str, str]]]) -> str:
    """Post a file; returns the body of the response.

    `credentials` is called for headers once the file has been read.

    Raises:
        UserError: the file cannot be read, the endpoint does not accept it, or there are no credentials. The
            message names every row and field that the endpoint reports.
    """
    try:
        content = file.read_bytes()
    except OSError as error:
        raise UserError(f"{file} cannot be read: {error}") from None
    headers = {
        "Content-Type": mimetypes.guess_type(file.name)[0] or "application/octet-stream",
        "Idempotency-Key": hashlib.sha256(f"{endpoint}\n".encode() + content).hexdigest(),
    }
    headers |= dict(credentials())
    try:
        response = httpx.post(
            endpoint,
            content=content,
            headers=headers,
            timeout=TIMEOUT,
            trust_env=not is_loopback(endpoint),
        )
    except (httpx.TransportError, httpx.InvalidURL) as error:
        raise UserError(f"Nothing answers at {endpoint} ({error}). Is the project running?") from None
    if not response.is_success:
        raise UserError(_problem(response))
    return printable(response.text)


def _problem(response: httpx.Response) -> str:
    """A problem's detail, and a line for each of its `errors` (`row`, `field`, `detail`)."""
    if response.headers.get("content-type", "").partition(";")[0] != MEDIA_TYPE:
        return f"The endpoint answered {response.status_code}."
    problem: dict[str, Any] = response.json()
    lines = [str(problem.get("detail") or problem["title"])]
    for error in problem.get("errors", ()):
        place = [f"{key} {error[key]}" for key in ("row", "field") if error.get(key) is not None]
        lines.append(f"  {', '.join(place)}: {error.get('detail')}")
    return "\n".join(map(printable, lines))
