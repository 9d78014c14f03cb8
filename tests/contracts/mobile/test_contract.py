from pathlib import Path

import msgspec
import pytest

from tests.contracts.mobile.examples import CONTRACT
from tests.support.contracts import Example, is_kept


@pytest.mark.parametrize("example", CONTRACT.examples, ids=str)
def test_the_client_reads_all_that_the_contract_names_and_nothing_else(
    example: Example, tmp_path: Path
) -> None:
    with CONTRACT.served(example) as url:
        seen = example.read(url)

    assert msgspec.to_builtins(seen) == CONTRACT.promised(example, tmp_path)


def test_the_file_is_what_the_client_relies_on(tmp_path: Path) -> None:
    assert is_kept(CONTRACT, tmp_path), f"{CONTRACT.file} is not what the tests say: run `make contracts`"
