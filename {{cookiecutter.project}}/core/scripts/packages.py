"""Says in one line that a package is missing, and what installs it. Needs nothing but Python."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_OWN = Path(".venv", "bin", "python")


@contextmanager
def needed() -> Iterator[None]:
    """Around the imports of a program: one that fails for a package ends it with the remedy instead of a traceback."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "").partition(".")[0]
        if not package or (ROOT / package).exists() or (ROOT / f"{package}.py").exists():
            raise  # it is the project's own
        sys.exit(f"Error: {package} is not installed for {sys.executable}. {_remedy()}")


def _remedy() -> str:
    own = ROOT / _OWN
    if not own.exists():
        return "Run: make setup"
    if Path(sys.prefix) != own.parent.parent:
        return f"Run: {_OWN} {shlex.join([os.path.relpath(sys.argv[0], ROOT), *sys.argv[1:]])}"
    return "Run: rm -f .venv/.installed && make setup"
