"""The media types of files, by the ends of their names."""

from pathlib import PurePosixPath
from typing import Final

HTML: Final = "text/html; charset=utf-8"

SVG: Final = "image/svg+xml"

UNKNOWN: Final = "application/octet-stream"

BY_SUFFIX: Final = {
    ".avif": "image/avif",
    ".css": "text/css; charset=utf-8",
    ".html": HTML,
    ".ico": "image/x-icon",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".map": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": SVG,
    ".txt": "text/plain; charset=utf-8",
    ".wasm": "application/wasm",
    ".webmanifest": "application/manifest+json",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}


def media_type_of(path: str) -> str:
    """The media type of the file at a path."""
    return BY_SUFFIX.get(PurePosixPath(path).suffix.lower(), UNKNOWN)
