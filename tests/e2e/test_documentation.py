"""The commands of docs/checkout.md do what it says."""

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.shop import ROOT, RunningShop, front

pytestmark = pytest.mark.e2e

TOOLS = ("sh", "curl", "jq")


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs {', '.join(TOOLS)}")
def test_the_documented_checkout_by_curl_is_completed(shop: RunningShop, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "checkout.md").read_text(encoding="utf-8")
    (script,) = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    script = script.replace("http://127.0.0.1:8080", shop.url)
    script = script.replace(".venv/bin/front", f"env -C {shlex.quote(str(ROOT))} {shlex.join(front())}")

    done = subprocess.run(
        ["sh", "-e", "-c", script], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=True
    )

    stages = re.findall(r"^event: (.+)$", done.stdout, re.MULTILINE)
    assert (stages[0], stages[-1]) == ("placed", "completed")
    order = done.stdout.splitlines()[-1]
    assert '"status":"completed"' in order
    assert '"method":"express"' in order
