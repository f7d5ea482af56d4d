"""Every entrance gives the same answer about the same browser: who it is, what it may do, and what an outage leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import update
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.accounts import User
from core.errors import NotAllowedError, SignedOutError, StoreUnavailableError
from core.services import Services
from core.state.text_rules import TextRule
from core.storage.models import TokenModel
from core.streamlit_compat.server import UPLOAD
from core.web import routes
from core.web.binding import Bindings
from core.web.field_token import FieldToken
from core.web.ingress import get_connections
from core.web.live_tab import LiveTab
from core.web.token import new_token, token_hash
from core.web.upload_grant import UploadGrant
from core.web.uploads import UploadMiddleware

OURS = {"Sec-Fetch-Site": "same-origin"}
STATUS = {200: "yes", 204: "yes", 401: "signed out", 403: "not allowed", 503: "not now"}
PAGE_OF_STREAMLIT = "the-page"


def page() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, requires
    from core.errors import NotAllowedError, SessionUnavailableError, SignedOutError, StoreUnavailableError
    from core.permissions import require

    @requires("orders.read")
    def guarded() -> None:
        pass

    try:
        bootstrap_session()
        manager = get_session_manager()
        manager.enter_page()
        st.session_state["live"] = manager.live
        if manager.identity.standing == "ended":
            st.session_state["answer"] = "signed out"
        else:
            require("orders.read")
            st.session_state["answer"] = "yes"
            manager.enter_page("orders.read")
    except NotAllowedError:
        st.session_state["answer"] = "not allowed"
    except (SessionUnavailableError, StoreUnavailableError):
        st.session_state["answer"] = "not now"

    def press() -> None:
        try:
            guarded()
            st.session_state["pressed"] = "yes"
        except SignedOutError:
            st.session_state["pressed"] = "signed out"
        except NotAllowedError:
            st.session_state["pressed"] = "not allowed"
        except StoreUnavailableError:
            st.session_state["pressed"] = "not now"

    st.button("Guarded", on_click=press)


@dataclass
class Browser:
    """The clerk's browser: an open page, and a client for the routes with the same cookie."""

    services: Services
    clerk: User
    token: str
    tab: AppTest
    client: TestClient

    def run(self) -> str:
        return str(self.tab.run().session_state["answer"])

    def callback(self) -> str:
        return str(self.tab.button[0].click().run().session_state["pressed"])

    def edit(self) -> str:
        """An edit over the WebSocket, before any run."""
        live: LiveTab = self.tab.session_state["live"]
        try:
            live.keep(())
        except SignedOutError:
            return "signed out"
        except NotAllowedError:
            return "not allowed"
        except StoreUnavailableError:
            return "not now"
        return "yes"

    def upload(self) -> str:
        services, file = self.services, f"{PAGE_OF_STREAMLIT}/a-file"
        grant, secret = UploadGrant(needs=["orders.read"], kept=False), services.settings.secret_key.get_secret_value()
        address = grant.sign(f"/{UPLOAD}{file}", file, token_hash(self.token), services.clock.now(), secret)
        return STATUS[self.client.put(address, content=b"x").status_code]

    def draft(self) -> str:
        secret = self.services.settings.secret_key.get_secret_value()
        rule = TextRule(kind="text", longest=100)
        token = FieldToken(form="order", field="item", rule=rule).issue(self.clerk.session_id, secret)
        body = {"tab": "0" * 32, "number": 1, "token": token, "text": "a lamp"}
        return STATUS[self.client.post("/keep/drafts", json=body).status_code]

    def last_message(self) -> str:
        name = get_connections().open()
        get_connections().attach(name, self.tab.session_state["live"])
        return STATUS[self.client.post("/keep/last-message", content=name.encode()).status_code]


GUARDED = [Browser.edit, Browser.upload, Browser.callback, Browser.run]
"""Entrances of a page that needs a permission."""
ENTRANCES = [Browser.draft, Browser.last_message, *GUARDED]


def answers(browser: Browser, entrances: Sequence[Callable[[Browser], str]] = ENTRANCES) -> dict[str, str]:
    return {enter.__name__: enter(browser) for enter in entrances}


def all_of_them(answer: str, entrances: Sequence[Callable[[Browser], str]] = ENTRANCES) -> dict[str, str]:
    return {enter.__name__: answer for enter in entrances}


