"""A hundred thousand requests of browsers without a cookie, to the real server: each gets one, and no table gets a row.

    PYTHONPATH="{{cookiecutter.project}}" PROJECT/.venv/bin/python -m benchmarks.strangers [requests]

tests/test_open_pages.py of the project has a short dose.
"""

from __future__ import annotations

import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing
from pathlib import Path

from sqlalchemy import Engine, func, select

from benchmarks.measuring import row, title
from core.storage.database import open_database
from core.storage.models import Base
from tests.lab.laboratory import Laboratory, Setup
from tests.lab.server import Server

REQUESTS, CONNECTIONS, AT_ONCE = 100_000, 8, 50
PIECE = 1 << 18
_OF_SERVERS = ("leases", "project_facts")


def rows(database: Engine) -> dict[str, int]:
    """How many rows each table has, but for what running servers say of themselves."""
    with database.connect() as connection:
        return {
            name: connection.scalar(select(func.count()).select_from(table)) or 0
            for name, table in Base.metadata.tables.items()
            if name not in _OF_SERVERS
        }


def ask(port: int, requests: int, found: Counter[str]) -> None:
    """Send requests over one connection, some at a time, and count the answers and the cookies they give."""
    request = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept-Encoding: identity\r\n\r\n".encode()
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        while requests > 0:
            asked = min(AT_ONCE, requests)
            connection.sendall(request * asked)
            heard = bytearray()
            while heard.count(b"</html>") < asked:
                piece = connection.recv(PIECE)
                if not piece:
                    raise SystemExit("The server closed a connection.")
                heard += piece
            found["answers"] += heard.count(b"HTTP/1.1 200 OK")
            found["cookies"] += heard.lower().count(b"\r\nset-cookie: keep_")
            requests -= asked


def main(requests: int) -> None:
    with (
        tempfile.TemporaryDirectory() as name,
        Laboratory(Setup.SQLITE, Path(name)) as laboratory,
        laboratory.bench() as bench,
        closing(Server(bench.settings(), Path(name, "server.log"))) as server,
    ):
        database = open_database(bench.database_url)
        before, counts = rows(database), [Counter[str]() for _ in range(CONNECTIONS)]
        each = requests // CONNECTIONS
        threads = [threading.Thread(target=ask, args=(server.port, each, count)) for count in counts]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        took = time.perf_counter() - began
        more = {table: number - before[table] for table, number in rows(database).items() if number != before[table]}
        database.dispose()
    found = sum(counts, Counter())
    title("Browsers without a cookie")
    rate = found["answers"] / took
    row(f"{found['answers']:,} requests without a cookie, {rate:.0f} a second", f"{found['cookies']:,} cookies given")
    row("  rows they left", str(more or "none"), target="none", met=not more and found["cookies"] == requests)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else REQUESTS)
