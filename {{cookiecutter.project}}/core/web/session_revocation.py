"""Close the open pages of sessions that have ended, though nobody touches them.

Every run resolves the identity, but an open page runs only when something happens in it. So each process asks the
database regularly, by one query, whether a token of one of its open pages has ended or must be exchanged. The database
is all that replicas share: it doesn't matter which of them a sign-in was ended at.

A page that is found so runs once more, which takes everything off it and loads it anew, with another token or at the
sign-in page. One that is still there at the next check didn't do that: its session is ended and its connection cut.

A page whose script is at work is left to finish it, as long as its person may still see what it shows: a long
computation doesn't end because an administrator edits a role.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

import structlog
from starlette.concurrency import run_in_threadpool

from core.accounts import Accounts
from core.errors import StoreUnavailableError
from core.streamlit_compat.server import ask_for_run, end_session, is_running
from core.web.ingress import Connections, OpenPage
from core.wildcards import lacking

INTERVAL_SECONDS = 2.0
"""Time between two checks. Two of them, and a run, are what a page may stay at most: 5 s."""

log = structlog.get_logger(__name__)


class SessionRevocation:
    """The regular check of one process. `run` and `end` act on a page by Streamlit's id of its session."""

    def __init__(
        self,
        connections: Connections,
        *,
        run: Callable[[str], None] = ask_for_run,
        end: Callable[[str], None] = end_session,
        is_running: Callable[[str], bool] = is_running,
    ) -> None:
        self._connections = connections
        self._run, self._end, self._is_running = run, end, is_running
        self._asked_to_run: set[str] = set()
        """The connections whose pages were asked to run."""

    async def check(self, accounts: Accounts) -> None:
        """Check once. While the database is away everything stays as it is; without an open page it isn't asked.

        Raises what failed with a page once all the others were checked.
        """
        pages = {name: page for name, page in self._connections.pages().items() if page.owner is not None}
        self._asked_to_run &= pages.keys()
        owners = {page.owner for page in pages.values() if page.owner is not None}
        ended = await run_in_threadpool(_no_longer_good, accounts, owners) if owners else set()
        failed: Exception | None = None
        for name, page in pages.items():
            if page.owner in ended:
                try:
                    if not await self._may_finish(accounts, page):
                        await self._close(name, page.streamlit_id)
                except Exception as error:
                    log.exception("an open page could not be closed")
                    failed = error
        if failed is not None:
            raise failed

    async def _may_finish(self, accounts: Accounts, page: OpenPage) -> bool:
        return self._is_running(page.streamlit_id) and await run_in_threadpool(_may_see, accounts, page)

    async def _close(self, name: str, streamlit_id: str) -> None:
        if name not in self._asked_to_run:
            self._asked_to_run.add(name)
            self._run(streamlit_id)
            return
        log.info("an open page is cut off: its sign-in has ended, and it didn't leave by itself")
        try:
            self._end(streamlit_id)
        finally:
            await self._connections.cut(name)


def _no_longer_good(accounts: Accounts, owners: Collection[str]) -> set[str]:
    try:
        return accounts.identities.ended_or_stale(owners)
    except StoreUnavailableError as error:
        log.debug("the check of open pages has to wait", error=str(error))
        return set()


def _may_see(accounts: Accounts, page: OpenPage) -> bool:
    """Return True if only the rights of a page's person have changed, and they still suffice for the page."""
    try:
        identity = accounts.identities.resolve(page.owner, page.tab.session_id)
    except StoreUnavailableError:
        return False
    return identity.standing == "stale" and not lacking(identity.permissions, page.needs())
