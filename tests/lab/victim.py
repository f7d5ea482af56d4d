"""The process that is harmed: the project's real services, driven by one command a line.

`python -m tests.lab.victim` is the nursery, on the socket that is its standard input. It has imported everything, holds
no thread and no connection, and forks a victim per request, so that starting one takes milliseconds. A victim serves
each of the sockets it was given in a thread of its own, as a server does with its browsers. Its death is what the
laboratory is about, so nothing that has to survive is kept here.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import signal
import socket
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NoReturn

from core.clock import SystemClock
from core.errors import KeepError
from core.logs import configure_logs
from core.services import Services
from core.session import REMOVED, FormState, UserSession
from core.session_persistence import SessionPersistenceEngine
from core.settings import Settings
from core.state.paths import join_path
from core.storage.database import open_database
from core.storage.migrate import upgrade
from tests.engine.writing import put
from tests.lab.broken import VARIANTS
from tests.lab.records import joined

MOST_CHANNELS = 64
_PR_SET_PTRACER = 0x59616D61


class ShiftedClock(SystemClock):
    """The machine's clocks, the one on the wall set forward or back by some seconds."""

    seconds = 0.0

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=self.seconds)


def shown(session: UserSession) -> dict[str, str]:
    """What a session holds, path by path, as the recorder wrote it down."""
    found: dict[str, str] = {}
    for form in session.form_states.values() if not session.purged else ():
        found |= _shown_form(form)
    return found


def _shown_form(form: FormState) -> dict[str, str]:
    found = {join_path("form", form.form_id, "field", name): str(value) for name, value in form.values.items()}
    if form.saved:
        found[join_path("form", form.form_id, "saved")] = joined(form.saved.values())
    for snapshot in form.snapshots:
        parts = snapshot.description.split("|")
        path = parts[1] if len(parts) > 1 else join_path("form", form.form_id, "snapshot", snapshot.snapshot_id)
        found[path] = snapshot.description
    return found


class Host:
    """The services of this process, built when first needed, so that harm can be done from their first moment on."""

    def __init__(self, order: Mapping[str, Any]) -> None:
        self.clock = ShiftedClock()
        self.settings = Settings(_env_file=None, **order["settings"])  # type: ignore[call-arg]
        self._build = VARIANTS[order["variant"]]
        self._lock = threading.Lock()
        self._services: Services | None = None

    @property
    def services(self) -> Services:
        with self._lock:
            if self._services is None:
                self._services = self._build(self.settings, self.clock)
            return self._services

    def close(self) -> None:
        """Close as the server does at its end; the next command builds anew."""
        with self._lock:
            closing, self._services = self._services, None
        if closing is not None:
            closing.engine.close()


@dataclass(slots=True)
class Browser:
    """One channel's view of the sessions: what a tab holds in memory."""

    host: Host
    tabs: dict[str, UserSession] = field(default_factory=dict)

    @property
    def engine(self) -> SessionPersistenceEngine:
        return self.host.services.engine

    def tab(self, session: str) -> UserSession:
        if session not in self.tabs:
            self.tabs[session] = self.engine.open(session)
        return self.tabs[session]

    # One method for each command. What it returns is added to the answer.

    def ready(self) -> None:
        """Do nothing. The answer says that this channel's thread has begun."""

    def edit(self, session: str, form: str, field: str, value: str) -> None:
        self.tab(session).set_field(form, field, value)

    def remove(self, session: str, path: str) -> None:
        put(self.engine, session, {path: REMOVED})

    def save(self, session: str, form: str, values: dict[str, str]) -> None:
        self.tab(session).save_form(form, values)

    def snapshot(self, session: str, form: str, description: str) -> None:
        self.tab(session).create_form_snapshot(form, description)

    def read(self, session: str) -> dict[str, Any]:
        tab = self.tab(session)
        self.engine.refresh(tab)
        return {"values": shown(tab), "purged": tab.purged}

    def purge(self, session: str) -> None:
        self.engine.purge(session)

    def flush(self) -> None:
        self.engine.flush()

    def cleanup(self) -> dict[str, Any]:
        self.host.services.accounts.tokens.forget_ended(timedelta())
        return {"removed": self.engine.cleanup()}

    def register(self, session: str) -> None:
        """Give the session a browser, whose token goes by the session's name."""
        self.host.services.accounts.tokens.register(session, session, "laboratory")

    def come_back(self, session: str) -> dict[str, Any]:
        """What that browser is told at its next request."""
        state = self.host.services.accounts.identities.ask(session, "anon")
        self.host.services.accounts.tokens.touch(state)
        return {"standing": state.standing if state.registered else None}

    def status(self) -> dict[str, Any]:
        status = self.engine.status()
        return {
            "pending": status.pending,
            "failures": status.failures,
            "last_error": status.last_error,
            "journal_error": status.journal_error,
        }

    def shift(self, seconds: float) -> None:
        self.host.clock.seconds = seconds

    def forget(self) -> None:
        """Close all tabs: the next command reads its session anew."""
        self.tabs.clear()

    def fill(self, session: str, paths: Sequence[str], length: int) -> None:
        """Write something long that nobody looks at, in one step."""
        put(self.engine, session, dict.fromkeys(paths, "x" * length))

    def migrate(self, code: str) -> None:
        database = open_database(self.host.settings.resolved_database_url)
        upgrade(database, Path(code))
        database.dispose()

    def close(self) -> None:
        self.tabs.clear()
        self.host.close()


