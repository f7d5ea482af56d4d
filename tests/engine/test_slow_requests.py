"""A request that is sent in part only holds nothing up, and is not waited for."""

from __future__ import annotations

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.types import Message, Scope

from core.services import Services
from core.web import request as requests
from core.web import routes
from core.web.token import new_token

PATHS = ("/keep/rotate", "/keep/drafts", "/keep/position", "/keep/last-message")


class Sender:
    """Sends the beginning of a request, and no more of it."""

    def __init__(self, services: Services, path: str) -> None:
        token = new_token(services.settings.secret_key.get_secret_value())
        cookie = f"{services.settings.cookie_name}={token}".encode()
        self.scope: Scope = {
            "type": "http",
            "method": "POST",
            "path": path,
            "query_string": b"",
            "headers": [(b"sec-fetch-site", b"same-origin"), (b"cookie", cookie)],
            "client": ("192.0.2.7", 50000),
        }
        self.begun = asyncio.Event()
        self.status = 0

    async def receive(self) -> Message:
        if self.begun.is_set():
            await asyncio.Future()
        self.begun.set()
        return {"type": "http.request", "body": b"{", "more_body": True}

    async def send(self, message: Message) -> None:
        self.status = message.get("status", self.status)

    async def ask(self) -> int:
        await Starlette(routes=routes())(self.scope, self.receive, self.send)
        return self.status


@pytest.mark.parametrize("path", PATHS)
def test_the_rest_of_a_body_is_not_waited_for_for_ever(
    services: Services, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.setattr(requests, "BODY_SECONDS", 0.01)

    async def ask() -> int:
        return await asyncio.wait_for(Sender(services, path).ask(), 60)

    assert asyncio.run(ask()) == 408


def test_so_many_may_be_on_their_way_from_one_address(services: Services) -> None:
    async def ask() -> list[int]:
        held = [Sender(services, "/keep/position") for _ in range(requests.MOST_BODIES_OF_ONE)]
        tasks = [asyncio.ensure_future(sender.ask()) for sender in held]
        for sender in held:
            await sender.begun.wait()
        one_more, elsewhere = Sender(services, "/keep/position"), Sender(services, "/keep/position")
        elsewhere.scope["client"] = ("192.0.2.8", 50000)
        tasks.append(asyncio.ensure_future(elsewhere.ask()))
        status = await one_more.ask()
        await elsewhere.begun.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        again = Sender(services, "/keep/position")
        task = asyncio.ensure_future(again.ask())
        await again.begun.wait()
        task.cancel()
        return [status, elsewhere.status, again.status]

    assert asyncio.run(ask()) == [503, 0, 0]
