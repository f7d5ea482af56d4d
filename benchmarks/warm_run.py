"""What `bootstrap_session` adds to each run of a page, for a person who is signed in and has a large session.

Measured inside the script, as Streamlit's own test runner runs it. The runner has no browser: asked for cookies and
headers it answers with mocks, which take longer than all that is measured. So it is given a real handshake's.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

from starlette.websockets import WebSocket
from streamlit import config
from streamlit.runtime import context
from streamlit.testing.v1 import AppTest
from streamlit.web.server.starlette.starlette_websocket import StarletteClientContext

from benchmarks.measuring import milli, row
from benchmarks.parts import fill, services_in
from core.accounts.setup import seed_administrator
from core.services import Services, use_services
from core.web.token import new_token, token_hash

RUNS, WARM_UP = 200, 20
PAGE = """
import time
import streamlit as st
from core import bootstrap_session, get_session_manager
from core.auth import current_identity
from core.services import get_services

def timed(name, action):
    began = time.perf_counter()
    action()
    st.session_state.setdefault("took", {}).setdefault(name, []).append(time.perf_counter() - began)

timed("all", bootstrap_session)
manager, services = get_session_manager(), get_services()
assert manager.identity.user.username == "ada"
timed("identity", current_identity)
timed("refresh", lambda: services.engine.refresh(manager.session))
timed("store", lambda: services.store.load(manager.session.session_id, manager.session.version))
if services.journal:
    timed("journal", lambda: services.journal.pending(manager.session.session_id))
"""


def warm_run(folder: Path, *, at_most: float = 0.0005, **settings: object) -> None:
    """Print the median of a warm run, and below it what its parts take by themselves."""
    services = services_in(folder, **settings)
    with use_services(services), browser_of_ada(services):
        page = AppTest.from_string(PAGE, default_timeout=60)
        for _ in range(WARM_UP + RUNS):
            page.run()
            if page.exception:
                raise SystemExit(page.exception[0].value)
    took = {part: statistics.median(times[WARM_UP:]) for part, times in page.session_state["took"].items()}
    target = f"at most {at_most * 1000:g} ms"
    row("bootstrap_session on a warm rerun", milli(took["all"]), target=target, met=took["all"] <= at_most)
    shares = {part: milli(seconds) for part, seconds in took.items()}
    inside = ", ".join(f"{part} {shares[part]}" for part in ("store", "journal") if part in shares)
    row("  of it, each by itself", f"identity {shares['identity']}, refresh {shares['refresh']} (in it: {inside})")


@contextmanager
def browser_of_ada(services: Services) -> Iterator[None]:
    """Pages within the block are shown to a browser in which a person with a large session is signed in."""
    config.set_option("browser.gatherUsageStats", False)  # as in the project's .streamlit/config.toml
    headers = {
        "host": "localhost:8501",
        "user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
        "accept-language": "en-US,en;q=0.5",
        "origin": "http://localhost:8501",
        "cookie": f"{services.settings.cookie_name}={_signed_in(services)}; _streamlit_xsrf=2|0c0ffee|1",
        "x-keep-connection": "4fdb1a0e5d9c4b7a",
    }
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    client = StarletteClientContext(WebSocket({"type": "websocket", "headers": pairs}, None, None))  # type: ignore[arg-type]
    with patch.object(context, "_get_client_context", lambda: client):
        yield


def _signed_in(services: Services) -> str:
    """A person with a large session, and the token of the browser they are signed in with."""
    seed_administrator(services.accounts, None)
    secret = services.settings.secret_key.get_secret_value()
    before, after = new_token(secret), new_token(secret)
    ada = services.accounts.users.create("ada", "Ada", password="a phrase of some length", roles=["member"])  # noqa: S106
    services.accounts.tokens.register(token_hash(before), "anon-a", "Firefox on Linux")
    ticket = services.accounts.tokens.issue_ticket(token_hash(before), ada.user_id)
    redeemed = services.accounts.tokens.redeem(ticket, token_hash(before), token_hash(after), "Firefox on Linux")
    if redeemed is None or redeemed.user is None:
        raise SystemExit("Signing in failed.")
    fill(services.engine.open(redeemed.user.session_id, ada.user_id))
    services.engine.flush()
    return after
