import subprocess
import sys
from pathlib import Path

from tests.support.shop import ROOT


def test_the_generated_grpc_code_is_what_the_proto_file_gives(tmp_path: Path) -> None:
    outputs = [f"--{kind}_out={tmp_path}" for kind in ("python", "pyi")]
    (tmp_path / "shop" / "pb").mkdir(parents=True)
    protos = [f"shop/pb/{each.name}" for each in sorted((ROOT / "shop" / "pb").glob("*.proto"))]
    outputs += [
        "--include_imports",
        "--include_source_info",
        f"--descriptor_set_out={tmp_path}/shop/pb/shop.binpb",
    ]
    subprocess.run(
        [sys.executable, "-m", "grpc_tools.protoc", "-I", ".", *outputs, *protos],
        cwd=ROOT,
        check=True,
    )

    for made in (tmp_path / "shop" / "pb").iterdir():
        assert made.read_bytes() == (ROOT / "shop" / "pb" / made.name).read_bytes(), (
            f"{made.name}: run make proto"
        )
