"""Any project with a frontispiece.toml: here one that has nothing to do with the shop."""

import json
import re
from pathlib import Path

import httpx
import pytest

from frontispiece.cli.inspect.check import SOMEWHERE, simulated
from frontispiece.cli.project import Project, find
from frontispiece.cli.run import readiness
from frontispiece.errors import ConfigError, UserError
from frontispiece.settings import PROJECT_FILE
from tests.support.foreign import write_project
from tests.support.front import run, run_in
from tests.support.shop import running_shop
from tests.support.tables import route, route_table


def errors_of(folder: Path, text: str) -> list[str]:
    """The errors of a frontispiece.toml, without its path and the line."""
    (folder / PROJECT_FILE).write_text(text)
    with pytest.raises(ConfigError) as refused:
        Project.load(folder)
    return [
        re.sub(rf"^{re.escape(str(folder / PROJECT_FILE))}(:\d+)?: ", "", error)
        for error in refused.value.errors
    ]


def test_a_program_an_app_and_a_bff_are_served_by_one_command(project: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running_shop(data, "--project", str(project), "--processes") as running:
        with httpx.Client(base_url=running.url, timeout=20) as http:
            note, page, alone = (http.get(path) for path in ("/notes/1", "/pages/2", "/alone/3"))
            stars = http.get("/stars").json()
        running.stop()

    assert note.json() == {"path": "/notes/1", "peppered": True}
    assert page.json() == {"path": "/notes/2"}
    assert alone.json() == {"path": "/notes/3"}
    assert stars["STARS_DATABASE"] == f"sqlite:///{data}/stars.db"
    assert re.fullmatch(r"http://127.0.0.1:\d+", stars["STARS_OF"])
    assert f"Try curl {running.url}/notes/1, kept in {data}" in running.printed
    assert "Demo users (ann) have the password a demo." in running.printed
    assert running.process.returncode == 0
    assert (data / "secrets.json").stat().st_mode & 0o777 == 0o600
    assert not (data / "valkey").exists(), "nothing asks for one"


def test_a_variable_that_is_set_wins_and_a_program_that_ends_is_named_with_its_log(
    project: Path, tmp_path: Path
) -> None:
    (project / "notes" / "notes.py").write_text("raise SystemExit('no ink')")
    done = run("up", "--port", "0", "--data", tmp_path / "data", "--project", project)

    assert done.returncode == 1
    assert "notes ended with status 1" in done.stderr
    assert "no ink" in done.stderr

    write_project(project)
    file = project / PROJECT_FILE
    text = file.read_text().partition("[demo]")[0].replace('health = "/health/ready"', "")
    file.write_text(text)
    with running_shop(tmp_path / "data", "--project", str(project), GREETING="mine") as running:
        assert httpx.get(f"{running.url}/stars").json()["GREETING"] == "mine"
        assert httpx.get(f"{running.url}/notes/1").is_success, "it is ready as soon as it accepts connections"
    assert "Demo users" not in running.printed


def test_commands_find_the_project_from_a_folder_within(project: Path) -> None:
    check, routes, graph = (
        run_in(project / "notes", *command)
        for command in (["check"], ["routes"], ["graph", "/pages/{number}"])
    )

    assert "in order" in check.stdout
    assert "pages:/notes/{number}" in routes.stdout
    assert "note" in graph.stdout


def test_without_a_project_commands_say_where_they_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigError, match=f"no {PROJECT_FILE} in {tmp_path} or above"):
        find()
    for command in ("check", "routes", "up", "graph"):
        done = run(command, "--project", tmp_path)
        assert done.returncode == 1
        assert f"{tmp_path / PROJECT_FILE}: there is no such file" in done.stderr


