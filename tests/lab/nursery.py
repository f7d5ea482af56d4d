"""The laboratory's end of the victims: start one in milliseconds, ask it things, end it, learn how it ended."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from core.settings import PROJECT_ROOT
from tests.lab.waiting import PATIENCE_SECONDS

_TEMPLATE = Path(__file__).resolve().parents[2]
CODE = {"PYTHONPATH": os.pathsep.join([str(_TEMPLATE), str(PROJECT_ROOT)]), "PYTHONSAFEPATH": "1"}
"""The environment in which a process finds the laboratory, and the project that it breaks, whose tests are others."""


class VictimGoneError(Exception):
    """The victim died before it answered: the operation may have happened or not."""


class Channel:
    """One line to a victim: a command, then its answer. Belongs to one thread at a time."""

    def __init__(self, end: socket.socket) -> None:
        end.settimeout(PATIENCE_SECONDS)
        self._end = end
        self._answers = end.makefile("rb")

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Send a command and return its answer. Raises VictimGoneError when there will be none."""
        try:
            self._end.sendall(json.dumps({"do": do, **arguments}).encode() + b"\n")
            line = self._answers.readline()
        except TimeoutError as error:
            raise TimeoutError(f"The victim did not answer {do!r} within {PATIENCE_SECONDS:g} s.") from error
        except OSError as error:
            raise VictimGoneError(str(error)) from error
        if not line.endswith(b"\n"):
            raise VictimGoneError("no answer")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def wait_closed(self, seconds: float) -> bool:
        """Wait until the victim has let go of its end, as it does when it dies. False if it hasn't by then."""
        readable, _, _ = select.select([self._end], [], [], seconds)
        return bool(readable)

    def close(self) -> None:
        self._answers.close()
        self._end.close()


class Victim:
    """A running victim. Its process stays known until it was waited for, so signals can't reach a stranger."""

    def __init__(self, nursery: Nursery, pid: int, channels: list[Channel], lifeline: Channel) -> None:
        self.pid, self.channels = pid, channels
        self._nursery, self._lifeline = nursery, lifeline
        self.exit_code: int | None = None

    def signal(self, number: signal.Signals) -> None:
        if self.exit_code is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """`kill -9`, and wait until it is dead. Harmless for a dead one."""
        self.signal(signal.SIGKILL)
        self.wait()

    def wait(self, seconds: float = PATIENCE_SECONDS) -> int:
        """Wait for its end. Returns the exit code, negative for a signal. Raises TimeoutError."""
        if self.exit_code is None:
            if not self._lifeline.wait_closed(seconds):
                raise TimeoutError(f"The victim did not end within {seconds:g} s.")
            self.exit_code = self._nursery.wait(self.pid)
        return self.exit_code

    def close(self) -> None:
        """Kill it, and hang up."""
        self.kill()
        for channel in (*self.channels, self._lifeline):
            channel.close()


class Nursery:
    """The process that forks victims. `log` gets what they print."""

    def __init__(self, log: Path) -> None:
        self._lock = threading.Lock()
        self._control, theirs = socket.socketpair()
        with log.open("ab") as output, theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.lab.victim"],
                cwd=PROJECT_ROOT,
                env={**os.environ, **CODE, "PYTHONDONTWRITEBYTECODE": "1"},  # it does the same each time
                stdin=theirs.fileno(),
                stdout=output,
                stderr=output,
            )
        self._answers = self._control.makefile("rb")

    def start(self, order: Mapping[str, Any], channels: int) -> Victim:
        """Fork a victim with so many channels. `order` holds the variant and the settings."""
        # One more is never written to: it tells of the victim's end even while all others are busy.
        pairs = [socket.socketpair() for _ in range(channels + 1)]
        with contextlib.ExitStack() as stack:
            theirs = [stack.enter_context(pair[1]) for pair in pairs]
            pid = self._ask({"start": order}, theirs)
        ours = [Channel(pair[0]) for pair in pairs]
        return Victim(self, pid, ours[:-1], ours[-1])

    def wait(self, pid: int) -> int:
        return self._ask({"wait": pid}, [])

    def close(self) -> None:
        self._control.close()
        self._answers.close()
        self._process.wait()

    def _ask(self, order: Mapping[str, Any], sockets: list[socket.socket]) -> int:
        with self._lock:
            socket.send_fds(self._control, [json.dumps(order).encode()], [end.fileno() for end in sockets])
            return int(self._answers.readline())
