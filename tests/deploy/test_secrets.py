import json
import shutil
import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import valkey
import yaml

from frontispiece.cli.run.valkey import running_valkey
from frontispiece.http.problems import Problem
from frontispiece.security import Identity, Keyring, Signer, Verifier
from frontispiece.settings import TokenSettings
from services.basket.store import Store
from shop.money import Money
from tests.deploy.conftest import make
from tests.support.shop import PROJECT

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="deploy/secrets.sh needs openssl")


def test_every_secret_of_the_compose_file_is_made_where_it_looks(made: Path) -> None:
    compose = yaml.safe_load((ROOT / "compose.yaml").read_text())
    wanted = {Path(secret["file"]) for secret in compose["secrets"].values()}

    assert wanted == {"deploy/secrets" / file.relative_to(made) for file in made.iterdir() if file.is_file()}


def test_containers_and_no_other_user_of_the_host_can_read_the_secrets(made: Path) -> None:
    readable = {stat.S_IMODE(file.stat().st_mode) for file in made.iterdir() if file.is_file()}

    assert readable == {0o444}
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_made_again_it_adds_what_is_missing_and_leaves_what_is_there(tmp_path: Path) -> None:
    folder = make(tmp_path, ORIGIN="https://shop.example")
    clients = json.loads((folder / "identity_clients").read_text())
    new = {"pickup_registry_url", "feed_signing_key", "pickup_1_database_url"}
    before = {file.name: file.read_text() for file in folder.iterdir()}
    for name in new:
        (folder / name).unlink()

    make(tmp_path)

    after = {file.name: file.read_text() for file in folder.iterdir()}
    of_new = {"nats_users", "token_issuers"}
    assert {name for name, text in after.items() if before.get(name) != text} == {
        *new,
        *of_new,
        *(f"{name}.before" for name in of_new),
    }
    assert after["nats_users.before"] == before["nats_users"]
    assert str(urlsplit(after["pickup_registry_url"]).password) in after["nats_users"]

    clients["web"]["redirect_uris"].append("https://other.example/web/session/callback")  # by hand
    for indent in None, 2:
        (folder / "identity_clients").chmod(0o600)
        (folder / "identity_clients").write_text(json.dumps(clients, indent=indent))
        make(tmp_path)
        assert (folder / "identity_clients").read_text() == before["identity_clients"]
    with pytest.raises(subprocess.CalledProcessError):
        make(tmp_path, ORIGIN="https://shop.example\nhttps://other.example")
    (folder / "ordering_database_url").touch()
    (folder / "ordering_shards").unlink()
    with pytest.raises(subprocess.CalledProcessError):  # two new shards would have no orders
        make(tmp_path)
    assert not (folder / "ordering_shards").exists()


@pytest.mark.parametrize("caller", ["gateway", "bff-web", "bff-mobile", "ordering"])
def test_what_a_caller_signs_is_believed_in_its_own_name_and_no_other(made: Path, caller: str) -> None:
    settings = TokenSettings(issuers=json.loads((made / "token_issuers").read_text()))
    key = (made / f"{caller.replace('-', '_')}_signing_key").read_text()
    reader = Identity(subject="reader", scopes=frozenset({"shop"}))

    for name in settings.issuers:
        token = Signer(key, name).authorization(reader, "basket").decode()
        if name == caller:
            assert Verifier(settings, "basket").caller(token) == reader
        else:
            with pytest.raises(Problem, match="unknown"):
                Verifier(settings, "basket").caller(token)


def test_a_caller_may_say_the_same_as_in_the_project(made: Path) -> None:
    settings = TokenSettings(issuers=json.loads((made / "token_issuers").read_text()))

    for name in settings.issuers.keys() - {"gateway"}:
        granted = settings.issuers[name].model_dump(exclude={"keys"})
        assert granted == PROJECT.apps[name].token_grant.model_dump(), name


def test_the_gateway_and_identity_know_each_other_at_the_shops_address(tmp_path: Path) -> None:
    made = make(tmp_path, ORIGIN="https://shop.example")
    clients = json.loads((made / "identity_clients").read_text())

    assert clients["web"]["secret"] == (made / "session_client_secret").read_text().strip()
    assert clients["web"]["redirect_uris"] == ["https://shop.example/web/session/callback"]
    assert clients["web"]["post_logout_redirect_uris"] == ["https://shop.example/"]
    assert "secret" not in clients["mobile"]
    assert clients["mobile-web"]["redirect_uris"] == ["https://shop.example/m/callback"]
    assert clients["mobile-web"]["scopes"] == ["shop"]


@pytest.mark.parametrize("name", ["session_encryption_keys", "identity_encryption_keys"])
def test_what_is_sealed_with_is_a_key(made: Path, name: str) -> None:
    ring = Keyring(json.loads((made / name).read_text()))
    assert ring.decrypt(ring.encrypt(b"-", b"-"), b"-") == b"-"


@pytest.fixture
def guarded(made: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a Valkey with the users of one of the files, for the user whose URL another file has."""
    users, url = request.param
    told = urlsplit((made / url).read_text().strip())
    with running_valkey(tmp_path) as server:
        with valkey.Valkey.from_url(server) as admin:
            for line in (made / users).read_text().splitlines():
                admin.execute_command("ACL", "SETUSER", *line.split()[1:])
        yield f"unix://{told.username}:{told.password}@{server.removeprefix('unix://')}"


@pytest.mark.parametrize("guarded", [("valkey_acl", "basket_valkey_url")], indirect=True)
async def test_valkey_serves_basket_by_its_password(guarded: str) -> None:
    async with Store(guarded, idle=timedelta(days=1)) as store:
        await store.ping()
        skus = ("PENS-001", "INKS-001", "LAMP-001")
        await store.learn(dict.fromkeys(skus, Money(amount=1000, currency="EUR")))
        await store.put("reader", "PENS-001", 2)
        await store.merge("reader", [("INKS-001", 1)])
        await store.put("guest:1", "LAMP-001", 1)
        adopted = await store.adopt("reader", "guest:1")
        assert adopted.quantities == {"PENS-001": 2, "INKS-001": 1, "LAMP-001": 1}
        assert await store.claim("reader", "an-order", adopted.version) == adopted.quantities
        assert await store.release("reader", "an-order") == adopted
        await store.delete("reader")


@pytest.mark.parametrize(
    ("guarded", "other"),
    [
        (("valkey_acl", "basket_valkey_url"), "session_valkey_url"),
        (("session_valkey_acl", "session_valkey_url"), "basket_valkey_url"),
    ],
    indirect=["guarded"],
)
def test_valkey_responds_to_other_users_with_refusals_alone(guarded: str, made: Path, other: str) -> None:
    url = urlsplit((made / other).read_text().strip())
    with valkey.Valkey.from_url(f"unix://{guarded.partition('@')[2]}") as stranger:
        assert stranger.ping()
        with pytest.raises(valkey.exceptions.NoPermissionError):
            stranger.hgetall("reader")
        with pytest.raises(valkey.exceptions.AuthenticationError):
            stranger.execute_command("AUTH", url.username, url.password)