def obey(browser: Browser, command: Mapping[str, Any]) -> dict[str, Any]:
    """Do one command. What the engine refuses with a reason is told apart from what should not happen."""
    arguments = {name: value for name, value in command.items() if name != "do"}
    try:
        return {"ok": True, **(getattr(browser, command["do"])(**arguments) or {})}
    except KeepError as error:
        why = f" ({error.__cause__})" if error.__cause__ else ""
        return {"ok": False, "refused": True, "error": type(error).__name__, "says": f"{error}{why}"}
    except Exception as error:  # noqa: BLE001 - whatever it is, the laboratory reports it as a failure of the engine
        return {"ok": False, "refused": False, "error": type(error).__name__, "says": str(error)}


def serve(browser: Browser, channel: socket.socket) -> None:
    """Answer the commands of one channel until its other end is closed."""
    with channel.makefile("rwb") as lines:
        for line in lines:
            lines.write(json.dumps(obey(browser, json.loads(line))).encode() + b"\n")
            lines.flush()


def live(order: Mapping[str, Any], channels: Sequence[socket.socket]) -> NoReturn:
    """Be a victim: serve all channels, end when they are closed or on SIGTERM as a server does."""
    configure_logs("INFO", production=False)
    host = Host(order)
    threads = [threading.Thread(target=serve, args=(Browser(host), channel), daemon=True) for channel in channels]
    allow_tracing()
    if hasattr(signal, "SIGXFSZ"):
        signal.signal(
            signal.SIGXFSZ, signal.SIG_IGN
        )  # a file at its limit is an error to the engine, as a full disk is
    try:
        signal.signal(signal.SIGTERM, _terminated)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except SystemExit:
        host.close()
    os._exit(0)


def _terminated(_number: int, _frame: object) -> NoReturn:
    sys.exit(0)


def nurse(control: socket.socket) -> None:
    """Fork a victim for each order, and tell how one ended, until the laboratory hangs up.

    `{"start": {...}}` comes with the victim's ends of its channels; `{"wait": pid}` with nothing.
    """
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1 << 20, MOST_CHANNELS)
        if not message:
            return
        order = json.loads(message)
        if "wait" in order:
            answer = os.waitstatus_to_exitcode(os.waitpid(order["wait"], 0)[1])
        else:
            answer = _fork(order["start"], control, descriptors)
            for descriptor in descriptors:
                os.close(descriptor)
        control.sendall(json.dumps(answer).encode() + b"\n")


def _fork(order: Mapping[str, Any], control: socket.socket, descriptors: Sequence[int]) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        control.close()
        live(order, [socket.socket(fileno=descriptor) for descriptor in descriptors])
    except BaseException:  # noqa: BLE001 - nothing may get from here into the nursery's own loop
        sys.excepthook(*sys.exc_info())
    os._exit(1)


def allow_tracing() -> None:
    """Let strace attach itself, where Linux would only let it trace its own children."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PTRACER, ctypes.c_ulong(-1), 0, 0, 0)


def warm_up() -> None:
    """Load what would otherwise be loaded in every victim anew; nothing is connected."""
    for url in ("sqlite://", "postgresql+psycopg://"):
        open_database(url).dispose()
    gc.collect()
    gc.freeze()  # a collection in a victim would write to, and so copy, all of it


if __name__ == "__main__":
    warm_up()
    nurse(socket.socket(fileno=0))
