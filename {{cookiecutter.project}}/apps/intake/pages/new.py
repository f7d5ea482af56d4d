"""A new request. The step is part of the address, so Back goes back one step."""

import streamlit as st

from apps.intake.requests import FORM, STEPS, Step, errors, submit
from apps.intake.steps import SCREENS
from core import get_session_manager, ui
from core.permissions import requires
from core.router import page
from core.session_manager import SessionManager


@page(title="New request", icon=":material/edit_note:", order=1)
@requires("intake.use")
def new() -> None:
    manager = get_session_manager()
    names = [step.name for step in STEPS]
    asked = st.query_params.get("step", names[0])
    place = names.index(asked) if asked in names else 0

    st.title("New request")
    _progress(manager, place)
    with st.container(border=True, key="intake-step"):
        st.subheader(STEPS[place].title)
        SCREENS[STEPS[place].name]()
        for message in manager.session.form(FORM).errors.values():
            st.error(message, icon=":material/error:")
    ui.save_bar(FORM)
    _buttons(manager, place)
    _snapshots(manager)


def _progress(manager: SessionManager, place: int) -> None:
    values = manager.session.form(FORM).values
    with st.container(horizontal=True, key="intake-progress", gap="small"):
        for number, step in enumerate(STEPS):
            complete = not step.errors(values) and number < len(STEPS) - 1 and bool(values)
            st.button(
                step.title,
                key=f"step-{step.name}",
                icon=":material/check_circle:" if complete and number != place else step.icon,
                type="primary" if number == place else "tertiary",
                on_click=_go,
                args=(manager, step.name),
            )


def _buttons(manager: SessionManager, place: int) -> None:
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        if place:
            st.button("Back", icon=":material/arrow_back:", on_click=_go, args=(manager, STEPS[place - 1].name))
        else:
            auto_save = manager.session.preferences.auto_save
            st.caption(f"Everything you enter is kept {'at once' if auto_save else 'as a draft'}.", width="content")
        if place < len(STEPS) - 1:
            st.button(
                "Next",
                icon=":material/arrow_forward:",
                type="primary",
                on_click=_next,
                args=(manager, STEPS[place], place),
            )
        else:
            st.button("Submit", icon=":material/send:", type="primary", on_click=_submit, args=(manager,))


def _snapshots(manager: SessionManager) -> None:
    form = manager.session.form(FORM)
    with ui.expander("Versions of this draft", key="intake-versions", icon=":material/bookmarks:"):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            name = st.text_input("Name", key="snapshot-name", placeholder="Before the meeting")
            st.button(
                "Keep this version",
                icon=":material/bookmark_add:",
                disabled=not form.values,
                on_click=manager.session.create_form_snapshot,
                args=(FORM, name or "Draft"),
            )
        for snapshot in reversed(form.snapshots):
            with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                st.markdown(
                    f"{ui.words().title(snapshot.description)} · {ui.local_time(snapshot.timestamp)}", width="stretch"
                )
                st.button(
                    "Restore",
                    key=f"restore-{snapshot.snapshot_id}",
                    on_click=manager.session.restore_form_snapshot,
                    args=(snapshot.snapshot_id,),
                )


def _go(manager: SessionManager, step: str) -> None:
    manager.session.set_errors(FORM, {})
    manager.navigate_to("intake", {"step": step})


def _next(manager: SessionManager, step: Step, place: int) -> None:
    ui.keep_shown(FORM)
    missing = step.errors(manager.session.form(FORM).values)
    if missing:
        manager.session.set_errors(FORM, missing)
    else:
        _go(manager, STEPS[place + 1].name)


def _submit(manager: SessionManager) -> None:
    missing = errors(manager.session.form(FORM).values)
    if missing:
        manager.session.set_errors(FORM, missing)
        return
    number = submit(manager)
    manager.navigate_to("intake-submitted", {"number": number})
