"""The clients' modules that need no browser, in node."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from bff.web.app import create_app
from tests.support.shop import ROOT

HERE = Path(__file__).parent


def test_modules_without_a_browser_do_what_they_promise() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    tests = sorted(map(str, HERE.glob("**/*.test.js")))
    assert tests

    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_optional_source_of_the_web_pages_has_a_name_for_shoppers() -> None:
    text = (ROOT / "clients/web/components/degraded.js").read_text()

    named = set(re.findall(r"^  (\w+): \"", text, re.MULTILINE))

    assert named >= {s.name for page in create_app.pages for s in page.sources if s.fallback is not None}
