"""Reloads the team's code in development when a file of it was saved; `core` stays as long as the process.

By itself Streamlit forgets every local module when one file changes. What `core` holds, such as services, connections
and sentinels, would then exist twice, so `.streamlit/config.toml` makes Streamlit watch no module. Here only what is
the team's is forgotten, between two runs and once for all tabs; the next import reads it anew.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterable, Iterator
from functools import cache
from importlib.util import cache_from_source
from pathlib import Path

from core.settings import PROJECT_ROOT

_ENGINE = "core"
_KEPT = frozenset({_ENGINE, "app", "__main__"})
"""Top-level modules that the server holds on to: the engine, `app.py`, and the script that Streamlit runs anyway."""
_RENEWED = "core.tables"
"""The engine's one module that goes with the team's: it has the registry that their tables are declared in."""
_READ_AT_START = ("app.py", ".env", "pyproject.toml")

_Signature = tuple[int, int] | None


class Sources:
    """The project's files as they were when they were loaded. Does nothing until `watch` is called."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._is_watching = False
        self._loaded: dict[Path, _Signature] = {}
        self._engine: dict[Path, _Signature] = {}
        self._is_team: dict[str, bool] = {}
        self.lock = threading.RLock()
        """Held while modules are forgotten; hold it while importing several that belong together."""
        self.generation = 0
        """How often the team's modules were forgotten: their classes are others from one to the next."""
        self.outdated: tuple[str, ...] = ()
        """Files whose changes need a restart: those of the engine, and what is read at the start only."""

    def watch(self) -> None:
        """Begin: what is on disk now counts as loaded."""
        found = [file for file in (self._root / _ENGINE).rglob("*") if file.is_file() and _is_source(file)]
        self._engine = {file: _signature(file) for file in [*found, *(self._root / name for name in _READ_AT_START)]}
        self._is_watching = True
        self.refresh()

    def refresh(self) -> int:
        """Forget the team's modules if a file of one was saved, moved or deleted. Returns the generation."""
        if not self._is_watching:
            return self.generation
        with self.lock:
            modules = dict(self._modules())
            now = {file: _signature(file) for file in modules.values()}
            changed = [file for file, signature in now.items() if self._loaded.get(file, signature) != signature]
            self._loaded.update(now)  # as of before they are imported anew: what is saved meanwhile is seen next time
            if changed:
                self._forget(modules, changed)
            self.outdated = tuple(
                str(file.relative_to(self._root)) for file, before in self._engine.items() if _signature(file) != before
            )
            return self.generation

    def _forget(self, names: Iterable[str], changed: Iterable[Path]) -> None:
        for name in (*names, _RENEWED):
            sys.modules.pop(name, None)
        for file in changed:  # Python takes what it compiled for current where second and size are the same
            Path(cache_from_source(str(file))).unlink(missing_ok=True)
        self.generation += 1

    def _modules(self) -> Iterator[tuple[str, Path]]:
        """The team's modules that are loaded, and the file of each."""
        for name, module in list(sys.modules.items()):
            if self._is_teams(name.partition(".")[0]) and (file := getattr(module, "__file__", None)):
                yield name, Path(file)

    def _is_teams(self, top: str) -> bool:
        known = self._is_team.get(top)
        if known is None:
            spec = getattr(sys.modules.get(top), "__spec__", None)
            places = [*(spec.submodule_search_locations or ()), spec.origin or ""] if spec else []
            known = self._is_team[top] = top not in _KEPT and any(self._holds(Path(place)) for place in places)
        return known

    def _holds(self, place: Path) -> bool:
        """Whether a file or folder is the project's own, and not installed inside it."""
        prefix = Path(sys.prefix)
        installed = prefix.is_relative_to(self._root) and place.is_relative_to(prefix)
        return place.is_relative_to(self._root) and not installed


@cache
def get_sources() -> Sources:
    """Return the sources of this process."""
    return Sources(PROJECT_ROOT)


def _is_source(file: Path) -> bool:
    return "__pycache__" not in file.parts


def _signature(file: Path) -> _Signature:
    """What changes when a file is saved; None where there is none."""
    try:
        found = file.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size
