"""Undo and redo of a form, its versions, what changed between any two of them, and the way back.

    from core import ui

    ui.undo_bar("profile")
    ui.history_panel("profile")

What is undone was entered in any tab or on any device, before or after a reload. Ctrl+Z and Ctrl+Shift+Z (with Cmd on
a Mac) press the buttons unless the cursor is in a text field, where the browser undoes the typing itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

import streamlit as st

from core.language import plain
from core.session import FormSnapshot
from core.session_manager import SessionManager, get_session_manager
from core.ui.expander_state import expander
from core.ui.format_value import rows
from core.ui.keys import own_key
from core.ui.times import local_time, words
from core.words import Words

_NOW = ""
"""Stands for what the form holds now among the ids of its versions."""
_STYLE = """<style>
.keep-compared { width: 100%; border-collapse: collapse; table-layout: fixed; }
.keep-compared caption { text-align: left; padding-bottom: 0.25rem; }
.keep-compared th, .keep-compared td { text-align: left; vertical-align: top; padding: 0.35rem 0.5rem 0.35rem 0;
  border-bottom: 1px solid color-mix(in srgb, currentColor 18%, transparent); overflow-wrap: anywhere;
  white-space: pre-wrap; }
.keep-compared th { font-weight: 600; white-space: normal; }
.keep-compared del { background: color-mix(in srgb, #d9534f 22%, transparent); }
.keep-compared ins { background: color-mix(in srgb, #3d927a 28%, transparent); text-decoration: none; }
</style>"""


def undo_bar(form_id: str) -> None:
    """Show the buttons that undo and redo the edits of a form, each disabled where there is nothing for it to do."""
    session, say = get_session_manager().session, words()

    def button(name: str, label: str, explained: str, *, is_possible: bool, do: Callable[..., Any]) -> None:
        st.button(
            label,
            key=own_key(name, form_id),
            icon=f":material/{name}:",
            type="tertiary",
            disabled=not is_possible,
            help=explained,
            on_click=do,
            args=(form_id,),
        )

    with st.container(horizontal=True, gap="small", key=own_key("history-buttons", form_id)):
        can_undo, can_redo = session.can_undo(form_id), session.can_redo(form_id)
        button("undo", say("history.undo"), say("history.undo_help"), is_possible=can_undo, do=session.undo)
        button("redo", say("history.redo"), say("history.redo_help"), is_possible=can_redo, do=session.redo)


def history_panel(form_id: str) -> None:
    """Show the versions of a form, up to 50, to keep one more under a name, to compare any two, and to go back.

    Going back is an edit: undo takes it back.
    """
    manager, say = get_session_manager(), words()
    form = manager.session.form(form_id)
    with expander(say("history.title"), key=own_key("history", form_id), icon=":material/history:"):
        _keep_one(manager, form_id, say, empty=not form.values)
        if not form.snapshots:
            st.caption(say("history.none"))
            return
        versions = {snapshot.snapshot_id: snapshot for snapshot in reversed(form.snapshots)}
        titles = _titles(versions, say)
        one, other = _chosen(form_id, titles, say)
        left = form.values if one == _NOW else versions[one].values
        right = form.values if other == _NOW else versions[other].values
        _compare(manager, form_id, (titles[one], left), (titles[other], right), say)
        for place, chosen in (("one", one), ("other", other)):
            if chosen != _NOW and (place == "one" or chosen != one):
                st.button(
                    say("history.restore", name=plain(titles[chosen])),
                    key=own_key("history-restore", str(place), form_id),
                    icon=":material/settings_backup_restore:",
                    on_click=_restore,
                    args=(manager, chosen),
                )


def _keep_one(manager: SessionManager, form_id: str, say: Words, *, empty: bool) -> None:
    key = own_key("history-name", form_id)

    def keep() -> None:
        manager.session.create_form_snapshot(form_id, st.session_state[key].strip() or say("history.unnamed"))
        st.session_state[key] = ""

    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(say("history.name"), key=key, placeholder=say("history.example"), max_chars=80)
        st.button(
            say("history.keep"),
            key=own_key("history-keep", form_id),
            icon=":material/bookmark_add:",
            disabled=empty,
            on_click=keep,
        )


def _chosen(form_id: str, titles: Mapping[str, str], say: Words) -> tuple[str, str]:
    """Return the ids of the two states the person compares: by default the last version and what the form holds now."""
    left, right = st.columns(2)
    with left:
        one = st.selectbox(
            say("history.version"),
            list(titles),
            index=1,
            key=own_key("history-one", form_id),
            format_func=lambda version: titles.get(version, version),
        )
    with right:
        other = st.selectbox(
            say("history.compared"),
            list(titles),
            key=own_key("history-other", form_id),
            format_func=lambda version: titles.get(version, version),
        )
    return one, other


def _compare(
    manager: SessionManager,
    form_id: str,
    one: tuple[str, Mapping[str, Any]],
    other: tuple[str, Mapping[str, Any]],
    say: Words,
) -> None:
    found = list(rows(dict(one[1]), dict(other[1]), say))
    if not found:
        st.caption(say("history.same"))
        return
    body = "".join(
        f'<tr><th scope="row">{escape(manager.label_of(form_id, name))}</th><td>{left}</td><td>{right}</td></tr>'
        for name, left, right in found
    )
    heads = "".join(f'<th scope="col">{escape(text)}</th>' for text in (say("history.field"), one[0], other[0]))
    caption = escape(say("history.differences", n=len(found)))
    st.html(
        f'{_STYLE}<table class="keep-compared"><caption>{caption}</caption>'
        f"<thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"
    )


def _titles(versions: Mapping[str, FormSnapshot], say: Words) -> dict[str, str]:
    """Return what each version is called, by id. No two alike: a list to choose from goes by what it shows."""
    titles = {_NOW: say("history.now")}
    for version, snapshot in versions.items():
        title = f"{snapshot.description or say('history.unnamed')} · {local_time(snapshot.timestamp)}"
        alike = sum(other.split(" #")[0] == title for other in titles.values())
        titles[version] = f"{title} #{alike + 1}" if alike else title
    return titles


def _restore(manager: SessionManager, snapshot_id: str) -> None:
    manager.session.restore_form_snapshot(snapshot_id)
