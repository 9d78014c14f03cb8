from importlib.metadata import version
from pathlib import Path

import pytest

from frontispiece.settings import PROJECT_FILE
from tests.support.front import run
from tests.support.tables import route, route_table

FAULTY = route_table(
    route("/products/{sku}", to="catalog", auth="maybe", timeout="soon"),
    route("/stock/../{sku}", to="inventory", limits=5),
    services={"catalog": "registry://catalogue", "inventory": None},
)


@pytest.fixture
def routes(tmp_path: Path) -> Path:
    """The route table of a project that has nothing else."""
    (tmp_path / "frontispiece.toml").touch()
    return tmp_path / "routes.toml"


def test_version_is_the_installed_one() -> None:
    assert run("version").stdout == f"{version('frontispiece')}\n"


def test_the_shops_own_table_and_settings_have_no_error_and_no_warning_and_checking_leaves_no_trace(
    tmp_path: Path,
) -> None:
    done = run("check", "--strict", "--data", tmp_path / "data")

    assert (done.returncode, done.stderr) == (0, "")
    assert "in order" in done.stdout
    assert not (tmp_path / "data").exists()


def test_a_table_named_on_the_command_line_goes_before_one_in_the_environment(routes: Path) -> None:
    routes.write_text(route_table(route("/x"), services={"things": "http://a"}))
    faulty = routes.with_name("faulty.toml")
    faulty.write_text(FAULTY)
    check = "check", "--project", routes.parent

    assert run(*check, "--routes", faulty, GATEWAY_ROUTES=str(routes)).returncode == 1
    assert run(*check, "--routes", routes, GATEWAY_ROUTES=str(faulty)).returncode == 0
    assert run(*check, GATEWAY_ROUTES=str(faulty)).returncode == 1


def test_check_names_faulty_settings_by_their_variables_and_all_of_them() -> None:
    done = run("check", INVENTORY_EXPIRY_INTERVAL="never", CATALOG_SEED="perhaps", SERVICES="{")

    assert done.returncode == 1
    for variable in ("INVENTORY_EXPIRY_INTERVAL", "CATALOG_SEED"):
        assert variable in done.stderr


def test_check_warns_of_what_is_rarely_meant_and_fails_when_strict(routes: Path) -> None:
    routes.write_text(route_table(route("/x", methods=["POST"])).replace("registry://things", "http://a"))
    done, strict = (run("check", "--project", routes.parent, *options) for options in ((), ("--strict",)))

    assert (done.returncode, strict.returncode) == (0, 1)
    for each in (done, strict):
        assert "! warning route 1 (/x): anonymous callers may POST" in each.stderr
        assert "! warning route 1 (/x): it has no rate_limit" in each.stderr
    assert "in order, but for 3 warnings." in done.stdout
    assert "3 warnings found." in strict.stderr


@pytest.mark.parametrize(
    ("admin", "message"),
    [
        ("127.0.0.1:1", "127.0.0.1:1 gives no answer"),
        ("nonsense", "GATEWAY_ADMIN"),
        ("off", "has no admin port"),
    ],
)
def test_a_reload_without_a_running_gateway_says_so(admin: str, message: str) -> None:
    done = run("reload", GATEWAY_ADMIN=admin)

    assert done.returncode == 1
    assert message in done.stderr


def test_routes_shows_every_route_of_the_table() -> None:
    shown = run("routes").stdout

    assert "/web/products/{sku}" in shown
    assert "bff-web:/products/{sku}" in shown
    assert "catalog:write" in shown
    assert "rating: reviews:/summaries/{sku}" in shown


def test_what_a_command_prints_about_itself_is_where_it_is_looked_for() -> None:
    assert run("--version").stdout == run("version").stdout
    assert "Runs and inspects a project" in run("-h").stdout
    assert "Show the public surface" in run("routes", "-h").stdout


def test_an_unknown_app_is_refused_with_those_that_there_are() -> None:
    unknown = run("serve", "warehouse")
    assert unknown.returncode == 1
    assert "There is no app warehouse" in unknown.stderr
    assert "bff-mobile" in unknown.stderr


@pytest.mark.parametrize("options", [(), ("--session",)])
def test_a_login_without_a_running_project_says_so_and_prints_nothing_to_capture(
    options: tuple[str, ...],
) -> None:
    done = run("login", "shopper", "--url", "http://127.0.0.1:1", *options)

    assert (done.returncode, done.stdout) == (1, "")
    assert "Is the project running?" in done.stderr


def test_a_login_without_a_terminal_to_type_the_password_at_says_where_else_it_may_be() -> None:
    done = run("login", "stranger", "--url", "http://127.0.0.1:1")

    assert (done.returncode, done.stdout) == (1, "")
    assert "is typed in at a terminal: without one, set FRONT_PASSWORD.\n" in done.stderr
    assert "Warning" not in done.stderr


def test_a_login_at_no_address_says_so() -> None:
    done = run("login", "shopper", "--url", "shop")

    assert done.returncode == 1
    assert "is not the address of a gateway" in done.stderr


def test_a_role_without_its_settings_says_which_it_needs() -> None:
    done = run("serve", "catalog", "--port", "0", TOKEN_ISSUERS="{}")

    assert done.returncode == 1
    assert "CATALOG_DATABASE_URL" in done.stderr


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("front serve gat", ["gateway"]),
        ("front new page a --bff bff-w", ["bff-web"]),
        ("front graph /web/products/", ["/web/products/{sku}"]),
    ],
)
def test_a_shell_completes_apps_and_paths_of_the_project(typed: str, completed: list[str]) -> None:
    asked = {"_FRONT_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}

    assert run(**asked).stdout.split() == completed


def test_serve_becomes_the_program_of_an_app_by_command(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_text('[apps.echo]\ncommand = ["sh", "-c", "echo ${port} $PORT $HOST"]\n')

    served = run("serve", "echo", "--project", tmp_path, "--port", "1234", "--host", "127.0.0.9")
    assert served.stdout == "1234 1234 127.0.0.9\n"


@pytest.mark.parametrize(
    ("app", "options", "message"),
    [
        ('command = ["echo", "${data}"]', (), "apps.a.command: ${data} has a value only under front up"),
        ('command = ["echo"]\nfolder = "gone"', (), "apps.a.folder: there is no folder"),
        ('factory = "a:b"', ("--fd", "99"), "The descriptor 99 is no socket"),
    ],
)
def test_what_serve_cannot_run_is_named(
    tmp_path: Path, app: str, options: tuple[str, ...], message: str
) -> None:
    (tmp_path / PROJECT_FILE).write_text(f"[apps.a]\n{app}\n")

    done = run("serve", "a", "--project", tmp_path, *options)

    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert message in done.stderr
