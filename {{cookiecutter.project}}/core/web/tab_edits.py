"""The edits of a tab: who writes them, those its browser sends before a run, and those that could not be persisted."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

from core.accounts import Actor, Identity
from core.errors import KeepError, NotAllowedError, NotKeptError, NotKeptNowError, SignedOutError, StoreUnavailableError
from core.services import get_services
from core.session import Change, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.state.paths import field_path, is_bookkeeping
from core.state.typed_text import send_fields
from core.streamlit_compat.run import run_context
from core.web.drafts import keep_with_message
from core.web.fields import ShownField
from core.web.live_tab import Edit

log = structlog.get_logger(__name__)


class TabAuthor:
    """Writes the changes of a tab's session, after checking that its person is still signed in."""

    def __init__(self, engine: SessionPersistenceEngine, identity: Identity, *, device: str, address: str) -> None:
        self._engine = engine
        self._registered = identity.registered
        self._checked_in: int | None = None
        self._address = address
        self.identity = identity
        self.device = device

    def write(self, session: UserSession, changes: Sequence[Change]) -> Mapping[str, str]:
        """Make changes durable, if their author is still signed in. Returns the stamps by path."""
        self.check_sign_in(session)
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
            get_services().accounts.tokens.register(self.identity.token_hash, session.session_id, self.device)
            self._registered = True
        return stamps

    def check_sign_in(self, session: UserSession) -> None:
        """Check that the person is still signed in, unless that is known of this moment. Raises SignedOutError."""
        context = run_context()
        # A run has looked who is there when it began; a callback comes before that, and an edit before any run.
        if not (context and context.has_script_started) and self._checked_in != threading.get_ident():
            try:
                self.check(session)
            except StoreUnavailableError as error:
                raise NotKeptNowError from error

    def check(self, session: UserSession, needs: Iterable[str] = ()) -> int | None:
        """Check the person's right to the session, and what they need for it, as `Identities.check` does."""
        return get_services().accounts.identities.check(self.identity, session.session_id, needs)

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Let this thread write within the block without a check: it makes that itself."""
        self._checked_in = threading.get_ident()
        try:
            yield
        finally:
            self._checked_in = None

    def actor(self) -> Actor:
        """Return the person for the audit trail, outside of a run."""
        return Actor(user_id=self.identity.user_id, address=self._address, device=self.device)


class ReceivedEdits:
    """Makes a tab's edits durable as long as their author may see the page they come from."""

    def __init__(
        self, engine: SessionPersistenceEngine, session: UserSession, author: TabAuthor, unkept: UnkeptEdits
    ) -> None:
        self._engine, self._session, self._author, self._unkept = engine, session, author, unkept
        self.fields: dict[str, ShownField] = {}
        """The widgets that any run of this tab has shown, by key."""
        self.page_needs: tuple[str, ...] = ()
        """Permissions required by the page that the browser shows."""
        self.news: set[str] = set()
        """The paths that changed elsewhere and were merged before a run."""

    def is_guarded(self) -> bool:
        """Return whether this tab's page requires somebody who is signed in."""
        return self._author.identity.user is not None and get_services().settings.auth != "none"

    def keep(self, edits: Sequence[Edit]) -> Mapping[str, str] | None:
        """Make edits durable. Returns their stamps by key, None where that is left to the widgets' callbacks.

        Raises as `core.web.live_tab.Keep` does.
        """
        fields = [self.fields[edit.key] for edit in edits if edit.key in self.fields]
        needs = dict.fromkeys((*self.page_needs, *(need for field in fields for need in field.needs)))
        try:
            with get_services().accounts.db_budget:
                if not edits:
                    self._author.check(self._session, needs)
                    return {}
                self._write(edits, fields, tuple(needs))
        except SignedOutError:
            raise
        except NotAllowedError as error:
            get_services().accounts.audit.deny(error.permission, by=self._author.actor())
            raise
        except NotKeptError as error:
            log.info("an edit is left to its widget's callback", reason=error.reason)
            return None
        for edit in edits:
            self._unkept.settle(edit.form, edit.field, at=self._engine.clock.now())
            if edit.key in self.fields:
                self.fields[edit.key].value = edit.value
        return {edit.key: self._session.stamps[field_path(edit.form, edit.field)] for edit in edits}

    def _write(self, edits: Sequence[Edit], fields: Sequence[ShownField], needs: Sequence[str]) -> None:
        session, author = self._session, self._author
        typed = any(field.rule for field in fields)  # then it was posted before, and the edit goes on from that
        with session.lock, author.checked():
            waiting = self._engine.waiting(session.session_id) if typed else []
            version = author.check(session, needs)
            if typed:
                self.news |= self._engine.merge_pending(session, waiting, version)
            kept = {(edit.form, edit.field): edit.value for edit in edits if not edit.sent}
            sent = {(edit.form, edit.field): edit.value for edit in edits if edit.sent}
            if kept:
                session.set_fields(kept, seen={(field.form, field.field): field.stamp for field in fields})
            if sent:
                send_fields(session, sent)

    def keep_drafts(
        self, drafts: Sequence[Mapping[str, Any]], edits: Sequence[Edit]
    ) -> Mapping[tuple[str, str], KeepError]:
        """Make durable what the browser alone has of its fields, before any run that may save their form.

        Returns why some of it couldn't be, by form and field.
        """
        with get_services().accounts.db_budget:
            values = {(edit.form, edit.field): edit.value for edit in edits}
            author = self._author
            return keep_with_message(
                get_services(), author.identity, author.device, drafts, values, lambda: author.check(self._session)
            )


Place = tuple[str, str]
"""A form, and one of its fields."""


class UnkeptEdits:
    """Reasons why edits were refused. The value before each is intact."""

    def __init__(self) -> None:
        self.reasons: Mapping[Place, str] = {}
        """By form and field; replaced, not changed: a run may be going through it."""
        self.last_kept_at: datetime | None = None
        self._for_now: set[Place] = set()
        self._retrying = True

    def refuse(self, form_id: str, field: str, error: NotKeptError) -> None:
        """Note why an edit was refused."""
        self.reasons = {**self.reasons, (form_id, field): str(error)}
        if isinstance(error, NotKeptNowError):
            self._for_now.add((form_id, field))
            self._retrying = False

    def settle(self, form_id: str, *fields: str, at: datetime) -> None:
        """Note that fields hold what was entered last."""
        self.last_kept_at = at
        done = {(form_id, field) for field in fields}
        self._for_now -= done
        if done & self.reasons.keys():
            self.reasons = {place: reason for place, reason in self.reasons.items() if place not in done}

    def retry(self) -> None:
        """Try again, in the run that begins."""
        self._retrying = True

    def should_retry(self, form_id: str, field: str) -> bool:
        """Return whether to try again to persist a field: once a run, unless persisting works again."""
        return self._retrying and self.is_for_now(form_id, field)

    def is_for_now(self, form_id: str, field: str) -> bool:
        """Return whether the last edit of a field was refused because nothing could be persisted then."""
        return (form_id, field) in self._for_now
