"""Between a Streamlit script and its session. The only module that keeps sessions in `st.session_state`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import streamlit as st
import structlog

from core.accounts import Identity
from core.auth import current_device, current_identity
from core.bound_widgets import BoundWidgets
from core.clock import NO_STAMP
from core.errors import (
    KeepError,
    NoSessionError,
    NotKeptError,
    SessionUnavailableError,
    StoreUnavailableError,
)
from core.reload import get_sources
from core.services import get_services
from core.session import NavigationEntry, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.state import forms
from core.state.edits import Conflict
from core.state.paths import field_path, join_path, split_path
from core.storage.entry import Entry
from core.storage.submissions import Receipt, Work
from core.streamlit_compat.run import page_name, run_context
from core.streamlit_compat.widgets import assigned
from core.web.client import noted_address
from core.web.fields import ShownField
from core.web.ingress import CONNECTION_HEADER, get_connections
from core.web.live_tab import LiveTab
from core.web.tab_edits import ReceivedEdits, TabAuthor, UnkeptEdits

MISSING: Final = object()
"""Returned by `field_value` for a field that was never set."""

log = structlog.get_logger(__name__)

_KEY = "_keep_manager"
_SHOWN_PATHS = ("form/", "step/", "undone/", "pref/")
"""Paths of a session whose values pages show."""
_CURRENT: ContextVar[tuple[object, SessionManager] | None] = ContextVar("manager", default=None)
"""The last run of this thread and its manager, cached because each widget asks for it."""
_SCRIPT_PAGE = ""
"""The page of a script that has no router."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingNavigation:
    """A navigation that the next run carries out: `steps` is -1 or 1 for the browser's history, 0 to open the page."""

    entry: NavigationEntry
    steps: int = 0


