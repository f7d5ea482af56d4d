"""The same server, which counts how often it reads the journal, asks the database and lists a folder."""

import gc
import sys
from collections import Counter
from typing import Any

import apsw
import streamlit as st
from sqlalchemy import Engine, event
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from streamlit.runtime import get_instance

from core.pages import load_pages
from core.session_manager import SessionManager
from core.settings import PROJECT_ROOT
from core.streamlit_compat.server import end_session
from core.ui.cards import not_done
from core.web import lifespan, middleware, routes, session_revocation

session_revocation.INTERVAL_SECONDS = 3600.0
counts: Counter[str] = Counter()


def _of_journal(traced: dict[str, Any]) -> None:
    if traced["sql"].startswith("SELECT"):
        counts["reads of the journal"] += 1


def _of_database(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    counts["queries of the identity" if "asked" in statement else "other statements"] += 1


def _of_folders(happened: str, arguments: tuple[Any, ...]) -> None:
    if happened in ("os.listdir", "os.scandir") and str(arguments[0]).startswith(str(PROJECT_ROOT)):
        counts["folders listed"] += 1


apsw.connection_hooks.append(lambda connection: connection.trace_v2(apsw.SQLITE_TRACE_STMT, _of_journal))
event.listen(Engine, "before_cursor_execute", _of_database)
sys.addaudithook(_of_folders)


async def said(_request: Request) -> JSONResponse:
    """Answer with the counts so far, and with the number of tabs in memory."""
    gc.collect()
    return JSONResponse({**counts, "tabs": sum(type(each) is SessionManager for each in gc.get_objects())})


async def end(_request: Request) -> JSONResponse:
    """End the pages whose browsers are gone, as Streamlit does after a while, and answer with their number."""
    gone = get_instance()._session_mgr._session_storage.list()
    for each in gone:
        end_session(each.session.id)
    return JSONResponse(len(gone))


app = st.App(
    "whole.py",
    lifespan=lifespan(load_pages),
    routes=[*routes(), Route("/keep/counts", said), Route("/keep/end", end)],
    middleware=middleware(),
    on_script_error=not_done,
)
