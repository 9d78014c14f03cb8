"""Whether a release may happen, by the files and the history of a git repository."""

from datetime import date
from pathlib import Path

import pytest

from frontispiece.contracts import Contracts, Revision, WorkingTree, changes, disagreements
from frontispiece.errors import ConfigError
from tests.support.small_contracts import LIST, commit, contract, write_contracts

TODAY = date(2026, 6, 1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The folder of contracts of a project, committed: reader 1.0.0 is released, 1.1.0 in development."""
    return write_contracts(tmp_path)


def found(folder: Path) -> list[str]:
    tree = WorkingTree(folder)
    return disagreements(tree, Contracts.load(tree), TODAY)


def compared(folder: Path, revision: str = "HEAD") -> list[tuple[bool, str]]:
    base = Contracts.load(Revision(folder, revision))
    return [(each.is_breach, each.text) for each in changes(base, Contracts.load(WorkingTree(folder)), TODAY)]


def test_files_and_list_agree_and_nothing_has_changed(folder: Path) -> None:
    assert found(folder) == []
    assert compared(folder) == []


def test_a_file_without_an_entry_and_an_entry_without_a_file_are_named(folder: Path) -> None:
    (folder / "reader" / "1.1.0.json").rename(folder / "reader" / "1.2.0.json")

    assert found(folder) == [
        "contracts/reader/1.2.0.json has no entry in released.toml: add it under [[reader]]",
        (
            "contracts/reader/1.1.0.json is missing: reader 1.1.0 leaves the field by `retired = DATE` in"
            " released.toml alone"
        ),
    ]


def test_a_file_whose_name_is_no_version_is_named(folder: Path) -> None:
    (folder / "reader" / "1.2.json").write_bytes(contract())

    assert found(folder) == ["contracts/reader/1.2.json is no contract: its name is <client>/<version>.json"]


def test_a_folder_without_a_list_is_refused(folder: Path) -> None:
    (folder / "released.toml").unlink()

    assert found(folder) == ["contracts/released.toml is missing: it lists the versions in the field"]


def test_a_retired_version_may_lose_its_file_and_keeps_its_entry(folder: Path) -> None:
    (folder / "released.toml").write_text(LIST.replace("2026-01-02\n", "2026-01-02\nretired = 2026-06-01\n"))
    (folder / "reader" / "1.0.0.json").unlink()

    assert found(folder) == []
    assert compared(folder) == [
        (False, "reader 1.0.0: released 2026-01-02 → retired 2026-06-01"),
        (False, "the contract of reader 1.0.0 is removed"),
    ]


def test_a_released_version_cannot_lose_its_entry_or_its_release(folder: Path) -> None:
    (folder / "released.toml").write_text('[[reader]]\nversion = "1.1.0"\n')
    assert compared(folder) == [
        (True, "reader 1.0.0 has lost its entry: `retired = DATE` says that it is gone")
    ]

    (folder / "released.toml").write_text(LIST.replace("released = 2026-01-02", ""))
    assert compared(folder) == [
        (True, "reader 1.0.0 was released 2026-01-02, and is to be in development again")
    ]


def test_the_contract_of_a_released_version_cannot_be_changed_or_removed(folder: Path) -> None:
    file = folder / "reader" / "1.0.0.json"
    file.write_bytes(contract(text="Buy ink", counts={"en": 1}))
    assert compared(folder) == [
        (
            True,
            "the contract of reader 1.0.0 is changed, and the version is in the field: restore the file",
        )
    ]

    file.unlink()
    assert compared(folder) == [
        (
            True,
            "the contract of reader 1.0.0 is removed, and the version is in the field: restore the file",
        )
    ]


def test_a_version_in_development_may_change_be_released_and_be_given_up(folder: Path) -> None:
    (folder / "reader" / "1.1.0.json").write_bytes(contract("1.1.0", text="Buy ink"))
    (folder / "released.toml").write_text(LIST + "released = 2026-05-01\n")
    assert compared(folder) == [
        (False, "reader 1.1.0: in development → released 2026-05-01"),
        (False, "the contract of reader 1.1.0 is changed"),
    ]

    (folder / "reader" / "1.1.0.json").unlink()
    (folder / "released.toml").write_text(LIST.partition('[[reader]]\nversion = "1.1.0"')[0])
    assert compared(folder) == [
        (False, "reader 1.1.0, which was in development, is given up"),
        (False, "the contract of reader 1.1.0 is removed"),
    ]


def test_without_a_list_at_the_base_every_file_there_counts_as_released(folder: Path) -> None:
    (folder / "released.toml").unlink()
    commit(folder.parent)
    (folder / "released.toml").write_text(LIST)
    (folder / "reader" / "1.1.0.json").write_bytes(contract("1.1.0", text="Buy ink"))

    assert (
        True,
        "the contract of reader 1.1.0 is changed, and the version is in the field: restore the file",
    ) in compared(folder)


@pytest.mark.parametrize("revision", ["no-such-revision", "--all", "HEAD:contracts", ""])
def test_a_revision_that_cannot_be_read_is_refused(folder: Path, revision: str) -> None:
    with pytest.raises(ConfigError, match=r"^git cannot read contracts at "):
        compared(folder, revision)


def test_a_revision_without_contracts_is_refused(folder: Path) -> None:
    names = [path for path in folder.rglob("*") if path.is_file()]
    contents = {path: path.read_bytes() for path in names}
    for path in names:
        path.unlink()
    commit(folder.parent)
    for path, content in contents.items():
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_bytes(content)

    with pytest.raises(ConfigError, match="git cannot read contracts at HEAD"):
        compared(folder)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", "contracts/reader/1.0.0.json is no pact: JSONDecodeError"),
        (b"[]", "contracts/reader/1.0.0.json is no pact: TypeError"),
        (b"[" * 100_000, "contracts/reader/1.0.0.json is no pact: RecursionError"),
        (b"{}", "contracts/reader/1.0.0.json is no pact: KeyError: 'consumer'"),
        (
            contract(text="Buy ink").replace(b'"reader"', b'"writer"'),
            "contracts/reader/1.0.0.json is a contract of writer, and not of reader",
        ),
        (
            b'{"consumer": {"name": "reader"}, "provider": {"name": "notes"}, "interactions": []}',
            "contracts/reader/1.0.0.json has no interactions: it proves nothing",
        ),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_now_and_at_the_base(
    folder: Path, content: bytes, error: str
) -> None:
    file = folder / "reader" / "1.0.0.json"
    before = file.read_bytes()
    file.write_bytes(content)
    with pytest.raises(ConfigError) as now:
        found(folder)
    commit(folder.parent)
    file.write_bytes(before)
    with pytest.raises(ConfigError) as at_base:
        compared(folder)

    assert now.value.errors[0].startswith(error)
    place, _, rest = error.partition(" is ")
    rest = rest or error.partition(" has ")[2]
    assert at_base.value.errors[0].startswith(f"{place.partition(' has ')[0]} at HEAD")
    assert rest in at_base.value.errors[0]
