"""The HTTP side: the session cookie, our routes, and what happens when the server starts and stops."""

from __future__ import annotations

import asyncio
import gc
import importlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from functools import partial

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import Route

from core.accounts.setup import prepare
from core.command_line import python
from core.errors import SchemaError, StoreUnavailableError
from core.services import close_services, get_services
from core.settings import get_settings, trusted_proxies
from core.storage.database import reachable
from core.storage.migrate import schema_state
from core.storage.replicas import NOTED_SECONDS, Replicas
from core.streamlit_compat.features import broken
from core.streamlit_compat.server import CLOSED, HOST_CONFIG, PROVIDER, block_dialogs
from core.web import run_on_save, scripts, session_revocation
from core.web.address import app_folder, base_path, is_page
from core.web.binding import get_bindings
from core.web.client import ClientAddressMiddleware
from core.web.cookie import SessionCookieMiddleware
from core.web.drafts import drafts
from core.web.headers import HeadersMiddleware, page_policy, scripts_of_the_page
from core.web.housekeeping import FIRST_SECONDS, INTERVAL_SECONDS, clean_up
from core.web.index_html import RewriteMiddleware, add_ours
from core.web.ingress import IngressMiddleware, get_connections
from core.web.last_message import last_message
from core.web.media import MediaMiddleware
from core.web.oidc import OidcMiddleware
from core.web.position import position
from core.web.replica import NAME, note_replica
from core.web.routes import health, live, ready, rotate
from core.web.shutdown import get_shutdown
from core.web.trusted_hosts import TrustedHostsMiddleware
from core.web.uploads import UploadMiddleware

log = structlog.get_logger(__name__)

LoadPages = Callable[[], Mapping[str, Sequence[str]]]
"""Imports what the pages need; returns the permissions that the apps give to roles, by role."""


def middleware() -> list[Middleware]:
    """Return the middleware that `st.App` wraps around everything."""
    settings, folder = get_settings(), app_folder()
    provider = []
    if settings.auth == "oidc":
        provider.append(Middleware(OidcMiddleware, services=get_services, base_path=base_path()))
    return [
        Middleware(ClientAddressMiddleware, trusted=trusted_proxies()),
        Middleware(
            HeadersMiddleware,
            policy=page_policy(scripts_of_the_page(), settings.content_sources),
            https=settings.cookie_secure,
            base_path=base_path(),
        ),
        Middleware(
            TrustedHostsMiddleware,
            allowed_hosts=settings.allowed_hosts,
            closed=CLOSED if settings.auth == "oidc" else (*CLOSED, *PROVIDER),
            base_path=base_path(),
        ),
        Middleware(
            SessionCookieMiddleware,
            secret=settings.secret_key.get_secret_value(),
            cookie_name=settings.cookie_name,
            cookie_secure=settings.cookie_secure,
            bindings=get_bindings(),
            base_path=base_path(),
        ),
        *provider,
        Middleware(
            RewriteMiddleware,
            is_wanted=lambda scope: is_page(scope, folder),
            content_type="text/html",
            change=add_ours,
        ),
        Middleware(
            RewriteMiddleware,
            is_wanted=lambda scope: scope["path"] == f"{folder}{HOST_CONFIG}",
            content_type="application/json",
            change=block_dialogs,
        ),
        Middleware(UploadMiddleware, connections=get_connections(), bindings=get_bindings(), base_path=base_path()),
        Middleware(MediaMiddleware, base_path=base_path()),
        Middleware(IngressMiddleware, connections=get_connections(), base_path=base_path()),
    ]


def routes() -> list[Route]:
    """Our routes, all below `/keep/`."""
    prefix = f"{app_folder()}keep"
    return [
        Route(f"{prefix}/live", live, methods=["GET"]),
        Route(f"{prefix}/ready", ready, methods=["GET"]),
        Route(f"{prefix}/health", health, methods=["GET"]),
        Route(f"{prefix}/rotate", rotate, methods=["POST"]),
        Route(f"{prefix}/drafts", drafts, methods=["POST"]),
        Route(f"{prefix}/last-message", last_message, methods=["POST"]),
        Route(f"{prefix}/position", position, methods=["POST"]),
        scripts.route(prefix),
    ]


def lifespan(load_pages: LoadPages) -> Callable[[object], AbstractAsyncContextManager[None]]:
    """Return the lifespan of the server: its start and its stop.

    Brings the database's schema up to date in development, checks it in production; cleans up; flushes at the end.
    Nobody is let in before the pages are loaded: the first to come would wait for it, and whoever comes next, too.
    Raises SchemaError in production when revisions are missing.
    """

    @asynccontextmanager
    async def from_start_to_stop(_app: object) -> AsyncIterator[None]:
        lacking, roles = await asyncio.gather(
            run_in_threadpool(_lacks_migrations), run_in_threadpool(_load, load_pages)
        )
        if lacking:
            await run_in_threadpool(_prepare_database, roles)
        repeat, revocation = get_services().background.repeat, session_revocation.SessionRevocation(get_connections())

        async def check() -> None:
            await revocation.check(get_services().accounts)

        cleaning = repeat("cleaning up", clean_up, seconds=INTERVAL_SECONDS, first_after=FIRST_SECONDS)
        checking = repeat("checking open pages", check, seconds=session_revocation.INTERVAL_SECONDS)
        replicas = Replicas(get_services().database, get_services().clock, NAME)
        noting = repeat("noting this server", partial(note_replica, replicas), seconds=NOTED_SECONDS, first_after=0)
        in_background = [asyncio.create_task(each) for each in (cleaning, checking, noting)]
        if run_on_save.watch_sources():
            looking = repeat("reloading code", run_on_save.RunOnSave().look, seconds=run_on_save.INTERVAL_SECONDS)
            in_background.append(asyncio.create_task(looking))
        gc.collect()
        gc.freeze()  # what is loaded stays: collections go through what came since, which takes no time
        try:
            with get_shutdown().before_signal(get_services().settings.drain_seconds):
                yield
        finally:
            for task in in_background:
                task.cancel()
            with _or_logged():
                await run_in_threadpool(replicas.leave)
            await run_in_threadpool(close_services)

    return from_start_to_stop


def _load(load_pages: LoadPages) -> Mapping[str, Sequence[str]]:
    importlib.import_module("pandas")  # Streamlit puts it off until somebody sees the first select box
    get_services()  # which say how the log is written
    broken()  # which logs what has changed in Streamlit
    return load_pages()


def _lacks_migrations() -> bool:
    services = get_services()
    state = None
    with _or_logged(), reachable():
        state = schema_state(services.database)
    if state is None or state.is_current:
        return False
    if services.settings.environment == "production":
        raise SchemaError("The database lacks revisions", f"Run: {python('manage.py migrate')}")
    return True


def _prepare_database(roles: Mapping[str, Sequence[str]]) -> None:
    services = get_services()
    with _or_logged(), reachable():
        secret = services.settings.secret_key.get_secret_value()
        prepare(services.accounts, services.database, services.settings.first_password, roles, secret)


@contextmanager
def _or_logged() -> Iterator[None]:
    try:
        yield
    except StoreUnavailableError as error:
        # Pages say that they are reconnecting, and recover when the database does.
        log.error("the server does without the database for now", error=str(error))
