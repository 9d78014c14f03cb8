"""A fake service in place of yours: notes, in Python's own http.server."""

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

NOTES = {
    "1": {"id": "1", "text": "Buy ink", "related": ["2", "3"]},
    "2": {"id": "2", "text": "Sharpen the quill", "related": []},
    "3": {"id": "3", "text": "Write to the printer", "related": ["1"]},
}


class Handler(BaseHTTPRequestHandler):
    """Answers one note, many, and whether the service is ready."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or the body waits for the client's acknowledgement of the head

    def do_GET(self) -> None:
        """Answer a GET."""
        url = urlsplit(self.path)
        if url.path == "/health/ready":
            self.answer(200, {"status": "ready"})
        elif url.path == "/notes":
            ids = parse_qs(url.query).get("id", [])
            self.answer(200, [NOTES[note_id] for note_id in ids if note_id in NOTES])
        elif (note := NOTES.get(url.path.removeprefix("/notes/"))) is not None:
            self.answer(200, note)
        else:
            self.answer(404, {"type": "note-unknown", "title": "There is no such note.", "status": 404})

    def answer(self, status: int, document: object) -> None:
        """Send a JSON document."""
        body = json.dumps(document).encode()
        self.send_response(status)
        kind = "application/json" if status == 200 else "application/problem+json"
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    address = os.environ.get("HOST", "127.0.0.1"), parser.parse_args().port
    ThreadingHTTPServer(address, Handler).serve_forever()