class SessionManager:
    """One tab's hold on its person's session."""

    def __init__(self, engine: SessionPersistenceEngine, session: UserSession, identity: Identity) -> None:
        self._engine = engine
        self._pending: PendingNavigation | None = None
        session.device = current_device()
        self.session = session
        self.opened_at = max(session.stamps.values(), default=NO_STAMP)
        """The stamp of the newest entry there was when this tab began."""
        self.author = session.persistence = TabAuthor(
            engine, identity, device=session.device, address=noted_address(st.context.ip_address)
        )
        self.generation = 0
        """Of which loading of the team's code the classes are that the session's values have, such as Enums."""
        self.page = _SCRIPT_PAGE
        """The page this run shows."""
        self.unkept_edits = UnkeptEdits()
        self.changed_elsewhere: set[tuple[str, str]] = set()
        """Form and field of what other tabs or devices changed since this tab's last run."""
        self.shown_fields: dict[str, ShownField] = {}
        """By widget key: the controlled widgets this run has shown so far."""
        self._shown_conflicts: dict[str, list[tuple[str, str | None]]] = {}
        """By form: the stamps of the conflicts this run has shown, and of the values in their fields."""
        self.announce: Callable[[ShownField], None] | None = None
        """Tells the page's script of a widget as soon as it is shown."""
        self.announced: dict[str, dict[str, Any]] = {}
        """By widget id: what the page's script was told of the fields of the last whole run."""
        self.session_values: dict[str, Any] = {}
        """By key: what `ui.session_value` handed out or persisted last."""
        self._bound = BoundWidgets(session)
        self._assigned: set[str] = set()
        """Keys of `st.session_state` that callbacks have set, until their widgets are shown."""
        self._has_run = False
        self._caught_up_in: object | None = None
        self.needs: tuple[str, ...] = ()
        """Permissions required by what has been rendered so far in this run."""
        self._received = ReceivedEdits(engine, session, self.author, self.unkept_edits)
        self.known_fields = self._received.fields
        """The widgets that any run of this tab has shown, by key."""
        self.live = LiveTab(
            self._received.keep,
            session_id=session.session_id,
            is_guarded=self._received.is_guarded,
            keep_drafts=self._received.keep_drafts,
        )
        """Receives this tab's messages before the script runs."""
        self.connection = ""
        """The name of the connection to this tab's browser; empty without the middleware."""

    @property
    def identity(self) -> Identity:
        """The person of this tab, as of the last check."""
        return self.author.identity

    # Fields and forms

    def persist_input(self, key: str, value: Any, form_id: str = "default") -> bool:
        """Keep what a widget holds; `key` is both the widget's key and the field's name.

        Returns True once it is durable. A value that can't be kept is noted in `not_kept` for the page
        to show, the value before it is intact, and False is returned.
        """
        return self.persist_field(form_id, key, value, page=self.page)

    def persist_field(self, form_id: str, field: str, value: Any, *, page: str | None = None) -> bool:
        """Keep one field of a form. On `page`, the widget of the same key gets its value back."""
        try:
            self.session.set_field(form_id, field, value, page=page)
        except NotKeptError as error:
            self.unkept_edits.refuse(form_id, field, error)
            return False
        self._kept(form_id, field)
        self.live.report.note_kept(None if page is None else field)
        return True

    @property
    def not_kept(self) -> Mapping[tuple[str, str], str]:
        """By form and field: why the last edit was refused. The value before it is intact."""
        return self.unkept_edits.reasons

    def show_field(self, shown: ShownField) -> None:
        """Register a controlled widget that was just shown."""
        self.shown_fields[shown.key] = shown
        self.live.note_own(shown.key)
        if self.announce is not None:
            self.announce(shown)

    def field_value(self, form_id: str, field: str, default: Any = MISSING) -> Any:
        """The draft value of a field, or `default`."""
        return self.session.form(form_id).values.get(field, default)

    def save_form(self, form_id: str, data: Mapping[str, Any]) -> None:
        """Save a whole form in one durable step. Raises NotKeptError, and nothing of it is saved."""
        has_widgets = any(key in st.session_state for key in data)
        self.session.save_form(form_id, data, page=self.page if has_widgets else None)
        self._engine.publish()  # what others compute from saved forms is out of date from then on
        self._kept(form_id, *data)
        self.live.report.note_saved()

    def submit_form(
        self, form_id: str, values: Mapping[str, Any], work: Work, *, key: str, clear: bool = False
    ) -> Receipt:
        """Save a form together with what `work` writes into tables of the team's own: all or nothing, and once.

        `key` is the submission's: where it was stored before, nothing is done and its receipt is returned. `clear`
        empties the form afterwards. Raises what `work` raises, NotKeptError, and StoreUnavailableError: then it is
        not stored as far as anybody knows, and sending it again with the same key is safe.
        """
        self.author.check_sign_in(self.session)
        submissions = get_services().submissions
        receipt = self._engine.submit(
            self.session,
            forms.submit(self.session, form_id, values, clear=clear),
            lambda entries: submissions.submit(key, form_id, entries, work),
        )
        if receipt.again and forms.submission_key(self.session, form_id) == key:
            self.session.commit([forms.next_submission(form_id)])
        self._kept(form_id, *values)
        self.live.report.note_saved()
        return receipt

    def take_assigned(self, key: str) -> bool:
        """Return whether a callback has assigned a widget's value since it was shown, and forget that."""
        is_assigned = key in self._assigned
        self._assigned.discard(key)
        return is_assigned

    def catch_up(self) -> None:
        """Fold in what others changed, before something is done that depends on it."""
        self._received.news |= self._engine.refresh(self.session)

    def catch_up_once(self, run: object | None) -> None:
        """Call `catch_up` once in a run of fragments only, which did not begin with it (see `fragment_run`)."""
        if run is not None and run is not self._caught_up_in:
            self._caught_up_in = run
            self.catch_up()

    def unkept(self, form_id: str) -> dict[str, str | KeepError]:
        """Return why fields of a form show a value that isn't persisted, by field."""
        found: dict[tuple[str, str], str | KeepError] = {**self.live.untaken, **self.unkept_edits.reasons}
        return {field: reason for (form, field), reason in found.items() if form == form_id}

    def label_of(self, form_id: str, field: str) -> str:
        """Return the label of a field's widget as it was shown last, or else the field's name in words."""
        known = list(self.known_fields.values())  # a run may be adding to them
        labels = (one.label for one in known if (one.form, one.field) == (form_id, field) and one.label)
        return next(labels, field.replace("_", " ").capitalize())

    # Navigation

    @property
    def current_page(self) -> str | None:
        return self.session.current_page

    def navigate_to(self, page: str, params: Mapping[str, str] | None = None) -> None:
        """Go to a page in the next run; call `st.rerun()` after it, or return from a callback."""
        self._pending = PendingNavigation(entry=self.session.navigate_to(page, params))

    def go_back(self) -> bool:
        """Go to the page before in the next run. False when there is none."""
        return self._step(self.session.go_back(), -1)

    def go_forward(self) -> bool:
        """Go to the page after in the next run. False when there is none."""
        return self._step(self.session.go_forward(), 1)

    @property
    def pending_page(self) -> str:
        """The page this run has to go to, as far as that has been asked for; empty where it stays."""
        return self._pending.entry.page if self._pending else ""

    def take_pending_navigation(self) -> PendingNavigation | None:
        """Hand over, once, where this run has to go."""
        pending, self._pending = self._pending, None
        return pending

    def observe_page(self, page: str, params: Mapping[str, str] | None = None) -> None:
        """Record the page the browser shows, and restore its widgets' values."""
        self.page, self.live.page = page, page_name()
        self.session.visit(page, params)
        self._bound.restore(page, self.changed_elsewhere)

    def enter_page(self, *needs: str) -> None:
        """Record the permissions required by what is shown from now on."""
        self.needs = self._received.page_needs = needs

    def page_needs(self) -> tuple[str, ...]:
        """Return the permissions required by what the browser shows."""
        return tuple(dict.fromkeys((*self._received.page_needs, *self.needs)))

    # The run

    def begin_run(self, identity: Identity, waiting: Sequence[Entry]) -> None:
        """Bring this tab up to date at the start of a run.

        `waiting` is what was read from the journal before the identity was asked for.
        """
        self.author.identity = identity
        with get_services().accounts.db_budget:
            changed = self._engine.merge_pending(self.session, waiting, identity.version)
        news, self._received.news = self._received.news, set()
        fields = [split_path(path) for path in changed | news if path.startswith("form/")]
        self.changed_elsewhere = {(parts[1], parts[3]) for parts in fields if parts[2] == "field"}
        self.session.roles = identity.user.roles if identity.user else frozenset()
        self.session.permissions = identity.permissions
        self.unkept_edits.retry()
        self.needs = ()
        self.shown_fields.clear()
        self._shown_conflicts.clear()
        self.live.begin_run()
        if self._has_run:
            self._assigned |= assigned()  # by callbacks: the script itself has only begun
        self._has_run = True
        self.page = _SCRIPT_PAGE
        self._bound.restore(self.page, self.changed_elsewhere)

    def has_news(self) -> bool:
        """Fold in what changed, and tell whether that changed what the page has shown since its last run.

        What is typed in this tab didn't, its field shows it, unless it made a conflict that is shown another one.
        """
        self.catch_up()
        stamps, typed_here = self.session.stamps, join_path("tab", self.session.tab_id or "", "draft") + "/"
        news = self._received.news
        own = {stamps.get(path) for path in news if path.startswith(typed_here)}
        if any(path.startswith(_SHOWN_PATHS) and stamps.get(path) not in own for path in news):
            return True
        return bool(news) and any(self._stamps_of(form) != shown for form, shown in self._shown_conflicts.items())

    def show_conflicts(self, form_id: str) -> list[Conflict]:
        """Return the conflicts of a form. This run shows them: others are news."""
        self._shown_conflicts[form_id] = self._stamps_of(form_id)
        return self.session.conflicts(form_id)

    def _stamps_of(self, form_id: str) -> list[tuple[str, str | None]]:
        found, stamps = self.session.conflicts(form_id), self.session.stamps
        return [(conflict.stamp, stamps.get(field_path(form_id, conflict.field))) for conflict in found]

    def _kept(self, form_id: str, *fields: str) -> None:
        self.unkept_edits.settle(form_id, *fields, at=self._engine.clock.now())

    def _step(self, entry: NavigationEntry | None, steps: int) -> bool:
        if entry is None:
            return False
        self._pending = PendingNavigation(entry=entry, steps=steps)
        return True


