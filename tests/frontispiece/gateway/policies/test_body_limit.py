"""The maximum size of a body; `attacks/test_sizes.py` has it at the edge, streamed."""

import pytest

from frontispiece.gateway.call import Call
from frontispiece.gateway.policies.body_limit import body_limit_layer
from frontispiece.http.problems import Problem
from frontispiece.upstream import Reply, Request
from frontispiece.upstream.transports.asgi import AsgiTransport
from tests.support.calls import call, in_chunks
from tests.support.stub import Stub, fine
from tests.support.tables import errors_of, route


async def test_a_mounted_app_never_sees_the_end_of_a_body_that_is_cut_off() -> None:
    app = Stub(fine)

    async with AsgiTransport(app) as transport:

        async def forwarding(request: Call) -> Reply:
            return await transport.send(Request(method="POST", target="/", body=request.body))

        with pytest.raises(Problem, match="at most 4 B") as refusal:
            await body_limit_layer(4)(forwarding)(call("POST", body=in_chunks(b"four", b"!")))

        await app.last.ended.wait()
    assert app.last.body == b"four"
    assert (refusal.value.status, refusal.value.members) == (413, {"limit": 4})


@pytest.mark.parametrize("size", ["1", "1 KiB", "1kb", "-1B", "1.5MiB", "", "1KiB ", 1])
def test_an_invalid_size_is_refused(size: object) -> None:
    (error,) = errors_of(route(max_body_size=size))
    assert "max_body_size: " in error
    assert "is no size" in error
