"""Pages with fields in runs that do not end, in fragments and dialogs, and with entries that are sent away."""

import itertools
import time

import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.discovery import App, PageSpec
from core.router import Router

TICK = 0.05  # seconds between two parts of an answer
CONSIDERING = 1.0  # seconds: longer than the page waits after a run until it looks what became of each text


@st.cache_resource
def sent() -> list[str]:
    return []


SENT = sent()


def stream() -> None:
    """An answer that does not end while anybody looks."""
    place = st.empty()
    for part in itertools.count():
        place.text(f"part {part}")
        time.sleep(TICK)


def endless() -> None:
    st.title("Endless")
    ui.text_input("Text", form="endless", field="text")
    stream()


def looping() -> None:
    st.title("Looping")
    ui.text_input("Text", form="looping", field="text")
    time.sleep(TICK)
    st.rerun()


def fragments() -> None:
    st.title("Fragments")
    part()


@st.fragment
def part() -> None:
    if st.checkbox("More"):
        ui.text_input("Text", form="fragment", field="text")
    if st.button("Ask"):
        ask()


@st.dialog("Question")
def ask() -> None:
    ui.text_area("Answer", form="dialog", field="text")


def chat() -> None:
    st.title("Chat")
    message = ui.chat_input("Say something", form="chat", field="draft")
    if message:
        SENT.append(message)
    for number, each in enumerate(SENT):
        st.text(f"{number}: {each}")
    if message:
        stream()


def considered() -> None:
    """A message takes a while before its run shows anything. What it returns is there in that run only."""
    st.title("Considered")
    st.button("Go on")
    message = ui.chat_input(
        "Say something", form="considered", field="draft", on_submit=time.sleep, args=(CONSIDERING,)
    )
    st.text(f"The message is {message}")
    heard: list[str] = st.session_state.setdefault("heard", [])
    if message:
        heard.append(message)
    st.text(f"Heard so far: {', '.join(heard)}")


def answered() -> None:
    st.title("Answered")
    ui.chat_input(
        "Say something", form="answered", field="draft", key="box", on_submit=lambda: SENT.append(st.session_state.box)
    )
    for number, each in enumerate(SENT):
        st.text(f"{number}: {each}")


def cleared() -> None:
    st.title("Cleared")
    with st.form("entry", clear_on_submit=True):
        name = ui.text_input("Name", form="entry", field="name")
        ui.text_area("Note", form="entry", field="note")
        gift = ui.checkbox("Gift", form="entry", field="gift")
        colour = ui.selectbox("Colour", ["red", "green"], form="entry", field="colour")
        if st.form_submit_button("Add"):
            SENT.append(f"{name} {gift} {colour}")
    for each in SENT:
        st.text(each)


def plain() -> None:
    st.title("Plain")
    ui.text_input("Kept", form="plain", field="kept")
    st.text_input("Loose", key="loose")
    st.checkbox("Tick", key="tick")
    if st.button("Add to cart"):
        st.session_state["cart"] = [*st.session_state.get("cart", ()), "lamp"]


def ticked() -> None:
    st.title("Ticked")
    ui.checkbox("Agree", form="ticked", field="agree")


def assigned() -> None:
    """Leaving the first field takes a while, and then gives the second one a value."""
    st.title("Assigned")

    def look_up() -> None:
        time.sleep(CONSIDERING)
        st.session_state["city"] = "found"

    ui.text_input("Postcode", form="assigned", field="postcode", on_change=look_up)
    st.text(f"The city is {ui.text_input('City', form='assigned', field='city', key='city')}")


PAGES = (endless, looping, fragments, chat, considered, answered, cleared, plain, ticked, assigned)


def page(order: int) -> PageSpec:
    function = PAGES[order]
    return PageSpec(
        name=function.__name__,
        title=function.__name__.title(),
        icon=":material/edit:",
        order=order,
        app=App(title="Runs"),
        app_name="runs",
        function=function,
    )


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, [page(order) for order in range(len(PAGES))])
    with ui.save_status(manager):
        router.run()


main()
