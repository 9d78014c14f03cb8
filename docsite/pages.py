"""The pages of the site: those of docs/, and every file that they link to."""

import posixpath
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

ROOT: Final = Path(__file__).parents[1]
ENTRIES: Final = {
    "README.md": "shop.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
"""Pages outside of docs/ that the site has in any case, with their paths there."""

PICTURES: Final = {".png", ".svg", ".webp"}
LANGUAGES: Final = {"Makefile": "make", "Dockerfile": "docker", ".yml": "yaml", ".mjs": "js"}
TEXT: Final = re.compile(
    r"(?P<code>^```.*?^```|`[^`\n]+`)|\]\((?P<target>[^)\s]+)\)", re.DOTALL | re.MULTILINE
)
"""Code, which has no links, or the target of a link."""


def site_path(path: str) -> str:
    """Where the site has a file of the repository: pages of docs/ on top, most others below `source/`."""
    if path.startswith("docs/"):
        return path.removeprefix("docs/")
    return ENTRIES.get(path, f"source/{path}")


def repository_files() -> list[str]:
    """The files that git knows of, and new ones."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)  # noqa: S603 (git itself)
    return [name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


class Pages:
    """The pages of the site and its pictures, by their paths there.

    Args:
        generated: the pages of the reference.
        files: the repository's.
        root: its folder.
    """

    def __init__(self, generated: Mapping[str, str], files: Sequence[str], root: Path = ROOT) -> None:
        self.contents: dict[str, bytes] = {path: text.encode() for path, text in generated.items()}
        self.dead: list[str] = []
        """Links that lead nowhere, each with its page."""
        self._root = root
        self._files = files
        self._known = set(files)
        self._folders = {str(folder) for name in files for folder in PurePosixPath(name).parents}
        self._added: dict[str, str] = {}
        for name in files:
            if name in ENTRIES or (name.startswith("docs/") and name.endswith(".md")):
                self._add(name)

    def _add(self, path: str) -> str:
        """Add a file or a folder of the repository; returns its path on the site."""
        if path in self._added:
            return self._added[path]
        if path in self._folders:
            return self._add_folder(path)
        added = site_path(path)
        suffix = PurePosixPath(path).suffix
        if suffix not in {".md", *PICTURES}:
            added += ".md"
        self._added[path] = added
        data = (self._root / path).read_bytes()
        if suffix == ".md":
            data = self._linked(path, data.decode()).encode()
        elif suffix not in PICTURES:
            name = PurePosixPath(path).name
            language = LANGUAGES.get(name) or LANGUAGES.get(suffix) or suffix.removeprefix(".")
            data = f"# `{path}`\n\n``````{language}\n{data.decode()}``````\n".encode()
        self.contents[added] = data
        return added

    def _add_folder(self, path: str) -> str:
        if f"{path}/README.md" in self._known:
            return self._add(f"{path}/README.md")
        added = self._added[path] = f"{site_path(path)}/index.md"
        files = "\n".join(f"- `{name}`" for name in self._files if name.startswith(f"{path}/"))
        self.contents[added] = f"# `{path}/`\n\n{files}\n".encode()
        return added

    def _linked(self, page: str, text: str) -> str:
        """The text of a page, its links leading to pages of the site."""
        own = posixpath.dirname(site_path(page))

        def linked(match: re.Match[str]) -> str:
            target: str | None = match["target"]
            if target is None or target.startswith("#") or re.match(r"[a-z]+:", target):
                return match[0]
            name, hash_, anchor = target.partition("#")
            path = posixpath.normpath(posixpath.join(posixpath.dirname(page), name))
            generated = site_path(path)
            if generated not in self.contents or not path.startswith("docs/"):
                if path not in self._known | self._folders:
                    self.dead.append(f"{page}: {target}")
                    return match[0]
                generated = self._add(path)
            return f"]({posixpath.relpath(generated, own or '.')}{hash_}{anchor})"

        return TEXT.sub(linked, text)
