"""The clients' modules that need no browser, in node."""

import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent


def test_modules_without_a_browser_do_what_they_promise() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    tests = sorted(map(str, HERE.glob("**/*.test.js")))
    assert tests

    done = subprocess.run([node, "--test", *tests], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
