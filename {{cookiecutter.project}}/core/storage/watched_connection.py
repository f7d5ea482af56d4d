"""A connection to PostgreSQL that gives up a server which stands still, as in a paused container.

The kernel of such a server takes and acknowledges everything, so no timeout of TCP notices it, and the server's own
timeouts stand still with it. A statement that takes long is no sign, either. So where an answer is long in coming,
the server is asked for another connection, which it gives at once if it is alive.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

CONNECT_TIMEOUT_SECONDS = 3
SILENCE_SECONDS = 5.0
"""Time without any answer before the server is asked for another connection, each time."""


class WatchedConnection(psycopg.Connection[Any]):
    """Raises OperationalError, and is closed, where the server gives neither an answer nor another connection."""

    def wait(self, gen: Generator[Any, Any, Any], *args: Any, **kwargs: Any) -> Any:
        return super().wait(self._watch(gen), *args, **kwargs)

    def _watch(self, answer: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Pass on what the driver waits for. It says every tenth of a second that nothing came."""
        since = time.monotonic()
        try:
            wanted = next(answer)
            while True:
                ready = yield wanted
                if ready:
                    since = time.monotonic()
                elif time.monotonic() - since > SILENCE_SECONDS:
                    self._check_server()
                    since = time.monotonic()
                wanted = answer.send(ready)
        except StopIteration as end:
            return end.value

    def _check_server(self) -> None:
        info = self.info
        address = make_conninfo(
            info.dsn, host=info.host, port=info.port, password=info.password, connect_timeout=CONNECT_TIMEOUT_SECONDS
        )
        try:
            psycopg.connect(address).close()
        except psycopg.errors.ConnectionTimeout as error:
            self.pgconn.finish()
            raise psycopg.OperationalError("The server gives no answer, and no other connection.") from error
        except psycopg.Error:
            return  # it answers, if only that it can't; or hangs up, as it will here
