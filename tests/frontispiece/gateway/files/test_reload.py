"""New files are a new release, and what an open page of an earlier one loads stays for a while."""

import re
from pathlib import Path

from frontispiece.gateway.files.site import EARLIER_RELEASES
from frontispiece.gateway.reload import Outcome
from tests.frontispiece.gateway.files.conftest import INDEX, OpenClient, write
from tests.support.world import World


async def entry_of(world: World) -> str:
    """The URL of the page's entry module."""
    (entry,) = re.findall(r'<script type="module" src="([^"]*)"', (await world.http.get("/")).text)
    return str(entry)


async def test_a_reload_takes_files_that_have_changed_under_the_same_table(
    client: OpenClient, folder: Path
) -> None:
    world = await client()
    before = await entry_of(world)

    assert (await world.reload(world.written[-1])).outcome is Outcome.UNCHANGED
    write(folder, {"web/main.js": "// another\n"})
    assert (await world.http.get("/main.js")).text != "// another\n"
    assert (await world.reload(world.written[-1])).outcome is Outcome.DONE

    after = await entry_of(world)
    assert after != before
    assert (await world.http.get(after)).text == "// another\n"
    assert (await world.http.get("/main.js")).text == "// another\n"


async def test_a_page_of_an_earlier_release_can_still_load_its_modules_but_not_for_ever(
    client: OpenClient, folder: Path
) -> None:
    world = await client()
    entries, contents = [await entry_of(world)], [(await world.http.get("/main.js")).text]
    for number in range(EARLIER_RELEASES + 1):
        write(folder, {"web/main.js": f"// release {number}\n"})
        await world.reload(world.written[-1])
        entries.append(await entry_of(world))
        contents.append(f"// release {number}\n")

    assert (await world.http.get(entries[0])).status_code == 404
    for entry, content in zip(entries[1:], contents[1:], strict=True):
        assert (await world.http.get(entry)).text == content


async def test_a_release_that_comes_back_is_one_and_pushes_none_out(client: OpenClient, folder: Path) -> None:
    world = await client()
    first = await entry_of(world)
    original = (folder / "web" / "main.js").read_bytes()
    for _ in range(EARLIER_RELEASES + 2):
        write(folder, {"web/main.js": "// another\n"})
        await world.reload(world.written[-1])
        write(folder, {"web/main.js": original})
        await world.reload(world.written[-1])

    assert await entry_of(world) == first


async def test_faulty_files_leave_the_release_before_in_force(client: OpenClient, folder: Path) -> None:
    world = await client()
    before = await entry_of(world)

    write(folder, {"web/index.html": INDEX.replace("main.js", "gone.js")})
    result = await world.reload(world.written[-1])

    assert result.outcome is Outcome.FAULTY
    assert "web/index.html refers to gone.js, which is not among the files" in result.errors[0]
    assert await entry_of(world) == before
