"""A login at an issuer that is faulty."""

import asyncio
import json

import pytest

from frontispiece.login.config import Login
from frontispiece.login.flow import LoginFailed, access_token
from tests.support.serving import Serve
from tests.support.stub import Answer, Exchange, Stub, answering

LOGIN = Login(issuer="/identity", client_id="mobile", redirect_uri="com.example:/callback")
ENDPOINTS = {"authorization_endpoint": "{url}/auth", "token_endpoint": "{url}/token"}

HTML = (b"content-type", b"text/html")
PROBLEM = (b"content-type", b"application/problem+json")

NO_DOCUMENT = "answered no JSON object with authorization_endpoint and token_endpoint"
FAULTY = "or its login is faulty"


@pytest.mark.parametrize(
    ("discovery", "login", "reason"),
    [
        (answering(200, b"<html>", HTML), None, NO_DOCUMENT),
        (answering(200, b"[]"), None, NO_DOCUMENT),
        (answering(200, b'{"authorization_endpoint": 1}'), None, NO_DOCUMENT),
        (answering(200, b"plain", (b"content-encoding", b"gzip")), None, FAULTY),
        (answering(200, json.dumps(dict.fromkeys(ENDPOINTS, "/x")).encode()), None, FAULTY),
        (None, answering(302, b"", (b"location", b"http://[::1")), FAULTY),
        (None, answering(302, b"", (b"location", b"mailto:a@b")), FAULTY),
        (None, answering(302, b""), "/auth.* answered 302"),
        (None, answering(200, b"<form action='http://[::1'>", HTML), FAULTY),
        (None, answering(200, b"<form><input type=password><input type=hidden>", HTML), "without a form"),
        (None, answering(400, b"{}", PROBLEM), "/auth.* answered 400"),
        (None, answering(400, b"no JSON", PROBLEM), "/auth.* answered 400"),
    ],
)
async def test_a_faulty_login_says_what_is_wrong(
    discovery: Answer | None, login: Answer | None, reason: str, serve: Serve
) -> None:
    async def answer(exchange: Exchange) -> None:
        if b"openid-configuration" not in exchange.path:
            chosen = answering(200, b"<p>", HTML) if exchange.method == "POST" else login
        else:
            document = {name: value.format(url=url) for name, value in ENDPOINTS.items()}
            chosen = discovery or answering(200, json.dumps(document).encode())
        assert chosen is not None, "there is no login without a discovery document"
        await chosen(exchange)

    url = await serve(Stub(answer))
    with pytest.raises(LoginFailed, match=reason):
        await asyncio.to_thread(access_token, url, LOGIN, "alice", "secret")
