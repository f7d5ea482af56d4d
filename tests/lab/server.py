"""The real server, `streamlit run app.py`, on a port of its own, with a browser's connection to it."""

from __future__ import annotations

import base64
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from core.settings import PROJECT_ROOT
from tests.lab.nursery import CODE
from tests.lab.postgres import free_port
from tests.lab.waiting import PATIENCE_SECONDS, wait_until


class Server:
    """A running server.

    `settings` are those of a bench; `log` gets what it prints. `app` may be another than the project's; `without` names
    what the sheet leaves out, and `options` are Streamlit's, such as `runner_fastReruns`. It is started in `folder`,
    where Streamlit looks for its configuration.
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        log: Path,
        *,
        app: str | Path = "app.py",
        without: str = "",
        folder: str | Path = PROJECT_ROOT,
        port: int | None = None,
        **options: str,
    ) -> None:
        self._log = log
        self.port = port or free_port()
        environment = {name.upper(): str(value) for name, value in settings.items()}
        command = [sys.executable, "-m", "streamlit", "run", str(app), "--server.address=127.0.0.1"]
        command += [f"--server.port={self.port}", "--server.headless=true", "--server.fileWatcherType=none"]
        command += [f"--{name.replace('_', '.', 1)}={value}" for name, value in options.items()]
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **environment, **CODE, "SHEET_WITHOUT": without},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )
        try:
            wait_until(self._answers, "the server answers")
        except TimeoutError as error:
            self.close()
            raise TimeoutError(f"{error}\n{log.read_text()[-2000:]}") from error

    def connect(self) -> socket.socket:
        """Open a WebSocket, as a page does, and leave it open."""
        connection = socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE_SECONDS)
        request = [
            "GET /_stcore/stream HTTP/1.1",
            f"Host: 127.0.0.1:{self.port}",
            f"Origin: http://127.0.0.1:{self.port}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {base64.b64encode(secrets.token_bytes(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        connection.sendall("\r\n".join([*request, "", ""]).encode())
        answer = connection.recv(1024)
        if b" 101 " not in answer:
            raise ConnectionError(f"The server opened no WebSocket: {answer[:200]!r}")
        return connection

    def terminate(self, seconds: float) -> int:
        """SIGTERM, as systemd and Docker send it, and wait for the end. Returns the exit code. Raises TimeoutError."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"The server did not end within {seconds:g} s.") from None

    def close(self) -> None:
        """End it at once, unless it has ended."""
        self.process.kill()
        self.process.wait()

    def _answers(self) -> bool:
        if self.process.poll() is not None:
            raise ChildProcessError(f"The server ended by itself.\n{self._log.read_text()[-2000:]}")
        try:
            with urlopen(f"http://127.0.0.1:{self.port}/keep/health", timeout=PATIENCE_SECONDS) as response:  # nosec B310 # our own
                return bool(response.status == 200)
        except HTTPError as error:
            return error.code == 503  # it serves, without its database
        except (URLError, ConnectionError, TimeoutError):
            return False