@pytest.fixture
def browser(services: Services, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    services.accounts.roles.save("clerk", ["orders.*"])
    clerk = services.accounts.users.create("clerk", "Clerk", roles=["clerk"])
    secret = services.settings.secret_key.get_secret_value()
    before, token = new_token(secret), new_token(secret)
    ticket = services.accounts.tokens.issue_ticket(token_hash(before), clerk.user_id)
    assert services.accounts.tokens.redeem(ticket, token_hash(before), token_hash(token), "a browser")
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: {services.settings.cookie_name: token}))
    tab = AppTest.from_function(page).run()
    assert tab.session_state["answer"] == "yes"
    get_connections().attach("", tab.session_state["live"], PAGE_OF_STREAMLIT)
    # Which files Streamlit holds is known to the real server only.
    monkeypatch.setattr("core.web.uploads.uploads_held", lambda _session: {})
    monkeypatch.setattr("core.web.uploads.upload_route", lambda _base_path, _take: None)

    async def taken(_request: object) -> Response:
        return Response(status_code=204)

    app = Starlette(
        routes=[*routes(), Route("/{path:path}", taken, methods=["PUT"])],
        middleware=[Middleware(UploadMiddleware, connections=get_connections(), bindings=Bindings())],
    )
    with TestClient(app, headers=OURS) as client:
        client.cookies.set(services.settings.cookie_name, token)
        yield Browser(services, clerk, token, tab, client)


@pytest.fixture
def outage(services: Services, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it, and a query has just taken too long: the database is not asked for the rest of the test."""
    monkeypatch.setattr("core.storage.database._OPEN_SECONDS", 3600)
    return services.accounts.db_budget.failed


def revoke(browser: Browser) -> None:
    browser.services.accounts.tokens.revoke(token_hash(browser.token))


def lock_out(browser: Browser) -> None:
    browser.services.accounts.users.set_active(browser.clerk.user_id, False)


def expire(browser: Browser) -> None:
    over = browser.services.clock.now() - timedelta(days=1)
    with browser.services.database.begin() as connection:
        connection.execute(update(TokenModel).values(expires_at=over))


every_end = pytest.mark.parametrize("end", [revoke, lock_out, expire], ids=lambda end: end.__name__)


def test_who_is_good_comes_in(browser: Browser) -> None:
    assert answers(browser) == all_of_them("yes")


@every_end
def test_who_was_ended_is_signed_out(browser: Browser, end: Callable[[Browser], None]) -> None:
    end(browser)
    assert answers(browser) == all_of_them("signed out")


def test_who_lost_the_permission_is_refused(browser: Browser) -> None:
    browser.services.accounts.roles.save("clerk", [])
    assert answers(browser, GUARDED) == all_of_them("not allowed", GUARDED)


def test_in_an_outage_what_is_known_stands(browser: Browser, outage: Callable[[], None]) -> None:
    outage()
    assert answers(browser) == all_of_them("yes")


@every_end
def test_in_an_outage_who_was_found_ended_does_not_come_back(
    browser: Browser, end: Callable[[Browser], None], outage: Callable[[], None]
) -> None:
    end(browser)
    assert browser.services.accounts.identities.ended_or_stale([token_hash(browser.token)])
    outage()
    assert answers(browser) == all_of_them("not now")


def test_in_an_outage_a_browser_of_which_nothing_is_known_has_to_wait(
    browser: Browser, outage: Callable[[], None]
) -> None:
    browser.services.accounts.identities.known.forget(token_hash(browser.token))
    outage()
    assert answers(browser) == all_of_them("not now")


def test_in_a_long_outage_no_permission_is_left(
    browser: Browser, outage: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    outage()
    monkeypatch.setattr(browser.services.accounts.identities.known, "_monotonic", lambda: float("inf"))
    assert answers(browser, GUARDED) == all_of_them("not now", GUARDED)
    assert browser.draft() == "yes", "their own work goes on"


def test_a_forged_token_is_nobodys(browser: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    forged = browser.token[:-1] + ("A" if browser.token[-1] != "A" else "B")
    name = browser.services.settings.cookie_name
    monkeypatch.setattr(ContextProxy, "cookies", property(lambda _self: {name: forged}))
    browser.client.cookies.clear()
    browser.client.cookies.set(name, forged)
    assert (browser.draft(), browser.last_message(), browser.run()) == ("signed out", "signed out", "not allowed")
