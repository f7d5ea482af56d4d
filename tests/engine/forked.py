"""Runs Python programs of a copied project in processes that are forked from one that has imported the libraries.

Importing them is nearly all that `manage.py` does. What is the project's own, each process imports by itself.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import runpy
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

LIBRARIES = ("alembic.command", "alembic.autogenerate", "pandas", "psycopg", "pydantic_settings", "sqlalchemy.orm")
LIBRARIES += ("streamlit", "streamlit.components.v2")


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, together: bool
) -> subprocess.CompletedProcess[str]:
    """Do what `python` does with these arguments: `-c` and code, or a file. `together` is the shell's `2>&1`."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        order = json.dumps([list(arguments), str(folder), dict(environment)]).encode()
        control = _parent()
        control.sendall(len(order).to_bytes(4, "big"))
        socket.send_fds(control, [b"."], [output.fileno(), (output if together else errors).fileno()])
        control.sendall(order)
        code = int.from_bytes(control.recv(4, socket.MSG_WAITALL), "big", signed=True)
        texts = []
        for file in (output, errors):
            file.seek(0)
            texts.append(file.read().decode())
    return subprocess.CompletedProcess(arguments, code, *texts)


@cache
def _parent() -> socket.socket:
    """Return the line to the process that forks. It ends when this one does, which hangs up."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-P", __file__, str(theirs.fileno())]
        subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return ours


def _serve(control: socket.socket) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    while size := control.recv(4, socket.MSG_WAITALL):
        _, fds, _, _ = socket.recv_fds(control, 1, 2)
        order = control.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        child = os.fork()
        if child == 0:
            control.close()
            _become(*json.loads(order), *fds)
        for fd in fds:
            os.close(fd)
        _, status = os.waitpid(child, 0)
        control.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(arguments: list[str], folder: str, environment: dict[str, str], output: int, errors: int) -> None:
    """Be what `python` with these arguments would be, and leave by an exception, as from any program."""
    os.dup2(output, 1)
    os.dup2(errors, 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    first, *rest = arguments
    sys.path[:0] = ["" if first == "-c" else folder, *filter(None, environment.get("PYTHONPATH", "").split(os.pathsep))]
    if first != "-c":
        sys.argv = [first, *rest]
        runpy.run_path(first, run_name="__main__")
    else:
        sys.argv = ["-c", *rest[1:]]
        main = type(sys)("__main__")
        sys.modules["__main__"] = main
        exec(rest[0], vars(main))
    sys.exit()


if __name__ == "__main__":
    with contextlib.closing(socket.socket(fileno=int(sys.argv[1]))) as line:
        _serve(line)
