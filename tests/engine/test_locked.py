"""Another process that holds SQLite's lock costs nobody an edit, and no page more than a moment."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy.engine import make_url
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.clock import FakeClock
from core.errors import StoreUnavailableError
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.database import BUDGET_SECONDS
from core.storage.models import Base
from core.web.token import new_token, token_hash
from tests.engine.writing import put

SCRIPT = """
import streamlit as st
from core import bootstrap_session, persist_input

bootstrap_session()
st.text_input("A", key="a", on_change=lambda: st.session_state.update(kept=persist_input("a", st.session_state["a"])))
st.text(st.session_state.get("kept"))
"""
EDITS = 5
SLOW = 300
"""Seconds: a limit for what has to happen sometime."""


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(make_settings: Callable[..., Settings], clock: FakeClock) -> Iterator[Services]:
    built = build_services(make_settings(), clock)
    Base.metadata.create_all(built.database)
    with use_services(built):
        yield built


@pytest.fixture
def token(services: Services, monkeypatch: pytest.MonkeyPatch) -> str:
    token = new_token(services.settings.secret_key.get_secret_value())
    cookies = {services.settings.cookie_name: token}
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: cookies))
    return token_hash(token)


@contextmanager
def locked(services: Services, mode: str) -> Iterator[None]:
    """Hold the database's lock, as another process would."""
    path = make_url(services.settings.resolved_database_url).database
    assert path is not None
    holder = sqlite3.connect(path, timeout=SLOW, isolation_level=None)
    holder.execute(f"BEGIN {mode}")
    try:
        yield
    finally:
        holder.close()


def wait_until(condition: Callable[[], bool]) -> None:
    over = time.monotonic() + SLOW
    while not condition():
        assert time.monotonic() < over, "it didn't happen in time"
        threading.Event().wait(0.05)


@pytest.mark.parametrize("mode", ["IMMEDIATE", "EXCLUSIVE"])
def test_edits_go_on_while_another_process_holds_the_lock(
    services: Services, token: str, clock: FakeClock, mode: str
) -> None:
    tab = AppTest.from_string(SCRIPT, default_timeout=60).run()
    services.engine.flush()
    clock.advance(61)  # so that it is due to note that the browser was seen
    with locked(services, mode):
        for number in range(EDITS):
            tab.text_input[0].input(f"{mode} {number}").run()
            assert not tab.exception
            assert tab.text[0].value == "True"
    services.engine.flush()
    session = services.engine.open(services.store.headers(1)[0].session_id)
    assert session.form("default").values == {"a": f"{mode} {EDITS - 1}"}
    wait_until(
        lambda: services.accounts.identities.ask(token, "anon").registered
    )  # registered at the first edit, once it could be


def test_a_browser_seen_while_nothing_could_be_written_counts_from_then(
    services: Services, token: str, clock: FakeClock
) -> None:
    services.accounts.tokens.register(token, "anon", "")
    state = services.accounts.identities.ask(token, "anon")
    clock.advance(120)
    seen = clock.now()
    with locked(services, "IMMEDIATE"):
        services.accounts.tokens.touch(state)
        assert services.accounts.identities.ask(token, "anon") == state
        clock.advance(30)
    wait_until(lambda: services.accounts.identities.ask(token, "anon") != state)
    assert services.accounts.identities.ask(token, "anon").last_seen == seen


def test_a_background_write_does_not_revive_a_token_revoked_since(
    services: Services, token: str, clock: FakeClock
) -> None:
    services.accounts.tokens.register(token, "anon", "")
    state = services.accounts.identities.ask(token, "anon")
    clock.advance(120)
    late: list[Callable[[], None]] = []
    services.accounts.background.write = lambda _key, write: late.append(write)  # type: ignore[method-assign]
    services.accounts.tokens.touch(state)
    services.accounts.tokens.register(token, "anon", "")
    services.accounts.tokens.revoke(token)
    for write in late:
        write()
    assert len(late) == 2
    assert services.accounts.identities.ask(token, "anon").standing == "ended"


def test_within_a_budget_a_database_that_just_did_not_answer_is_not_asked_again(
    services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.storage.database._OPEN_SECONDS", 3600)  # it ends while nobody looks, on a slow machine
    said = []
    with locked(services, "EXCLUSIVE"), services.accounts.db_budget:
        for _ in range(20):
            with pytest.raises(StoreUnavailableError) as refusal:
                services.store.load("s")
            said.append("just now" in str(refusal.value))
    assert said == [False] + [True] * 19


def test_whoever_has_no_budget_waits_for_the_lock(services: Services) -> None:
    holding, done = threading.Event(), threading.Event()

    def hold() -> None:
        with locked(services, "EXCLUSIVE"):
            holding.set()
            done.wait(3 * BUDGET_SECONDS)

    holder = threading.Thread(target=hold)
    holder.start()
    assert holding.wait(SLOW)
    put(services.engine, "s", {"form/f/field/a": 1})
    services.engine.flush()
    holder.join()
    assert services.store.load("s").version
