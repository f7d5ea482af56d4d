"""Whose address counts: of the browser behind a proxy on this machine, and of nobody who only says so."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from core.settings import trusted_proxies
from core.web import middleware
from core.web.client import ClientAddressMiddleware
from core.web.request import client_address


async def address(request: Request) -> Response:
    return PlainTextResponse(client_address(request))


@pytest.mark.parametrize(
    ("peer", "noted"),
    [
        ("127.0.0.1", "192.0.2.7"),
        ("::1", "192.0.2.7"),
        ("::ffff:127.0.0.1", "192.0.2.7"),
        ("::ffff:10.0.0.5", "10.0.0.5"),
        ("2001:db8::5", "2001:db8::5"),
        ("a socket", "a socket"),
    ],
)
def test_a_proxy_on_this_machine_is_believed_however_its_address_is_written(peer: str, noted: str) -> None:
    wrapped = Middleware(ClientAddressMiddleware, trusted=trusted_proxies())
    app = Starlette(routes=[Route("/", address)], middleware=[wrapped])
    client = TestClient(app, client=(peer, 50000))
    assert client.get("/", headers={"X-Forwarded-For": "203.0.113.9, 192.0.2.7"}).text == noted


def test_nothing_looks_at_an_address_before_it_is_written_plainly() -> None:
    assert middleware()[0].cls is ClientAddressMiddleware
