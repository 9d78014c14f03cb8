"""`make docs`: build the site into a folder; a dead link or a warning fails it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from docsite.links import find_faults
from docsite.navigation import navigation
from docsite.pages import ROOT, Pages, repository_files
from docsite.reference import reference

SOURCES: Final = Path(__file__).parent
NODE_MODULES: Final = ROOT / "clients" / "node_modules"
ASSETS: Final = {
    "site.css": SOURCES / "site.css",
    "mermaid.js": NODE_MODULES / "@mermaid-js" / "tiny" / "dist" / "mermaid.tiny.js",
    "iframe-worker.js": NODE_MODULES / "iframe-worker" / "shim" / "index.js",
}
"""Without npm the scripts are empty: diagrams are shown as their text, and the search needs a server."""


def build(folder: Path) -> Path:
    """Build the site below this folder; returns the folder of its files.

    Raises:
        SystemExit: a link is dead, a page loads something from elsewhere, or the generator warns.
    """
    pages = Pages(reference(), repository_files())
    _stop_at("Links in the Markdown lead nowhere", pages.dead)
    shutil.rmtree(folder, ignore_errors=True)
    for path, content in pages.contents.items():
        _write(folder / "pages" / path, content)
    for name, file in ASSETS.items():
        _write(folder / "pages" / "assets" / name, file.read_bytes() if file.exists() else b"")
    settings = (SOURCES / "zensical.toml").read_text()
    settings = settings.replace("nav = []", f"nav = {_toml(navigation(pages.contents))}")
    settings = settings.replace('paths = ["../"]', f"paths = [{json.dumps(str(ROOT))}]")
    _write(folder / "zensical.toml", settings.encode())
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 (our own)
    if done.returncode or "griffe: " in done.stdout + done.stderr:  # the latter of docstrings
        raise SystemExit(done.stdout + done.stderr)
    site = folder / "html"
    _stop_at("Links of the site lead nowhere, or elsewhere", find_faults(site))
    return site


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _stop_at(heading: str, faults: list[str]) -> None:
    if faults:
        raise SystemExit("\n  ".join([f"{heading}:", *faults]))


def _toml(value: Any) -> str:
    match value:
        case list():
            return f"[{', '.join(map(_toml, value))}]"
        case dict():
            return f"{{ {', '.join(f'{json.dumps(key)} = {_toml(each)}' for key, each in value.items())} }}"
        case _:
            return json.dumps(value)


if __name__ == "__main__":
    sys.stdout.write(f"{build(ROOT / '.site') / 'index.html'}\n")
