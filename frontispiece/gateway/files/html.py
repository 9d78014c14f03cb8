"""The HTML of a page: relative references become the public URLs of files, with their integrity."""

import base64
import hashlib
import posixpath
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from html.parser import HTMLParser
from typing import Final

from frontispiece.gateway.files.folder import FaultyFiles

REFERENCES: Final = {"script": "src", "link": "href", "img": "src", "source": "src"}
"""The attribute that loads a file, by element; links to other pages are none."""

WITH_INTEGRITY: Final = frozenset({"stylesheet", "modulepreload"})
"""Kinds of `<link>` whose file browsers verify, beside what is preloaded as one of `PRELOADED`."""

PRELOADED: Final = frozenset({"script", "style"})

RAW_TEXT_ELEMENTS: Final = frozenset({"textarea", "title", "iframe", "noembed", "noframes", "xmp"})
"""Elements whose content is no markup, beside scripts and styles."""

_ELSEWHERE: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:|/|#|\?")
"""What begins a reference that is not relative to the file."""

Url = Callable[[str], str]
"""The public URL of a file, by its path in the folder."""


def integrity_of(content: bytes) -> str:
    """The value of an `integrity` attribute (Subresource Integrity)."""
    return f"sha384-{base64.b64encode(hashlib.sha384(content).digest()).decode()}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Urls:
    """Where the files of a release are: `hashed` for ever, `named` under their own name."""

    hashed: Url
    named: Url


@dataclass(frozen=True, slots=True)
class _Tag:
    start: int
    end: int
    name: str
    attributes: Mapping[str, str | None]

    @property
    def reference(self) -> str | None:
        """The relative reference of the element, if it has one."""
        value = self.attributes.get(REFERENCES.get(self.name, ""))
        return None if not value or _ELSEWHERE.match(value) else value

    @property
    def kinds(self) -> set[str]:
        """The values of its `rel`."""
        return set((self.attributes.get("rel") or "").lower().split())

    @property
    def is_module(self) -> bool:
        return self.name == "script" and (self.attributes.get("type") or "").lower() == "module"

    @property
    def is_verified(self) -> bool:
        if self.name != "link" or self.kinds & WITH_INTEGRITY:
            return self.name in {"script", "link"}
        return "preload" in self.kinds and (self.attributes.get("as") or "").lower() in PRELOADED


class _Tags(HTMLParser):
    """The start tags of a document, with their places."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[_Tag] = []
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        line, column = self.getpos()
        start = self._lines[line - 1] + column
        first = dict(reversed(attrs))  # of two attributes with one name, the first counts
        attributes = {name: first[name] for name, _ in attrs}
        self.found.append(_Tag(start, start + len(self.get_starttag_text() or ""), tag, attributes))
        if tag in RAW_TEXT_ELEMENTS:
            self.set_cdata_mode(tag)


def page_of(index: str, contents: Mapping[str, bytes], urls: Urls) -> bytes:
    """The HTML of every page.

    Raises:
        FaultyFiles: the HTML is not there, or refers to files that are not.
    """
    if index not in contents:
        raise FaultyFiles(f"there is no {index} among the files, the HTML of the pages")
    try:
        text = contents[index].decode("utf-8")
    except UnicodeDecodeError:
        raise FaultyFiles(f"{index} is not UTF-8") from None
    tags = _Tags(text).found
    faults = [
        f"{index} refers to {tag.reference}, which is not among the files"
        for tag in tags
        if tag.reference and resolved(tag.reference, index) not in contents
    ]
    if faults:
        raise FaultyFiles(*dict.fromkeys(faults))
    return _written(text, index, tags, _preloads(index, tags, contents, urls), contents, urls).encode()


def _preloads(index: str, tags: list[_Tag], contents: Mapping[str, bytes], urls: Urls) -> str:
    """The links that load the imports of modules before these have been read."""
    modules_of_page = [tag for tag in tags if tag.is_module or "modulepreload" in tag.kinds]
    entries = [resolved(tag.reference, index) for tag in modules_of_page if tag.reference]
    modules: dict[str, None] = {}
    faults: dict[str, None] = {}
    for entry in entries:
        found, wrong = import_graph(entry, contents)
        modules |= dict.fromkeys(found)
        faults |= dict.fromkeys(wrong)
    if faults:
        raise FaultyFiles(*faults)
    links = (
        f'<link rel="modulepreload" href="{escape(urls.hashed(module))}" '
        f'integrity="{integrity_of(contents[module])}">\n'
        for module in modules
        if module not in entries
    )
    return "".join(links)


def _written(
    text: str, index: str, tags: list[_Tag], preloads: str, contents: Mapping[str, bytes], urls: Urls
) -> str:
    pieces, position = [], 0
    first_module = next((tag for tag in tags if tag.is_module), None)
    for tag in tags:
        if tag is not first_module and not tag.reference:
            continue
        pieces.append(text[position : tag.start])
        if tag is first_module:
            pieces.append(preloads)
        pieces.append(_rewritten(tag, index, contents, urls) if tag.reference else text[tag.start : tag.end])
        position = tag.end
    return "".join([*pieces, text[position:]])


def _rewritten(tag: _Tag, index: str, contents: Mapping[str, bytes], urls: Urls) -> str:
    """The start tag with the public URL of its file."""
    reference = tag.reference or ""
    path = resolved(reference, index)
    _, sign, fragment = reference.partition("#")
    # What a manifest refers to is relative to its own URL, which identifies the app: it has one for ever.
    url = urls.named(path) if "manifest" in tag.kinds else urls.hashed(path)
    attributes: dict[str, str | None] = {**tag.attributes, REFERENCES[tag.name]: url + sign + fragment}
    if tag.is_verified:
        attributes["integrity"] = integrity_of(contents[path])
    written = (f" {n}" if value is None else f' {n}="{escape(value)}"' for n, value in attributes.items())
    return f"<{tag.name}{''.join(written)}>"


_IMPORT: Final = re.compile(
    r"""(?:^|;)[ \t]*(?:import|export)\b(?:[^"'`;()=]*?\bfrom)?[ \t]*(?:"([^"\n]+)"|'([^'\n]+)')""",
    re.MULTILINE,
)
"""An import or a re-export at the begin of a line or a statement; comments and calls of import() are none."""


_AFTER_PATH: Final = re.compile("[?#]")
"""What begins the query or the fragment of a reference."""


def resolved(reference: str, place: str) -> str:
    """The path in the folder that a relative reference in the file at `place` leads to."""
    path = _AFTER_PATH.split(reference, maxsplit=1)[0]
    return posixpath.normpath(posixpath.join(posixpath.dirname(place), path))


def imports_of(module: str, text: str) -> Iterator[str]:
    """The paths in the folder that a module imports by relative references."""
    for match in _IMPORT.finditer(text):
        specifier = match[1] or match[2]
        if specifier.startswith(("./", "../")):
            yield resolved(specifier, module)


def import_graph(entry: str, contents: Mapping[str, bytes]) -> tuple[list[str], list[str]]:
    """All modules that an entry needs before it runs, and what is wrong with their imports.

    Returns:
        the modules in the order in which they are found, the entry first; and a sentence for each import
        that leads nowhere.
    """
    found, faults = [entry], []
    for module in found:  # grows meanwhile
        for imported in imports_of(module, contents[module].decode("utf-8", "replace")):
            if imported not in contents:
                faults.append(f"{module} imports {imported}, which is not among the files")
            elif imported not in found:
                found.append(imported)
    return found, faults
