"""Sending a catalogue file to the running shop, all or nothing."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from front.importer import read

CHUNK = 64 * 1024


class ImportFailed(Exception):
    """The shop did not take the catalogue; the message says why."""


def upload(file: Path, url: str, token: Callable[[], str], currency: str, console: Console) -> int:
    """Read a catalogue file, send it, and return how many products it has.

    `token` is asked once every row is right: tokens do not last.

    Raises:
        Faulty: rows are wrong; each is named by line and field.
        ImportFailed: the file cannot be read, or the shop does not take it.
    """
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn()
    with Progress(*columns, console=console) as progress:
        rows = _rows(file, currency, progress)
        body = httpx.Request("POST", url, json={"products": rows}).content
        sending = progress.add_task("Sending (bytes)", total=len(body))
        headers = {
            "Authorization": f"Bearer {token()}",
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Idempotency-Key": hashlib.sha256(body).hexdigest(),
        }
        try:
            answer = httpx.post(
                f"{url}/api/catalog/imports",
                content=_chunks(body, progress, sending),
                headers=headers,
                timeout=120,
            )
        except httpx.TransportError as fault:
            raise ImportFailed(f"Nothing answers at {url} ({fault}). Is the shop running?") from None
    if not answer.is_success:
        raise ImportFailed(_why(answer))
    return len(rows)


def _rows(file: Path, currency: str, progress: Progress) -> list[dict[str, object]]:
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        raise ImportFailed(f"{file} cannot be read: {fault}") from None
    reading = progress.add_task("Reading (rows)", total=None)

    def read_so_far(done: int, total: int) -> None:
        progress.update(reading, completed=done, total=total)

    return read(text, currency, read_so_far)


def _chunks(body: bytes, progress: Progress, task: TaskID) -> Iterator[bytes]:
    for begin in range(0, len(body), CHUNK):
        chunk = body[begin : begin + CHUNK]
        yield chunk
        progress.advance(task, len(chunk))


def _why(answer: httpx.Response) -> str:
    if answer.headers.get("content-type") != "application/problem+json":
        return f"The shop answered {answer.status_code}."
    problem = answer.json()
    errors = [f"  {'.'.join(error['at'])}: {error['message']}" for error in problem.get("errors", [])]
    return "\n".join([problem.get("detail", problem["title"]), *errors])
