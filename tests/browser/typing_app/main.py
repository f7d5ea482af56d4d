"""Pages with fields that a page's script may mistake for others, or whose widgets don't take every text."""

import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

PAIRS = [("анкета", "имя"), ("анкета", "вес"), ("order-items", "name"), ("order", "items-name")]
PAIRS += [("a", "b.c"), ("a.b", "c"), ("q", "two words"), ("q", "two-words"), ("q", "two😀words"), ("q", "two😎words")]
PAIRS += [("q", "a-->b"), ("q", "x]>y"), ("q", "ends ")]  # what is cut out of an attribute, or off its end


def names() -> None:
    st.title("Names")
    for form, field in PAIRS:
        ui.text_input(f"{form} / {field}".strip(), form=form, field=field)
    ui.text_input("Name", form="profile", field="name")
    st.text_input("Search", key="profile-name")
    with st.container(key="box-field"):
        ui.text_area("Boxed", form="box", field="field")
        st.text_area("Loose")
    ui.text_input("By key", form="keys", field="one", key="a key")
    st.text_input("Beside it", key="a-key")


def limits() -> None:
    st.title("Limits")
    ui.text_input("Short", max_chars=5, form="limits", field="short")
    ui.text_area("Long", max_chars=5, form="limits", field="long")
    ui.number_input("Many", 0, 9, form="limits", field="many")
    ui.chat_input("Say it", max_chars=5, form="limits", field="say")
    with st.form("a form"):
        ui.number_input("Inside", 0, 9, form="limits", field="inside")
        st.form_submit_button("Hand in")
    ui.text_input("Last", form="limits", field="last")


def page(function: object, order: int) -> PageSpec:
    return PageSpec(
        name=function.__name__,
        title=function.__name__.title(),
        icon=":material/edit:",
        order=order,
        app=App(title="Typing"),
        app_name="typing",
        function=function,
    )


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [page(names, 1), page(limits, 2)])
    with ui.save_status(manager):
        router.run()


main()
