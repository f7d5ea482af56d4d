"""The steps of the form. A widget names its field, and that is all it takes to be kept."""

import itertools
from datetime import date, time

import streamlit as st

from apps.intake.requests import (
    BLANK_ITEMS,
    CATEGORIES,
    EQUIPMENT,
    EXTRAS,
    FORM,
    IMPACTS,
    KINDS,
    SITES,
    URGENCIES,
    Contact,
    Need,
    Request,
    Schedule,
    asked,
)
from core import get_current_session, ui

ITEM_COLUMNS = {  # none is `required`: a row that lacks something is kept as well, and the model says what it lacks
    "what": st.column_config.TextColumn("What", max_chars=100),
    "how_many": st.column_config.NumberColumn("How many", min_value=1, max_value=100),
    "price": st.column_config.NumberColumn("Price, €", min_value=0, format="%.2f"),
}


def contact() -> None:
    left, right = st.columns(2)
    with left:
        ui.text_input("Name", field="name", placeholder="Who asks?")
    with right:
        ui.text_input("Email", field="email", type="email", placeholder="name@example.org")
    ui.pills("Site", SITES, field="site")
    ui.toggle("Tell me by email when something changes", field="notify")


def need() -> None:
    kind = ui.segmented_control("What is it about?", KINDS, field="kind")
    left, right = st.columns(2)
    with left:
        ui.selectbox("Category", CATEGORIES, field="category")
    with right:
        ui.number_input("How many", 1, 100, field="quantity")
    ui.text_area("What is it for?", field="reason", height=120, placeholder="A sentence or two is enough.")
    if kind == EQUIPMENT:
        ui.multiselect("Extras", EXTRAS, field="extras")
        left, right = st.columns([3, 1])
        with left:
            ui.slider("Budget, €", 0, 5000, (200, 1200), 50, field="budget")
        with right:
            ui.color_picker("Asset tag", "#1f6f5c", field="tag")
        st.caption("What exactly? A row for each thing, with the price of one.")
        ui.data_editor(
            BLANK_ITEMS, field="items", num_rows="dynamic", column_config=ITEM_COLUMNS, hide_index=True, placeholder=""
        )
    ui.file_uploader(
        "Attachments",
        type=["pdf", "png", "jpg", "txt"],
        accept_multiple_files=True,
        max_upload_size=10,
        field="attachments",
    )


def schedule() -> None:
    left, right = st.columns(2)
    with left:
        ui.date_input("Needed by", None, field="needed_by", min_value=date(2020, 1, 1))
    with right:
        ui.time_input("Best time to reach you", time(9, 0), field="reach_at")
    ui.radio("Urgency", URGENCIES, field="urgency", horizontal=True)
    ui.select_slider("If it takes longer …", IMPACTS, field="impact")
    ui.checkbox("The budget is agreed with my lead", field="agreed")
    st.caption("How did your last request go?")
    ui.feedback("stars", field="last_time")


def review() -> None:
    answers = asked(get_current_session().form(FORM).values)
    items = ui.edited_rows(BLANK_ITEMS).preview(answers.pop("items", []))
    cells = itertools.cycle(st.columns(2))
    for name in Request.model_fields:
        if text := _written(name, answers.get(name)):
            with next(cells).container(gap="xxsmall"):
                st.caption(name.replace("_", " ").capitalize())
                st.text(text)  # a person wrote it, so nothing in it is formatting
    if items:
        st.dataframe(items, column_config=ITEM_COLUMNS, hide_index=True, placeholder="")


def _written(name: str, value: object) -> str:
    match value:
        case None | False:
            return ""
        case True:
            return "Yes"
        case int() if name == "last_time":
            return f"{value + 1} of 5 stars"
        case list() | tuple():
            return ", ".join(map(str, value))
        case date():
            return value.strftime("%-d %B %Y")
        case time():
            return value.strftime("%H:%M")
        case _:
            return str(value)


STEPS = [
    ui.Step(name="contact", title="Contact", icon=":material/person:", model=Contact, show=contact),
    ui.Step(name="need", title="Need", icon=":material/inventory_2:", model=Need, show=need),
    ui.Step(name="schedule", title="Schedule", icon=":material/event:", model=Schedule, show=schedule),
    ui.Step(name="review", title="Review", icon=":material/fact_check:", show=review),
]
