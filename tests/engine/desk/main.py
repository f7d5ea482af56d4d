"""Pages for everybody and for those with `desk.read`, who leave traces in the audit trail; and two that take files."""

from functools import partial

import streamlit as st

from core import bootstrap_session, get_session_manager, ui
from core.accounts import Actor
from core.auth import acting, require_sign_in
from core.discovery import App, PageSpec
from core.permissions import requires
from core.router import Router
from core.services import get_services


def did(what: str, by: Actor | None = None) -> None:
    """Leave a trace of what was done."""
    get_services().accounts.audit.note("role.saved", by=by or acting(), subject="role:trace", detail=what)


@requires("desk.write")
def write() -> None:
    did("a guarded callback")


def make_file(by: Actor) -> bytes:
    did("a file on demand", by)
    return b"secret"


@st.fragment
def part() -> None:
    st.button("Refresh", key="refresh")
    did("a part of the page")


def desk() -> None:
    st.title("Desk")
    ui.text_input("Note", form="desk", field="note")
    st.button("Careless", key="careless", on_click=did, args=("a careless callback",))
    st.button("Write", key="write", on_click=write)
    st.download_button("File", partial(make_file, acting()), key="file")
    part()


def lobby() -> None:
    st.title("Lobby")


def tell_user(where: str) -> None:
    did(f"{where}: {st.user.is_logged_in} {st.user.name} {st.user.email} {st.user.sub}")


@st.fragment
def plain_part() -> None:
    st.button("Again", key="again")
    tell_user("fragment")


def plain() -> None:
    """A page of somebody who knows Streamlit only."""
    st.title("Plain")
    st.button("Tell", key="tell", on_click=tell_user, args=("callback",))
    tell_user("page")
    plain_part()


def counter() -> None:
    st.title("Counter")
    ui.file_uploader("Plans", accept_multiple_files=True, form="desk", field="plans")


def chat() -> None:
    st.title("Chat")
    st.download_button("Held", b"in memory", key="held")
    if said := st.chat_input("Say it", accept_file=True, key="say"):
        st.text(" ".join(file.read().decode() for file in said.files))


spec = partial(PageSpec, icon=":material/edit:", app=App(title="Desk"), app_name="desk", order=1)
SPECS = [
    spec(name="lobby", title="Lobby", function=lobby),
    spec(name="desk", title="Desk", function=requires("desk.read")(desk), permissions=("desk.read",)),
    spec(name="plain", title="Plain", function=plain, permissions=("desk.read",)),
    spec(name="counter", title="Counter", function=counter, permissions=("desk.hand_in",)),
    spec(name="chat", title="Chat", function=chat, permissions=("desk.hand_in",)),
]


def main() -> None:
    ui.set_page()
    bootstrap_session()
    manager = get_session_manager()
    router = Router(manager, SPECS)
    require_sign_in(manager.identity)
    with ui.save_status(manager):
        router.run()


main()
