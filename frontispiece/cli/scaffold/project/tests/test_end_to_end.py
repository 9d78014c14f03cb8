"""The whole project, started as `make run` starts it."""

from pathlib import Path

import httpx

from frontispiece.testing import running_project


def test_a_page_is_served_by_the_running_project(tmp_path: Path) -> None:
    with (
        running_project(Path(__file__).parents[1], tmp_path / "data") as running,
        httpx.Client(base_url=running.url, timeout=20) as client,
    ):
        response = client.get("/web/notes/1")

    assert response.json() == {"text": "Buy ink", "related": ["Sharpen the quill", "Write to the printer"]}
