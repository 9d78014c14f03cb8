import pytest

from gateway.upstream import Request, Unreachable, open_upstream
from gateway.upstream.discovery import fault_of, faults_of
from kit.settings import Directory
from tests.support.serving import nobody_there, servers
from tests.support.stub import Stub, answering

DIRECTORY = Directory(
    services={
        "mounted": "app://tests.gateway.upstream.test_discovery:make",
        "loop": "registry://mounted",
        "broken": "catalog:8000",
        "deep": "http://catalog/base",
        "several": "http://a:1, http://b:1",
        "some": "http://a:1,",
        "twice": "http://a:1,http://a:1/",
        "mixed": "http://a:1,app://gateway.app:create_app",
    }
)


def make() -> Stub:
    """The factory that the directory names."""
    return Stub(answering(200, b"mounted"))


async def content(name: str, url: str, directory: Directory = DIRECTORY) -> bytes:
    async with open_upstream(name, url, directory) as upstream:
        assert upstream.name == name
        async with await upstream.send(Request(method="GET", target="/a")) as reply:
            return await reply.read(100)


async def test_an_address_on_the_network_is_reached_there() -> None:
    async with servers() as serve:
        url = await serve(Stub(answering(200, b"served")))

        assert await content("things", url) == b"served"
        assert await content("things", url + "/") == b"served"
        assert await content("things", "httpx+" + url) == b"served"
        assert await content("things", "registry://things", Directory(services={"things": url})) == b"served"


async def test_an_app_is_mounted_by_its_factory_or_by_its_name_in_the_registry() -> None:
    assert await content("mounted", "app://tests.gateway.upstream.test_discovery:make") == b"mounted"
    assert await content("mounted", "registry://mounted") == b"mounted"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("registry://nobody", "SERVICES names no address for 'nobody'"),
        ("registry://loop", "SERVICES: loop: 'registry://mounted' leads back to the registry"),
        ("registry://broken", "SERVICES: broken: 'catalog:8000' is no address: it begins with none of"),
        ("registry://deep", "SERVICES: deep: 'http://catalog/base' is more than a scheme, a host and a port"),
        ("registry://some", "SERVICES: some: '' is no address"),
        ("registry://twice", "SERVICES: twice: an address is there twice"),
        ("registry://mixed", "SERVICES: mixed: 'app://gateway.app:create_app' cannot be one of several"),
        ("app://nowhere.at.all:create_app", "cannot be loaded: No module named 'nowhere'"),
        ("app://gateway.app:nothing", "cannot be loaded: .* no attribute 'nothing'"),
        ("app://gateway.app", "cannot be loaded"),
    ],
)
def test_an_address_that_leads_nowhere_is_told_before_anything_is_opened(url: str, told: str) -> None:
    with pytest.raises(LookupError, match=told):
        open_upstream("things", url, DIRECTORY)


def test_an_upstream_that_is_down_can_be_opened_all_the_same() -> None:
    open_upstream("things", nobody_there(), DIRECTORY)


@pytest.mark.parametrize(
    "url",
    [
        "http://catalog",
        "http://catalog:8000",
        "http://catalog:8000/",
        "https://catalog.test",
        "httpx+http://catalog:8000",
        "h2://catalog:8443",
        "http://[::1]:80",
        "registry://catalog",
        "app://services.catalog.app:create_app",
    ],
)
def test_these_are_addresses(url: str) -> None:
    assert fault_of(url) is None


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("", "begins with none of"),
        ("catalog", "begins with none of"),
        ("catalog:8000", "begins with none of"),
        ("HTTP//catalog", "begins with none of"),
        ("httpx+https://catalog", "begins with none of"),
        ("httpx+http://catalog/path", "more than a scheme"),
        ("http:///", "names no host"),
        ("http://:8000", "names no host"),
        ("registry://", "names no host"),
        ("app://", "names no host"),
        ("http://catalog:0", "names a port at which nobody can be"),
        ("http://catalog:70000", "Port out of range"),
        ("http://catalog:eighty", "Port could not be cast"),
        ("http://[::1", "Invalid IPv6"),
        ("http://catalog/path", "more than a scheme"),
        ("http://catalog?q=1", "more than a scheme"),
        ("http://user:password@catalog", "more than a scheme"),
    ],
)
def test_these_are_none(url: str, told: str) -> None:
    fault = fault_of(url)

    assert fault is not None
    assert fault.startswith(repr(url))
    assert told in fault


@pytest.mark.parametrize(
    ("urls", "told"),
    [
        (["http://a:1", "http://b:1", "http://a:2"], []),
        (["registry://a"], []),
        (["gopher://a", "http://b", "http://"], ["'gopher://a' is no address", "'http://' names no host"]),
        (["http://a", "registry://b"], ["'registry://b' cannot be one of several"]),
        (["app://a:b", "app://a:c"], ["'app://a:b' cannot be one", "'app://a:c' cannot be one"]),
        (["http://a", "https://a"], ["several addresses are of one kind, not http and https"]),
        (["http://a", "http://a/"], ["an address is there twice"]),
    ],
)
def test_several_addresses_are_of_one_kind_and_none_is_there_twice(urls: list[str], told: list[str]) -> None:
    faults = list(faults_of(urls))

    assert len(faults) == len(told)
    assert all(what in fault for fault, what in zip(faults, told, strict=True)), faults


async def test_several_addresses_share_the_calls() -> None:
    stubs = [Stub(answering(200, b"one")), Stub(answering(200, b"two"))]
    async with servers() as serve:
        urls = [await serve(stub) for stub in stubs]
        for url, directory in [
            (urls, DIRECTORY),
            ("registry://things", Directory(services={"things": ",".join(urls)})),
        ]:
            async with open_upstream("things", url, directory) as upstream:
                said = set()
                for _ in range(30):
                    async with await upstream.send(Request(method="GET", target="/a")) as reply:
                        said.add(await reply.read(100))
            assert said == {b"one", b"two"}


async def test_whether_a_service_is_ready_is_its_own_word() -> None:
    stub = Stub()
    async with servers() as serve, open_upstream("things", await serve(stub), DIRECTORY) as upstream:
        assert await upstream.is_ready()
        stub.ready = False
        assert not await upstream.is_ready()
    async with open_upstream("things", nobody_there(), DIRECTORY) as upstream:
        with pytest.raises(Unreachable):
            await upstream.is_ready()
