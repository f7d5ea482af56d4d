"""The note that this server makes of itself in the database, every few seconds (see `core.storage.replicas`)."""

from __future__ import annotations

import secrets
import socket
from collections import Counter
from functools import cache

import streamlit as st
from starlette.concurrency import run_in_threadpool

from core.errors import KeepError
from core.scripts.manifest import engine_version
from core.services import Services, get_services
from core.settings import PROJECT_ROOT
from core.storage.database import fingerprint
from core.storage.replicas import Replicas
from core.web.ingress import get_connections

NAME = f"{socket.gethostname()}-{secrets.token_hex(2)}"
"""The name of this process among the replicas."""
_STRAYS = 3


@cache
def version() -> str:
    """Return what a page that was loaded from another server compares: the engine's and Streamlit's version.

    Every process of the same version goes on with a page of any other, after a restart or behind a load balancer.
    """
    return f"{engine_version(PROJECT_ROOT)}-{st.__version__}"


class Strays:
    """The browsers that send here what belongs to a page at another server, as where a load balancer isn't sticky.

    A text or two may come late, after its page has gone or gone on elsewhere. For the event loop's own thread.
    """

    def __init__(self) -> None:
        self._sent = Counter[str]()

    def note(self, owner: str, *, is_upload: bool = False) -> None:
        """Take note of a text or a file that a browser has sent, by the hash of its token."""
        if is_upload or not any(page.owner == owner for page in get_connections().pages().values()):
            self._sent[owner] += _STRAYS if is_upload else 1

    def take(self) -> int:
        """Return how many browsers have strayed since the last time."""
        strayed = sum(number >= _STRAYS for number in self._sent.values())
        self._sent.clear()
        return strayed


@cache
def get_strays() -> Strays:
    """Return the strays of this process."""
    return Strays()


async def note_replica(replicas: Replicas) -> None:
    """Note this server. Raises StoreUnavailableError while the database is away."""
    pages, strays, services = len(get_connections().pages()), get_strays().take(), get_services()
    await run_in_threadpool(_note, replicas, services, pages, strays)


def _note(replicas: Replicas, services: Services, pages: int, strays: int) -> None:
    pending = services.engine.status().pending
    replicas.note(version=version(), pages=pages, pending=pending, strays=strays, facts=_facts(services))


def _facts(services: Services) -> dict[str, str]:
    settings = services.settings
    keys = ",".join(key.get_secret_value() for key in settings.session_encryption_keys)
    try:
        files = fingerprint(services.files.place_id())
    except KeepError as error:
        files = str(error)
    return {
        "SECRET_KEY": fingerprint(settings.secret_key.get_secret_value()),
        "SESSION_ENCRYPTION_KEYS": fingerprint(keys),
        "FILES_URL": files,
        "AUTH": settings.auth,
        "DURABILITY": settings.durability,
    }
