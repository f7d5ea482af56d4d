"""A connection to PostgreSQL that gives up a server which stands still, as in a paused container.

The kernel of such a server takes and acknowledges everything, so no timeout of TCP notices it, and the server's own
timeouts stand still with it. A statement that takes long is no sign, either. So where an answer is long in coming,
the server is asked for another connection, which it gives at once if it is alive.

One asks for all: a server that gives no connection is known to be silent, and asked again and again by one thread until
it gives one. Until then whoever waits for an answer gives up, and whoever comes is refused at once.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import cache, partial
from typing import Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

CONNECT_TIMEOUT_SECONDS = 3
SILENCE_SECONDS = 5.0
"""Time without any answer before the server is asked for another connection, each time."""

_PORT = 5432
"""PostgreSQL's own, where an address names none."""

_Connect = Callable[[], psycopg.Connection[Any]]


class _Server:
    """A PostgreSQL at an address, as far as it is known."""

    def __init__(self) -> None:
        self.is_silent = False
        """True while it gives no connection in time."""
        self._lock = threading.Lock()
        self._is_asked = False

    def ask(self, connect: _Connect) -> None:
        """Ask it for a connection until it gives or refuses one, in a thread, unless one does so already."""
        thread = threading.Thread(target=self._ask, args=(connect,), name="silent-server", daemon=True)
        with self._lock, suppress(RuntimeError):  # no thread can be had; whoever waits longer tries again
            if not self._is_asked:
                thread.start()
                self._is_asked = True

    def _ask(self, connect: _Connect) -> None:
        try:
            while True:
                with suppress(psycopg.errors.ConnectionTimeout):
                    connect().close()
                    return
                self.is_silent = True
        except psycopg.Error:
            return  # it answers, if only that it can't; or hangs up, as it will to all others
        finally:
            with self._lock:
                self.is_silent = self._is_asked = False


@cache
def _server(_host: str, _port: str) -> _Server:
    return _Server()


class WatchedConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, where the server gives neither an answer nor another connection."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self._server = _server(self.info.host, str(self.info.port))

    @classmethod
    def connect(cls, conninfo: str = "", **settings: Any) -> Self:
        server = _server(str(settings.get("host")), str(settings.get("port") or _PORT))
        if server.is_silent:
            raise psycopg.OperationalError("The server gives no connection.")
        try:
            return super().connect(conninfo, **settings)
        except psycopg.errors.ConnectionTimeout:
            server.ask(partial(psycopg.connect, conninfo, **settings))
            raise

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        return super().wait(self._watch(gen), *args, **kwargs)

    def _watch(self, answer: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Pass on what the driver waits for. It says every tenth of a second that nothing came."""
        self._refuse_if_silent()
        since = time.monotonic()
        try:
            wanted = next(answer)
            while True:
                ready = yield wanted
                if ready:
                    since = time.monotonic()
                elif time.monotonic() - since > SILENCE_SECONDS:
                    self._server.ask(partial(psycopg.connect, self._address()))
                    since = time.monotonic()
                else:
                    self._refuse_if_silent()
                wanted = answer.send(ready)
        except StopIteration as end:
            return end.value

    def _refuse_if_silent(self) -> None:
        if self._server.is_silent:
            self.pgconn.finish()
            raise psycopg.OperationalError("The server gives no answer, and no other connection.")

    def _address(self) -> str:
        info = self.info
        return make_conninfo(
            info.dsn, host=info.host, port=info.port, password=info.password, connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
