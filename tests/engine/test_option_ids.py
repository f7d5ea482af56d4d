"""Options that are objects are chosen as in Streamlit, and kept by the id that the page names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.proto.WidgetStates_pb2 import WidgetState, WidgetStates
from streamlit.testing.v1 import AppTest

from core.services import Services, build_services, use_services
from core.settings import Settings

KINDS = ["rows", "objects", "dataclasses", "models"]


@pytest.fixture(autouse=True)
def customers(as_one_person: Services) -> Services:
    with as_one_person.database.begin() as connection:
        connection.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT)"))
        connection.execute(text("INSERT INTO customers VALUES (1, 'Ada'), (2, 'Grace'), (3, 'Edsger')"))
    return as_one_person


def page(kind: str, *, named: bool) -> None:
    from dataclasses import make_dataclass

    import streamlit as st
    from pydantic import create_model
    from sqlalchemy import select
    from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

    from core import bootstrap_session, get_session_manager, ui
    from core.services import get_services

    class Base(DeclarativeBase):
        pass

    class Customer(Base):
        __tablename__ = "customers"
        id: Mapped[int] = mapped_column(primary_key=True)
        name: Mapped[str]

    class Plain:
        def __init__(self, id: int, name: str) -> None:  # noqa: A002
            self.id, self.name = id, name

    with Session(get_services().database) as session:
        rows = list(session.scalars(select(Customer).order_by(Customer.id)))
    make = {
        "objects": Plain,
        "dataclasses": make_dataclass("Frozen", [("id", int), ("name", str)], frozen=True),
        "models": create_model("Model", id=(int, ...), name=(str, ...)),
    }
    options = rows if kind == "rows" else [make[kind](id=row.id, name=row.name) for row in rows]
    bootstrap_session()
    more = {"format_func": lambda one: one.name, "form": "f"}
    if named:
        more["option_id"] = lambda one: one.id
    one = ui.selectbox("One", options, field="one", **more)
    several = ui.multiselect("Several", options, field="several", **more)
    low, high = ui.select_slider("Steps", options, (options[0], options[2]), field="steps", **more)
    # Each run makes its classes anew, as a saved file does.
    st.session_state["current"] = all(any(each is option for option in options) for each in (one, low, high, *several))
    st.session_state["chosen"] = (one.name, [each.name for each in several], low.name, high.name)
    st.session_state["kept"] = dict(get_session_manager().session.form("f").values)


def chosen(tab: AppTest) -> Any:
    assert not tab.exception, tab.exception[0].message
    assert not tab.error
    return tab.session_state["chosen"]


def open_tab(kind: str, *, named: bool) -> AppTest:
    return AppTest.from_function(page, kwargs={"kind": kind, "named": named}).run()


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_chosen_is_kept_by_the_id_that_the_page_names(kind: str, customers: Services) -> None:
    tab = open_tab(kind, named=True)
    tab.selectbox[0].select("Grace")
    tab.multiselect[0].select("Edsger").select("Ada").run()
    for each in (tab, tab.run(), open_tab(kind, named=True)):
        assert chosen(each) == ("Grace", ["Edsger", "Ada"], "Ada", "Edsger")
        assert each.session_state["current"], "what is returned is one of the options of this run"
        assert not each.warning
    assert tab.session_state["kept"] == {"one": 2, "several": [3, 1]}
    with customers.database.begin() as connection:
        connection.execute(text("UPDATE customers SET name = 'Hopper' WHERE id = 2"))
        connection.execute(text("DELETE FROM customers WHERE id = 3"))
        connection.execute(text("INSERT INTO customers VALUES (4, 'Barbara')"))
    again = open_tab(kind, named=True)
    assert chosen(again)[:2] == ("Hopper", [])
    assert "is no longer an option" in again.warning[0].value


@pytest.mark.parametrize("kind", KINDS)
def test_without_one_it_holds_as_in_streamlit_and_the_page_says_what_to_write(kind: str) -> None:
    tab = open_tab(kind, named=False)
    tab.selectbox[0].select("Grace").run()
    assert chosen(tab)[0] == "Grace"
    assert chosen(tab.run())[0] == "Grace"
    assert all("option_id" in each.value for each in tab.warning)
    assert len(tab.warning) == 3


def test_a_person_is_not_told_what_only_a_developer_understands(
    customers: Services, make_settings: Callable[..., Settings]
) -> None:
    production = make_settings(environment="production", cookie_secure=True)
    signed_out = replace(build_services(production), database=customers.database)
    with use_services(signed_out):
        tab = open_tab("objects", named=False)
    assert not tab.warning
    assert {each.value for each in tab.caption} == {"What you choose here is lost when the page is reloaded."}


def page_of_tuples() -> None:
    import streamlit as st

    from core import bootstrap_session, get_session_manager, ui

    bootstrap_session()
    rows = [None, (1, "Ada"), (2, "Grace"), (3, "Edsger")]
    more = {
        "format_func": lambda row: row[1] if row else "nobody",
        "option_id": lambda row: (row[0], "id"),
        "form": "f",
    }
    several = [
        ui.multiselect("Several", rows, field="several", **more),
        ui.segmented_control("Segments", rows, selection_mode="multi", field="segments", **more),
    ]
    single = [
        ui.selectbox("One", rows, field="one", **more),
        ui.radio("Radio", rows, 1, field="radio", **more),
        ui.pills("Pills", rows[1:], field="pills", **more),
    ]
    st.session_state["chosen"] = (
        [more["format_func"](row) for row in single],
        [[more["format_func"](row) for row in rows] for rows in several],
    )
    st.session_state["kept"] = dict(get_session_manager().session.form("f").values)


def test_an_option_may_be_a_tuple_as_a_row_of_a_database_is_or_none() -> None:
    tab = AppTest.from_function(page_of_tuples).run()
    assert chosen(tab) == (["nobody", "Ada", "nobody"], [[], []])
    widgets = [tab.selectbox[0], tab.radio[0], tab.multiselect[0], tab.get("button_group")[0]]
    for name in ("Grace", "nobody", "Grace"):
        choices = [{"string_value": name}] * 2 + [{"string_array_value": {"data": [name]}}] * 2
        sent = [WidgetState(id=each.proto.id, **choice) for each, choice in zip(widgets, choices, strict=True)]
        tab._run(WidgetStates(widgets=sent))
        for each in (tab, tab.run(), AppTest.from_function(page_of_tuples).run()):
            assert chosen(each) == ([name, name, "nobody"], [[name], [name]])
            assert not each.warning
    assert tab.session_state["kept"] == {
        "one": (2, "id"),
        "radio": (2, "id"),
        "several": [(2, "id")],
        "segments": [(2, "id")],
    }
