"""A process of its own that shows a page with a cached figure, for `test_cache.py`.

It reads commands from standard input, a line each, and answers each with a line of JSON.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sqlalchemy import Column, Integer, MetaData, Table, func, insert, select
from streamlit.testing.v1 import AppTest

from core import cache
from core.services import close_services, get_services

orders = Table("orders", MetaData(), Column("number", Integer, primary_key=True))
computed: list[str] = []


@cache.data("orders:count", depends_on=["table:orders"])
def count() -> int:
    """How many orders the database has."""
    computed.append("count")
    with get_services().database.connect() as connection:
        return connection.scalar(select(func.count()).select_from(orders)) or 0


@cache.data("notes:all", depends_on=["form:note"])
def notes() -> list[str]:
    """What all sessions saved in the form `note`."""
    computed.append("notes")
    services = get_services()
    forms = [services.engine.open(header.session_id).form("note") for header in services.store.headers(100)]
    return sorted(form.saved["text"] for form in forms if form.saved)


def show() -> None:
    """The page. It runs by itself, so it imports what it needs."""
    import streamlit as st
    from sqlalchemy import insert

    from core import bootstrap_session, get_session_manager, save_form
    from core.services import get_services
    from tests.engine import cached_page

    bootstrap_session()
    text = st.session_state.pop("save", None)
    if text is not None:
        save_form("note", {"text": text})
        get_services().engine.flush()  # on a slow machine it takes longer than Save waits for it
    number = st.session_state.pop("submit", None)
    if number is not None:
        row = insert(cached_page.orders).values(number=number)
        get_session_manager().submit_form("order", {"number": number}, lambda data: str(data.execute(row)), key="k")
    st.session_state["shown"] = {"count": cached_page.count(), "notes": cached_page.notes()}


def add_order(number: int, *, commit: bool = True) -> None:
    """Write through the project's engine, as a page's code does; the transaction may be rolled back."""
    with get_services().database.connect() as connection:
        connection.execute(insert(orders).values(number=number))
        if commit:
            connection.commit()


def answer(tab: AppTest, command: str, value: Any) -> Any:
    """What became of one command."""
    match command:
        case "run":
            tab.run()
        case "save":
            tab.session_state["save"] = value
            tab.run()
        case "submit":
            tab.session_state["submit"] = value
            tab.run()
        case "order":
            add_order(value)
        case "rolled-back order":
            add_order(value, commit=False)
        case "invalidate":
            cache.invalidate(value)
    assert not tab.exception, tab.exception
    shown = tab.session_state["shown"] if "shown" in tab.session_state else None  # noqa: SIM401 (there is no get)
    done, computed[:] = list(computed), []
    return {"shown": shown, "computed": sorted(done)}


def main() -> None:
    """Answer commands until there are no more."""
    tab = AppTest.from_function(show, default_timeout=60)
    for line in sys.stdin:
        print(json.dumps(answer(tab, *json.loads(line))), flush=True)
    close_services()
