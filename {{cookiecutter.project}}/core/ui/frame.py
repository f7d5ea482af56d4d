"""The frame of every page: its settings and style, and the person's menu."""

from __future__ import annotations

from html import escape
from pathlib import Path

import streamlit as st

from core.auth import sign_out
from core.language import plain
from core.services import get_services
from core.session_manager import SessionManager
from core.ui.keys import own_key
from core.ui.times import words

_ICON = Path(__file__).with_name("icon.svg").read_text(encoding="utf-8")
_MARK = "#3d927a"
_OWN_PAGES = {
    "home-preferences": ("preferences.title", ":material/tune:"),
    "home-devices": ("devices.title", ":material/devices:"),
    "home-password": ("password.title", ":material/key:"),
    "home-data": ("data.title", ":material/folder_shared:"),
}
"""Entries of the menu under a person's name, besides signing out: text entry of the title, and icon."""
_SIGN_OUT = "sign-out"


def set_page() -> None:
    """Set the browser tab's title and icon, and the project's mark. Call it first in `main.py`."""
    title = get_services().settings.title
    st.set_page_config(page_title=title, page_icon=_ICON, layout="wide")
    st.logo(_wordmark(title), size="large")


def user_menu(manager: SessionManager) -> None:
    """Show who is signed in, with their preferences and, where people sign in, the way out."""
    say, user, auth = words(), manager.identity.user, get_services().settings.auth
    entries = {page: f"{icon} {say(title)}" for page, (title, icon) in _OWN_PAGES.items()}
    if auth != "password":
        del entries["home-password"]
    if auth != "none":
        entries[_SIGN_OUT] = f":material/logout: {say('frame.sign_out')}"
    key = own_key("user")
    st.sidebar.menu_button(
        plain(user.name) if user else say("frame.guest"),
        list(entries),
        format_func=entries.__getitem__,
        icon=":material/account_circle:",
        help=plain(user.email) if user and user.email else None,
        width="stretch",
        key=key,
        on_click=_chosen,
        args=(manager, key),
    )


def _chosen(manager: SessionManager, key: str) -> None:
    entry = st.session_state[key]
    sign_out() if entry == _SIGN_OUT else manager.navigate_to(entry)


def _wordmark(title: str) -> str:
    """The project's name beside a bookmark, as an SVG that reads on light and dark alike."""
    width = 40 + 11 * len(title)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 32" height="32">'
        f'<path d="M6 3h14a3 3 0 0 1 3 3v23l-10-7-10 7V6a3 3 0 0 1 3-3z" fill="{_MARK}"/>'
        f'<text x="33" y="22" font-family="Georgia, serif" font-size="18" font-weight="600" fill="{_MARK}">'
        f"{escape(title)}</text></svg>"
    )
