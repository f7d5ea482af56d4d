"""A table that no revision made yet: the page and the log say what to run, and nobody is told to wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import structlog
from sqlalchemy import Column, Integer, MetaData, Table, Text, text
from streamlit.testing.v1 import AppTest

from core.errors import MissingMigrationError
from core.services import Services, build_services, use_services
from core.settings import Settings
from core.storage.database import reachable
from core.storage.models import Base

PAGE = """
import streamlit as st
from sqlalchemy import select
from pydantic import BaseModel
from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router
from core.services import get_services
from core.storage.database import reachable
from tests.engine.test_missing_migration import suppliers

class Supplier(BaseModel):
    name: str

def asks():
    with get_services().database.connect() as connection:
        connection.execute(select(suppliers)).all()

def asks_patiently():
    with reachable():
        asks()

def store(session, supplier):
    session.execute(suppliers.insert().values(name=supplier.name))

def saves():
    with ui.form("supplier", model=Supplier, on_save=store):
        ui.text_input("Name", field="name")

bootstrap_session()
page = {"asks": asks, "asks patiently": asks_patiently, "saves": saves}[st.session_state["page"]]
spec = PageSpec(name="home", title="Suppliers", icon="", order=1, app=App(title="Suppliers"), app_name="home",
                function=page)
Router(get_session_manager(), [spec]).run()
"""

suppliers = Table("suppliers", MetaData(), Column("number", Integer, primary_key=True), Column("name", Text))


@pytest.fixture(params=["development", "production"])
def project(request: pytest.FixtureRequest, make_settings: Callable[..., Settings], database_url: str) -> Iterator[str]:
    settings = make_settings(
        auth="none", database_url=database_url, environment=request.param, cookie_secure=request.param == "production"
    )
    with use_services(build_services(settings)) as services:
        Base.metadata.create_all(services.database)
        yield request.param


def open_and_use(page: str) -> str:
    """Open the page, and press Save where it has such a button. Returns all that it shows."""
    tab = AppTest.from_string(PAGE)
    tab.session_state["page"] = page
    tab.run()
    if page == "saves":
        tab.text_input[0].set_value("Ada").run()
        next(button for button in tab.button if button.label == "Save").click().run()
    assert not tab.exception
    return "\n".join(each.value for kind in ("title", "markdown", "code", "error") for each in tab.get(kind))


@pytest.mark.parametrize("page", ["asks", "asks patiently", "saves"])
def test_a_page_and_the_log_say_what_to_run(project: str, page: str) -> None:
    with structlog.testing.capture_logs() as logged:
        shown = open_and_use(page)
    assert "Reconnecting" not in shown
    assert "database can't be reached" not in shown
    (error,) = (str(line["exc_info"]) for line in logged if line.get("exc_info"))
    for remedy in ("manage.py migrate", "manage.py makemigration"):
        assert remedy in error
        assert (remedy in shown) == (project == "development")
    assert "suppliers" in error


def test_a_table_that_has_no_such_column_yet_is_told_from_an_outage(services: Services) -> None:
    for statement in ("SELECT more FROM users", "INSERT INTO users (more) VALUES (1)"):
        with pytest.raises(MissingMigrationError, match="more"), reachable(), services.database.begin() as connection:
            connection.execute(text(statement))
