"""A release of a client: the files of a folder with their public URLs."""

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Self

import msgspec

from frontispiece.gateway.files.encodings import encodings_of
from frontispiece.gateway.files.folder import FaultyFiles, Folder, Signature
from frontispiece.gateway.files.html import Urls, integrity_of, page_of
from frontispiece.gateway.files.media_types import HTML, media_type_of
from frontispiece.http.paths import Template, encode_segment
from frontispiece.http.router import Matcher, Pattern, RouteNotFound

ASSETS: Final = "assets"
"""The segment below which files are that never change."""

MANIFEST: Final = "asset-manifest.json"
"""Lists the files of a release with their URLs, for service workers."""

HASH_LENGTH: Final = 16
"""Hexadecimal digits of the hash in URLs and entity tags."""


@dataclass(frozen=True, kw_only=True)
class File:
    """A file as it is served.

    Args:
        media_type: of its content.
        content: uncompressed.
        digest: differs between two contents.
    """

    media_type: str
    content: bytes
    digest: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        """The file with this content."""
        return cls(media_type=media_type, content=content, digest=_hash({"": content}))

    @cached_property
    def bodies(self) -> Mapping[str, bytes]:
        """The content by content coding, `identity` among them; to make them takes milliseconds."""
        return encodings_of(self.content, self.media_type)

    @property
    def is_html(self) -> bool:
        """Whether browsers show it as a page."""
        return self.media_type == HTML


class Found(NamedTuple):
    """A file at a URL, and whether this URL stands for its content for ever."""

    file: File
    immutable: bool


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Release:
    """The files of a folder as they were at one time; two with the same version and place are equal.

    Args:
        source: where its files are.
        signature: of the source, as it was before the files were read.
        mount: the public path before all of its URLs, with a slash at its end.
        version: the hash of all files.
        assets: files that never change, by their path below the mount.
        named: other files, by the same.
        page: the HTML of every page.
        pages: the paths of the pages.
    """

    source: Folder
    signature: Signature
    mount: str
    version: str
    assets: Mapping[str, File]
    named: Mapping[str, File]
    page: File
    pages: Matcher[None]

    @classmethod
    def read(cls, source: Folder, *, index: str, pages: Sequence[str], mount: str) -> Self:
        """The files of a folder.

        Raises:
            FaultyFiles: they cannot be served.
        """
        signature = source.signature()
        contents = source.read()
        version = _hash(contents)
        home = posixpath.dirname(index)

        def name(path: str) -> str | None:
            """The path below the mount at which a file has its own name, if it has such a place."""
            return None if path == index or (home and not path.startswith(f"{home}/")) else _below(path, home)

        def named_url(path: str) -> str:
            if (below := name(path)) is None:
                raise FaultyFiles(f"{index} refers to {path}, which has to be in the folder of {index}")
            return mount + _encoded(below)

        def hashed_url(path: str) -> str:
            return f"{mount}{ASSETS}/{version}/{_encoded(path)}"

        page = File.of(page_of(index, contents, Urls(hashed=hashed_url, named=named_url)), HTML)
        files = {
            path: File.of(content, media_type_of(path)) for path, content in contents.items() if path != index
        }
        named = {below: file for path, file in files.items() if (below := name(path)) is not None}
        listed = {
            path: {"url": hashed_url(path), "integrity": integrity_of(contents[path])} for path in files
        }
        manifest = msgspec.json.encode({"version": version, "files": listed})
        named[MANIFEST] = File.of(manifest, media_type_of(MANIFEST))
        return cls(
            source=source,
            signature=signature,
            mount=mount,
            version=version,
            assets={f"{ASSETS}/{version}/{path}": file for path, file in files.items()},
            named=named,
            page=page,
            pages=Matcher(
                [(Pattern(template=Template.parse(path), methods=("GET",)), None) for path in pages]
            ),
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Release) and (self.mount, self.version) == (other.mount, other.version)

    def __hash__(self) -> int:
        return hash((self.mount, self.version))

    def compress(self) -> None:
        """Make the compressed forms of all files, which takes a second for a large client."""
        for file in (self.page, *self.assets.values(), *self.named.values()):
            _ = file.bodies

    def find(self, path: str, segments: Sequence[str]) -> Found | None:
        """What is served at a path; None when nothing is.

        Args:
            path: below the mount, decoded.
            segments: the whole path, normalised.
        """
        if asset := self.assets.get(path):
            return Found(asset, immutable=True)
        named = self.named.get(path) or (self.page if self._has(segments) else None)
        return Found(named, immutable=False) if named else None

    def _has(self, segments: Sequence[str]) -> bool:
        """Whether a page has this path."""
        try:
            self.pages.match("GET", "", segments)
        except RouteNotFound:
            return False
        return True


def _hash(contents: Mapping[str, bytes]) -> str:
    """The hash of all contents and their paths."""
    whole = hashlib.sha256()
    for path, content in sorted(contents.items()):
        whole.update(b"%d %s %d " % (len(path), path.encode(), len(content)))
        whole.update(content)
    return whole.hexdigest()[:HASH_LENGTH]


def _below(path: str, home: str) -> str:
    return path.removeprefix(f"{home}/") if home else path


def _encoded(path: str) -> str:
    return "/".join(map(encode_segment, path.split("/")))
