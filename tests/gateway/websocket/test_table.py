"""What a table may say of WebSockets."""

import pytest

from gateway.table import parse
from kit.faults import Faulty

TABLE = """
[services]
chat = {{ url = "{url}" }}

[[routes]]
path = "/chat"
to = "chat"
auth = "none"
{more}
"""


def test_what_is_left_out_is_usual() -> None:
    (route,) = parse(TABLE.format(url="http://chat:8000", more="websocket = {}")).routes
    assert route.websocket is not None
    assert (route.websocket.most, route.websocket.largest) == (1000, 65536)


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("websocket = { most = 0 }", "most: Input should be greater than or equal to 1"),
        ('websocket = { largest = "2MiB" }', "largest: Input should be less than or equal to 1048576"),
        ('websocket = { idle = "0s" }', "idle: Input should be greater than"),
        ("websocket = { other = 1 }", "other: Extra inputs are not permitted"),
        ("websocket = {}\ncompress = {}", "websocket does not go with compress"),
        ("websocket = {}\nvalidate = true", "websocket does not go with validate"),
        ("websocket = {}\ncache = {}", "websocket does not go with cache"),
        ('websocket = {}\nmethods = ["POST"]', "websocket needs GET among the methods"),
    ],
)
def test_what_cannot_be_meant_is_told(more: str, told: str) -> None:
    with pytest.raises(Faulty) as refusal:
        parse(TABLE.format(url="http://chat:8000", more=more))
    assert any(told in fault for fault in refusal.value.faults), refusal.value.faults


@pytest.mark.parametrize("url", ["app://module:factory", "h2://chat:8000"])
def test_a_service_that_cannot_speak_it_is_told(url: str) -> None:
    with pytest.raises(Faulty) as refusal:
        parse(TABLE.format(url=url, more="websocket = {}"))
    assert refusal.value.faults == [
        f"route 1 (/chat): websocket: nobody speaks it at {url}, only at http:// and https://"
    ]
