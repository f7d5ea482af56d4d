"""Personal data: a copy of it for the person, and the way to have it deleted. Reached from their menu."""

import io
from datetime import timedelta
from functools import partial

import streamlit as st

from core import get_session_manager, ui
from core.accounts import Actor, User
from core.auth import acting, current_identity, say_goodbye, sign_out
from core.auth.pages import why_refused
from core.auth.password_check import check_password
from core.errors import KeepError, LastAdministratorError, StoreUnavailableError
from core.personal import erase_person, export_archive, export_json, files_held
from core.router import page
from core.services import get_services
from core.storage.database import reachable

LARGEST_ARCHIVE = 200 * 1024 * 1024
"""Bytes of files. A larger archive is made at the server, by `manage.py person export`."""
FRESH = timedelta(minutes=10)
"""The longest time ago that somebody whose password we don't know may have signed in, to delete themselves."""
TYPED, REFUSED = "data-typed", "data-refused"
"""Under these keys of `st.session_state`: what was typed to confirm, and why it deleted nothing."""


@page(title="My data", icon=":material/folder_shared:", order=92, listed=False)
def data() -> None:
    say, user = ui.words(), get_session_manager().identity.user
    st.title(say("data.title"))
    if user is None:
        return
    with st.container(key="my-data", width=640, gap="large"):
        with st.container(gap="small"):
            st.subheader(say("data.export"))
            st.markdown(say("data.export_text"))
            _downloads(user)
        with st.container(gap="small"):
            st.subheader(say("data.delete"))
            st.markdown(say("data.delete_text"))
            st.markdown(say("data.stays"))
            asked = st.button(say("data.delete_button"), icon=":material/delete_forever:", key="data-delete")
            if asked or REFUSED in st.session_state:
                st.dialog(say("data.sure"))(_ask_again)(user)


def _downloads(user: User) -> None:
    """Files that are made when they are asked for, where no run is in progress: of whoever this run was for."""
    say, files = ui.words(), files_held(get_services(), user)
    too_large = sum(ref.size for ref in files.values()) > LARGEST_ARCHIVE
    with st.container(horizontal=True):
        st.download_button(
            say("data.json"),
            partial(export_json, get_services(), user, by=acting()),
            file_name="my-data.json",
            mime="application/json",
            icon=":material/download:",
            on_click="ignore",
            key="data-json",
        )
        if files:
            st.download_button(
                say("data.archive", n=len(files)),
                partial(_archive, user, acting()),
                file_name="my-data.zip",
                mime="application/zip",
                icon=":material/folder_zip:",
                on_click="ignore",
                disabled=too_large,
                key="data-archive",
            )
    if too_large:
        st.caption(say("data.too_large"))


def _archive(user: User, by: Actor) -> bytes:
    target = io.BytesIO()
    export_archive(get_services(), user, target, by=by)
    return target.getvalue()


def _ask_again(user: User) -> None:
    say, name = ui.words(), _called(user)
    st.markdown(say("data.sure_text", name=ui.plain(name)))
    if refused := st.session_state.pop(REFUSED, None):
        st.error(ui.plain(refused), icon=":material/error:")
    try:
        with reachable():
            if current_identity().standing != "good":
                st.rerun()  # which takes leave of whoever was just deleted: only the dialog ran
            fresh = _signed_in_lately()
    except StoreUnavailableError:
        st.error(say("data.not_now"), icon=":material/cloud_off:")
        return
    if not fresh:
        st.markdown(say("data.sign_in_first"))
        if st.button(say("data.sign_in_again"), icon=":material/login:", key="data-sign-in"):
            sign_out()
        return
    with st.form("data-sure", border=False):
        if get_services().settings.auth == "password":
            st.text_input(say("sign_in.password"), type="password", autocomplete="current-password", key=TYPED)
        else:
            st.text_input(say("data.type", name=ui.plain(name)), autocomplete="off", key=TYPED)
        st.form_submit_button(
            say("data.for_good"),
            type="primary",
            icon=":material/delete_forever:",
            on_click=_delete,
            key="data-for-good",
        )


def _delete() -> None:
    """Delete whoever is there when the button is pressed, if what they typed says that it is them."""
    say, typed = ui.words(), str(st.session_state.pop(TYPED, ""))
    try:
        with reachable():
            refused = _delete_or_refuse(typed)
    except LastAdministratorError:
        refused = say("data.last_administrator")
    except KeepError as error:
        refused, _ = why_refused(error, say, "data.not_now")
    if refused:
        st.session_state[REFUSED] = refused


def _delete_or_refuse(typed: str) -> str | None:
    say, services = ui.words(), get_services()
    identity, by = current_identity(), acting()
    user = identity.user
    if identity.standing != "good" or user is None:
        return None  # the next run takes leave of them
    if not _signed_in_lately():
        return say("data.sign_in_first")
    if services.settings.auth == "password":
        if check_password(services.accounts, user.username, typed, token_hash=identity.token_hash, by=by) is None:
            return say("data.wrong_password")
    elif typed.strip().casefold() != _called(user).casefold():
        return say("data.differs", name=_called(user))
    say_goodbye()
    erase_person(services, user, by=by).remove_soon()
    return None


def _signed_in_lately() -> bool:
    """Return True if its person surely has this browser in hand; a password, if there is one, is asked for instead."""
    services, identity = get_services(), get_session_manager().identity
    if services.settings.auth != "oidc":
        return True
    tokens = services.accounts.browsers.in_use(identity.session_id)
    here = next((token for token in tokens if token.token_hash == identity.token_hash), None)
    # The clock may have been set back since: a sign-in in the future is none of lately.
    return here is not None and abs(services.clock.now() - here.created_at) < FRESH


def _called(user: User) -> str:
    """Return the name a person knows themselves by. A provider's people have a username nobody has seen."""
    return user.email if get_services().settings.auth == "oidc" and user.email else user.username
