"""Every service has the same shape: the sameness is the map."""

import ast
import re
from pathlib import Path

import pytest

SERVICES = Path(__file__).parents[2] / "services"
NAMES = (
    "acquirer",
    "basket",
    "catalog",
    "discount",
    "feed",
    "inventory",
    "notification",
    "ordering",
    "payment",
    "pickup",
    "recommendation",
    "reviews",
    "sales",
    "shipping",
)
IO = {"fastapi", "sqlalchemy", "httpx", "grpc", "valkey", "starlette", "frontispiece"}


def syntax(path: Path) -> list[ast.AST]:
    return list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))


@pytest.mark.parametrize("name", NAMES)
def test_a_service_has_wiring_a_model_a_store_and_a_way_in(name: str) -> None:
    files = {path.name for path in (SERVICES / name).glob("*.py")}

    assert files >= {"app.py", "model.py", "store.py"}
    assert files & {"api.py", "rpc.py"} or "events.py" in files


@pytest.mark.parametrize("name", NAMES)
def test_a_model_is_frozen_never_awaits_and_does_no_io(name: str) -> None:
    for node in syntax(SERVICES / name / "model.py"):
        assert not isinstance(node, ast.AsyncFunctionDef | ast.Await)
        match node:
            case ast.ClassDef(decorator_list=[ast.Call() as dataclass]):
                options = {keyword.arg: ast.unparse(keyword.value) for keyword in dataclass.keywords}
                assert options == {"frozen": "True", "kw_only": "True", "slots": "True"}, node.name
            case ast.Import(names=names):
                assert not {alias.name.partition(".")[0] for alias in names} & IO
            case ast.ImportFrom(module=str(module)):
                assert module.partition(".")[0] not in IO


@pytest.mark.parametrize("name", NAMES)
def test_wiring_defines_settings_and_a_factory_and_no_endpoint(name: str) -> None:
    tree = ast.parse((SERVICES / name / "app.py").read_text(encoding="utf-8"))

    assert [node.name for node in tree.body if isinstance(node, ast.ClassDef)] == [f"{name.title()}Settings"]
    assert "create_app" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    decorators = {ast.unparse(decorator) for function in functions for decorator in function.decorator_list}
    assert decorators <= {"asynccontextmanager"}


@pytest.mark.parametrize("name", NAMES)
def test_no_dependency_of_an_endpoint_needs_a_thread(name: str) -> None:
    nodes = [node for path in (SERVICES / name).rglob("*.py") for node in syntax(path)]
    coroutines = {node.name for node in nodes if isinstance(node, ast.AsyncFunctionDef)}
    for node in nodes:
        match node:
            case ast.Call(func=ast.Name(id="Depends"), args=dependencies):
                assert dependencies, "a class as a dependency is made in a thread"
                assert {ast.unparse(each) for each in dependencies} <= coroutines


def names_of_others(path: Path, own: str) -> set[str]:
    """What a file imports or names of other services: modules, and the variables of their databases."""
    mentioned = set[str]()
    for node in syntax(path):
        match node:
            case ast.Import(names=names):
                mentioned |= {alias.name for alias in names}
            case ast.ImportFrom(module=str(module), names=names):
                mentioned |= {f"{module}.{alias.name}" for alias in names}
            case ast.Constant(value=str(text)):
                mentioned |= {text.replace(":", ".")} if re.fullmatch(r"[\w.:]+", text) else set()
    others = [other for other in NAMES if other != own]
    return {
        text
        for text in mentioned
        if any(f"{text}.".startswith(f"services.{other}.") for other in others)
        or (text.endswith("_URL") and text.startswith(tuple(f"{other.upper()}_" for other in others)))
    }


@pytest.mark.parametrize("name", [*NAMES, "identity", "bff", "gateway", "shop"])
def test_no_service_opens_the_database_or_the_tables_of_another(name: str) -> None:
    """Not even by the name of a module, or of a variable with an address."""
    folder = SERVICES / name if (SERVICES / name).is_dir() else SERVICES.parent / name
    files = [*folder.rglob("*.py")]

    assert files
    assert {str(path): found for path in files if (found := names_of_others(path, name))} == {}
