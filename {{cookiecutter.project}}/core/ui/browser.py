"""The one component on every page: it names the browser's tab, and moves and scrolls it when told to.

It never holds the session's token; the cookie that does can't be read by any script.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import streamlit as st

from core.ui.keys import unlisted_key
from core.web import scripts
from core.web.address import app_folder
from core.web.replica import version

if TYPE_CHECKING:
    from streamlit.components.v2.types import ComponentRenderer

TAB_PATTERN = re.compile(r"[0-9a-f]{32}")
"""The format of a tab's id."""

Move = Literal["back", "forward", "top", "rebuild"]
"""`top` scrolls up, for a page that was navigated to. `rebuild` gives a reopened tab its earlier history."""

_CONNECTION_KEY = "_keep_connection"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report of the browser. `resumed`: a new tab that goes on where the last closed one was."""

    tab: str
    resumed: bool

    @classmethod
    def parse(cls, value: object) -> Report | None:
        """Read what came from the browser; None for anything that is no report."""
        match value:
            case {"id": str(tab), "resumed": bool(resumed)} if TAB_PATTERN.fullmatch(tab):
                return cls(tab=tab, resumed=resumed)
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instructions:
    """Instructions for the browser. `scroll` is in CSS pixels, and counts once per page load."""

    tab: str | None
    home: str
    theme: str = "system"
    language: str = "en"
    paths: tuple[str, ...] = ()
    """Of all pages: Streamlit keeps a theme for each."""
    scroll: float = 0.0
    move: Move | None = None
    urls: tuple[str, ...] = ()
    index: int = 0
    command: str = ""

    def to(self, move: Move, urls: Sequence[str] = (), index: int = 0) -> Instructions:
        """Ask for a move to `urls[index]`. Each command has a number of its own, so it is carried out once."""
        return replace(self, move=move, urls=tuple(urls), index=index, command=secrets.token_hex(8))

    def with_scroll(self, scroll: float) -> Instructions:
        return replace(self, scroll=scroll)


def reported() -> Report | None:
    """Return what the browser said before this run, None if it has not spoken since it connected."""
    state = st.session_state.get(unlisted_key("browser"))
    return Report.parse(state.get("tab")) if state is not None else None


def mount(instructions: Instructions) -> Report | None:
    """Put the component on the page. Returns what the browser has said so far."""
    connection = st.session_state.setdefault(_CONNECTION_KEY, secrets.token_hex(8))
    data: dict[str, Any] = {
        "version": version(),
        "connection": connection,
        "base": app_folder(),
        **asdict(instructions),
    }
    result = _component()(
        key=unlisted_key("browser"), data=data, width=1, height=1, on_tab_change=_noted, on_again_change=_noted
    )
    return Report.parse(result.get("tab"))


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("keep_browser", js=scripts.module("browser"))


def _noted() -> None:
    """The report is read from the component's state; its arrival needs no other deed."""
