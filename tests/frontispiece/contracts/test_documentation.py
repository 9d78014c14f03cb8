"""The stage of docs/contracts.md works."""

import re
from types import ModuleType

from frontispiece.contracts import verify
from tests.support.contracts import ROOT
from tests.support.small_contracts import pact


async def test_the_stage_of_the_documentation_works() -> None:
    text = (ROOT / "docs" / "contracts.md").read_text(encoding="utf-8")
    code, _ = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    module = ModuleType("documented_stage")
    exec(compile(code, "docs/contracts.md", "exec"), vars(module))  # noqa: S102 (the documentation is ours)

    breaches = await verify(pact(text="Buy ink", author={"name": "Ann"}), module.staged)

    assert [breach.field for breach in breaches] == ["author"]
