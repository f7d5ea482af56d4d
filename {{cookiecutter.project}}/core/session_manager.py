"""Between a Streamlit script and its session. The only module that keeps sessions in `st.session_state`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Final

import streamlit as st
import structlog

from core import forms
from core.accounts import Actor, Identity
from core.auth import check_right, current_device, current_identity
from core.clock import NO_STAMP
from core.codec import Unreadable
from core.errors import (
    KeepError,
    NoSessionError,
    NotAllowedError,
    NotKeptError,
    NotKeptNowError,
    SessionUnavailableError,
    SignedOutError,
    StoreUnavailableError,
)
from core.reload import get_sources
from core.services import get_services
from core.session import Change, NavigationEntry, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.state.paths import field_path, is_bookkeeping, join_path, split_path
from core.storage.entry import Entry
from core.storage.submissions import Receipt, Work
from core.streamlit_compat.run import page_name, run_context
from core.streamlit_compat.widgets import assigned
from core.typed_text import send_fields
from core.web.client import noted_address
from core.web.drafts import keep_with_message
from core.web.fields import ShownField
from core.web.ingress import CONNECTION_HEADER, get_connections
from core.web.live_tab import Edit, LiveTab

MISSING: Final = object()
"""Returned by `field_value` for a field that was never set."""

log = structlog.get_logger(__name__)

_KEY = "_keep_manager"
_SETTLING_SECONDS = 2.0
"""Seconds after a page was first shown in which the browser may still be loading its widgets."""
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
        self._registered = identity.registered
        self._device = session.device = current_device()
        self._put_back: dict[str, float] = {}
        self._vouched_in: int | None = None
        session.persistence = self
        self.session = session
        self.opened_at = max(session.stamps.values(), default=NO_STAMP)
        """The stamp of the newest entry there was when this tab began."""
        self.identity = identity
        self.generation = 0
        """Of which loading of the team's code the classes are that the session's values have, such as Enums."""
        self.page = _SCRIPT_PAGE
        """The page this run shows."""
        self.not_kept: dict[tuple[str, str], str] = {}
        """By form and field: why the last edit was refused. The value before it is intact."""
        self._to_retry: set[tuple[str, str]] = set()
        self._retrying = True
        self.changed_elsewhere: set[tuple[str, str]] = set()
        """Form and field of what other tabs or devices changed since this tab's last run."""
        self.last_kept_at: datetime | None = None
        self.shown_fields: dict[str, ShownField] = {}
        """By widget key: the controlled widgets this run has shown so far."""
        self.announce: Callable[[ShownField], None] | None = None
        """Tells the page's script of a widget as soon as it is shown."""
        self.known_fields: dict[str, ShownField] = {}
        """The widgets that any run of this tab has shown, by key."""
        self._assigned: set[str] = set()
        """Keys of `st.session_state` that callbacks have set, until their widgets are shown."""
        self._has_run = False
        self._caught_up_in: object | None = None
        self._news: set[str] = set()
        """The paths that changed elsewhere and were folded in before a run."""
        self.needs: tuple[str, ...] = ()
        """Permissions required by what has been rendered so far in this run."""
        self._page_needs: tuple[str, ...] = ()
        """Permissions required by the page that the browser shows."""
        self._address = noted_address(st.context.ip_address)
        self.live = LiveTab(
            self._keep_edits,
            session_id=session.session_id,
            is_guarded=self._is_somebodys,
            keep_drafts=self._keep_drafts,
        )
        """Receives this tab's messages before the script runs."""
        self.connection = ""
        """The name of the connection to this tab's browser; empty without the middleware."""

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
            self.not_kept = {**self.not_kept, (form_id, field): str(error)}
            if isinstance(error, NotKeptNowError):
                self._to_retry.add((form_id, field))
                self._retrying = False
            return False
        self._kept(form_id, field)
        self.live.note_kept(None if page is None else field)
        return True

    def show_field(self, shown: ShownField) -> None:
        """Register a controlled widget that was just shown."""
        self.shown_fields[shown.key] = shown
        self.live.note_own(shown.key)
        if self.announce is not None:
            self.announce(shown)

    def should_retry(self, form_id: str, field: str) -> bool:
        """Return whether to try again to persist a field: once a run, unless persisting works again."""
        return self._retrying and self.is_unkept_for_now(form_id, field)

    def is_unkept_for_now(self, form_id: str, field: str) -> bool:
        """Return whether the last edit of a field was refused because nothing could be persisted then."""
        return (form_id, field) in self._to_retry

    def field_value(self, form_id: str, field: str, default: Any = MISSING) -> Any:
        """The draft value of a field, or `default`."""
        return self.session.form(form_id).values.get(field, default)

    def save_form(self, form_id: str, data: Mapping[str, Any]) -> None:
        """Save a whole form in one durable step. Raises NotKeptError, and nothing of it is saved."""
        has_widgets = any(key in st.session_state for key in data)
        self.session.save_form(form_id, data, page=self.page if has_widgets else None)
        self._engine.publish()  # what others compute from saved forms is out of date from then on
        self._kept(form_id, *data)
        self.live.note_saved()

    def submit_form(
        self, form_id: str, values: Mapping[str, Any], work: Work, *, key: str, clear: bool = False
    ) -> Receipt:
        """Save a form together with what `work` writes into tables of the team's own: all or nothing, and once.

        `key` is the submission's: where it was stored before, nothing is done and its receipt is returned. `clear`
        empties the form afterwards. Raises what `work` raises, NotKeptError, and StoreUnavailableError: then it is
        not stored as far as anybody knows, and sending it again with the same key is safe.
        """
        self._check_author()
        submissions = get_services().submissions
        receipt = self._engine.submit(
            self.session,
            forms.submit(self.session, form_id, values, clear=clear),
            lambda entries: submissions.submit(key, form_id, entries, work),
        )
        if receipt.again and forms.submission_key(self.session, form_id) == key:
            self.session.commit([forms.next_submission(form_id)])
        self._kept(form_id, *values)
        self.live.note_saved()
        return receipt

    def take_assigned(self, key: str) -> bool:
        """Return whether a callback has assigned a widget's value since it was shown, and forget that."""
        is_assigned = key in self._assigned
        self._assigned.discard(key)
        return is_assigned

    def catch_up(self) -> None:
        """Fold in what others changed, before something is done that depends on it."""
        self._news |= self._engine.refresh(self.session)

    def catch_up_once(self, run: object | None) -> None:
        """Call `catch_up` once in a run of fragments only, which did not begin with it (see `fragment_run`)."""
        if run is not None and run is not self._caught_up_in:
            self._caught_up_in = run
            self.catch_up()

    def unkept(self, form_id: str) -> dict[str, str | KeepError]:
        """Return why fields of a form show a value that isn't persisted, by field."""
        found: dict[tuple[str, str], str | KeepError] = {**self.live.untaken, **self.not_kept}
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
        self._restore_widgets()

    def enter_page(self, *needs: str) -> None:
        """Record the permissions required by what is shown from now on."""
        self.needs = self._page_needs = needs

    def page_needs(self) -> tuple[str, ...]:
        """Return the permissions required by what the browser shows."""
        return tuple(dict.fromkeys((*self._page_needs, *self.needs)))

    # The run

    def begin_run(self, identity: Identity, waiting: Sequence[Entry]) -> None:
        """Bring this tab up to date at the start of a run.

        `waiting` is what was read from the journal before the identity was asked for.
        """
        self.identity = identity
        with get_services().accounts.db_budget:
            changed = self._engine.merge_pending(self.session, waiting, identity.version)
        news, self._news = self._news, set()
        fields = [split_path(path) for path in changed | news if path.startswith("form/")]
        self.changed_elsewhere = {(parts[1], parts[3]) for parts in fields if parts[2] == "field"}
        self._grant()
        self._retrying = True
        self.needs = ()
        self.shown_fields.clear()
        self.live.begin_run()
        if self._has_run:
            self._assigned |= assigned()  # by callbacks: the script itself has only begun
        self._has_run = True
        self.page = _SCRIPT_PAGE
        self._restore_widgets()

    def has_news(self) -> bool:
        """Fold in what changed, and tell whether somebody else changed what the page has shown since its last run."""
        self.catch_up()
        stamps, typed_here = self.session.stamps, join_path("tab", self.session.tab_id or "", "draft") + "/"
        own = {stamps.get(path) for path in self._news if path.startswith(typed_here)}
        return any(path.startswith(_SHOWN_PATHS) and stamps.get(path) not in own for path in self._news)

    def write(self, session: UserSession, changes: Sequence[Change]) -> Mapping[str, str]:
        """Make changes of this tab's session durable, if its author is still signed in. Returns the stamps by path."""
        self._check_author()
        try:
            stamps = self._engine.write(session, changes)
        except NotKeptError as error:
            if all(is_bookkeeping(change.path) for change in changes):
                # The page is worth more than the note that it was shown.
                log.warning("a page's history could not be kept", error=str(error))
                return {}
            raise
        if not self._registered and self.identity.token_hash:
            # A browser gets its row at its first edit, so that its owner can see and revoke it.
            get_services().accounts.tokens.register(self.identity.token_hash, session.session_id, self._device)
            self._registered = True
        return stamps

    def _check_author(self) -> None:
        context = run_context()
        # A run has looked who is there when it began; a callback comes before that, and an edit before any run.
        if not (context and context.has_script_started) and self._vouched_in != threading.get_ident():
            try:
                check_right(self.identity, self.session.session_id)
            except StoreUnavailableError as error:
                raise NotKeptNowError from error

    @contextmanager
    def _vouched(self) -> Iterator[None]:
        """Let this thread keep edits within the block without asking who made them: it does that itself."""
        self._vouched_in = threading.get_ident()
        try:
            yield
        finally:
            self._vouched_in = None

    def _grant(self) -> None:
        user = self.identity.user
        self.session.roles = user.roles if user else frozenset()
        self.session.permissions = user.permissions if user else frozenset()

    def _restore_widgets(self) -> None:
        for key, form_id in self.session.bound_keys.get(self.page, {}).items():
            value = self.field_value(form_id, key)
            if (
                value is not MISSING
                and not isinstance(value, Unreadable)
                and (key not in st.session_state or (form_id, key) in self.changed_elsewhere or self._settling(key))
            ):
                self._put_back.setdefault(key, time.monotonic())
                st.session_state[key] = value

    def _settling(self, key: str) -> bool:
        """Return whether the browser may have missed a value that was restored just now.

        Streamlit sends it with one run only. A widget whose code is still loading when the next run follows
        would come up empty, and the next message of the browser would bring that back as an edit.
        """
        first = self._put_back.get(key)
        return first is not None and time.monotonic() - first < _SETTLING_SECONDS

    def _keep_edits(self, edits: Sequence[Edit]) -> Mapping[str, str] | None:
        """Keep what the browser sent, before any run hears of it, of somebody who may still see its page."""
        fields = [self.known_fields[edit.key] for edit in edits if edit.key in self.known_fields]
        needs = dict.fromkeys((*self._page_needs, *(need for field in fields for need in field.needs)))
        seen = {(field.form, field.field): field.stamp for field in fields}
        typed = any(field.rule for field in fields)  # then it was posted before, and the edit goes on from that
        try:
            with get_services().accounts.db_budget:
                if not edits:
                    check_right(self.identity, self.session.session_id, needs)
                    return {}
                with self.session.lock, self._vouched():
                    waiting = self._engine.waiting(self.session.session_id) if typed else []
                    version = check_right(self.identity, self.session.session_id, needs)
                    if typed:
                        self._news |= self._engine.merge_pending(self.session, waiting, version)
                    kept = {(edit.form, edit.field): edit.value for edit in edits if not edit.sent}
                    sent = {(edit.form, edit.field): edit.value for edit in edits if edit.sent}
                    if kept:
                        self.session.set_fields(kept, seen=seen)
                    if sent:
                        send_fields(self.session, sent)
        except SignedOutError:
            raise
        except NotAllowedError as error:
            get_services().accounts.audit.deny(error.permission, by=self._actor())
            raise
        except NotKeptError as error:
            log.info("an edit is left to its widget's callback", reason=error.reason)
            return None
        for edit in edits:
            self._kept(edit.form, edit.field)
            if edit.key in self.known_fields:
                self.known_fields[edit.key].value = edit.value
        return {edit.key: self.session.stamps[field_path(edit.form, edit.field)] for edit in edits}

    def _keep_drafts(
        self, drafts: Sequence[Mapping[str, Any]], edits: Sequence[Edit]
    ) -> Mapping[tuple[str, str], KeepError]:
        """Keep what the browser alone has of its fields, before any run that may save their form."""
        with get_services().accounts.db_budget:
            values = {(edit.form, edit.field): edit.value for edit in edits}
            vouch = partial(check_right, self.identity, self.session.session_id)
            return keep_with_message(get_services(), self.identity, self._device, drafts, values, vouch)

    def _is_somebodys(self) -> bool:
        """Return whether this tab's page requires somebody who is signed in."""
        return self.identity.user is not None and get_services().settings.auth != "none"

    def _actor(self) -> Actor:
        """Return the person of this tab for the audit trail, outside of a run."""
        user = self.identity.user
        return Actor(user_id=user.user_id if user else None, address=self._address, device=self._device)

    def _kept(self, form_id: str, *fields: str) -> None:
        self.last_kept_at = self._engine.clock.now()
        done = {(form_id, field) for field in fields}
        if done & self.not_kept.keys():  # replaced, not changed: a run may be going through it
            self.not_kept = {field: reason for field, reason in self.not_kept.items() if field not in done}
        for field in fields:
            self._to_retry.discard((form_id, field))
            self._put_back.pop(field, None)

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
