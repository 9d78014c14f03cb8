from pathlib import Path

import pytest

from tests.contracts.mobile import examples as mobile
from tests.contracts.web import examples as web
from tests.support.contracts import Contract, is_kept

CONTRACTS = web.CONTRACT, mobile.CONTRACT


@pytest.mark.parametrize("contract", CONTRACTS, ids=str)
def test_the_file_is_what_the_client_relies_on(contract: Contract, tmp_path: Path) -> None:
    assert is_kept(contract, tmp_path), f"{contract.file} is not what the tests say: run `make contracts`"
