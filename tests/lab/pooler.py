"""PgBouncer before a PostgreSQL, in transaction mode: each transaction may get another connection of few."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from tests.lab.postgres import free_port
from tests.lab.waiting import wait_until
from tests.support.programs import find_program

_CONFIGURATION = """\
[databases]
{database} = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {connections}
ignore_startup_parameters = extra_float_digits
"""


class Pooler:
    """A running PgBouncer before the server of an address, with so many connections to each database of it."""

    def __init__(self, url: str, folder: Path, *, connections: int) -> None:
        port, log = free_port(), folder / "pgbouncer.log"
        to = make_url(url)
        self.url = to.set(port=port).render_as_string(hide_password=False)
        file = folder / f"pgbouncer-{port}.ini"
        file.write_text(
            _CONFIGURATION.format(
                database=to.database,
                host=to.host,
                port=to.port,
                user=to.username,
                own_port=port,
                connections=connections,
            )
        )
        user = "nobody" if os.geteuid() == 0 else None  # it doesn't run as root
        with file.open("rb") as configuration, log.open("ab") as output:
            self._process = subprocess.Popen(
                [find_program("pgbouncer"), "/dev/stdin"], stdin=configuration, stdout=output, stderr=output, user=user
            )
        self._log = log
        wait_until(self._answers, "PgBouncer answers")

    def _answers(self) -> bool:
        if self._process.poll() is not None:
            raise ChildProcessError(f"PgBouncer ended by itself.\n{self._log.read_text()}")
        try:
            psycopg.connect(self.url.replace("+psycopg", "")).close()
        except psycopg.OperationalError:
            return False
        return True

    def close(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.wait()