def test_all_errors_between_keys_are_named(tmp_path: Path) -> None:
    assert errors_of(
        tmp_path,
        """
        secrets = ["pepper"]
        [gateway.environment]
        INK = "blue"
        [apps.gateway]
        url = "http://elsewhere"
        [apps.notes]
        mounted = true
        command = ["notes", "${prt}"]
        addresses = { pages = "x${port}" }
        [apps.pages]
        factory = "pages:create_app"
        mounted = true
        environment = { INK = "red", PEPPER = "${secrets.peper}", NOTES = "${apps.pages.url}" }
        [apps.far]
        url = "http://far${port}"
        [demo]
        hints = "${origins}"
        """,
    ) == [
        "apps.gateway: the gateway has a section of its own, [gateway]",
        "apps.notes: only an app with a factory can be mounted: leave mounted out",
        "apps.notes.addresses: pages is taken",
        "apps.notes.addresses.pages: unknown placeholder ${port}",
        "apps.notes.command.1: unknown placeholder ${prt}: did you mean 'port'?",
        "apps.pages.environment.PEPPER: unknown placeholder ${secrets.peper}: did you mean 'secrets.pepper'?",
        "apps.pages.environment.NOTES: unknown placeholder ${apps.pages.url}: did you mean 'apps.far.url'?",
        "apps.far.url: unknown placeholder ${port}",
        "demo.hints: unknown placeholder ${origins}: did you mean 'origin'?",
        "apps.pages: INK has another value in gateway, in the same process",
    ]


def test_services_have_the_address_of_every_app_wherever_it_runs(project: Path, tmp_path: Path) -> None:
    with (project / PROJECT_FILE).open("a") as file:
        file.write(
            '[apps.far]\nurl = "https://far.example"\naddresses = { far-grpc = "unix:${run}/far.sock" }\n'
        )
    opened = Project.load(project)
    run = simulated(opened, tmp_path, opened.routes)

    addresses = json.loads(run.environment("stars")["SERVICES"])

    assert addresses == dict.fromkeys(("notes", "stars", "pages", "alone"), f"http://{SOMEWHERE}") | {
        "far": "https://far.example",
        "far-grpc": "unix:/run/far.sock",
    }


