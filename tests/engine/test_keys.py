"""Two things that the project puts on one page never share a key, whatever forms and fields are called."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from core.services import Services
from core.ui.keys import own_key, widget_key

KINDS = st.sampled_from(["form", "form-top", "saving", "saving-save", "wrong", "history", "history-restore"])
NAMES = st.text("ab.-:%2E", max_size=6)


@given(KINDS, st.lists(NAMES, max_size=3), KINDS, st.lists(NAMES, max_size=3))
def test_a_key_tells_kind_and_names(kind: str, names: list[str], other: str, others: list[str]) -> None:
    is_same = (kind, names) == (other, others)
    if len(names) == len(others):  # each kind has its number of names
        assert (own_key(kind, *names) == own_key(other, *others)) is is_same


@given(NAMES, NAMES, NAMES, NAMES)
def test_a_field_s_widget_has_a_key_of_its_own(form: str, field: str, other: str, another: str) -> None:
    assert (widget_key(form, field) == widget_key(other, another)) is ((form, field) == (other, another))


def test_forms_and_fields_may_have_names_that_look_alike(as_one_person: Services) -> None:
    def page() -> None:
        from pydantic import BaseModel

        from core import bootstrap_session, ui

        class Model(BaseModel):
            c: int
            name: int

        class Other(BaseModel):
            model_config = {"extra": "forbid"}

        bootstrap_session()
        for form in ("x", "top-x", "a-b", "save-x", "discard-x"):
            with ui.form(form, model=Model):
                ui.text_input("C", field="c")
            ui.save_bar(f"{form}-bar")
            ui.undo_bar(form)
            ui.history_panel(form)
        for form, field in (("a", "b-c"), ("a-b-c", "c"), ("a-b", "c-c"), ("a-b", "c.c"), ("a.b", "c.c")):
            ui.text_input("C", form=form, field=field)

    app = AppTest.from_function(page).run()
    assert not app.exception, app.exception[0].message
    for field in app.text_input:
        if field.label == "C":
            field.set_value("x" * 300_000)
    app.run()
    assert not app.exception, app.exception[0].message
    refused = [error.value for error in app.error if "256 KB" in error.value]
    assert len(refused) == 10
    for button in [button for button in app.button if button.label == "Save"]:
        button.click().run()
        assert not app.exception, app.exception[0].message
