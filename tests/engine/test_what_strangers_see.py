"""What a page tells somebody who may not know it: over a real WebSocket, before sign-in and without the permission."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.discovery import PageSpec, discover
from core.router import allows
from core.services import build_services, use_services
from core.settings import PROJECT_ROOT, Settings
from core.storage.database import open_database
from core.storage.migrate import upgrade
from core.web.token import new_token
from tests.engine.office import Office
from tests.engine.open_page import OpenPage
from tests.lab.server import Server
from tests.lab.waiting import wait_until

pytestmark = pytest.mark.xdist_group("servers")


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    with Office.opened(tmp_path_factory.mktemp("office")) as office:
        yield office


def told(page: OpenPage, asked: str, spec: PageSpec) -> set[str]:
    """Return what of a page is in all that a browser received, besides the address it asked for itself."""
    own = {spec.name, spec.title, spec.full_title} - {"Password"}  # so is a field of the sign-in form called
    received = page.received.replace(asked.encode(), b"") if asked else page.received
    return {text for text in own if text.encode() in received}


@pytest.mark.parametrize("path", ["", "home-data", "admin-people", "nowhere"])
@pytest.mark.parametrize("cookie", ["none", "new"])
def test_somebody_who_is_not_signed_in_is_told_of_no_page(office: Office, path: str, cookie: str) -> None:
    with OpenPage(office.server.port, office.cookie(new_token(office.secret)) if cookie == "new" else "", path) as page:
        assert "Sign in" in page.labels if cookie == "new" else "blocks cookies" in page.shown
        assert {spec.name: told(page, path, spec) for spec in discover() if told(page, path, spec)} == {}


@pytest.mark.parametrize("path", ["", "home-data", "admin-people"])
def test_somebody_signed_in_is_told_of_the_pages_they_may_open(office: Office, path: str) -> None:
    token = office.sign_in(office.person())
    granted = next(role.permissions for role in office.accounts.roles.all() if role.role == "member")
    with OpenPage(office.server.port, office.cookie(token), path) as page:
        for spec in discover():
            assert bool(told(page, path, spec)) == allows(granted, spec), spec.name


def test_an_outage_names_no_database(make_settings: Callable[..., Settings]) -> None:
    for environment in ("development", "production"):
        url = "postgresql+psycopg://sekret_user@127.0.0.1:1/sekret_name"
        away = make_settings(database_url=url, environment=environment, cookie_secure=True)
        with use_services(build_services(away)):
            tab = AppTest.from_file(str(PROJECT_ROOT / "main.py")).run()
        assert tab.title[0].value == ":material/sync: Reconnecting"
        shown = " ".join(text.value for text in (*tab.title, *tab.markdown, *tab.caption))
        assert not [word for word in ("sekret", "127.0.0.1", "refused", "port") if word in shown]


def test_a_page_that_waits_for_the_database_comes_back_by_itself(
    tmp_path: Path, make_settings: Callable[..., Settings]
) -> None:
    database = f"sqlite:///{tmp_path}/away/sessions.db"
    settings = {"database_url": database, "journal_path": tmp_path / "journal.db", "auth": "password"}
    settings["secret_key"] = secret = "s" * 64
    cookie = f"{make_settings(secret_key=secret).cookie_name}={new_token(secret)}"
    with closing(Server(settings, tmp_path / "log")) as server, OpenPage(server.port, cookie) as page:
        assert "Reconnecting" in page.shown
        assert page.again.interval < 5
        page.wait()
        assert "Sign in" not in page.labels
        (tmp_path / "away").mkdir()
        engine = open_database(database)
        upgrade(engine)
        engine.dispose()

        def is_back() -> bool:
            page.wait()
            return "Sign in" in page.labels

        wait_until(is_back, "the page is back")
