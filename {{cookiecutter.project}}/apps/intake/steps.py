"""The screens of the form. Every widget names its form and field, and that is all it takes to be kept."""

from datetime import date, time

import streamlit as st

from apps.intake.requests import CATEGORIES, EXTRAS, FORM, IMPACTS, KINDS, SITES, URGENCIES
from core import get_current_session, ui


def contact() -> None:
    left, right = st.columns(2)
    with left:
        ui.text_input("Name", form=FORM, field="name", placeholder="Who asks?")
    with right:
        ui.text_input("Email", form=FORM, field="email", type="email", placeholder="name@example.org")
    ui.pills("Site", SITES, form=FORM, field="site")
    ui.toggle("Tell me by email when something changes", form=FORM, field="notify")


def need() -> None:
    kind = ui.segmented_control("What is it about?", KINDS, form=FORM, field="kind")
    left, right = st.columns(2)
    with left:
        ui.selectbox("Category", CATEGORIES, form=FORM, field="category")
    with right:
        ui.number_input("How many", 1, 100, form=FORM, field="quantity")
    ui.text_area("What is it for?", form=FORM, field="reason", height=120, placeholder="A sentence or two is enough.")
    if kind == "New equipment":
        ui.multiselect("Extras", EXTRAS, form=FORM, field="extras")
        left, right = st.columns([3, 1])
        with left:
            ui.slider("Budget, €", 0, 5000, (200, 1200), 50, form=FORM, field="budget")
        with right:
            ui.color_picker("Asset tag", "#1f6f5c", form=FORM, field="tag")


def schedule() -> None:
    left, right = st.columns(2)
    with left:
        ui.date_input("Needed by", None, form=FORM, field="needed_by", min_value=date(2020, 1, 1))
    with right:
        ui.time_input("Best time to reach you", time(9, 0), form=FORM, field="reach_at")
    ui.radio("Urgency", URGENCIES, form=FORM, field="urgency", horizontal=True)
    ui.select_slider("If it takes longer …", IMPACTS, form=FORM, field="impact")
    ui.checkbox("The budget is agreed with my lead", form=FORM, field="agreed")
    st.caption("How did your last request go?")
    ui.feedback("stars", form=FORM, field="last_time")


def review() -> None:
    values = get_current_session().form(FORM).values
    labels = {name: value for name, value in values.items() if value not in (None, "", [], False)}
    cells = st.columns(2)
    for place, (name, value) in enumerate(labels.items()):
        with cells[place % 2]:
            st.caption(name.replace("_", " ").capitalize())
            st.markdown(_written(value))


def _written(value: object) -> str:
    match value:
        case True:
            return "Yes"
        case list() | tuple():
            return ", ".join(map(str, value))
        case date():
            return value.strftime("%-d %B %Y")
        case time():
            return value.strftime("%H:%M")
        case _:
            return str(value)


SCREENS = {"contact": contact, "need": need, "schedule": schedule, "review": review}
