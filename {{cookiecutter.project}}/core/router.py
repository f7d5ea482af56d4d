"""Routes a run of the script to a page: what the URL says, what the person may see, where they were.

The browser's URL and its own history are the truth. `Router` tells the session where the browser is,
and carries the session's wishes (`navigate_to`, `go_back`, `go_forward`) out in the browser.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Literal
from urllib.parse import unquote, urlencode, urlsplit

import streamlit as st

from core.discovery import HOME, App, Fault, PageSpec, discover, page
from core.errors import MissingMigrationError, NotAllowedError, StoreUnavailableError
from core.language import words_for
from core.permissions import matches, require
from core.reload import get_sources
from core.services import get_services
from core.session import NavigationEntry
from core.session_manager import SessionManager, get_session_manager
from core.storage.database import missing_migration
from core.ui import browser, cards
from core.ui.session_state import say_plain_state
from core.web.address import app_folder
from core.web.position import get_page_names

__all__ = ["App", "Router", "page", "visible_pages"]

NOT_FOUND = "not-found"
_ARRIVED_KEY = "_keep_arrived"
"""Set for the first run of a page that was navigated to: its name."""


class Router:
    """The navigation of one run. Build it first, then sign in, then `run()`.

    Building it declares pages to Streamlit, so that a deep link opened before sign-in keeps its URL. Streamlit sends
    title, icon and address of each to the browser, hidden ones too. So only those are declared that the person may
    open, and of any other one just the address that the browser asked for itself.
    """

    def __init__(self, manager: SessionManager, specs: list[PageSpec] | None = None) -> None:
        self._manager = manager
        self._specs = specs if specs is not None else discover()
        self._home = self._specs[0].name if self._specs else HOME
        self._by_name = {spec.name: spec for spec in self._specs}
        self._say = words_for(manager.session)
        get_page_names().update(self._by_name)
        user = manager.identity.user
        self._signed_in = user is not None and not user.must_change_password
        self._shown_per_app = Counter(spec.app_name for spec in self.visible())
        self._pages = {spec.name: self._declare(spec) for spec in self._specs if self._allowed(spec)}
        self._add_asked()
        position: Literal["sidebar", "hidden"] = "sidebar" if self._signed_in else "hidden"
        self._current = st.navigation(self._sections(), position=position, expanded=True)
        self.page = self._current.url_path or self._home

    @property
    def title(self) -> str:
        """The title of this run's page."""
        return self._current.title

    @property
    def params(self) -> dict[str, str]:
        return {name: st.query_params[name] for name in st.query_params}

    def visible(self) -> list[PageSpec]:
        """Return the pages this person may see, in the order of the navigation."""
        return [spec for spec in self._specs if is_offered(spec) and self._allowed(spec)]

    def run(self) -> None:
        """Show the page, after carrying out what was asked of the navigation."""
        if outdated := get_sources().outdated:
            cards.restart_needed(outdated)
        resumed = self._attach(browser.reported())
        instructions = self._instructions(resumed=resumed)
        self._attach(browser.mount(instructions))
        here = self._manager.session.history.current
        leaving = instructions.move in ("back", "forward") or (
            resumed and here and not here.is_at(self.page, self.params)
        )
        if not leaving and self.page in self._by_name:
            self._manager.observe_page(self.page, self.params)
        spec = self._by_name.get(self.page)
        self._manager.enter_page(*(spec.permissions if spec and self._allowed(spec) else ()))
        self._current.run()
        if spec and not spec.function.__module__.startswith("core."):
            say_plain_state(self._manager)

    # Declaring

    def _declare(self, spec: PageSpec) -> st.Page:
        return st.Page(
            self._body(spec),
            title=self._say.title(spec.title if self._shown_per_app[spec.app_name] > 1 else spec.app.title),
            icon=spec.icon,
            url_path=spec.name,
            default=spec.name == self._home,
            visibility="visible" if is_offered(spec) else "hidden",
        )

    def _add_asked(self) -> None:
        """Declare what the person asks for and may not open, or what is nowhere, as pages that say so."""
        asked = unquote(urlsplit(st.context.url or "").path).strip("/").rsplit("/", 1)[-1].strip()
        wished = self._manager.pending_page or st.session_state.get(_ARRIVED_KEY, "")
        for name in {self._home, NOT_FOUND, asked, wished if wished in self._by_name else ""} - {"", *self._pages}:
            spec = self._by_name.get(name) if self._signed_in else None
            nowhere = self._signed_in and spec is None
            self._pages[name] = st.Page(
                self._body(spec) if spec else lambda: cards.not_found(self._go_home),
                title=self._say("cards.not_found_title") if nowhere else get_services().settings.title,
                url_path=name,
                default=name == self._home,
                visibility="hidden",
            )

    def _sections(self) -> dict[str, list[st.Page]]:
        """Return the declared pages by heading: an app of several pages has one, one of a single page has none."""
        sections: dict[str, list[st.Page]] = {}
        for name, declared in self._pages.items():
            spec = self._by_name.get(name)
            heading = self._say.title(spec.app.title) if spec and self._shown_per_app[spec.app_name] > 1 else ""
            sections.setdefault(heading, []).append(declared)
        return sections

    def _body(self, spec: PageSpec) -> Callable[[], None]:
        def body() -> None:
            if spec.fault is not None:
                title = self._say.title(spec.app.title)
                cards.fault(title, spec.fault, self._go_home, explained=self._allowed(spec))
                return
            try:
                require(*spec.permissions)
                if is_pointless(spec):
                    cards.no_sign_in(self._say.title(spec.title), self._go_home)
                    return
                spec.function()
            except NotAllowedError as error:
                self._manager.enter_page()  # what is shown now is a card with a way home
                cards.not_allowed(self._go_home, error.permission)
            except Exception as error:  # noqa: BLE001 - a page's trouble is shown on that page, not on the whole app
                self._show(error, spec)

        return body

    def _show(self, error: Exception, spec: PageSpec) -> None:
        """Show why a page can't be shown: the database is away, or there is a fault in the page."""
        if isinstance(error, StoreUnavailableError) and not isinstance(error, MissingMigrationError):
            cards.reconnecting(error)
            return
        found = Fault.of(error)
        if missing := missing_migration(error):
            found = replace(found, error=missing)
        cards.fault(self._say.title(spec.title), found, self._go_home, explained=cards.may_see_faults())

    def _allowed(self, spec: PageSpec) -> bool:
        return spec.public or (self._signed_in and allows(self._manager.identity.permissions, spec))

    def _go_home(self) -> None:
        self._manager.navigate_to(self._home)

    # Following the browser, and leading it

    def _attach(self, report: browser.Report | None) -> bool:
        """Learn which tab this is. True if it is one that was closed, whose history the browser has lost."""
        session = self._manager.session
        if report is None or session.tab_id == report.tab:
            return False
        at_start = self.page == self._home and not self.params
        session.attach_tab(report.tab, resume=report.resumed and at_start)
        return report.resumed and session.current_page is not None

    def _instructions(self, *, resumed: bool) -> browser.Instructions:
        """Return what the browser shall do now. Going somewhere new is done here, by Streamlit itself."""
        session = self._manager.session
        instructions = browser.Instructions(
            tab=session.tab_id,
            home=self._home,
            theme=session.preferences.theme,
            language=self._say.language,
            paths=tuple(_url("" if name == self._home else name, {}) for name in self._pages),
        )
        if resumed and session.current_page:
            urls = [self._url(entry) for entry in session.navigation_history]
            again = instructions.with_scroll(session.scroll_position(session.current_page))
            return again.to("rebuild", urls, session.navigation_index)
        if st.session_state.pop(_ARRIVED_KEY, ""):
            return instructions.to("top")
        wish = self._manager.take_pending_navigation()
        if wish is None or wish.entry.is_at(self.page, self.params):
            return instructions.with_scroll(session.scroll_position(self.page))
        entry = wish.entry
        if session.tab_id is None or not wish.steps:
            st.session_state[_ARRIVED_KEY] = entry.page
            st.switch_page(self._pages.get(entry.page, self._pages[NOT_FOUND]), query_params=dict(entry.params))
        return instructions.to("back" if wish.steps < 0 else "forward", [self._url(entry)])

    def _url(self, entry: NavigationEntry) -> str:
        return _url("" if entry.page == self._home else entry.page, entry.params)


def _url(path: str, params: Mapping[str, str]) -> str:
    return f"{app_folder()}{path}" + (f"?{urlencode(params)}" if params else "")


def visible_pages() -> list[PageSpec]:
    """Return the pages the current person may see, in the order of the navigation; the first one is home."""
    user = get_session_manager().identity.user
    return [spec for spec in discover() if is_offered(spec) and allows(user.permissions if user else (), spec)]


def is_offered(spec: PageSpec) -> bool:
    """Return True if a page is in the navigation of those who may see it."""
    return spec.listed and not is_pointless(spec)


def is_pointless(spec: PageSpec) -> bool:
    """Return True if a page is about people who sign in, in a project where nobody does."""
    return spec.needs_sign_in and get_services().settings.auth == "none"


def allows(granted: Iterable[str], spec: PageSpec) -> bool:
    """Return True if these permissions suffice for a page."""
    held = frozenset(granted)
    return all(matches(held, permission) for permission in spec.permissions)
