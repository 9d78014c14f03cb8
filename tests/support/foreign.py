"""A project unlike the shop: a plain program, a FastAPI app, and a BFF, mounted and standalone."""

import sys
from pathlib import Path

PROJECT = """
secrets = ["pepper"]

[gateway]
routes = "edge.toml"

[apps.notes] # any language: Python's own http.server here
command = ["PYTHON", "-u", "notes.py", "--port", "${port}"]
folder = "notes"
health = "/health/ready"
environment = { PEPPER = "${secrets.pepper}" }

[apps.stars]
factory = "services:create_app"
database = "STARS_DATABASE"
environment = { STARS_OF = "${apps.notes.url}", GREETING = "hello" }

[apps.pages]
factory = "bff:create_app"
mounted = true

[apps.alone]
factory = "bff:create_app"

[demo]
users = ["ann"]
password = "a demo"
hints = "Try curl ${origin}/notes/1, kept in ${data}"
"""

ROUTES = """
[services]
notes = { url = "registry://notes" }
stars = { url = "registry://stars" }
pages = { url = "registry://pages" }
alone = { url = "registry://alone" }

[[routes]]
path = "/notes/{rest:path}"
to = "notes"
auth = "none"

[[routes]]
path = "/stars"
to = "stars"
auth = "none"

[[routes]]
path = "/pages/{number}"
to = "pages:/notes/{number}"
auth = "none"

[[routes]]
path = "/alone/{number}"
to = "alone:/notes/{number}"
auth = "none"
"""

NOTES = """
import json, os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Notes(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        body = json.dumps({"path": self.path, "peppered": len(os.environ["PEPPER"]) >= 43}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

assert sys.argv[2] == os.environ["PORT"]
ThreadingHTTPServer(("127.0.0.1", int(sys.argv[2])), Notes).serve_forever()
"""

SERVICES = """
import os
from fastapi import FastAPI

WHAT = "the stars of a foreign project"

def create_app():
    found = {name: os.environ[name] for name in ("STARS_DATABASE", "STARS_OF", "GREETING")}
    app = FastAPI()
    app.get("/stars")(lambda: found)
    app.get("/health/ready")(lambda: {})
    return app
"""

BFF = """
from msgspec import Struct
from frontispiece.pages import Page, bff
from frontispiece.upstream import Service

class Note(Struct):
    path: str

class Notes:
    def __init__(self, service: Service) -> None:
        self.service = service

page = Page("/notes/{number}", deadline=5.0)

@page.source()
async def note(number: str, notes: Notes) -> Note:
    return await notes.service.get(f"/notes/{number}", Note)

@page.view
def screen(note: Note) -> Note:
    return note

create_app = bff("pages", pages=[page], clients={Notes: "notes"})
"""


def write_project(folder: Path, python: str = sys.executable) -> Path:
    """Write the project into a folder; returns the folder."""
    files = {
        "frontispiece.toml": PROJECT.replace("PYTHON", python),
        "edge.toml": ROUTES,
        "notes/notes.py": NOTES,
        "services/__init__.py": SERVICES,
        "bff/__init__.py": BFF,
    }
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder
