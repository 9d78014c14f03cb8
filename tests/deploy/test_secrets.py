import shutil
import stat
import subprocess
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import valkey
import yaml

from front.data import demo_token
from front.valkey import running_valkey
from kit.settings import TokenSettings
from kit.tokens import Verifier
from services.basket.store import Store

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/secrets.sh needs openssl")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the secrets, made by a copy of the script."""
    script = tmp_path_factory.mktemp("deploy") / "secrets.sh"
    shutil.copy(ROOT / "deploy" / "secrets.sh", script)
    subprocess.run([script], check=True, capture_output=True)
    return script.parent / "secrets"


def test_every_secret_of_the_compose_file_is_made_where_it_looks(made: Path) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    wanted = {Path(secret["file"]) for secret in compose["secrets"].values()}

    assert wanted == {"deploy/secrets" / file.relative_to(made) for file in made.iterdir() if file.is_file()}


def test_containers_can_read_the_secrets_and_nobody_else_on_the_host_can(made: Path) -> None:
    readable = {stat.S_IMODE(file.stat().st_mode) for file in made.iterdir() if file.is_file()}

    assert readable == {0o444}
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert stat.S_IMODE((made / "keys" / "token.pem").stat().st_mode) == 0o600


def test_secrets_that_are_there_are_never_made_anew(made: Path) -> None:
    before = (made / "postgres_password").read_text()

    again = subprocess.run([made.parent / "secrets.sh"], check=False, capture_output=True, text=True)

    assert again.returncode == 1
    assert "stays as it is" in again.stderr
    assert (made / "postgres_password").read_text() == before


def test_a_token_of_the_private_key_passes_at_the_public_one(made: Path) -> None:
    verifier = Verifier(TokenSettings(public_key=(made / "token_public_key").read_text().strip()))

    assert verifier.verify(demo_token(made, "shopper")).subject == "shopper"


async def test_valkey_serves_basket_by_its_password_and_tells_others_only_that_it_is_there(
    made: Path, tmp_path: Path
) -> None:
    told = urlsplit((made / "basket_valkey_url").read_text().strip())
    with running_valkey(tmp_path) as server:
        with valkey.Valkey.from_url(server) as admin:
            for line in (made / "valkey_acl").read_text().splitlines():
                admin.execute_command("ACL", "SETUSER", *line.split()[1:])
        path = server.removeprefix("unix://")

        store = Store(f"unix://{told.username}:{told.password}@{path}", idle=timedelta(days=1))
        async with store:
            await store.ping()
            await store.put("reader", "PENS-001", 2)
            await store.merge("reader", [("INKS-001", 1)])
            assert (await store.basket("reader")).pieces == {"PENS-001": 2, "INKS-001": 1}
            await store.delete("reader")

        with valkey.Valkey.from_url(server) as stranger:
            assert stranger.ping()
            with pytest.raises(valkey.exceptions.NoPermissionError):
                stranger.hgetall("reader")
