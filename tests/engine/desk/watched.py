"""The same server, which writes into its log what its event loop's thread calls of storage, SQL and pandas."""

import sys
from types import FrameType
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from core.services import get_services
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes

WAITS = "the event loop waits for "
SLOW = ("core.storage.journal", "core.storage.sql_store", "sqlalchemy.engine.base", "sqlalchemy.pool", "pandas.")


class Watch:
    """Stands before everything else, so that the thread of the event loop is watched from the first request on."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        sys.setprofile(_note)
        await self._app(scope, receive, send)


def _note(frame: FrameType, event: str, _argument: Any) -> None:
    module = str(frame.f_globals.get("__name__"))
    if event == "call" and module.startswith(SLOW):
        print(f"{WAITS}{module}.{frame.f_code.co_name}", file=sys.stderr, flush=True)


async def wait(_request: Request) -> Response:
    """Wait for the journal on the event loop, as nothing of the project may."""
    get_services().engine.waiting("nobody")
    return Response(status_code=204)


app = st.App(
    "main.py",
    lifespan=lifespan(load_pages=lambda: None),
    routes=[*routes(), Route("/keep/wait", wait)],
    middleware=[Middleware(Watch), *middleware()],
    on_script_error=not_done,
)
