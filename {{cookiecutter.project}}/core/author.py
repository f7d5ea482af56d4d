"""The person of a tab as the author of what is written there."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import structlog

from core.accounts import Actor, Identity
from core.errors import NotKeptError, NotKeptNowError, StoreUnavailableError
from core.services import get_services
from core.session import Change, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.state.paths import is_bookkeeping
from core.streamlit_compat.run import run_context

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