def bootstrap_session() -> UserSession:
    """Begin or resume this tab's session. Call it first in every run.

    Raises SessionUnavailableError while the session can't be read: show that, never a blank session.
    """
    engine, generation = get_services().engine, get_sources().refresh()
    manager: SessionManager | None = st.session_state.get(_KEY)
    # The journal first: what is flushed between the two reads then shows in the version that comes with the identity.
    waiting = engine.waiting(manager.session.session_id) if manager else []
    try:
        identity = current_identity()
    except StoreUnavailableError as error:
        raise SessionUnavailableError(f"Your work is safe, but can't be shown yet. {error}") from error
    if manager is None or manager.session.session_id != identity.session_id:
        user_id = identity.user.user_id if identity.user else None
        session = engine.open(identity.session_id, user_id)
        manager = st.session_state[_KEY] = SessionManager(engine, session, identity)
        waiting = []
    elif manager.generation != generation:
        engine.decode_again(manager.session)
    manager.generation = generation
    manager.connection = st.context.headers.get(CONNECTION_HEADER) or ""
    if manager.connection:
        context = run_context()
        streamlit_id = context.session_id if context else ""
        get_connections().attach(
            manager.connection, manager.live, streamlit_id, owner=identity.token_hash, needs=manager.page_needs
        )
    _CURRENT.set(None)
    manager.begin_run(identity, waiting)
    return manager.session


def get_session_manager() -> SessionManager:
    """Return this tab's manager. Raises NoSessionError outside a run or before `bootstrap_session()`."""
    context = run_context()
    if context is None:
        raise NoSessionError(
            "There is no session outside a Streamlit run. Start the app with `make run`; "
            "in a script or test, use SessionPersistenceEngine.open() instead."
        )
    known = _CURRENT.get()
    if known is not None and known[0] is context:
        return known[1]
    manager: SessionManager | None = st.session_state.get(_KEY)
    if manager is None:
        raise NoSessionError("There is no session yet. Call bootstrap_session() first in the script.")
    _CURRENT.set((context, manager))
    return manager


def get_current_session() -> UserSession:
    """Return this tab's session. Raises NoSessionError outside a run or before `bootstrap_session()`."""
    return get_session_manager().session


def persist_input(key: str, value: Any, form_id: str = "default") -> bool:
    """Keep what a widget holds. See `SessionManager.persist_input`."""
    return get_session_manager().persist_input(key, value, form_id)


def save_form(form_id: str, data: Mapping[str, Any]) -> None:
    """Save a whole form in one durable step. See `SessionManager.save_form`."""
    get_session_manager().save_form(form_id, data)
