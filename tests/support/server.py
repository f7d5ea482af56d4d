"""Runs a generated project's server as a process of its own, to be asked, stopped, killed and started again."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.support.bake import BakedProject, clean_environment

STARTUP_SECONDS = 120.0
STOP_SECONDS = 15.0


class ServerError(Exception):
    """The server did not come up, or did not stop. The message ends with the log."""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclass(kw_only=True)
class Server:
    """`streamlit run` of one project on one port of this machine, with data of its own."""

    project: BakedProject
    data: Path
    environment: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    app: str = "app.py"
    _process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def _folder(self) -> str:
        """What the app's addresses begin with: Streamlit's `server.baseUrlPath`."""
        path = self.environment.get("STREAMLIT_SERVER_BASE_URL_PATH", "")
        return f"{path}/" if path else ""

    @property
    def pid(self) -> int:
        assert self._process is not None, "the server is not running"
        return self._process.pid

    @property
    def log(self) -> str:
        """Everything the server printed so far, over all its starts."""
        path = self.data / "server.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    @property
    def settings(self) -> dict[str, str]:
        """The settings it runs with, besides those of the project's `.env`."""
        return {
            "ENVIRONMENT": "development",
            "DATABASE_URL": f"sqlite:///{self.data / 'sessions.db'}",
            "JOURNAL_PATH": str(self.data / "journal.db"),
            **self.environment,
        }

    def start(self) -> float:
        """Start, and wait until the health route answers. Returns the seconds that took.

        In development it brings its database up to date by itself, without the process that `migrate` would be.
        """
        command = [str(self.project.path / ".venv/bin/streamlit"), "run", self.app]
        command += ["--server.address=127.0.0.1", f"--server.port={self.port}", "--server.headless=true"]
        began = time.monotonic()
        with (self.data / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.project.path,
                env=clean_environment(**self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        while self.health() is None:
            if self._process.poll() is not None:
                raise ServerError(f"The server ended with code {self._process.returncode}.\n{self.log}")
            if time.monotonic() - began > STARTUP_SECONDS:
                self.kill()
                raise ServerError(f"The server did not answer within {STARTUP_SECONDS:g} s.\n{self.log}")
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)
        return time.monotonic() - began

    def health(self) -> dict[str, Any] | None:
        """What the health route says; None where nobody answers."""
        try:
            with urlopen(f"{self.url}/{self._folder}keep/health", timeout=5) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except HTTPError as error:  # the database or the journal is down
            unwell: dict[str, Any] | None = json.load(error) if error.code == 503 else None
            return unwell
        except (URLError, ConnectionError, TimeoutError):
            return None

    def wait_for_log(self, text: str) -> None:
        """Wait until the log has this text."""
        began = time.monotonic()
        while text not in self.log:
            if time.monotonic() - began > STARTUP_SECONDS:
                raise ServerError(f"{text!r} is not in the log.\n{self.log}")
            assert self._process is not None
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.05)

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` with the server's settings and return what it printed."""
        result = self.project.run(".venv/bin/python", "manage.py", *arguments, **self.settings)
        if result.returncode:
            raise ServerError(f"manage.py {' '.join(arguments)} failed:\n{result.stdout}")
        return result.stdout

    def stop(self) -> None:
        """Ask the server to end, as an operator does, and wait until it has."""
        if self._process is None:
            return
        self._signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise ServerError(f"The server did not stop within {STOP_SECONDS:g} s.\n{self.log}") from None
        self._process = None

    def kill(self) -> None:
        """End the server at once, with no chance to write anything (`kill -9`)."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def restart(self) -> float:
        self.stop()
        return self.start()

    def _signal(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)


@contextlib.contextmanager
def serving(project: BakedProject, data: Path, *, app: str = "app.py", **environment: str) -> Iterator[Server]:
    """A running server with an empty data folder; gone afterwards, whatever happens."""
    data.mkdir(parents=True, exist_ok=True)
    server = Server(project=project, data=data, environment=environment, app=app)
    try:
        server.start()
        yield server
    finally:
        server.kill()
