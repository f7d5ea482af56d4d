"""Ways to keep a session, each as its documentation says: `python -m benchmarks.other_stores NAME FOLDER SIZE`.

Makes one edit for each line on the standard input, and answers once it is acknowledged with the seconds that it took.
A line with a question mark asks for the value that is stored, as a process that was just started finds it. Runs in an
environment of its own that has these packages (see `benchmarks.alternatives`).
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

Change = Callable[[str], object]
Last = Callable[[], object]
FIELD, KEY = "field0", "a" * 32


def content(size: str) -> dict[str, Any]:
    """Return what the session holds besides: nothing, or about as much as two forms with fifty versions each."""
    if size == "small":
        return {}
    fields = {f"field{number}": "text " * 10 for number in range(1, 40)}
    return {"fields": fields, "versions": [fields] * 50}


def known_id(folder: Path, create: Callable[[], str]) -> str:
    """Return the id of this folder's session, which is made the first time."""
    note = folder / "id"
    if not note.exists():
        note.write_text(create(), encoding="ascii")
    return note.read_text(encoding="ascii")


def django(folder: Path, size: str) -> tuple[Change, Last]:
    from django.conf import settings

    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "db.sqlite3")}
    apps = ["django.contrib.sessions"]
    settings.configure(INSTALLED_APPS=apps, DATABASES={"default": database}, SECRET_KEY="x" * 50, USE_TZ=True)
    import django as package

    package.setup()
    from django.contrib.sessions.backends.db import SessionStore
    from django.core.management import call_command

    call_command("migrate", verbosity=0)

    def create() -> str:
        first = SessionStore()
        first.update(content(size))
        first.create()
        first.save()
        return str(first.session_key)

    key = known_id(folder, create)

    def edit(value: str) -> None:
        session = SessionStore(key)
        session[FIELD] = value
        session.save()

    return edit, lambda: SessionStore(key).get(FIELD)


def flask_session(folder: Path, size: str) -> tuple[Change, Last]:
    from flask import Flask, session
    from flask_session import Session
    from flask_sqlalchemy import SQLAlchemy

    app = Flask("bench")
    app.config |= {
        "SECRET_KEY": "x" * 50,
        "SESSION_TYPE": "sqlalchemy",
        "SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'flask.db'}",
    }
    app.config["SESSION_SQLALCHEMY"] = SQLAlchemy(app)
    Session(app)

    def create() -> str:
        with app.test_request_context():
            session.update({FIELD: "", **content(size)})
            app.session_interface.save_session(app, session, app.response_class())
            return str(session.sid)

    cookie = {"Cookie": f"session={known_id(folder, create)}"}

    def edit(value: str) -> None:
        with app.test_request_context(headers=cookie):
            session[FIELD] = value
            app.session_interface.save_session(app, session, app.response_class())

    def last() -> object:
        with app.test_request_context(headers=cookie):
            return session.get(FIELD)

    return edit, last


def json_file(folder: Path, size: str) -> tuple[Change, Last]:
    file, held = folder / "session.json", content(size)

    def edit(value: str) -> None:
        held[FIELD] = value
        new = file.with_suffix(".new")
        with new.open("w", encoding="utf-8") as output:
            json.dump(held, output)
            output.flush()
            os.fsync(output.fileno())
        new.replace(file)
        handle = os.open(folder, os.O_RDONLY)
        os.fsync(handle)
        os.close(handle)

    return edit, lambda: json.loads(file.read_text(encoding="utf-8"))[FIELD]


def disk_cache(folder: Path, size: str) -> tuple[Change, Last]:
    from diskcache import Cache

    cache, held = Cache(folder / "cache"), content(size)
    return lambda value: cache.set(KEY, {**held, FIELD: value}), lambda: (cache.get(KEY) or {}).get(FIELD)


def nicegui(folder: Path, size: str) -> tuple[Change, Last]:
    from nicegui import core
    from nicegui.persistence.file_persistent_dict import FilePersistentDict

    core.loop = loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()
    store = FilePersistentDict(folder / "nicegui" / f"storage-user-{KEY}.json", encoding="utf-8")
    store.initialize_sync()

    async def change(value: str) -> None:
        if "fields" not in store:
            store.update(content(size))
        store[FIELD] = value

    return lambda value: asyncio.run_coroutine_threadsafe(change(value), loop).result(), lambda: store.get(FIELD)


def bare(folder: Path, _size: str) -> tuple[Change, Last]:
    import apsw

    connection = apsw.Connection(str(folder / "bare.db"))
    for pragma in ("journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("CREATE TABLE IF NOT EXISTS field (path TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID")
    upsert = "INSERT INTO field VALUES (?, ?) ON CONFLICT (path) DO UPDATE SET value = excluded.value"
    return lambda value: connection.execute(
        upsert, (FIELD, value)
    ), lambda: connection.execute("SELECT value FROM field").get


def here(folder: Path, size: str) -> tuple[Change, Last]:
    from benchmarks.parts import fill, services_in

    engine = services_in(folder).engine
    session = engine.open(KEY)
    if size == "large" and not session.values:
        fill(session)
        engine.flush()
    return lambda value: session.set_field("form0", FIELD, value), lambda: session.form("form0").values.get(FIELD)


STORES = {
    "here": here,
    "bare SQLite": bare,
    "Django sessions (database)": django,
    "Flask-Session (SQLAlchemy)": flask_session,
    "JSON file, fsync": json_file,
    "diskcache": disk_cache,
    "NiceGUI (file)": nicegui,
}


def main(name: str, folder: str, size: str) -> None:
    edit, last = STORES[name](Path(folder), size)
    print("ready", flush=True)
    for number, line in enumerate(sys.stdin):
        if line.strip() == "?":
            print(last(), flush=True)
            continue
        value = f"{line.strip()} " + "x" * (number % 37)
        began = time.perf_counter()
        edit(value)
        print(time.perf_counter() - began, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
