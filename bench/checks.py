"""Whether a candidate answers what it should: a fast wrong answer is an error."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException

from bench.data import Document

OK = 200


def fault_of(port: int, path: str, headers: Mapping[str, str], expected: bytes | Document) -> str | None:
    """What is wrong with the answer to one request, None when nothing is."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    try:
        connection.request("GET", path, headers=dict(headers))
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException) as failure:
        return f"no answer: {failure!r}"
    finally:
        connection.close()
    if response.status != OK:
        return f"{response.status}: {body[:300]!r}"
    return None if _same(body, expected) else f"another body than it should: {body[:300]!r}"


def _same(body: bytes, expected: bytes | Document) -> bool:
    if isinstance(expected, bytes):
        return body == expected
    try:
        return bool(json.loads(body) == expected)
    except ValueError:
        return False


@contextmanager
def sampling(
    port: int, path: str, headers: Mapping[str, str], expected: bytes | Document, every: float
) -> Iterator[list[str]]:
    """The faults of answers that are looked at while the block runs, one every so many seconds."""
    faults: list[str] = []
    done = threading.Event()

    def sample() -> None:
        while not done.wait(every):
            if fault := fault_of(port, path, headers, expected):
                faults.append(fault)

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield faults
    finally:
        done.set()
        thread.join()
