"""Runs Python programs of a project in processes that are forked from one that has imported the libraries.

Importing them is nearly all that `manage.py` does. What is the project's own, each process imports by itself.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import shlex
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing, suppress
from functools import cache, partial
from pathlib import Path
from typing import NoReturn

LIBRARIES = ("alembic.command", "alembic.autogenerate", "pandas", "psycopg", "pydantic_settings", "sqlalchemy.orm")
LIBRARIES += ("streamlit", "streamlit.components.v2")


def arguments(command: str, python: str) -> list[str]:
    """Return the arguments of a shell's command that runs `manage.py` or code with that Python; [] for another one."""
    words = shlex.split(command)
    if words[:2] == [python, "manage.py"]:
        return words[1:] if not set("$`*~;&|<>#") & set(command) else []
    return words[1:] if words[:2] == [python, "-c"] else []


def run(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], *, python: str, together: bool
) -> subprocess.CompletedProcess[str]:
    """Do what `python` does with these arguments: `-c` and code, or a file. `together` is the shell's `2>&1`.

    `python` is a path below the folder, or one from the root.
    """
    executable = folder / python
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        order = json.dumps([list(arguments), str(folder), dict(environment), str(executable)]).encode()
        control = _parent(executable.parent.resolve() / executable.name)
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
def _parent(python: Path) -> socket.socket:
    """Return the line to the process that forks for a Python. It ends when this one does, which hangs up."""
    ours, theirs = socket.socketpair()
    with theirs:
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [str(python), "-P", __file__, str(theirs.fileno())]
        subprocess.Popen(command, env=environment, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
    return ours


def _serve(control: socket.socket) -> None:
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a child would write to, and so copy, all of it
    while size := control.recv(4, socket.MSG_WAITALL):
        _, fds, _, _ = socket.recv_fds(control, 1, 2)
        order = control.recv(int.from_bytes(size, "big"), socket.MSG_WAITALL)
        child = os.fork()
        if child == 0:
            control.close()
            _end(partial(_become, *json.loads(order), *fds))
        for fd in fds:
            os.close(fd)
        _, status = os.waitpid(child, 0)
        control.sendall(os.waitstatus_to_exitcode(status).to_bytes(4, "big", signed=True))


def _become(
    arguments: list[str], folder: str, environment: dict[str, str], python: str, output: int, errors: int
) -> None:
    """Be what `python` with these arguments would be."""
    sys.executable = python
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


def _end(program: Callable[[], None]) -> NoReturn:
    """Run it and end as Python does, but free no memory: to free what the libraries have takes longer than most."""
    code: object = None
    try:
        program()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001 - as Python does
        sys.excepthook(*sys.exc_info())
        code = 1
    if code is not None and not isinstance(code, int):
        print(code, file=sys.stderr)
        code = 1
    threading._shutdown()  # which waits for the others
    atexit._run_exitfuncs()
    with suppress(ValueError, OSError):
        sys.stdout.flush(), sys.stderr.flush()
    os._exit(code or 0)


if __name__ == "__main__":
    with closing(socket.socket(fileno=int(sys.argv[1]))) as line:
        _serve(line)
