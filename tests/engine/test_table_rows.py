"""A form over rows that exist saves what was done to them by their ids, and nothing where nothing was done."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.services import Services
from core.streamlit_compat.messages import ClientMessage


@pytest.fixture(autouse=True)
def stock(as_one_person: Services) -> Services:
    with as_one_person.database.begin() as connection:
        connection.execute(text("CREATE TABLE stock (sku TEXT PRIMARY KEY, name TEXT, left_over INTEGER)"))
        rows = [{"sku": f"A{number}", "name": f"thing {number}", "n": number} for number in range(22)]
        connection.execute(text("INSERT INTO stock VALUES (:sku, :name, :n)"), rows)
    return as_one_person


def page(*, whole: bool = False, show: bool = True) -> None:
    from typing import Annotated

    import streamlit as st
    from pydantic import BaseModel, BeforeValidator, Field
    from sqlalchemy import text

    from core import bootstrap_session, get_session_manager, ui
    from core.services import get_services

    class Item(BaseModel):
        sku: str
        name: str
        left_over: int = Field(ge=0)

    def load() -> list[dict[str, object]]:
        with get_services().database.connect() as connection:
            return [dict(row) for row in connection.execute(text("SELECT * FROM stock ORDER BY sku")).mappings()]

    class Rows(BaseModel):
        items: Annotated[list[Item], BeforeValidator(ui.edited_rows(load, row_id="sku"))] = []

    class Changes(BaseModel):
        items: Annotated[ui.TableChanges[Item], BeforeValidator(ui.table_changes(load, row_id="sku"))]

    def store_rows(db, form) -> None:
        db.execute(text("DELETE FROM stock"))
        for item in form.items:
            db.execute(text("INSERT INTO stock VALUES (:sku, :name, :left_over)"), item.model_dump())

    def store_changes(db, form) -> None:
        for item in form.items.added:
            db.execute(text("INSERT INTO stock VALUES (:sku, :name, :left_over)"), item.model_dump())
        for sku, item in form.items.changed.items():
            values = {**item.model_dump(), "key": sku}
            db.execute(text("UPDATE stock SET name = :name, left_over = :left_over WHERE sku = :key"), values)
        for sku in form.items.deleted:
            db.execute(text("DELETE FROM stock WHERE sku = :sku"), {"sku": sku})

    bootstrap_session()
    st.session_state["manager"] = get_session_manager()
    with ui.form(
        "stock", model=Rows if whole else Changes, on_save=store_rows if whole else store_changes, clear_on_save=True
    ):
        if show:
            ui.data_editor(load(), field="items", row_id="sku", num_rows="dynamic")


def open_tab(**options: Any) -> AppTest:
    tab = AppTest.from_function(page, kwargs=options).run()
    assert not tab.exception, tab.exception[0].message
    return tab


def send(tab: AppTest, **state: Any) -> None:
    manager = tab.session_state["manager"]
    key = manager.known_fields["stock.items"].value.key
    message = WidgetState(id=f"$$ID-0123-{key}", string_value=json.dumps(state))
    manager.live.keep(manager.live.read(ClientMessage(states=[message])).edits)
    tab.run()


def save(tab: AppTest) -> None:
    next(button for button in tab.button if button.label == "Save").click().run()
    assert not tab.exception, tab.exception[0].message


def in_the_table(services: Services) -> dict[str, tuple[str, int]]:
    with services.database.connect() as connection:
        return {sku: (name, left) for sku, name, left in connection.execute(text("SELECT * FROM stock"))}


@pytest.mark.parametrize("show", [True, False], ids=["shown", "not shown"])
@pytest.mark.parametrize("whole", [True, False], ids=["rows", "changes"])
def test_nothing_edited_leaves_the_rows_as_they_are(stock: Services, whole: bool, show: bool) -> None:
    before = in_the_table(stock)
    save(open_tab(whole=whole, show=show))
    assert in_the_table(stock) == before


@pytest.mark.parametrize("whole", [True, False], ids=["rows", "changes"])
def test_what_was_added_changed_and_deleted_is_stored_by_its_id(stock: Services, whole: bool) -> None:
    before = in_the_table(stock)
    tab = open_tab(whole=whole)
    places = {sku: place for place, sku in enumerate(sorted(before))}
    send(
        tab,
        edited_rows={str(places["A5"]): {"left_over": 50}},
        added_rows=[{"sku": "B1", "name": "new", "left_over": 7}, {}],
        deleted_rows=[places["A7"], places["A9"]],
    )
    save(tab)
    wanted = {sku: row for sku, row in before.items() if sku not in ("A7", "A9")}
    assert in_the_table(stock) == {**wanted, "A5": ("thing 5", 50), "B1": ("new", 7)}
    save(open_tab(whole=whole))
    assert len(in_the_table(stock)) == 21, "what was stored is not stored again"


def test_an_edit_that_does_not_fit_any_more_is_not_dropped_by_save(stock: Services) -> None:
    tab = open_tab()
    send(tab, edited_rows={"0": {"left_over": 50}, "1": {"left_over": 60}})
    with stock.database.begin() as connection:
        connection.execute(text("UPDATE stock SET left_over = 99 WHERE sku = 'A0'"))
    save(tab)
    assert in_the_table(stock)["A1"] == ("thing 1", 1)
    assert any("no longer fit the table" in error.value for error in tab.error)
    assert "Row A0" in tab.warning[0].value
    next(button for button in tab.button if button.label == "Discard these edits").click().run()
    save(tab)
    assert (in_the_table(stock)["A0"][1], in_the_table(stock)["A1"][1]) == (99, 60)


def test_an_edit_stays_with_its_row_when_rows_come_and_other_cells_change(stock: Services) -> None:
    tab = open_tab()
    send(tab, edited_rows={"0": {"left_over": 50}}, deleted_rows=[1])
    with stock.database.begin() as connection:
        connection.execute(text("UPDATE stock SET name = 'renamed' WHERE sku = 'A0'"))
        connection.execute(text("INSERT INTO stock VALUES ('A', 'first', 1)"))
    save(tab)
    found = in_the_table(stock)
    assert found["A0"] == ("renamed", 50)
    assert "A1" not in found
    assert found["A"] == ("first", 1)


def test_what_is_wrong_in_a_row_is_said_with_the_row_s_id(stock: Services) -> None:
    tab = open_tab()
    send(tab, edited_rows={"0": {"left_over": -1}})
    save(tab)
    assert any(error.value == "Entry A0, Left over: Enter 0 or more." for error in tab.error)
