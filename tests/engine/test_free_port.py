"""`make run` says which port to take where its own is taken."""

from __future__ import annotations

import re
import socket
import subprocess
import sys

from core.settings import PROJECT_ROOT

SCRIPT = str(PROJECT_ROOT / "core" / "scripts" / "free_port.py")


def test_a_port_that_is_taken_is_answered_with_one_that_is_free() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        asked = subprocess.run([sys.executable, SCRIPT, str(port)], capture_output=True, text=True, check=False)
    assert asked.returncode == 1
    said = re.fullmatch(r"Error: port (\d+) is taken\. Run: make run PORT=(\d+)\n", asked.stderr)
    assert said is not None
    assert int(said[1]) == port != int(said[2])
