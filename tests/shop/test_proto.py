import subprocess
import sys
from pathlib import Path

from tests.support.shop import ROOT


def test_the_generated_grpc_code_is_what_the_proto_file_gives(tmp_path: Path) -> None:
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi", "grpc_python")]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *outputs, "shop/pb/discount.proto"],
        cwd=ROOT,
        check=True,
    )

    for made in (tmp_path / "shop" / "pb").iterdir():
        assert made.read_text() == (ROOT / "shop" / "pb" / made.name).read_text(), (
            f"{made.name}: run make proto"
        )