async def test_an_app_that_does_not_get_ready_is_named_with_its_answer(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(readiness, "READY_TIMEOUT", 1.0)
    monkeypatch.setattr(readiness, "WARN_AFTER", 0.0)
    opened = Project.load(project)
    run = simulated(opened, tmp_path, opened.routes)

    with pytest.raises(UserError, match="notes gives no answer"):
        await readiness.wait_ready(run, lambda: None)

    (early,) = caplog.messages
    assert "notes gives no answer" in early


def test_check_knows_that_a_mounted_app_takes_no_websockets(project: Path) -> None:
    edge = project / "edge.toml"
    to = 'to = "pages:/notes/{number}"'
    edge.write_text(edge.read_text().replace(to, f"{to}\nwebsocket = {{}}"))

    done = run("check", "--project", project)

    assert done.returncode == 1
    assert "app://bff:create_app" in done.stderr
    assert "1 error found" in done.stderr


GATE = """
from frontispiece.gateway import Handler, RouteLayer
from frontispiece.http import Problem

class Gate(RouteLayer):
    status: int = 403

    def wrap(self, inner: Handler) -> Handler:
        async def handle(call):
            raise Problem(self.status, "closed")
        return handle
"""


def test_commands_know_the_layers_that_a_project_declares(project: Path) -> None:
    (project / "gate.py").write_text(GATE)
    table = project / "edge.toml"
    table.write_text(table.read_text().replace('to = "stars"\n', 'to = "stars"\nlayers.gate = {}\n'))
    file = project / PROJECT_FILE
    of_project = file.read_text()
    declaration = '\n[gateway.layers.gate]\nfactory = "gate:Gate"\nbefore = "auth"\n'
    file.write_text(of_project + declaration)

    check, shown, as_json = (
        run(*command, "--project", project) for command in (["check"], ["routes"], ["routes", "--json"])
    )
    file.write_text(of_project + declaration.replace(":Gate", ":Gates").replace("auth", "author"))
    faulty = run("check", "--project", project)

    assert (check.returncode, check.stderr.count("gate")) == (0, 0)
    assert [line for line in shown.stdout.splitlines() if "gate" in line and "/stars" in line]
    assert {route["path"]: route.get("layers") for route in json.loads(as_json.stdout)} == {
        "/notes/{rest:path}": None,
        "/stars": {"gate": {"status": 403}},
        "/pages/{number}": None,
        "/alone/{number}": None,
    }
    line = of_project.count("\n") + 3
    assert faulty.returncode == 1
    for error in (
        f"{PROJECT_FILE}:{line}: gateway.layers.gate.factory: gate:Gates cannot be imported: ",
        f"{PROJECT_FILE}:{line + 1}: gateway.layers.gate.before: 'author' is no policy: did you mean 'auth'?",
        "2 errors found",
    ):
        assert error in faulty.stderr


def test_a_gateway_of_its_own_has_the_layers_of_its_project(project: Path, tmp_path: Path) -> None:
    (project / "gate.py").write_text(GATE)
    table = project / "edge.toml"
    table.write_text(table.read_text().replace('to = "stars"\n', 'to = "stars"\nlayers.gate = {}\n'))
    with (project / PROJECT_FILE).open("a") as file:
        file.write('\n[gateway.layers.gate]\nfactory = "gate:Gate"\nafter = "cors"\n')

    with running_shop(tmp_path / "data", "--project", str(project)) as running:
        answer = httpx.get(f"{running.url}/stars")
        other = httpx.get(f"{running.url}/notes/1")

    assert (answer.status_code, answer.json()["title"]) == (403, "Closed")
    assert other.is_success


NO_PYTHON = "def create_app(:", "cannot be imported: SyntaxError"
FAILING = "def create_app():\n    return {}['ink']", "failed: KeyError: 'ink' ("


@pytest.mark.parametrize(
    ("mounted", "command", "module", "message"),
    [
        ("true", "up", *NO_PYTHON),
        ("false", "up", *FAILING),
        ("false", "serve faulty", *NO_PYTHON),
        ("false", "graph", *FAILING),
    ],
)
def test_a_faulty_module_is_named_without_a_traceback(
    tmp_path: Path, mounted: str, command: str, module: str, message: str
) -> None:
    (tmp_path / PROJECT_FILE).write_text(
        f'[apps.faulty]\nfactory = "faulty:create_app"\nmounted = {mounted}\n'
    )
    (tmp_path / "faulty.py").write_text(module)
    (tmp_path / "routes.toml").write_text(
        route_table(route("/x", to="faulty"), services={"faulty": "registry://faulty"})
    )

    done = run(*command.split(), "--project", tmp_path)

    assert done.returncode == 1
    assert f"faulty:create_app {message}" in done.stderr
    assert "Traceback" not in done.stderr


def test_in_production_a_missing_secret_is_named_with_how_to_make_it(tmp_path: Path) -> None:
    (tmp_path / PROJECT_FILE).write_text(
        """
        secrets = ["pepper"]
        [apps.notes]
        command = ["notes"]
        signing_key = "NOTES_KEY"
        environment = { PEPPERS = '["${secrets.pepper}"]', TOKEN_ISSUERS = "${issuers}", NOTES_SEED = "true" }
        """
    )
    done = run("serve", "notes", "--project", tmp_path, NOTES_KEY="a key")
    missing = run("serve", "notes", "--project", tmp_path, NOTES_KEY="")

    assert (done.returncode, missing.returncode) == (1, 1)
    assert "NOTES_KEY" not in done.stderr
    lines = missing.stderr.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["NOTES_KEY", "PEPPERS", "TOKEN_ISSUERS"]
    assert "or the file /run/secrets/notes_key" in lines[0]
    assert "openssl genpkey -algorithm ed25519" in lines[0]
    assert 'in the form ["SECRET"]' in lines[1]
    assert "openssl rand 32" in lines[1]
