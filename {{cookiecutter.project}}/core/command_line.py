"""Commands as they are typed here, so that what a message says to run works when it is pasted."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path

from core.settings import PROJECT_ROOT


def python(arguments: str) -> str:
    """Return `arguments`, such as `manage.py migrate`, behind the Python that is running, for the project's folder.

    That is `.venv/bin/python` where it is the project's own, and `python` in a container, where that is this one.
    """
    return f"{shlex.quote(_interpreter())} {arguments}"


def _interpreter() -> str:
    running = Path(sys.executable)
    if running.is_relative_to(PROJECT_ROOT):
        return str(running.relative_to(PROJECT_ROOT))
    for name in ("python", "python3"):
        found = shutil.which(name)
        if found is not None and Path(found) == running:
            return name
    return os.fspath(running)
