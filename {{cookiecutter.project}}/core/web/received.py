"""The edits that the browser of a tab sends, made durable before any run hears of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from core.author import TabAuthor
from core.errors import KeepError, NotAllowedError, NotKeptError, SignedOutError
from core.services import get_services
from core.session import UserSession
from core.session_persistence import SessionPersistenceEngine
from core.state.paths import field_path
from core.state.unkept_edits import UnkeptEdits
from core.typed_text import send_fields
from core.web.drafts import keep_with_message
from core.web.fields import ShownField
from core.web.live_tab import Edit

log = structlog.get_logger(__name__)


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
