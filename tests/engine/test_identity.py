"""Who a browser belongs to is asked in one place, and an outage of the database opens nothing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import Accounts, Identity, User
from core.accounts.identity import GRACE_SECONDS, IdentityCache
from core.errors import NotAllowedError, StoreUnavailableError
from core.services import Services
from core.web.live_tab import LiveTab
from core.web.token import new_token, token_hash
from tests.engine.conftest import queries

NEEDED = "orders.read"


def page() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, requires

    @requires("orders.read")
    def guarded() -> None:
        st.session_state["done"] = True

    bootstrap_session()
    manager = get_session_manager()
    manager.enter_page("orders.read")
    st.session_state["live"] = manager.live
    st.button("Guarded", on_click=guarded)


@pytest.fixture
def clerk(services: Services) -> User:
    services.accounts.roles.save("clerk", ["orders.*"])
    return services.accounts.users.create("clerk", "Clerk", roles=["clerk"])


@pytest.fixture
def token(services: Services, clerk: User, monkeypatch: pytest.MonkeyPatch) -> str:
    """The hash of the token of the clerk's browser."""
    secret = services.settings.secret_key.get_secret_value()
    before, token = new_token(secret), new_token(secret)
    ticket = services.accounts.tokens.issue_ticket(token_hash(before), clerk.user_id)
    assert services.accounts.tokens.redeem(ticket, token_hash(before), token_hash(token), "a browser")
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: {services.settings.cookie_name: token}))
    return token_hash(token)


@pytest.fixture
def slow_query(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and a query has just taken too long: nobody with a budget asks the database for the rest of the test."""
    monkeypatch.setattr("core.storage.database._OPEN_SECONDS", 3600)
    return services.accounts.db_budget.failed


@pytest.mark.usefixtures("token")
def test_after_a_slow_query_what_was_taken_stays_taken(services: Services, slow_query: Callable[[], None]) -> None:
    tab = AppTest.from_function(page).run()
    live: LiveTab = tab.session_state["live"]
    live.keep(())
    services.accounts.roles.save("clerk", [])
    with pytest.raises(NotAllowedError):
        live.keep(())
    slow_query()
    with pytest.raises(StoreUnavailableError):
        live.keep(())
    tab.button[0].click().run()
    assert "done" not in tab.session_state


@pytest.mark.usefixtures("token")
def test_after_a_slow_query_what_was_known_stays_known(slow_query: Callable[[], None]) -> None:
    tab = AppTest.from_function(page).run()
    slow_query()
    tab.session_state["live"].keep(())
    tab.button[0].click().run()
    assert tab.session_state["done"]


def test_a_browser_nothing_is_known_of_has_to_wait(services: Services, slow_query: Callable[[], None]) -> None:
    slow_query()
    with pytest.raises(StoreUnavailableError):
        services.accounts.identities.resolve(token_hash("never seen"), "anon-1")


def test_what_is_known_of_a_browser_that_was_signed_out_stands_no_longer(
    services: Services, token: str, slow_query: Callable[[], None]
) -> None:
    assert services.accounts.identities.resolve(token, "anon-1").permissions == {"orders.*"}
    services.accounts.tokens.revoke(token)
    assert services.accounts.identities.resolve(token, "anon-1").standing == "ended"
    slow_query()
    with pytest.raises(StoreUnavailableError):
        services.accounts.identities.resolve(token, "anon-1")


def test_permissions_that_could_not_be_checked_for_long_are_none(services: Services, clerk: User) -> None:
    time = [0.0]
    known = IdentityCache(monotonic=lambda: time[0])
    identity = Identity(session_id=clerk.session_id, user=clerk, token_hash="t", anonymous_id="anon-1")
    known.remember("t", identity)
    time[0] = GRACE_SECONDS
    still = known.recall("t")
    assert still == dataclasses.replace(identity, database_away=True)
    still.require(NEEDED)
    time[0] += 1
    late = known.recall("t")
    assert late is not None
    assert (late.session_id, late.user_id) == (clerk.session_id, clerk.user_id)  # their own work goes on
    with pytest.raises(StoreUnavailableError):
        late.require(NEEDED)
    known.confirm({"t"})
    assert known.recall("t") == still


@pytest.mark.parametrize("signing_in", [True, False])
def test_whoever_it_is_one_query_says_so(services: Services, token: str, signing_in: bool) -> None:
    """Somebody signed in, a browser before its first edit, an anonymous one after it, one that was signed out."""
    accounts = Accounts(services.database, services.clock, session_timeout=3600, signing_in=signing_in)
    accounts.identities.resolve("new", "anon-1")  # where nobody signs in the first one creates the local user
    accounts.tokens.register("edited", "anon-2", "a browser")
    accounts.tokens.revoke("ended")
    for browser in (token, "new", "edited", "ended"):
        with queries(services.database) as sent:
            accounts.identities.resolve(browser, "anon-1")
        assert len(sent) == 1, browser
